"""Tables and figures of verdicts."""
