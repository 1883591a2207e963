"""Families where coverage-transfer is attained, and statements that look right and are wrong."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage, refined_coverage
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.broken import refused, table_cases
from fedroute_theory.theorems.coverage_transfer.claims import claims
from fedroute_theory.theorems.coverage_transfer.formulas import plain, saturated


def attaining_errors(ratio: FloatArray, weights: FloatArray, t: float) -> tuple[FloatArray, float, float]:
    """The worst errors for a coverage: +t w on one and -t w on the other model of the least covered pair.

    Returns the errors (n, M), the gap they cause when U_hat is tied there, and eps.
    """
    w = 1.0 / ratio
    pair = np.argsort(w, axis=1)[:, -2:]
    error = np.zeros_like(w)
    rows = np.arange(w.shape[0])
    error[rows, pair[:, 1]] = t * w[rows, pair[:, 1]]
    error[rows, pair[:, 0]] = -t * w[rows, pair[:, 0]]
    problem = Tabular(rows[:, None].astype(float), weights, np.clip(0.5 + error, 0.0, 1.0), np.zeros_like(error))
    gap = problem.suboptimality(lambda x: pair[x[:, 0].astype(int), 0]).value
    eps = math.sqrt(float(weights @ (ratio * error**2).sum(axis=1)))
    return error, gap, eps


def capped_errors(ratio: FloatArray, weights: FloatArray, mu: float, label_range: float) -> tuple[float, float]:
    """The worst errors within the range: the pair's gap is min(R, mu k2), split as w : w'. Returns (gap, eps)."""
    w = np.sort(1.0 / ratio, axis=1)[:, -2:]
    k2 = w.sum(axis=1)
    loss = np.minimum(label_range, mu * k2)
    squared = ((loss[:, None] * w / k2[:, None]) ** 2 / w).sum(axis=1)
    return float(weights @ loss), math.sqrt(float(weights @ squared))


def _family() -> tuple[FloatArray, FloatArray]:
    weights = np.array([0.5, 0.3, 0.2])
    ratio = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.4], [0.9, 0.25, 0.15]])
    return ratio, weights


def extremal() -> list[Extremal]:
    """Errors +-t w on the least covered pair, U_hat tied there."""
    ratio, weights = _family()
    _, gap, eps = attaining_errors(ratio, weights, 0.02)
    measured = coverage(ratio, weights)
    name = "errors +-t w on the least covered pair"
    capped = capped_errors(ratio, weights, 0.2, 1.0)
    return [
        Extremal(name, "plain", plain(eps=eps, K2=measured.k2).value, gap, 1.0, 1e-9),
        Extremal(name, "range-aware", saturated(weights, measured.pointwise, eps, 1.0).value, gap, 1.0, 1e-9),
        Extremal(
            name + ", cut off at the range",
            "range-aware",
            saturated(weights, measured.pointwise, capped[1], 1.0).value,
            capped[0],
            1.0,
            1e-9,
        ),
    ]


def controls() -> list[Control]:
    """No coverage, divergent coverage off finite sets, and a wrong constant."""
    ratio, weights = _family()
    _, gap, eps = attaining_errors(ratio, weights, 0.02)
    k2 = coverage(ratio, weights).k2
    holed = ratio.copy()
    holed[1, 2] = 0.0
    empty = coverage(holed, weights)
    values, settles, place = refined_coverage(lambda x: np.stack([x, x], axis=1))
    bounded, bounded_settles, _ = refined_coverage(lambda x: np.stack([x + 0.5, x + 0.5], axis=1))
    return [
        Control(
            "a model never logged on one query",
            not math.isfinite(empty.k2) and "m2 on 0.3" in empty.where(("m0", "m1", "m2")),
            f"K2 is infinite: {empty.where(('m0', 'm1', 'm2'))}",
            "exact",
        ),
        Control(
            "full support off finite query sets: nu uniform on [0, 1], rho(x, m) = x",
            not settles and bounded_settles,
            f"K2 on 2^4 to 2^15 midpoints goes from {values[0]:.2f} to {values[-1]:.2f} in equal steps, largest near "
            f"x = {place:.1e}; with rho(x, m) = x + 1/2 it settles at {bounded[-1]:.4f}",
            "exact on each grid",
        ),
        Control(
            "wrong constant: sqrt(K2 / 2) instead of sqrt(K2)",
            gap > eps * math.sqrt(k2 / 2.0) * (1 + 1e-9),
            f"gap {gap:.4f} above {eps * math.sqrt(k2 / 2.0):.4f}",
            "exact",
        ),
        Control(
            "wrong pair: twice the largest w of the policy's own model",
            gap > eps * math.sqrt(2.0 * float(weights @ (1.0 / ratio).min(axis=1))) * (1 + 1e-9),
            "the least instead of the largest pair of w gives a bound below the gap",
            "exact",
        ),
        *(refused(name, claims(case), "plain") for name, case in table_cases().items()),
    ]
