"""Decide "fails with probability at most delta" from trials, with a stated chance of a false alarm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fedroute_theory._validate import integer, probability

FALSE_ALARM = 1e-6
"""Chance that a whole run reports VIOLATED although every theorem is true."""

CLAIMS_PER_RUN = 1000
"""Claims over which the false-alarm probability is split."""


@dataclass(frozen=True)
class RateTest:
    """Clopper-Pearson limits of a violation rate, each at confidence 1 - alpha.

    power: the smallest true violation rate that would have been reported as VIOLATED with probability 0.9.
    """

    violations: int
    trials: int
    lower: float
    upper: float
    power: float


@lru_cache(maxsize=4096)
def rate_test(violations: int, trials: int, delta: float, alpha: float = FALSE_ALARM / CLAIMS_PER_RUN) -> RateTest:
    """Exact limits for a rate from `violations` in `trials` independent trials, and the power against rates above delta.

    Raises InputError when delta or alpha lie outside (0, 1) or the counts do not fit.
    """
    from scipy.stats import beta, binom

    integer("trials", trials, 1)
    integer("violations", violations, 0, trials)
    probability("delta", delta)
    probability("alpha", alpha)
    lower = 0.0 if violations == 0 else float(beta.ppf(alpha, violations, trials - violations + 1))
    upper = 1.0 if violations == trials else float(beta.isf(alpha, violations + 1, trials - violations))
    # `count` or more violations put the lower limit above delta: P(Bin(trials, delta) >= count) < alpha
    count = int(binom.isf(alpha, trials, delta)) + 1
    power = 1.0 if count > trials else float(beta.ppf(0.9, count, trials - count + 1))
    return RateTest(violations, trials, lower, upper, power)
