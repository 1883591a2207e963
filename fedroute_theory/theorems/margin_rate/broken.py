"""Coverage and estimates broken one at a time: the chained form must refuse."""

from __future__ import annotations

from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.broken import refused, table_cases
from fedroute_theory.theorems.margin_rate.claims import claims


def broken() -> list[Control]:
    """A query that a model is never logged on, and one that it has no estimate of."""
    return [refused(name, claims(case), "chained") for name, case in table_cases().items()]
