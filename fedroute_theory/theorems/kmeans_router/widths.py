"""Confidence widths for the mean of n independent [0, 1] labels whose means may differ."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray

HOEFFDING_FACTOR = 0.5
"""w = R sqrt(HOEFFDING_FACTOR log(2 N / delta) / n): two-sided Hoeffding, union over N pairs."""


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
    """Largest p >= mean with kl(mean, p) <= level: bisection that keeps the outer end."""
    from scipy.special import rel_entr

    inside, outside = mean.copy(), np.minimum(1.0, mean + np.sqrt(level / 2.0))
    level = np.broadcast_to(level, mean.shape)
    for _ in range(48):
        middle = 0.5 * (inside + outside)
        fits = rel_entr(mean, middle) + rel_entr(1.0 - mean, 1.0 - middle) <= level
        inside, outside = np.where(fits, middle, inside), np.where(fits, outside, middle)
    result: FloatArray = np.where(np.isfinite(level), np.minimum(outside * (1.0 + 1e-15), 1.0), 1.0)
    return result
