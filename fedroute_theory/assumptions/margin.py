"""The margin of a problem: its law, the largest scale for an exponent, and a fitted exponent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, number


@dataclass(frozen=True, eq=False)
class MarginLaw:
    """The law of D on a finite set of queries.

    values: (J,) distinct margins, increasing, positive and finite. mass: (J,) probability of each. Mass missing to one belongs
    to queries whose models are all equal, where D is infinite and nothing can be lost.
    """

    values: FloatArray
    mass: FloatArray

    @property
    def cumulated(self) -> FloatArray:
        """(J,) P(0 < D <= values[j])."""
        total: FloatArray = np.cumsum(self.mass)
        return total


@dataclass(frozen=True)
class FittedExponent:
    """An ESTIMATE of the margin exponent: Hill's, from the smallest margins.

    value +- error: 95% normal interval as if the margins were independent draws with a power law below `below`. effective:
    number of equally weighted queries it rests on.
    """

    value: float
    error: float
    below: float
    effective: float


def margins(utility: FloatArray) -> FloatArray:
    """(n,) D = best utility minus the largest STRICTLY smaller one, of utilities (n, M); infinite where all are equal.

    Utilities that differ by rounding alone count as different: D comes out too small, which bounds allow.
    """
    best = utility.max(axis=1)
    below = np.where(utility < best[:, None], utility, -np.inf).max(axis=1)
    gap: FloatArray = best - below
    return gap


def margin_law(margin: FloatArray, weights: FloatArray) -> MarginLaw:
    """The law of margins `margin` (n,) under test weights (n,)."""
    live = np.isfinite(margin) & (weights > 0)
    values, place = np.unique(margin[live], return_inverse=True)
    return MarginLaw(values, np.bincount(place, weights[live], values.size).astype(np.float64))


def largest_scale(law: MarginLaw, exponent: float) -> float:
    """The largest t0 with P(0 < D <= t) <= (t / t0)^exponent for all t > 0: min over the law's values of t P(D <= t)^(-1/a).

    Exact: between two values the left side is constant and the right side grows. Infinite for a law without mass.

    InputError for an exponent that is not positive.
    """
    a = number("exponent", exponent, 0.0, open_low=True)
    with np.errstate(divide="ignore", over="ignore"):
        return float((law.values * law.cumulated ** (-1.0 / a)).min(initial=np.inf))


def fitted_exponent(law: MarginLaw, share: float = 0.2) -> FittedExponent | None:
    """Hill's estimate from the smallest margins that hold the given share of the mass; None where fewer than 10 are left, or
    all but fewer than 10 count for almost nothing.

    Raises InputError for a share outside (0, 1].
    """
    number("share", share, 0.0, 1.0, open_low=True)
    kept = law.cumulated <= share * (1.0 + 1e-12) * float(law.mass.sum())
    values, mass = law.values[kept], law.mass[kept]
    if values.size < 10:
        return None
    effective = float(mass.sum() ** 2 / (mass**2).sum())
    if effective < 10.0:
        return None
    spread = float(mass @ np.log(values[-1] / values) / mass.sum())
    if spread <= 0.0:
        raise InputError("The margins must differ for an exponent to be fitted; got one value.")
    exponent = 1.0 / spread
    return FittedExponent(exponent, 1.96 * exponent / effective**0.5, float(values[-1]), effective)
