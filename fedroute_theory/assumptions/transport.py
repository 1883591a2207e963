"""The Wasserstein distance between a cell's test queries and its records, or the cost of a coupling above it."""

from __future__ import annotations

from dataclasses import dataclass

from fedroute_theory._validate import FloatArray

EXACT_PAIRS = 400
"""Largest product of sizes for which the transport problem in two or more dimensions is solved."""


@dataclass(frozen=True)
class TransportCost:
    """A value at least W1, equal to it when `exact`."""

    value: float
    exact: bool


def transport_cost(points: FloatArray, weights: FloatArray, records: FloatArray) -> TransportCost:
    """W1 (Euclidean) between the law `weights` on `points` (n, d) and the uniform law on `records` (m, d).

    Exact in one dimension (distribution functions) and for n m <= EXACT_PAIRS (linear program); otherwise the cost of the
    independent coupling, which is never below W1.
    """
    from scipy.spatial.distance import cdist
    from scipy.stats import wasserstein_distance, wasserstein_distance_nd

    law = weights / weights.sum()
    if points.shape[1] == 1:
        return TransportCost(float(wasserstein_distance(points[:, 0], records[:, 0], law)), True)
    if points.shape[0] * records.shape[0] <= EXACT_PAIRS:
        return TransportCost(float(wasserstein_distance_nd(points, records, law)), True)
    return TransportCost(float(law @ cdist(points, records).mean(axis=1)), False)
