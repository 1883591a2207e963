"""Confidence widths for the mean of n independent [0, 1] labels whose means may differ."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray

HOEFFDING_FACTOR = 0.5
"""w = R sqrt(HOEFFDING_FACTOR log(2 N / delta) / n): two-sided Hoeffding, union over N pairs."""

ROUNDING = 1e-15
"""Error of a computed kl(mean, p), at most, apart from that of p, whose own rounding outwards is worth more than the relative
error of the logarithm of 1 - p. Ends stay outside by it, and no step is made for less."""


def hoeffding(counts: IntArray | FloatArray, log_term: float) -> FloatArray:
    """Half-width sqrt(log_term / (2 n)) on the unit range; infinite where n is 0. log_term = log(2 N / delta).

    Hoeffding (1963), theorem 2, for labels with different means.
    """
    with np.errstate(divide="ignore"):
        width: FloatArray = np.sqrt(HOEFFDING_FACTOR * log_term / counts)
    return width


def kl_interval(means: FloatArray, counts: IntArray, log_term: float) -> tuple[FloatArray, FloatArray]:
    """Ends (low, high) of {p : kl(mean, p) <= log_term / n}, rounded outwards; [0, 1] where n is 0.

    Chernoff's bound with the binary relative entropy; for labels with different means by concavity of log E exp. By
    Pinsker's inequality never wider than `hoeffding`. means: (..., K, M) in [0, 1]. counts: broadcastable.
    """
    level = np.divide(log_term, counts, out=np.full(np.shape(counts), np.inf), where=np.asarray(counts) > 0)
    mean = np.clip(np.nan_to_num(np.asarray(means, dtype=np.float64), nan=0.5), 0.0, 1.0)
    return 1.0 - _kl_upper(1.0 - mean, level), _kl_upper(mean, level)


def _kl_upper(mean: FloatArray, level: FloatArray) -> FloatArray:
    """Largest p >= mean with kl(mean, p) <= level, by Newton's steps from outside.

    kl(mean, .) is convex above the mean, so every step ends at the root or outside it. Two outer ends to start from: Pinsker's,
    and the root of the part -h(mean) - (1 - mean) log(1 - p), h the entropy, which is close where the first is beyond 1.
    """
    from scipy.special import entr, rel_entr

    level, rest = np.broadcast_to(level, mean.shape), 1.0 - mean
    with np.errstate(divide="ignore", invalid="ignore"):  # a mean of 1, or a level of 0 or without end: no step is made
        outside = np.fmin(mean + np.sqrt(level / 2.0), -np.expm1(-(level + entr(mean) + entr(rest)) / rest))
        while True:
            excess = rel_entr(mean, outside) + rel_entr(rest, 1.0 - outside) - level - ROUNDING
            nearer = np.maximum(outside - excess * outside * (1.0 - outside) / (outside - mean), mean)
            moves = (excess > ROUNDING) & (nearer < outside)
            if not moves.any():
                break
            outside = np.where(moves, nearer, outside)
    result: FloatArray = np.where(np.isfinite(level), np.minimum(outside * (1.0 + 1e-15), 1.0), 1.0)
    return result
