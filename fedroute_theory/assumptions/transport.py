"""The Wasserstein distance between a cell's test queries and its records."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.distances import between

EXACT_PAIRS = 400
"""Largest product of sizes for which the transport problem in two or more dimensions is solved."""


def transport_is_exact(dimension: int, points: int, records: int) -> bool:
    """Whether `transport_cost` is worth its time for that many points and records: always in one dimension, else for small
    products of sizes.
    """
    return dimension == 1 or points * records <= EXACT_PAIRS


def transport_cost(points: FloatArray, weights: FloatArray, records: FloatArray) -> float:
    """W1 (Euclidean) between the law `weights` (n,) on `points` (n, d) and the uniform law on `records` (m, d).

    In one dimension by distribution functions, else by a linear program with n m variables, written down here since
    `scipy.stats.wasserstein_distance_nd` spends most of its time on that. What the solver leaves open of the masses, 1e-7 at
    most, is counted as moved by the largest distance, so the cost errs upwards only.
    """
    from scipy.optimize import linprog
    from scipy.stats import wasserstein_distance

    law = weights / weights.sum()
    if points.shape[1] == 1:
        return float(wasserstein_distance(points[:, 0], records[:, 0], law))
    n, m = len(points), len(records)
    sent, received = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    flows, masses = np.concatenate([sent, received]), np.concatenate([law, np.full(m, 1.0 / m)])
    cost = between(points, records).ravel()
    farthest = float(cost.max()) or 1.0  # the solver's tolerances are absolute
    solved = linprog(cost / farthest, A_eq=flows[:-1], b_eq=masses[:-1])  # the last follows from the others
    moved = np.maximum(solved.x, 0.0)
    return float(cost @ moved + farthest * np.abs(flows @ moved - masses).sum())
