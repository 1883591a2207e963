"""What a formula must give: worked out again from its statement, by other means, at several sets of arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import Formula

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """The bound's terms (or its value alone), and the value at which it becomes vacuous."""

    terms: Mapping[str, float]
    trivial: float = math.inf
    named: bool = True

    @property
    def value(self) -> float:
        """Sum of the terms."""
        return sum(self.terms.values())


def total(value: float, trivial: float = math.inf) -> Expected:
    """Only the value is known."""
    return Expected({"value": value}, trivial, named=False)


@dataclass(frozen=True)
class Reference:
    """value: keyword-only, plain numbers and lists in. at: sets of arguments. close: relative tolerance (terms: its root)."""

    value: Callable[..., Expected]
    at: Sequence[Arguments]
    close: float = 1e-9


_KNOWN: dict[int, tuple[Expected, ...]] = {}


def expected(reference: Reference) -> tuple[Expected, ...]:
    """Worked out once: at the first, unbroken, run."""
    if id(reference) not in _KNOWN:
        _KNOWN[id(reference)] = tuple(reference.value(**arguments) for arguments in reference.at)
    return _KNOWN[id(reference)]


def differences(formula: Formula, reference: Reference) -> list[str]:
    """Where a formula of the calculator and its reference differ."""
    found = []
    for arguments, known in zip(reference.at, expected(reference), strict=True):
        bound = formula(**{k: np.asarray(v) if isinstance(v, list) else v for k, v in arguments.items()})
        if not _agree(bound, known, reference.close):
            found.append(f"{dict(arguments)}: {dict(bound.terms)} is not {dict(known.terms)}")
    return found


def _agree(bound: Bound, expected: Expected, close: float) -> bool:
    def near(a: float, b: float, tolerance: float) -> bool:
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-14)

    if not (near(bound.value, expected.value, close) and near(bound.trivial, expected.trivial, 1e-12)):
        return False
    if not expected.named:
        return True
    same = {name for name, value in bound.terms.items() if value != 0.0} <= set(expected.terms)
    return same and all(
        near(bound.terms.get(n, 0.0), v, math.sqrt(close) if close > 1e-9 else close) for n, v in expected.terms.items()
    )
