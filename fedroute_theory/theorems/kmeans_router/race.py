"""Exact expected gap of a K-means router with Bernoulli labels: each cell is a race between independent means."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.events import label_means, padded, poisson_binomial, rows_by_pair

WORK_LIMIT = 100_000_000
"""Most steps (pairs x square of the longest pair) for which the race is computed."""

OUTCOME_LIMIT = 5_000_000
"""Most values of the means over all pairs: quality and cost together where both are noisy."""

CONSTANT_FALLBACKS = ("mid-range", "published")
_TIE = 1e-11

Law = tuple[FloatArray, FloatArray]
"""Values in increasing order and their probabilities."""


def expected_gap(geometry: CellGeometry) -> float | None:
    """E over the labels, given the records, of the gap to the best policy constant on cells: exact up to rounding.

    None where labels are not Bernoulli, a fallback depends on labels, or a pair is too large to enumerate.
    """
    logs, estimates, by_cell = geometry.logs, geometry.estimates, geometry.by_cell
    borrowed = estimates.routable & ~estimates.logged & (by_cell.mass > 0)[:, None]
    if logs.labels not in ("bernoulli", "bernoulli-quality"):
        return None
    if borrowed.any() and estimates.empty not in CONSTANT_FALLBACKS:
        return None
    laws = pair_laws(geometry)
    if laws is None:
        return None
    lam = geometry.problem.lam
    first = estimates.repetition(0)
    total = 0.0
    for k in np.flatnonzero(by_cell.mass > 0):
        field: dict[int, Law] = {}
        for m in np.flatnonzero(estimates.routable[k]):
            constant = np.array([first.quality[k, m] - lam * first.cost[k, m]])
            field[int(m)] = laws.get((int(k), int(m)), (constant, np.ones(1)))
        if not field:
            return None
        largest = max(float(np.abs(values).max()) for values, _ in field.values())
        chance = winning_chances(field, max(_TIE * geometry.problem.label_range, 8.0 * np.finfo(float).eps * largest))
        top = by_cell.pointwise[k].max()
        total += float(by_cell.mass[k]) * sum(p * float(top - by_cell.pointwise[k, m]) for m, p in chance.items())
    return total


def winning_chances(field: dict[int, Law], tie: float) -> dict[int, float]:
    """P(model has the largest of independent values), ties (closer than `tie`) to the lowest index."""
    cumulative = {m: np.append(0.0, np.cumsum(p)) for m, (_, p) in field.items()}
    result = {}
    for m, (values, chance) in field.items():
        ahead = chance.copy()
        for other, (theirs, _) in field.items():
            if other != m:
                reach = values + (tie if other > m else -tie)
                ahead = ahead * cumulative[other][np.searchsorted(theirs, reach, side="right")]
        result[m] = float(ahead.sum())
    return result


def pair_laws(geometry: CellGeometry) -> dict[tuple[int, int], Law] | None:
    """The law of each logged pair's mean utility label; None where there are too many outcomes."""
    problem, logs = geometry.problem, geometry.logs
    rows = rows_by_pair(geometry)
    longest = max(r.size for r in rows)
    noisy_cost = logs.labels == "bernoulli" and problem.lam > 0 and problem.c_max > 0
    outcomes = sum((r.size + 1) ** (1 + noisy_cost) for r in rows)
    if len(rows) * (longest + 1) ** 2 > WORK_LIMIT or outcomes > OUTCOME_LIMIT:
        return None
    quality, cost = label_means(problem, logs)
    q_law = poisson_binomial(padded(quality, rows))
    c_law = poisson_binomial(padded(cost / problem.c_max if noisy_cost else cost * 0.0, rows))
    laws = {}
    for p, own in enumerate(rows):
        n = own.size
        sums = np.arange(n + 1)
        paid = problem.lam * (problem.c_max * sums if noisy_cost else np.array([cost[own].sum()]))
        values = ((sums[:, None] - paid[None, :]) / n).ravel()
        chance = (q_law[p, : n + 1, None] * (c_law[p, None, : n + 1] if noisy_cost else np.ones((1, 1)))).ravel()
        order = np.argsort(values, kind="stable")
        laws[int(geometry.record_cell[own[0]]), int(logs.model[own[0]])] = values[order], chance[order]
    return laws
