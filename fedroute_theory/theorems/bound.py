"""What a theorem says about one case: a number with named terms, or why it says nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal, get_args

from fedroute_theory._validate import InputError, choice, instance, number, reject

Kind = Literal["upper", "lower", "identity", "comparison"]
"""How gap and bound are compared; a comparison is between two bounds, and its gap is at most the bound, as for "upper"."""

KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Measurement:
    """One assumption of a theorem, measured on a case.

    name: as the theorem has it. holds: None where it cannot be known. value: the measured quantity, None where there is none.
    error: half-width of its uncertainty (0.0: exact). how: how it was measured. where: the place that decides it (queries,
    models, clients). limit: the largest value with which the assumption holds, None where there is no such number.
    """

    name: str
    holds: bool | None
    value: float | None = None
    error: float = 0.0
    how: str = ""
    where: str = ""
    limit: float | None = None

    @property
    def margin(self) -> float | None:
        """limit - value: negative where the assumption fails; None where there is no limit or no value."""
        return None if self.limit is None or self.value is None else self.limit - self.value


def says_nothing(value: float, trivial: float) -> bool:
    """Whether a bound is at or above one that needs no theorem, up to rounding; never where no such bound is known."""
    return math.isfinite(trivial) and value >= trivial * (1.0 - 1e-12)


def ranked(value: float) -> float:
    """The value to nine digits: of two that differ by rounding only, neither is the lesser."""
    return float(f"{value:.9g}")


@dataclass(frozen=True)
class Bound:
    """A bound with the terms that add up to it.

    terms: name -> contribution, in the unit of the bound. delta: probability with which it may fail (0.0: never). kind:
    "upper", "lower", "identity" or "comparison" (of two bounds). trivial: a bound that needs no theorem (the utility range); at
    or above it the bound is vacuous. notes: what else is to be known, in words.

    Raises InputError for an unknown kind, a delta outside [0, 1), no terms, and terms that are no numbers or do not add up;
    infinity is a number.
    """

    terms: Mapping[str, float]
    delta: float = 0.0
    kind: Kind = "upper"
    trivial: float = math.inf
    notes: str = ""
    value: float = field(init=False)

    def __post_init__(self) -> None:
        choice("kind", self.kind, KINDS)
        number("delta", self.delta, 0.0, 1.0, open_high=True)
        if math.isnan(self.trivial):
            raise reject("trivial", "be a number or infinity", self.trivial)
        instance("terms", self.terms, Mapping, "map names to numbers")
        if not self.terms:
            raise reject("terms", "hold at least one term", "none")
        for name, term in self.terms.items():
            if not isinstance(term, Real) or isinstance(term, bool):
                raise InputError(f"The 'terms' of a bound must be numbers; got {repr(term)[:40]} for '{name}'.")
        infinite = {term for term in self.terms.values() if math.isinf(term)}
        for name, term in self.terms.items():
            if math.isnan(term) or (len(infinite) > 1 and math.isinf(term)):
                raise InputError(f"The 'terms' of a bound must be numbers that add up; got {term} for '{name}'.")
        object.__setattr__(self, "value", math.fsum(self.terms.values()))

    def __str__(self) -> str:
        """For people: kind, value, delta, the terms, and whether it says anything."""
        parts = " + ".join(f"{name} {term:.4g}" for name, term in self.terms.items())
        vacuous = f"; vacuous: at least the utility range {self.trivial:.4g}" if self.vacuous else ""
        return f"{self.kind} bound {self.value:.4g} (delta {self.delta:g}) = {parts}{vacuous}"

    @property
    def vacuous(self) -> bool:
        """Whether the bound says no more than the range of the utility; never where no such range is known."""
        return says_nothing(self.value, self.trivial)

    @property
    def largest_term(self) -> str:
        """The name of the term that contributes most."""
        return max(self.terms, key=lambda name: self.terms[name])


@dataclass(frozen=True)
class NotApplicable:
    """An assumption fails, so there is no number.

    assumption: its name. by_how_much: the measured value that breaks it, with its place. notes: what else is to be known.
    """

    assumption: str
    by_how_much: str
    notes: str = ""

    def __str__(self) -> str:
        return f"not applicable: {self.assumption} fails ({self.by_how_much})"


Answer = Bound | NotApplicable
