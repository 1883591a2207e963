"""What a theorem says about one case: a number with named terms, or why it says nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fedroute_theory._validate import InputError

Kind = Literal["upper", "lower", "identity", "comparison"]


@dataclass(frozen=True)
class Measurement:
    """One assumption of a theorem, measured on a case.

    holds: None where it cannot be known. value: the measured quantity, None where there is none. error: half-width of its
    uncertainty (0.0: exact). how: how it was measured. where: the place that decides it (queries, models, clients). limit: the
    largest value with which the assumption holds, None where there is no such number.
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


@dataclass(frozen=True)
class Bound:
    """A bound with the terms that add up to it.

    terms: name -> contribution, in the unit of the bound. delta: probability with which it may fail (0.0: never). trivial:
    a bound that needs no theorem (the utility range); at or above it the bound is vacuous.

    Raises InputError for terms that are no numbers or do not add up; infinity is one.
    """

    terms: Mapping[str, float]
    delta: float = 0.0
    kind: Kind = "upper"
    trivial: float = math.inf
    notes: str = ""
    value: float = field(init=False)

    def __post_init__(self) -> None:
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
        return math.isfinite(self.trivial) and self.value >= self.trivial * (1.0 - 1e-12)

    @property
    def largest_term(self) -> str:
        """The name of the term that contributes most."""
        return max(self.terms, key=lambda name: self.terms[name])


@dataclass(frozen=True)
class NotApplicable:
    """An assumption fails, so there is no number. by_how_much: the measured value that breaks it, with its place."""

    assumption: str
    by_how_much: str
    notes: str = ""

    def __str__(self) -> str:
        return f"not applicable: {self.assumption} fails ({self.by_how_much})"


Answer = Bound | NotApplicable
