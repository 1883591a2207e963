"""The Wasserstein distance between a cell's test queries and its records."""

from __future__ import annotations

from fedroute_theory._validate import FloatArray

EXACT_PAIRS = 400
"""Largest product of sizes for which the transport problem in two or more dimensions is solved."""


def transport_is_exact(dimension: int, points: int, records: int) -> bool:
    """Whether `transport_cost` is worth its time for that many points and records: always in one dimension, else for small
    products of sizes.
    """
    return dimension == 1 or points * records <= EXACT_PAIRS


def transport_cost(points: FloatArray, weights: FloatArray, records: FloatArray) -> float:
    """W1 (Euclidean) between the law `weights` (n,) on `points` (n, d) and the uniform law on `records` (m, d).

    In one dimension by distribution functions, else by a linear program with n m variables.
    """
    from scipy.stats import wasserstein_distance, wasserstein_distance_nd

    law = weights / weights.sum()
    if points.shape[1] == 1:
        return float(wasserstein_distance(points[:, 0], records[:, 0], law))
    return float(wasserstein_distance_nd(points, records, law))
