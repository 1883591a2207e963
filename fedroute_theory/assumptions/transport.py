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
    `scipy.stats.wasserstein_distance_nd` spends most of its time on that.
    """
    from scipy.optimize import linprog
    from scipy.stats import wasserstein_distance

    law = weights / weights.sum()
    if points.shape[1] == 1:
        return float(wasserstein_distance(points[:, 0], records[:, 0], law))
    n, m = len(points), len(records)
    sent, received = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    flows, masses = np.concatenate([sent, received]), np.concatenate([law, np.full(m, 1.0 / m)])
    solved = linprog(between(points, records).ravel(), A_eq=flows[:-1], b_eq=masses[:-1])  # the last follows from the others
    return float(solved.fun)
