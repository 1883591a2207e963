"""Claims that may never fail: on small awkward cases, and where bounds are attained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from fedroute_theory.testing.conformance.extremal import extremal_cases
from fedroute_theory.testing.conformance.report import first
from fedroute_theory.theorems import Bound, Case, Theorem
from fedroute_theory.verify.samples import outcomes


def awkward(theorem: Theorem, drawn: int) -> str:
    """Ties, zeros, empty cells: claims that hold with certainty, and numbers that are none."""
    wrong: list[str] = []
    try_drawn(lambda case: wrong.extend(_unsound(theorem, case)), drawn)
    return first(wrong)


def extremal(theorem: Theorem) -> str:
    """Cases on which bounds are attained: half of the right constant is too little there."""
    return first([f"{wrong} on the case '{e.family}'" for e in extremal_cases() for wrong in _unsound(theorem, e.case)])


def _unsound(theorem: Theorem, case: Case) -> Iterator[str]:
    for c in theorem.claims(case):
        if isinstance(c.answer, Bound):
            if math.isnan(c.answer.value) or math.isnan(c.gap):
                yield f"{c.form}: gap {c.gap}, bound {c.answer.value}"
            elif c.answer.delta == 0.0 and outcomes(c)[0].any():
                yield f"{c.form}: gap {c.gap:.6g}, bound {c.answer.value:.6g}, and it may never fail"


def try_drawn(look: Callable[[Case], None], drawn: int) -> None:
    """Show `look` the same `drawn` cases in every run."""
    from hypothesis import HealthCheck, Phase, given, settings

    from fedroute_theory.testing.strategies import cases

    @settings(max_examples=drawn, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases())
    def run(case: Case) -> None:
        look(case)

    run()
