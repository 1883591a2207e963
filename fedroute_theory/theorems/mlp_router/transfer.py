"""Coverage of a router's own pairs, and the range-aware transfer, over repetitions at once."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray

ROUNDING = 1e-12
"""Above the relative error of the sums over queries."""


def policy_pairs(ratio: FloatArray, chosen: IntArray) -> FloatArray:
    """(T, n) w(x, chosen) + max over the other models of w, infinite where a pair is not covered.

    ratio: (n, M) d rho(., m) / d nu. chosen: (T, n).
    """
    with np.errstate(divide="ignore"):
        w = 1.0 / ratio
    order = np.argsort(w, axis=1)
    rows = np.arange(w.shape[0])
    first, second = order[:, -1], order[:, -2]
    rival = np.where(chosen == first, w[rows, second], w[rows, first])
    pairs: FloatArray = w[rows, chosen] + rival
    return pairs


def mean_pairs(weights: FloatArray, pairs: FloatArray) -> FloatArray:
    """(...,) E_nu of pairs (..., n); infinite where a pair with test mass is not covered."""
    live = weights > 0
    total: FloatArray = (weights[live] * pairs[..., live]).sum(axis=-1)
    return total


def saturated_levels(weights: FloatArray, pairs: FloatArray, eps: FloatArray, top: float) -> tuple[FloatArray, FloatArray]:
    """(values, part of them from uncovered queries), (T,) each: coverage_transfer.saturated for every repetition at once.

    weights: (n,). pairs: k2, (T, n), may be infinite. eps: (T,). top: R. What is spent is concave and piecewise linear in mu^2,
    so Newton's steps from 0 rise to the root and end at it; mu is raised by rounding, so the value errs upwards only.
    """
    live = weights > 0
    mass, k2 = weights[live], pairs[:, live]
    covered = np.isfinite(k2)
    inverse = np.where(covered, 1.0 / k2, 0.0)
    k2 = np.where(covered, k2, 0.0)
    holes = top * (mass * ~covered).sum(axis=1)
    kinks = (top * inverse) ** 2  # mu^2 at which a loss reaches the range; there is no more to spend beyond the last
    last = kinks.max(axis=1, initial=0.0)
    square = np.zeros_like(last)
    while True:
        rising = square[:, None] < kinks
        spent = top**2 * (mass * inverse * ~rising).sum(axis=1)
        slope = (mass * k2 * rising).sum(axis=1)
        further = np.minimum(last, np.divide(eps**2 - spent, slope, out=last.copy(), where=slope > 0.0))
        if not (further > square).any():
            break
        square = np.maximum(square, further)
    mu = np.sqrt(square) * (1.0 + ROUNDING)
    return holes + (mass * np.minimum(top, mu[:, None] * k2)).sum(axis=1), holes
