"""Every assumption about functions, records and labels broken alone."""

from __future__ import annotations

from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.least_squares.assumed import RANDOM_DESIGN
from fedroute_theory.theorems.least_squares.claims import claims
from fedroute_theory.theorems.least_squares.small import broken_cases, small_case


def broken() -> list[Control]:
    """The random design, which needs most."""
    cases = broken_cases(small_case())
    return [refused(name, claims(cases[name]), "random-design/quality") for name in RANDOM_DESIGN]
