"""Bounds for every price at once as pure functions of numbers: the calculator's side of the theorem."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import C_MAX, DELTA, K2, LAM, MOST, Formula, Quantity
from fedroute_theory.theorems.kmeans_router.formulas import three_terms_all_lam


def all_prices(*, a: float, b: float, lam: float, c_max: float) -> Bound:
    """a + lam b."""
    return Bound({"quality": a, "cost": lam * b}, trivial=1.0 + lam * c_max)


def envelope_below(*, a: float, b: float, slope: float = 0.0) -> Bound:
    """Q*(cost) - Env(cost) <= a + slope b, slope that of Q* at cost - b (0 where Q* is flat), from lowest + b on."""
    return Bound({"quality": a, "cost": slope * b}, trivial=1.0)


def area_deficit(*, a: float, b: float, width: float, rise: float) -> Bound:
    """a width + b rise: area between Q* and Env over [lowest + b, high] of that width; rise = Q*(high) - Q*(lowest)."""
    return Bound({"quality": a * width, "cost": b * rise}, trivial=width or math.inf)  # an area of width 0 is 0: exact


def pointwise(*, quality_error: FloatArray, cost_error: FloatArray, lam: float, c_max: float) -> Bound:
    """top2(|q - q_hat|) + lam top2(|c - c_hat|) at one query."""
    if quality_error.size != cost_error.size:
        raise InputError(
            f"The 'cost_error' parameter must have one entry a model ({quality_error.size}); got {cost_error.size}."
        )
    if quality_error.size < 2:
        raise InputError(
            f"The 'quality_error' parameter must have at least two entries, one a model; got {quality_error.size}."
        )
    a, b = (float(np.sort(error)[-2:].sum()) for error in (quality_error, cost_error))
    return all_prices(a=a, b=b, lam=lam, c_max=c_max)


def squared_errors(*, K2: float, r_q: float, r_c: float, c_max: float, lam: float) -> Bound:
    """sqrt(K2) (sqrt(r_q) + lam c_max sqrt(r_c)), r_q and r_c mean squared errors under the log, cost in units of c_max."""
    root = math.sqrt(K2)
    return all_prices(a=root * math.sqrt(r_q), b=root * c_max * math.sqrt(r_c), lam=lam, c_max=c_max)


def kmeans(
    *,
    L_q: float,
    L_c: float,
    distance: float,
    mismatch: float,
    n_min: float,
    N: float,
    c_max: float,
    lam: float,
    delta: float,
    hole_mass: float = 0.0,
) -> Bound:
    """Three terms of kmeans-router for quality and for cost apart, log(4N/delta): one event for all prices."""
    same = {"distance": distance, "mismatch": mismatch, "n_min": n_min, "N": N, "delta": delta, "hole_mass": hole_mass}
    quality = three_terms_all_lam(L=L_q, lam=0.0, c_max=0.0, **same).value
    both = three_terms_all_lam(L=0.0, lam=1.0, c_max=c_max, **same).value
    none = three_terms_all_lam(L=0.0, lam=0.0, c_max=0.0, **same).value
    found = all_prices(a=quality, b=2.0 * L_c * (distance + mismatch) + both - none, lam=lam, c_max=c_max)
    return Bound(found.terms, delta, trivial=found.trivial)


_A = Quantity("loss of quality that holds at every price", "quality", 0.0)
_B = Quantity("loss of cost that holds at every price", "cost", 0.0)
_ERROR = Quantity("|q - q_hat| of each model", "quality", 0.0, shape=(None,))
_L = Quantity("Lipschitz constant of every q(., m)", "quality / distance", 0.0)
_MSE = Quantity("mean squared error of quality under the logging law", "quality^2", 0.0)

FORMS = {
    "all-prices": Formula(all_prices, {"a": _A, "b": _B, "lam": LAM, "c_max": C_MAX}),
    "envelope": Formula(
        envelope_below, {"a": _A, "b": _B, "slope": Quantity("slope of Q* at cost - b", "quality per unit of cost", 0.0)}
    ),
    "area": Formula(
        area_deficit,
        {
            "a": _A,
            "b": _B,
            "width": Quantity("length of the cost axis from lowest + b on", "cost", 0.0),
            "rise": Quantity("Q*(high) - Q*(low)", "quality", 0.0, 1.0),
        },
    ),
    "pointwise": Formula(
        pointwise,
        {
            "quality_error": _ERROR,
            "cost_error": Quantity("|c - c_hat| of each model", "cost", 0.0, shape=(None,)),
            "lam": LAM,
            "c_max": C_MAX,
        },
    ),
    "squared-errors": Formula(
        squared_errors,
        {
            "K2": K2,
            "r_q": _MSE,
            "r_c": Quantity("mean squared error of cost / c_max under the logging law", "", 0.0),
            "c_max": C_MAX,
            "lam": LAM,
        },
    ),
    "kmeans": Formula(
        kmeans,
        {
            "L_q": _L,
            "L_c": Quantity("Lipschitz constant of every c(., m)", "cost / distance", 0.0),
            "distance": Quantity("expected distance of a test query to its centre", "distance", 0.0),
            "mismatch": Quantity("sum_k nu_k max_m W1(test queries, records)", "distance", 0.0),
            "n_min": Quantity("least number of records of a non-empty pair", "records", 1.0, MOST, whole=True),
            "N": Quantity("number of non-empty (cell, model) pairs", "", 1.0, MOST, whole=True),
            "c_max": C_MAX,
            "lam": LAM,
            "delta": DELTA,
            "hole_mass": Quantity("test mass of cells with an empty pair", "", 0.0, 1.0),
        },
    ),
}
