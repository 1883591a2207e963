"""Decide "fails with probability at most delta" from trials, with a stated chance of a false alarm."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, integer, probability

FALSE_ALARM = 1e-6
"""Chance that a whole run reports VIOLATED although every theorem is true, unless the caller says otherwise."""

CLAIMS = 1000
"""Claims over which the false-alarm probability is split where their number is not yet known (a single claim, judged alone)."""

ALPHA = FALSE_ALARM / CLAIMS
"""The share of one claim, judged alone."""


@dataclass(frozen=True)
class RateTest:
    """Clopper-Pearson limits of a violation rate.

    violations, trials: counts. lower, upper: limits, each at confidence 1 - alpha. power: as `detectable`, no trial unclear.
    """

    violations: int
    trials: int
    lower: float
    upper: float
    power: float


@lru_cache(maxsize=4096)
def rate_test(violations: int, trials: int, delta: float, alpha: float = ALPHA) -> RateTest:
    """Exact limits for a rate from `violations` in `trials` independent trials, and the power against rates above delta.

    The number of trials is fixed beforehand; for trials that stop when they have seen enough see `rate_sequence`.
    Raises InputError when delta or alpha lie outside (0, 1) or the counts do not fit.
    """
    from scipy.stats import beta

    integer("trials", trials, 1)
    integer("violations", violations, 0, trials)
    probability("alpha", alpha)
    lower = 0.0 if violations == 0 else float(beta.ppf(alpha, violations, trials - violations + 1))
    upper = 1.0 if violations == trials else float(beta.isf(alpha, violations + 1, trials - violations))
    return RateTest(violations, trials, lower, upper, detectable(trials, delta, alpha))


@lru_cache(maxsize=4096)
def detectable(trials: int, delta: float, alpha: float = ALPHA, unclear: int = 0) -> float:
    """The power: the smallest violation rate that puts the lower limit above delta with probability 0.9.

    unclear: trials that count as no violation whatever they are. Infinity where no number of violations would be enough.
    Raises InputError when delta or alpha lie outside (0, 1) or the counts do not fit.
    """
    from scipy.special import betainc
    from scipy.stats import beta

    integer("trials", trials, 1)
    integer("unclear", unclear, 0, trials)
    probability("delta", delta)
    probability("alpha", alpha)
    # `count` or more violations are enough: P(Bin(trials, delta) >= count) < alpha, by the incomplete beta function since the
    # quantile of the binomial law loses tails below 1e-16
    clear = trials - unclear
    count = bisect_left(range(1, clear + 1), True, key=lambda c: bool(betainc(c, trials - c + 1, delta) < alpha)) + 1
    return math.inf if count > clear else float(beta.ppf(0.9, count, clear - count + 1))


@dataclass(frozen=True, eq=False)
class RateSequence:
    """A bet against "the rate is at most delta" and one against "at least delta", after every trial.

    above, below: (T,) log of the capital won by each bet. decided: trials after which one of them first reached 1 / alpha, None
    where neither did. violated: whether it was the bet against "at most delta" (None: undecided).
    """

    above: FloatArray
    below: FloatArray
    decided: int | None
    violated: bool | None


def rate_sequence(violated: BoolArray, delta: float, alpha: float = ALPHA) -> RateSequence:
    """Decide a violation rate trial by trial, at liberty to stop at any time.

    violated: (T,) one entry a trial, in order. The capital is that of a mixture of bets on rates p, uniform over (delta, 1] or
    [0, delta): the mean over p of prod (p / delta)^X ((1 - p) / (1 - delta))^(1 - X), in closed form by the incomplete beta
    function. If every trial, given the earlier ones, fails with probability at most delta (at least delta), it is a
    supermartingale, so by Ville's inequality it ever reaches 1 / alpha with probability at most alpha (each).
    Raises InputError when delta or alpha lie outside (0, 1).
    """
    from scipy.special import betainc, betaincc, betaln

    probability("delta", delta)
    probability("alpha", alpha)
    hits = np.cumsum(np.asarray(violated, dtype=np.float64))
    misses = np.arange(1, hits.size + 1) - hits
    fair = betaln(hits + 1.0, misses + 1.0) - hits * math.log(delta) - misses * math.log1p(-delta)
    with np.errstate(divide="ignore"):
        above = fair + np.log(betaincc(hits + 1.0, misses + 1.0, delta)) - math.log1p(-delta)
        below = fair + np.log(betainc(hits + 1.0, misses + 1.0, delta)) - math.log(delta)
    reached = np.flatnonzero(np.maximum(above, below) >= -math.log(alpha))
    if reached.size == 0:
        return RateSequence(above, below, None, None)
    first = int(reached[0])
    return RateSequence(above, below, first + 1, bool(above[first] >= below[first]))
