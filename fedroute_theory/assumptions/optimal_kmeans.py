"""The optimal K-means inertia of a small weighted set, by enumeration of all partitions."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray

ENUMERATION_LIMIT = 200_000
"""Most labelled partitions that are enumerated."""


def optimal_inertia(points: FloatArray, clusters: int, weights: FloatArray | None = None) -> float:
    """OPT_K = least sum of weight times squared distance to the nearest of K centres, exact up to rounding.

    points: (n, d). clusters: K >= 1. weights: (n,), default 1 each. Enumerates the assignments of n points to at most K labels,
    the first point's label fixed. InputError when there are more than ENUMERATION_LIMIT of them.
    """
    n = points.shape[0]
    weight = np.ones(n) if weights is None else weights
    k = min(clusters, n)
    if k ** (n - 1) > ENUMERATION_LIMIT:
        raise InputError(f"Enumeration takes at most {ENUMERATION_LIMIT} assignments; {n} points and {k} clusters need more.")
    codes = np.arange(k ** (n - 1))
    labels: IntArray = np.concatenate([np.zeros((1, codes.size), int), codes // k ** np.arange(n - 1)[:, None] % k])
    points = points - weight @ points / weight.sum()
    total = float(weight @ np.einsum("nd,nd->n", points, points))
    kept = np.zeros(codes.size)
    for label in range(k):
        member = (labels == label).T * weight
        mass = member.sum(axis=1)
        sums = member @ points
        kept += np.divide(np.einsum("pd,pd->p", sums, sums), mass, out=np.zeros_like(mass), where=mass > 0)
    return max(0.0, total - float(kept.max()))
