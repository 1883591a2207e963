"""Formulas of coverage-transfer: a squared error and a coverage give a suboptimality; the best holes."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import K2, RANGE, ROUNDING, Formula, Quantity

_EPS = Quantity("root mean squared error of U_hat under the logging law", "utility", 0.0)


def plain(*, eps: float, K2: float) -> Bound:
    """eps sqrt(K2)."""
    return Bound({"transfer": eps * math.sqrt(K2)})


def sup_ratio(*, eps: float, w_max: float) -> Bound:
    """eps sqrt(2 sup w), weaker."""
    return Bound({"transfer": eps * math.sqrt(2.0 * w_max)})


def uniform_logging(*, eps: float, M: int, ratio: float) -> Bound:
    """eps sqrt(2 M sup d nu / d rho_X) when every model is logged equally often (the familiar form has 2 sqrt(M ...))."""
    return Bound({"transfer": eps * math.sqrt(2.0 * M * ratio)})


def with_holes(*, eps: float, K2_covered: float, hole_mass: float, R: float) -> Bound:
    """R nu(B) + eps sqrt(E_nu[k2 1_{not B}])."""
    return Bound({"holes": R * hole_mass, "transfer": eps * math.sqrt(K2_covered)}, trivial=R)


def range_aware(*, eps: float, mass: FloatArray, k2: FloatArray, R: float) -> Bound:
    """E_nu min(R, mu k2) with E_nu[min(R, mu k2)^2 / k2] = eps^2; k2 = 0 in the list stands for no coverage (infinite)."""
    if mass.size != k2.size:
        raise InputError(f"The 'k2' parameter must have one entry a query ({mass.size}); got {k2.size}.")
    return saturated(mass, np.where(k2 > 0, k2, np.inf), eps, R)


def saturated(weights: FloatArray, k2: FloatArray, eps: float, label_range: float) -> Bound:
    """The range-aware bound for a test law (n,) and a coverage integrand (n,) that may be infinite."""
    live = (weights > 0) & np.isfinite(k2)
    mass, pair = weights[live], k2[live]
    holes = label_range * float(weights[(weights > 0) & ~live].sum())

    def spent(mu: float) -> float:
        return float(mass @ (np.minimum(label_range, mu * pair) ** 2 / pair))

    top = label_range / pair.min() if pair.size else 0.0  # at mu = top every loss is at the range
    if spent(top) <= eps**2:
        return Bound({"holes": holes, "range": label_range * float(mass.sum())}, trivial=label_range)
    low, high = 0.0, top
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if spent(middle) <= eps**2 else (low, middle)
        if high - low <= 1e-16 * high:
            break
    capped = high * pair >= label_range
    return Bound(
        {
            "holes": holes,
            "range": label_range * float(mass[capped].sum()),
            "transfer": high * float(mass[~capped] @ pair[~capped]),
        },
        trivial=label_range,
    )


FORMS = {
    "plain": Formula(plain, {"eps": _EPS, "K2": K2}),
    "sup-ratio": Formula(
        sup_ratio, {"eps": _EPS, "w_max": Quantity("sup of w, at least the number of models", "", 2.0, slack=ROUNDING)}
    ),
    "uniform-logging": Formula(
        uniform_logging,
        {
            "eps": _EPS,
            "M": Quantity("number of models", "", 2.0, whole=True),
            "ratio": Quantity("sup of d nu / d rho_X", "", 1.0, slack=ROUNDING),
        },
    ),
    "holes": Formula(
        with_holes,
        {
            "eps": _EPS,
            "K2_covered": Quantity("E_nu[k2] outside the holes", "", 0.0),
            "hole_mass": Quantity("test mass of the holes", "", 0.0, 1.0),
            "R": RANGE,
        },
    ),
    "range-aware": Formula(
        range_aware,
        {
            "eps": _EPS,
            "mass": Quantity("test mass of each query", "", 0.0, shape=(None,), law=True),
            "k2": Quantity("max over m != m' of w + w' at each query, 0 where a pair is not covered", "", 0.0, shape=(None,)),
            "R": RANGE,
        },
    ),
}


def best_holes(
    weights: FloatArray, k2: FloatArray, squared_error: FloatArray, label_range: float
) -> tuple[float, float, float]:
    """The threshold set of holes with the least bound.

    weights: (n,) test law. k2: (n,) coverage integrand, infinite inside forced holes. squared_error: (n,) contribution
    of each query to E_rho e^2. Returns (mass of the holes, eps outside, E[k2] outside).
    """
    order = np.argsort(k2, kind="stable")
    order = order[np.isfinite(k2[order])]
    mass = np.concatenate([[0.0], np.cumsum(weights[order])])
    covered = np.concatenate([[0.0], np.cumsum(weights[order] * k2[order])])
    error = np.concatenate([[0.0], np.cumsum(squared_error[order])])
    total = label_range * np.maximum(0.0, 1.0 - mass) + np.sqrt(covered * error)
    cut = int(np.argmin(total))
    hole = 0.0 if cut == weights.size else max(0.0, 1.0 - float(mass[cut]))
    return hole, math.sqrt(error[cut]), float(covered[cut])
