"""Time of `fedroute-theory verify` theorem by theorem, against the whole run.

Every repetition is a run in a new process, so that compiling is paid for as a user pays. A theorem's time is that of its
claims, extremal families and controls.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from harness import Row, compared, fresh

WHOLE, CASES, LEFT = "whole run", "drawing and training", "judging"


def seconds_by_theorem(mode: str) -> dict[str, float]:
    """One run in this process, serially: seconds of every theorem, of the cases, of what is left and of the whole run."""
    import fedroute_theory.verify.run as verification

    spent: dict[str, float] = defaultdict(float)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            begun = time.perf_counter()
            result = function(*args)
            result = list(result) if isinstance(result, Iterator) else result  # claims may be worked out only when asked for
            spent[name] += time.perf_counter() - begun
            return result

        return called

    parts = ("claims", "extremal", "controls")
    known = {
        slug: replace(theorem, **{part: timed(slug, getattr(theorem, part)) for part in parts})
        for slug, theorem in verification.registry().items()
    }
    verification.registry = lambda: known  # in this process, which ends with the run
    verification.build_case = timed(CASES, verification.build_case)
    begun = time.perf_counter()
    verification.verify(mode=mode)
    whole = time.perf_counter() - begun
    return {**spent, LEFT: whole - sum(spent.values()), WHOLE: whole}


def measure(quick: bool) -> list[Row]:
    mode = "quick" if quick else "default"
    runs = [fresh(seconds_by_theorem, mode) for _ in range(1 if quick else 3)]
    found = {name: [run[name] for run in runs] for name in runs[0]}
    rows = [compared(f"verify, {mode} set", name, WHOLE, found) for name in found if name != WHOLE]
    return sorted(rows, key=lambda row: -row.ratio)
