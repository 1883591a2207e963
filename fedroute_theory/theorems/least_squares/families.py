"""Where the constants are reached, computed from binomial laws; wrong constants and broken assumptions that are caught."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.least_squares.broken import broken
from fedroute_theory.theorems.least_squares.formulas import fixed_design, fixed_design_eta, random_design, random_design_eta

LOG_DELTA = 600.0
"""log(1/delta) of the extremal families: the constants are reached as delta goes to 0."""

MEAN, ERROR = 6.0 / 17.0, 11.0 / 17.0
"""The worst label mean and error of the random design: f = 1 where the mean is 6/17."""

RECORDS = 10**7
"""Records of the rare-hit family: hits are then nearly Poisson."""


def rare_hits(n: int, hits: float, threshold: float) -> float:
    """log P(S <= threshold) for S = N g^2 - 2 g (Y - N p), N ~ Bin(n, hits / n), Y | N ~ Bin(N, p), p = 6/17, g = 11/17.

    One function that is right except on queries of mass hits / n, where it says 1 and the label's mean is 6/17.
    """
    from scipy.special import logsumexp
    from scipy.stats import binom

    reach = 45.0 * math.sqrt(hits)
    count = np.arange(max(0, math.floor(hits - reach)), min(n, math.ceil(hits + reach)) + 1)
    needed = np.ceil((count * ERROR**2 - threshold) / (2.0 * ERROR) + count * MEAN - 1e-9)
    tail = binom.logsf(needed - 1, count, MEAN)
    return float(logsumexp(binom.logpmf(count, n, hits / n) + tail))


def fair_coins(n: int, g: float, threshold: float) -> float:
    """log P(S <= threshold) for S = n g^2 - 2 g (Y - n / 2), Y ~ Bin(n, 1/2): one function, wrong by g at every record."""
    from scipy.stats import binom

    return float(binom.logsf(math.ceil((n * g * g - threshold) / (2.0 * g) + n / 2.0 - 1e-9) - 1, n, 0.5))


def quantile(log_chance: Callable[[float], float], log_delta: float, reach: float) -> float:
    """The least S with P(S' <= S) >= delta, within 1e-6 of `reach`, by bisection in [-reach, reach]."""
    low, high = -reach, reach
    while high - low > 1e-6 * reach:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if log_chance(middle) >= -log_delta else (middle, high)
    return high


def extremal() -> list[Extremal]:
    """The (1 - delta)-quantile of the error, against the bound at the delta-quantile of S, at delta = e^{-600}."""
    n = 10**9
    g = math.sqrt(2.0 * LOG_DELTA / n)
    fixed = quantile(lambda s: fair_coins(n, g, s), LOG_DELTA, 4.0 * LOG_DELTA)
    hits = LOG_DELTA / (0.436 * ERROR**2)
    rare = quantile(lambda s: rare_hits(RECORDS, hits, s), LOG_DELTA, 2.0 * LOG_DELTA)
    name = "one function, right except on rare queries, at the delta-quantile of S"
    # delta = e^{-600} is no number that log(1/delta) survives; it enters as log_class, which is added to it.
    given = {"log_class": LOG_DELTA - math.log(2.0), "delta": 0.5}
    eta_form = random_design_eta(S=rare, n=float(RECORDS), eta=1.0, **given).value
    free = random_design(S=rare, n=float(RECORDS), **given).value
    return [
        Extremal(
            "one function, wrong by the same amount at every record, fair coins, at the delta-quantile of S",
            "fixed-design-eta",
            fixed_design_eta(S=fixed, n=float(n), eta=1.0, **given).value,
            g * g,
            1.0,
            0.01,
        ),
        Extremal(name, "random-design-eta", eta_form, hits / RECORDS * ERROR**2, 1.0, 0.01),
        Extremal(name, "random-design", free, hits / RECORDS * ERROR**2, 1.0, 0.01),
    ]


def factor_two_failure() -> tuple[float, float]:
    """(log of the failure probability, log delta) of the factor 2 in the random design: 4,000 records, 500 hits expected."""
    error = 500.0 * ERROR**2
    log_delta = 98.4
    return rare_hits(4000, 500.0, error / 2.0 - log_delta), -log_delta


def late_choice(choices: int, records: int, delta: float, paid: bool) -> float:
    """P(the fixed-design form fails for the function of least S) among `choices` classes of one function each; exact.

    Fair coins, `records` for each function, which says 1 on its own records and is right on the others': all errors are
    records / 4, so the form fails for the chosen one if it fails for any. paid: whether log(choices) is in the bound.
    """
    from scipy.stats import binom

    ones = np.arange(records + 1)
    log_class, n = math.log(choices) if paid else 0.0, float(choices * records)
    levels = [
        fixed_design(S=float(records / 2 - y), log_class=log_class, delta=delta, n=n).value * n for y in ones - records / 4
    ]
    failing = float(binom.pmf(ones, records, 0.5)[np.array(levels) < records / 4].sum())
    return -math.expm1(choices * math.log1p(-failing))


def controls() -> list[Control]:
    """Constants, ranges, independence, classes and etas chosen too late."""
    from scipy.stats import binom

    failure, log_delta = factor_two_failure()
    n = 10**9
    g = math.sqrt(2.0 * LOG_DELTA / n)
    short = fair_coins(n, g, n * g * g / 1.9 - LOG_DELTA)
    level = math.log(1.0 / 0.05)
    wide = float(binom.sf(math.floor(50 + (9.0 + 2.0 * level) / (2 * 0.9 * 2)), 100, 0.5))
    late = stopped_crossing(2000, level)
    unpaid, paid = (late_choice(16, 100, 0.05, paid) for paid in (False, True))
    return [
        Control(
            "wrong constant: the factor 2 of the fixed design in the random design",
            failure > log_delta,
            f"fails with probability e^{failure:.2f} at delta = e^{log_delta:.2f}: one function, 4,000 records, 500 hits",
            "exact (binomial laws)",
        ),
        Control(
            "wrong constant: factor 1.9 in the fixed design",
            short > -LOG_DELTA,
            f"fails with probability e^{short:.1f} at delta = e^-{LOG_DELTA:.0f}",
            "exact (binomial law)",
        ),
        Control(
            "a class chosen after the labels: f = y, |F| counted as 1",
            fixed_design_eta(S=-25.0, log_class=0.0, delta=0.05, n=100.0, eta=1.0).value * 100.0 < 25.0,
            "100 fair coins: S = -25 and the error 25 with probability 1; the claimed bound is "
            f"{100.0 * fixed_design_eta(S=-25.0, log_class=0.0, delta=0.05, n=100.0, eta=1.0).value:.0f}",
            "exact",
        ),
        Control(
            "a choice among 16 classes (grids, architectures) after the data without paying log 16",
            unpaid > 0.05 >= paid,
            f"one function a class, wrong by 1/2 on 100 records of its own, least S chosen: fails with chance {unpaid:.3f} "
            f"at delta 0.05, with log 16 paid {paid:.4f}",
            "exact (binomial law)",
        ),
        Control(
            "functions not clipped in the random design",
            0.99**100 > 0.05 and level / 0.46317 < 100 * 0.01 * 9.0,
            f"f - f* = 3 on mass 0.01: with probability {0.99**100:.3f} no record sees it, S = 0, the error 9 is above "
            f"{level / 0.46317:.2f}",
            "exact",
        ),
        Control(
            "dependent labels: one coin for all records",
            2.0 * (-25.0 + level) < 25.0,
            "f = 1, 100 records: with probability 1/2 S = -25 and the error is 25",
            "exact",
        ),
        Control(
            "labels beyond the range: -1 or 2, range counted as 1",
            wide > 0.05,
            f"f - f* = 0.3, 100 records: fails with probability {wide:.3f} at delta 0.05",
            "exact (binomial law)",
        ),
        Control(
            "adaptive logging, the law of a record taken without the past",
            level / 0.46317 < 100 * 0.5 * 0.25,
            "the first label decides whether 100 more records visit the queries where f - f* = 1/2: with probability 1/2 none "
            "does, S = 0, and the unconditional error is 12.5",
            "exact",
        ),
        Control(
            "free eta when logging stops after seeing labels",
            late > 0.05,
            f"fair coins, stopped at the first failure within 2,000 records: fails with probability {late:.3f} at delta 0.05",
            "exact (recursion)",
        ),
        *broken(),
    ]


def stopped_crossing(n: int, level: float) -> float:
    """P(for some t <= n: Y_t - t / 2 > sqrt(t L / 2)): the free-eta fixed design fails at some time, fair coins."""
    alive = np.zeros(n + 1)
    alive[0] = 1.0
    crossed = 0.0
    for t in range(1, n + 1):
        alive[1 : t + 1] = 0.5 * (alive[1 : t + 1] + alive[:t])
        alive[0] *= 0.5
        first = math.floor(t / 2.0 + math.sqrt(t * level / 2.0)) + 1
        crossed += float(alive[first:].sum())
        alive[first:] = 0.0
    return crossed
