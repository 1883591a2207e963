"""The formulas of linear-heads: expected in-sample excess risk of least squares, exactly and from above."""

from __future__ import annotations

import math

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import DELTA, Formula, Quantity

LARGEST_VARIANCE = 0.25
"""Of a label with range 1 (Popoviciu): attained by a fair coin."""

MISS_PROBABILITY = 1e-9
"""Chance that the repetitions of a true statement lie outside their stated sampling error."""


def in_sample(*, s2: float, p: int, n: int, bias: float = 0.0) -> Bound:
    """s^2 p / n, plus the mean squared distance of the truth from the span of the features."""
    _at_most_n(p, n)
    return Bound({"variance": s2 * p / n, "bias": bias}, kind="identity")


def leverages(*, h: FloatArray, s2: FloatArray, bias: float = 0.0) -> Bound:
    """(1/n) sum h_ii s_i^2 plus the bias: labels of unequal variances."""
    if h.size != s2.size:
        raise InputError(f"The 's2' parameter must have one entry a record ({h.size}); got {s2.size}.")
    return Bound({"variance": float(h @ s2) / h.size, "bias": bias}, kind="identity")


def ridge(*, shrink: FloatArray, n: int, s2: float, bias: float = 0.0) -> Bound:
    """s^2 sum of shrink^2 / n plus the bias: ridge regression, shrink = the eigenvalues g / (g + ridge) of its smoother."""
    return Bound({"variance": s2 * float(shrink @ shrink) / n, "bias": bias}, kind="identity")


def bernoulli(*, p: int, n: int, R: float = 1.0, bias: float = 0.0) -> Bound:
    """R^2 p / (4 n) plus the bias: independent labels in an interval of length R, whatever their variances."""
    _at_most_n(p, n)
    return Bound({"variance": R**2 * LARGEST_VARIANCE * p / n, "bias": bias})


def high_probability(*, p: int, n: int, delta: float, R: float = 1.0, bias: float = 0.0) -> Bound:
    """R^2 (p + 2 sqrt(p L) + 2 L) / (4 n) plus the bias, L = log(1 / delta): for the labels at hand, not on average."""
    _at_most_n(p, n)
    unit, log = R**2 * LARGEST_VARIANCE / n, math.log(1.0 / delta)
    terms = {"variance": unit * p, "deviation": unit * (2.0 * math.sqrt(p * log) + 2.0 * log), "bias": bias}
    return Bound(terms, delta=delta)


def repetitions(*, spread: float, T: int) -> Bound:
    """spread sqrt(2 log(2 / 1e-9) / T): how far the robust mean of T repetitions may lie from the exact mean."""
    note = f"fails with probability at most {MISS_PROBABILITY:g}"
    return Bound({"sampling error": spread * math.sqrt(2.0 * math.log(2.0 / MISS_PROBABILITY) / T)}, notes=note)


def normal_design(*, s2: float, d: int, surplus: int) -> Bound:
    """s^2 (1/n + (1 + 1/n) d / (n - d - 2)), n = d + 2 + surplus: expected excess at a NEW normal query, with an intercept."""
    n = d + 2 + surplus
    return Bound({"intercept": s2 / n, "slopes": s2 * (1.0 + 1.0 / n) * d / surplus}, kind="identity")


def new_model(*, p: int, excess: float, s2: float = LARGEST_VARIANCE) -> Bound:
    """max(p, s^2 p / excess): records of a new model for this expected in-sample excess, at the features' full rank."""
    enough = max(float(p), math.ceil(s2 * p / excess * (1.0 - 1e-12)))
    return Bound({"records": enough}, notes="records of the new model alone; the other models' heads do not change")


def _at_most_n(p: int, n: int) -> None:
    if p > n:
        raise InputError(f"The 'p' parameter must be the rank of the features on the records, at most n = {n}; got {p}.")


_P = Quantity("rank of the features on the records", "", 0.0, whole=True)
_N = Quantity("records", "records", 1.0, whole=True)
_S2 = Quantity("variance of one label", "label^2", 0.0)
_BIAS = Quantity("mean squared distance of the truth from the span of the features on the records", "label^2", 0.0)
_R = Quantity("length of the interval that holds the labels", "label", 0.0)

FORMS = {
    "in-sample": Formula(in_sample, {"s2": _S2, "p": _P, "n": _N, "bias": _BIAS}),
    "leverages": Formula(
        leverages,
        {
            "h": Quantity("leverage of each record, diagonal of the hat matrix", "", 0.0, 1.0, shape=(None,)),
            "s2": Quantity("variance of each record's label", "label^2", 0.0, shape=(None,)),
            "bias": _BIAS,
        },
    ),
    "bernoulli": Formula(bernoulli, {"p": _P, "n": _N, "R": _R, "bias": _BIAS}),
    "high-probability": Formula(high_probability, {"p": _P, "n": _N, "delta": DELTA, "R": _R, "bias": _BIAS}),
    "ridge": Formula(
        ridge,
        {
            "shrink": Quantity("eigenvalues of the smoother, one a direction", "", 0.0, 1.0, shape=(None,)),
            "n": _N,
            "s2": _S2,
            "bias": _BIAS,
        },
    ),
    "repetitions": Formula(
        repetitions,
        {
            "spread": Quantity("standard deviation of one excess risk", "label^2", 0.0),
            "T": Quantity("repetitions", "", 1.0, whole=True),
        },
    ),
    "normal-design": Formula(
        normal_design,
        {
            "s2": _S2,
            "d": Quantity("coordinates of a query", "", 1.0, whole=True),
            "surplus": Quantity("records beyond d + 2", "records", 1.0, whole=True),
        },
    ),
    "new-model": Formula(
        new_model,
        {
            "p": Quantity("features, the intercept included", "", 1.0, whole=True),
            "excess": Quantity("expected in-sample excess risk wanted", "label^2", 0.0, open_low=True),
            "s2": _S2,
        },
    ),
}
