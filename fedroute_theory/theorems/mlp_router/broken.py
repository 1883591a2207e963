"""Every assumption of the network theorem broken alone; holes, which no form needs to be absent, are paid for in full."""

from __future__ import annotations

import numpy as np

from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.least_squares.small import broken_cases, small_case
from fedroute_theory.theorems.mlp_router.claims import claims
from fedroute_theory.theorems.mlp_router.formulas import range_aware


def broken() -> list[Control]:
    """The plain form."""
    cases = broken_cases(small_case()) | {
        "one truth behind the records": small_case(truths=True),
        "coverage": small_case(holes=True),
    }
    return [*(refused(name, claims(case)) for name, case in cases.items()), _holes()]


def _holes() -> Control:
    """Half the test mass without coverage, no error elsewhere: there the router loses the whole range."""
    given = {"S_q": -1e9, "S_c": -1e9, "log_class": 0.0, "n": 100.0, "lam": 0.0, "c_max": 0.0, "delta": 0.05}
    bound = range_aware(mass=np.array([0.5, 0.5]), k2=np.array([4.0, 0.0]), **given)
    gap, without = 0.5 * (1.0 - 0.0), bound.value - bound.terms["holes"]
    return Control(
        "wrong form: the holes left out of the range-aware form",
        without < gap <= bound.value,
        f"qualities 1 and 0 where nobody logs, the worse one chosen: gap {gap:.2f} above {without:.2f}; with the holes "
        f"{bound.value:.2f}",
        "exact",
        "holes",
    )
