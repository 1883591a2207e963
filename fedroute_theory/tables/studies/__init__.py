"""What the package's own experiments share: worlds, trainings and audits as cells, and what is read from their numbers."""
