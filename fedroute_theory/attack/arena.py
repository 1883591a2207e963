"""An arena: what is varied to attack one theorem, within which ranges, and how one instance is judged."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import _json
from fedroute_theory._validate import FloatArray, InputError, array, integer
from fedroute_theory.theorems import Case, Claim, Theorem
from fedroute_theory.theorems.bound import Bound

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FLOOR = 1e-6
"""Bounds below it count as it: a ratio of two numbers of the size of rounding says nothing."""

ROUNDING = 4.0 * sys.float_info.epsilon
"""Of the sum of the sizes of a bound's terms."""

VIOLATION = 1.0 + 1e-9
"""Ratios above it are violations."""

Values = dict[str, Any]
"""Parameters of one instance by name: sizes (int), numbers, whole numbers, arrays."""


@dataclass(frozen=True)
class Attempt:
    """One form judged on one instance.

    gap, bound: what is compared; where a bound holds with probability 1 - delta, the exact probability of failure and delta.
    ratio: above 1 is a violation, infinite one that no factor on the bound covers. delta: 0.0 for a certain statement. terms:
    those of the bound.
    """

    form: str
    gap: float
    bound: float
    ratio: float
    delta: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)

    @property
    def violated(self) -> bool:
        """Whether the statement fails, beyond rounding."""
        return self.ratio > VIOLATION


def attempt(
    form: str, gap: float, bound: float, *, kind: str = "upper", delta: float = 0.0, terms: Mapping[str, float] | None = None
) -> Attempt:
    """The ratio by the kind of the statement: gap / bound, for "lower" bound / gap, for "identity" the larger of both.

    What is not a number keeps no statement.
    """
    size = math.fsum(abs(value) for value in (terms or {}).values())
    rounding = ROUNDING * size if math.isfinite(size) else 0.0  # large terms that cancel; infinite ones have no digits to lose
    if kind == "identity":
        ratio = _apart(gap, bound)
    else:
        ratio = _excess(bound - rounding, gap) if kind == "lower" else _excess(gap - rounding, bound)
    return Attempt(form, gap, bound, ratio, delta, dict(terms or {}))


def _excess(low: float, high: float) -> float:
    """Above 1 unless low <= high: the factor that `high` must grow by, or shrink by below zero, to reach `low`."""
    if math.isnan(low) or math.isnan(high):
        return math.inf
    if low == high and math.isinf(low):
        return 1.0
    if low <= -FLOOR and high < 0.0:
        low, high = -high, -low
    return math.inf if high <= -FLOOR else low / max(high, FLOOR)


def _apart(one: float, other: float) -> float:
    """Above 1 unless both are equal: the larger over the smaller in size, infinite for opposite signs."""
    if math.isnan(one) or math.isnan(other):
        return math.inf
    if one == other:
        return 1.0
    low, high = sorted((one, other) if max(one, other) > 0.0 else (-one, -other))
    return math.inf if low <= -FLOOR else (high - min(low, 0.0) + FLOOR) / (max(low, 0.0) + FLOOR)


def failing(form: str, chance: float, delta: float, terms: Mapping[str, float] | None = None) -> Attempt:
    """A statement that may fail with probability delta, by its exact probability of failure."""
    return Attempt(form, chance, delta, chance / delta, delta, dict(terms or {}))


def from_claims(theorem: Theorem, case: Case, kinds: Mapping[str, str] | None = None) -> list[Attempt]:
    """Every certain claim (delta 0) of a theorem about a case, as `certain` judges them."""
    return certain(theorem.claims(case), kinds)


def certain(claims: Iterable[Claim], kinds: Mapping[str, str] | None = None) -> list[Attempt]:
    """Every certain claim (delta 0); of several repetitions or prices the worst.

    A vacuous bound is attained by losing the whole range and says nothing, nor does an infinite one; both are left out unless
    they are exceeded.
    kinds: form -> kind, where it is not the bound's own.
    """
    found = []
    for claim in claims:
        answer = claim.answer
        if not isinstance(answer, Bound) or answer.delta > 0.0 or claim.given_records or claim.uncertainty > 0.0:
            continue
        kind = (kinds or {}).get(claim.form, answer.kind)
        pairs = [(claim.gap, answer.value)]
        if claim.gaps.size == claim.bounds.size:
            pairs += list(zip(claim.gaps.tolist(), claim.bounds.tolist(), strict=True))
        worst = max((attempt(claim.form, g, b, kind=kind, terms=answer.terms) for g, b in pairs), key=lambda a: a.ratio)
        if worst.violated or not (answer.vacuous or math.isinf(worst.bound)):
            found.append(worst)
    return found


