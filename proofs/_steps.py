"""The runner every `check.py` shares: a list of proof steps, printed one a line, and an exit code."""

from collections.abc import Callable
from dataclasses import dataclass

SYMPY = "sympy"
ENUMERATION = "exact enumeration"
RATIONAL = "rational arithmetic"
SQUARES = "sum of squares"
FLOAT = "float64"
INTERVAL = "interval"
CLARABEL = "cvxpy (CLARABEL)"
READER = "reader"


@dataclass(frozen=True)
class Step:
    """One step of a proof: what it says, how it was checked, and the check (None when only a reader can check it)."""

    statement: str
    how: str
    check: Callable[[], bool] | None = None

    def passes(self) -> bool | None:
        """True or False for a step that runs, None for a step left to the reader."""
        return None if self.check is None else bool(self.check())


def main(title: str, steps: list[Step]) -> int:
    """Print every step with its outcome; return 1 if any step fails, else 0."""
    print(title)
    outcomes = [step.passes() for step in steps]
    words = {True: "ok", False: "FAILED", None: "read"}
    for number, (step, outcome) in enumerate(zip(steps, outcomes, strict=True), start=1):
        print(f"{number:3d}. [{words[outcome]:6s}] {step.statement}  ({step.how})")
    ran, failed = sum(o is not None for o in outcomes), outcomes.count(False)
    print(f"{ran} steps ran, {failed} failed, {len(steps) - ran} left to the reader")
    return 1 if failed or not ran else 0
