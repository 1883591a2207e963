"""From excess empirical risk to squared error: levels over repetitions, and the forms of the calculator."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import DELTA, MOST, Formula, Quantity
from fedroute_theory.theorems.least_squares.constants import (
    ETAS,
    KAPPAS,
    PAC_ETAS,
    PAC_KAPPAS,
    SIMPLE,
    sharp_constant,
)

Level = tuple[FloatArray, FloatArray]
"""Mean squared error, and the eta at which it was reached (the weight of S against L in it)."""


def random_level(excess: FloatArray, log_term: FloatArray, n: float, *, free_eta: bool) -> Level:
    """min over eta of (1 - e^{-(eta S + L) / n}) / kappa(eta): mean squared error under the law of the records.

    excess: S of unit labels, any shape. log_term: L = complexity + log(1/delta), same shape. free_eta: whether eta may be
    chosen after the data at no price (finite class, fixed laws); else the grid PAC_ETAS is paid for.
    """
    if free_eta:
        return _least(excess, log_term, n, ETAS, KAPPAS)
    return _least(excess, log_term + math.log(len(PAC_ETAS)), n, np.array(PAC_ETAS), np.array(PAC_KAPPAS))


def _least(excess: FloatArray, log_term: FloatArray, n: float, etas: FloatArray, kappas: FloatArray) -> Level:
    total = np.maximum(np.multiply.outer(excess, etas) + np.asarray(log_term)[..., None], 0.0)
    levels = -np.expm1(-total / n) / kappas
    best = levels.argmin(axis=-1)
    return np.take_along_axis(levels, best[..., None], -1)[..., 0], etas[best]


def fixed_level(excess: FloatArray, log_term: FloatArray, n: float, *, free_eta: bool) -> Level:
    """(sqrt(L / 2) + sqrt(S + L / 2))^2 / n, never above 2 (S + L) / n: mean squared error on the records themselves.

    Without free eta: min over the grid PAC_ETAS of (S + (L + log 4) / eta) / ((1 - eta / 2) n).
    """
    if free_eta:
        half = np.maximum(np.asarray(log_term), 0.0) / 2.0
        error = np.where(excess + half < 0.0, 0.0, (np.sqrt(half) + np.sqrt(np.maximum(excess + half, 0.0))) ** 2)
        eta = np.sqrt(np.divide(4.0 * half, error, out=np.ones_like(error), where=error > 0.0))
        return error / n, eta
    etas = np.array(PAC_ETAS)
    total = np.multiply.outer(excess, etas) + (np.asarray(log_term) + math.log(etas.size))[..., None]
    levels = np.maximum(total, 0.0) / (etas * (1.0 - etas / 2.0) * n)
    best = levels.argmin(axis=-1)
    return np.take_along_axis(levels, best[..., None], -1)[..., 0], etas[best]


def blame(excess: float, complexity: float, log_delta: float) -> dict[str, float]:
    """Shares, adding up to 1, of excess risk (where positive), complexity (where positive) and delta in their sum."""
    parts = {"excess risk": max(excess, 0.0), "complexity": max(complexity, 0.0), "delta": log_delta}
    total = math.fsum(parts.values())
    return {name: part / total for name, part in parts.items()}


def _bound(level: Level, S: float, complexity: float, delta: float, R: float) -> Bound:
    shares = blame(float(level[1]) * S / R**2, complexity, math.log(1.0 / delta))
    return Bound({name: R * R * float(level[0]) * share for name, share in shares.items()}, delta=delta, trivial=R * R)


def _numbers(S: float, complexity: float, delta: float, R: float) -> tuple[FloatArray, FloatArray]:
    return np.float64(S / R**2), np.float64(complexity + math.log(1.0 / delta))  # type: ignore[return-value]


def random_design(*, S: float, log_class: float, delta: float, n: float, R: float = 1.0) -> Bound:
    """R^2 min over eta of (1 - e^{-(eta S / R^2 + L) / n}) / kappa(eta), L = log|F| + log(1/delta); eta is free."""
    level = random_level(*_numbers(S, log_class, delta, R), n, free_eta=True)
    return _bound(level, S, log_class, delta, R)


def random_design_simple(*, S: float, log_class: float, delta: float, n: float, R: float = 1.0) -> Bound:
    """(S + R^2 L) / (c n) with c = 1 - e^{-1/2}: weaker, three lines of proof."""
    excess, log_term = _numbers(S, log_class, delta, R)
    level = np.maximum(excess + log_term, 0.0) / (SIMPLE * n)
    return _bound((level, np.ones(())), S, log_class, delta, R)


def random_design_eta(*, S: float, log_class: float, delta: float, n: float, eta: float, R: float = 1.0) -> Bound:
    """R^2 (1 - e^{-(eta S / R^2 + L) / n}) / kappa(eta), eta fixed beforehand: survives adaptive logging and random S."""
    excess, log_term = _numbers(S, log_class, delta, R)
    level = _least(excess, log_term, n, np.array([eta]), np.array([sharp_constant(eta)]))
    return _bound(level, S, log_class, delta, R)


def fixed_design(*, S: float, log_class: float, delta: float, n: float, R: float = 1.0) -> Bound:
    """(sqrt(L/2) + sqrt(S + L/2))^2 / n for R = 1, at most 2 (S + L) / n: error at the records; f need not be clipped."""
    return _bound(fixed_level(*_numbers(S, log_class, delta, R), n, free_eta=True), S, log_class, delta, R)


def fixed_design_eta(*, S: float, log_class: float, delta: float, n: float, eta: float, R: float = 1.0) -> Bound:
    """(S + R^2 L / eta) / ((1 - eta / 2) n), eta fixed beforehand (eta = 1: the factor 2); survives adaptive logging."""
    excess, log_term = _numbers(S, log_class, delta, R)
    level = np.maximum(eta * excess + log_term, 0.0) / (eta * (1.0 - eta / 2.0) * n)
    return _bound((level, np.float64(eta)), S, log_class, delta, R)  # type: ignore[arg-type]


def pac_bayes(*, S: float, log_ratio: float, delta: float, n: float, R: float = 1.0) -> Bound:
    """As the random design for the average of k draws from G (S, log_ratio: their means), eta on a grid that costs log 4."""
    level = random_level(*_numbers(S, log_ratio, delta, R), n, free_eta=False)
    return _bound(level, S, log_ratio + math.log(len(PAC_ETAS)), delta, R)


S = Quantity("excess empirical risk S(f) = sum of (f - y)^2 - (f* - y)^2 over the records", "squared label unit")
LOG_CLASS = Quantity("log of the number of functions fixed beforehand", "nats", 0.0)
RECORDS = Quantity("number of records", "records", 1.0, MOST, whole=True)
LABEL_RANGE = Quantity("length of the interval that holds labels and functions", "label unit", 0.0, open_low=True)
LOG_RATIO = Quantity("mean over the draws of log dG/dP", "nats")
ETA = Quantity("multiplier of the exponent, fixed before the data", "", 0.0, 2.0, True, True)

_COMMON: Mapping[str, Quantity] = {"S": S, "log_class": LOG_CLASS, "delta": DELTA, "n": RECORDS}
_RANGE = {"R": LABEL_RANGE}
FORMS = {
    "random-design": Formula(random_design, {**_COMMON, **_RANGE}),
    "random-design-simple": Formula(random_design_simple, {**_COMMON, **_RANGE}),
    "random-design-eta": Formula(random_design_eta, {**_COMMON, "eta": ETA, **_RANGE}),
    "fixed-design": Formula(fixed_design, {**_COMMON, **_RANGE}),
    "fixed-design-eta": Formula(fixed_design_eta, {**_COMMON, "eta": ETA, **_RANGE}),
    "pac-bayes": Formula(pac_bayes, {"S": S, "log_ratio": LOG_RATIO, "delta": DELTA, "n": RECORDS, **_RANGE}),
}
