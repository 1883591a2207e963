"""Coverage of the test law by a logging law: K2, where it is infinite, and whether it settles under refinement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.lines import worst_pair


@dataclass(frozen=True, eq=False)
class Coverage:
    """K2 = E_nu max over m != m' of w(x, m) + w(x, m'), with w = d nu / d rho(., m).

    pointwise: (n,) the integrand, infinite where a pair is not covered. largest: its supremum where there is test mass, sup k2.
    hole_mass: test mass of the queries where it is infinite. holes: (M,) test mass without coverage, by model.
    """

    k2: float
    pointwise: FloatArray
    largest: float
    hole_mass: float
    holes: FloatArray

    def where(self, models: tuple[str, ...]) -> str:
        """The place where K2 is infinite, in words; empty when it is finite. models: names."""
        if self.hole_mass == 0.0:
            return ""
        named = [f"{name} on {mass:.3g}" for name, mass in zip(models, self.holes, strict=True) if mass > 0]
        return f"test mass {self.hole_mass:.3g} without coverage ({', '.join(named)})"


def coverage(ratio: FloatArray, weights: FloatArray, chosen: IntArray | None = None) -> Coverage:
    """Measure K2 from `ratio` = d rho(., m) / d nu at the queries (n, M) and the test weights (n,).

    chosen: (n,) a policy's choices; then the integrand is w(x, chosen) + max over the other models, and K2 is that of
    the policy, never larger.
    """
    with np.errstate(divide="ignore"):
        w = 1.0 / ratio
    if chosen is None:
        pointwise = worst_pair(w, w)
    else:
        rivals = w.copy()
        rivals[np.arange(w.shape[0]), chosen] = -np.inf
        pointwise = w[np.arange(w.shape[0]), chosen] + rivals.max(axis=1)
    mass = weights > 0
    uncovered = mass & ~np.isfinite(pointwise)
    holes = weights @ ((ratio <= 0) & mass[:, None])
    k2 = float(weights[mass] @ pointwise[mass]) if not uncovered.any() else np.inf
    return Coverage(k2, pointwise, float(pointwise[mass].max(initial=0.0)), float(weights[uncovered].sum()), holes)


def refined_coverage(ratio: Callable[[FloatArray], FloatArray], levels: int = 12) -> tuple[list[float], bool, float]:
    """K2 of a continuous law on [0, 1] under dyadic refinement, with nu uniform.

    ratio: x (n,) -> d rho(., m) / d nu (n, M). Returns K2 on the midpoints of 2^4, ..., 2^(levels + 3) intervals, whether the
    increments die out (finite K2) and the query where the integrand is largest. A constant increment means a logarithmic
    divergence, which no single grid or sample can show. InputError for fewer than 4 levels.
    """
    if levels < 4:
        raise InputError(f"The 'levels' parameter must be an integer of at least 4; got {levels}.")
    values, place = [], 0.0
    for level in range(4, levels + 4):
        middle = (np.arange(2**level) + 0.5) / 2**level
        measured = coverage(ratio(middle), np.full(middle.size, 1.0 / middle.size))
        values.append(measured.k2)
        place = float(middle[np.argmax(measured.pointwise)])
    steps = np.abs(np.diff(values))
    settles = bool(np.isfinite(values).all() and steps[-1] <= 1e-9 + 0.75 * steps[-3])
    return values, settles, place
