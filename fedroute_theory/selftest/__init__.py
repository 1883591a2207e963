"""Checks proven able to fail: every constant, term and assumption is broken on purpose, and some check must notice."""