@dataclass(frozen=True)
class Part:
    """A named parameter.

    name: as in the formulas. axes: the sizes that shape it (none: one number). low: smallest value. high: a number, or the size
    it indexes. whole: integers from low to high, both included; an index runs from 0 to its size less 1.
    """

    name: str
    axes: tuple[str, ...] = ()
    low: float = 0.0
    high: float | str = 1.0
    whole: bool = False

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Length along every axis."""
        return tuple(sizes[axis] for axis in self.axes)

    def top(self, sizes: Mapping[str, int]) -> float:
        """Largest allowed number."""
        return float(sizes[self.high] - 1) if isinstance(self.high, str) else self.high


Judge = Callable[[Theorem, Values], list[Attempt]]


@dataclass(frozen=True, eq=False)
class Arena:
    """A search space. sizes: name -> least and largest that are drawn. judge: attempts of one instance, InputError for none.

    strategy: how instances are drawn, if not part by part. witnesses: known extremal instances, to start from.
    """

    name: str
    sizes: Mapping[str, tuple[int, int]]
    parts: tuple[Part, ...]
    judge: Judge
    strategy: Callable[[], SearchStrategy[Values]] | None = None
    witnesses: Callable[[], Iterator[Values]] = lambda: iter(())

    def read(self, given: Mapping[str, Any]) -> Values:
        """Parameters from plain numbers and lists, `given` by name; InputError for a missing, unknown or misshapen one."""
        names = [*self.sizes, *(part.name for part in self.parts)]
        for name in names:
            if name not in given:
                raise InputError(f"The instance of '{self.name}' lacks the parameter '{name}'.")
        for name in given:
            if name not in names:
                raise InputError(f"The instance of '{self.name}' has no parameter '{name}'; it has {', '.join(names)}.")
        sizes = {name: integer(name, given[name], 1) for name in self.sizes}
        values: Values = dict(sizes)
        for part in self.parts:
            read = array(part.name, given[part.name], part.shape(sizes), part.low, part.top(sizes) + 1e-9)
            if part.whole and (read != np.floor(read)).any():
                raise InputError(f"The '{part.name}' parameter must hold integers; got {read.ravel().tolist()[:6]}.")
            typed = read.astype(np.int64) if part.whole else read
            values[part.name] = typed if part.axes else typed.item()
        return values

    def plain(self, values: Values) -> dict[str, Any]:
        """Parameters as numbers and lists, in the order of the arena."""
        names = [*self.sizes, *(part.name for part in self.parts)]
        found: dict[str, Any] = _json.plain({name: values[name] for name in names})
        return found

    def attempts(self, theorem: Theorem, values: Values) -> list[Attempt]:
        """The worst attempt of every form on one instance; none where the theorem is silent or there is no such instance."""
        try:
            with np.errstate(all="ignore"):
                judged = self.judge(theorem, values)
        except (InputError, ArithmeticError, np.linalg.LinAlgError):
            return []
        worst: dict[str, Attempt] = {}
        for a in judged:
            if a.form not in worst or a.ratio > worst[a.form].ratio:
                worst[a.form] = a
        return list(worst.values())

    def encode(self, values: Values) -> FloatArray:
        """The parameters as one vector in the unit cube, sizes left out."""
        pieces = [np.zeros(0)]
        for part in self.parts:
            top, flat = part.top(values), np.ravel(np.asarray(values[part.name], dtype=np.float64))
            shift, width = (0.5, top - part.low + 1.0) if part.whole else (0.0, top - part.low)
            pieces.append((flat - part.low + shift) / (width or 1.0))
        return np.clip(np.concatenate(pieces), 0.0, 1.0)

    def decode(self, sizes: Mapping[str, int], vector: FloatArray) -> Values:
        """The other way round: parameters of these sizes from a `vector` of numbers."""
        values: Values = {name: int(sizes[name]) for name in self.sizes}
        start = 0
        for part in self.parts:
            shape, top = part.shape(sizes), part.top(sizes)
            size = math.prod(shape)
            flat = np.clip(vector[start : start + size], 0.0, 1.0)
            start += size
            if part.whole:
                width = top - part.low + 1.0
                whole = (part.low + np.minimum(np.floor(flat * width), width - 1.0)).astype(np.int64)
                values[part.name] = whole.reshape(shape) if part.axes else int(whole[0])
            else:
                number = part.low + flat * (top - part.low)
                values[part.name] = number.reshape(shape) if part.axes else float(number[0])
        return values
