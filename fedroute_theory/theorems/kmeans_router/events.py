"""Exact failure probability of the K-means event with Bernoulli labels: Poisson-binomial laws by convolution."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.widths import hoeffding, kl_interval

WORK_LIMIT = 500_000_000
"""Most steps (pairs x square of the longest pair) for which the event is computed."""

NEGLIGIBLE = 1e-15
"""Probability of the outcomes of a pair that are left out, at most: less than the rounding of the others' sum."""


def poisson_binomial(chances: FloatArray) -> FloatArray:
    """Laws of sums of independent Bernoulli variables: chances (P, n) -> probabilities (P, n + 1), by convolution."""
    pmf = np.zeros((chances.shape[0], chances.shape[1] + 1))
    pmf[:, 0] = 1.0
    for j in range(chances.shape[1]):
        p = chances[:, j, None]
        pmf[:, 1 : j + 2] = pmf[:, 1 : j + 2] * (1.0 - p) + pmf[:, : j + 1] * p
        pmf[:, :1] *= 1.0 - p
    return pmf


def event_failure(geometry: CellGeometry, delta: float, width: str, scale: float = 1.0) -> float | None:
    """P(some pair's mean label leaves its interval), given the records: exact up to rounding.

    width: "hoeffding" or "kl". scale multiplies the width (a wrong constant on purpose). None when the labels are not
    Bernoulli or a pair is too large to enumerate.
    """
    single = pair_failures(geometry, delta, width, scale)
    return None if single is None else -math.expm1(float(np.log1p(-np.minimum(1.0 - 1e-16, single)).sum()))


def pair_failures(geometry: CellGeometry, delta: float, width: str, scale: float = 1.0) -> FloatArray | None:
    """(N,) as `event_failure`, for every non-empty pair alone; their labels are independent."""
    problem, logs = geometry.problem, geometry.logs
    if logs.labels not in ("bernoulli", "bernoulli-quality"):
        return None
    rows = rows_by_pair(geometry)
    noisy_cost = logs.labels == "bernoulli" and problem.lam > 0 and problem.c_max > 0
    longest = max(r.size for r in rows)
    if len(rows) * (longest + 1) ** 2 > WORK_LIMIT:
        return None
    quality, cost = label_means(problem, logs)
    log_term = float(np.log(2.0 * len(rows) / delta))
    q_law = poisson_binomial(padded(quality, rows))
    c_law = poisson_binomial(padded(cost / problem.c_max if noisy_cost else cost * 0.0, rows))
    failed = np.zeros(len(rows))
    for p, own in enumerate(rows):
        n = own.size
        sums = np.arange(n + 1)
        paid = problem.lam * (problem.c_max * sums if noisy_cost else np.array([cost[own].sum()]))
        labels = (sums[:, None] - paid[None, :]) / n
        truth = quality[own].mean() - problem.lam * cost[own].mean()
        joint = q_law[p, : n + 1, None] * (c_law[p, None, : n + 1] if noisy_cost else np.ones((1, 1)))
        live = joint > NEGLIGIBLE / joint.size
        outside = _outside(labels[live], truth, problem, n, scale**2 * log_term, width)
        failed[p] = joint[live][outside].sum()
    return failed


def _outside(labels: FloatArray, truth: float, problem: RoutingProblem, n: int, log_term: float, width: str) -> BoolArray:
    """Which mean labels have an interval, that of the bounds themselves, without the true mean."""
    unit = np.clip((labels - problem.low) / problem.label_range, 0.0, 1.0)
    mean = (truth - problem.low) / problem.label_range
    if width == "hoeffding":
        reach = float(hoeffding(np.asarray(n), log_term))
        low, high = unit - reach, unit + reach
    else:
        low, high = kl_interval(unit, np.asarray(n), log_term)
    return np.asarray((mean < low - 1e-12) | (mean > high + 1e-12))


def label_means(problem: RoutingProblem, logs: Logs) -> tuple[FloatArray, FloatArray]:
    """(D,) mean quality and mean cost of every record's labels."""
    quality, cost = problem.truth(logs.embedding)
    rows = np.arange(logs.size)
    return quality[rows, logs.model], cost[rows, logs.model]


def rows_by_pair(geometry: CellGeometry) -> list[IntArray]:
    """The records of every non-empty (cell, model) pair."""
    place = geometry.record_cell * geometry.logs.n_models + geometry.logs.model
    order = np.argsort(place, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(place[order])) + 1)


def padded(values: FloatArray, rows: list[IntArray]) -> FloatArray:
    """(P, longest) values of each pair's records, zeros behind."""
    result = np.zeros((len(rows), max(r.size for r in rows)))
    for p, own in enumerate(rows):
        result[p, : own.size] = values[own]
    return result
