"""Euclidean distances: to the nearest of K centres, and between two sets."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray

_BLOCK = 16384


def nearest_centre(points: FloatArray, centres: FloatArray) -> tuple[IntArray, FloatArray]:
    """Index of the nearest centre (n,) and the Euclidean distance to it (n,); ties go to the lowest index.

    points: (n, d). centres: (K, d). Products in blocks; near-ties are decided by differences, so the answer for a
    point does not depend on the other points.
    """
    from scipy.spatial.distance import cdist

    if points.ndim != 2 or points.shape[1] != centres.shape[1]:
        raise InputError(f"The points must have shape (any, {centres.shape[1]}); got shape {points.shape}.")
    cell = np.empty(points.shape[0], dtype=np.int64)
    distance = np.empty(points.shape[0])
    norm = np.einsum("kd,kd->k", centres, centres)
    for start in range(0, points.shape[0], _BLOCK):
        block = points[start : start + _BLOCK]
        score = block @ (-2.0 * centres.T)
        score += norm
        found = score.argmin(axis=1)
        best = score[np.arange(block.shape[0]), found]
        doubt = 1e-10 * (np.einsum("nd,nd->n", block, block) + norm.max()) + best
        close = np.flatnonzero((score <= doubt[:, None]).sum(axis=1) > 1)
        if close.size:
            found[close] = cdist(block[close], centres).argmin(axis=1)
        cell[start : start + _BLOCK] = found
        distance[start : start + _BLOCK] = np.linalg.norm(block - centres[found], axis=1)
    return cell, distance


_DIRECT = 2_000_000
"""Most coordinate differences that are taken one by one."""


def between(points: FloatArray, targets: FloatArray) -> FloatArray:
    """Distances (n, m) between points (n, d) and targets (m, d).

    Small sets by differences; large ones by products of centred coordinates, rounded up by at most 1e-7 of the diameter, so
    that a bound made of them stays a bound.
    """
    from scipy.spatial.distance import cdist

    if points.size * targets.shape[0] <= _DIRECT:
        exact: FloatArray = cdist(points, targets)
        return exact
    middle = targets.mean(axis=0)
    left, right = points - middle, targets - middle
    left_norm, right_norm = np.einsum("nd,nd->n", left, left), np.einsum("md,md->m", right, right)
    squares = left @ (-2.0 * right.T)
    squares += (left_norm * (1.0 + 1e-14))[:, None]
    squares += right_norm * (1.0 + 1e-14)
    result: FloatArray = np.sqrt(np.maximum(squares, 0.0, out=squares), out=squares)
    return result
