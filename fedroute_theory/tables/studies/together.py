"""Where the federated router came out as the pooled one: said in a note, and drawn so that neither line hides the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fedroute_theory.tables.experiment import Done

SAME = 1e-9
"""Relative distance below which two numbers differ by rounding only."""

Numbers = Callable[[Any], Sequence[float]]
"""From what a cell says of one training to the numbers that are compared."""


def same(d: Done, numbers: Numbers) -> bool:
    """Whether all numbers of the federated training of one cell are those of the pooled one."""
    pairs = zip(numbers(d.result["federated"]), numbers(d.result["pooled"]), strict=True)
    return all(math.isclose(a, b, rel_tol=SAME, abs_tol=1e-15) for a, b in pairs)


def sentence(done: Sequence[Done], numbers: Numbers) -> str:
    """In how many cells federated and pooled agree, and why they may."""
    found = sum(same(d, numbers) for d in done)
    return (
        f"Federated and pooled are identical in {found} of {len(done)} cells: both sum over the same records, so with "
        "the same centres (or none) they have the same estimates."
    )


def lines(done: Sequence[Done], numbers: Numbers) -> tuple[tuple[str, str], ...]:
    """(training, label) of the lines of a panel, from back to front; one line for two trainings that agree in every cell."""
    if all(same(d, numbers) for d in done):
        return (("local", "local"), ("federated", "federated = pooled"))
    return (("local", "local"), ("pooled", "pooled"), ("federated", "federated"))
