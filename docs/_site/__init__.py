"""What conf.py builds pages with: theorem pages from the registry and the proofs, tables, figures, MathML."""
