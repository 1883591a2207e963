"""Estimates with 95% intervals: means, paired differences, shares, exponents of power laws."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from fedroute_theory._validate import InputError

LEVEL = 0.95
"""Coverage of every interval here."""

Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True)
class Interval:
    """An estimate `value` and its limits `low` and `high`; infinite where the data leave it open (one value has no spread)."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """The larger distance of a limit from the estimate."""
        return max(self.high - self.value, self.value - self.low)


def mean(values: Sequence[float], *, least: float = -math.inf, most: float = math.inf) -> Interval:
    """Mean of independent values, n >= 1, with its Student interval.

    least, most: of what the values can be (0 for a gap, 0 and 1 for a share); limits are cut there, infinite ones stay.
    InputError for no value.
    """
    from scipy.stats import t

    n = len(values)
    if n == 0:
        raise InputError("A mean needs at least one value; got none.")
    middle = math.fsum(values) / n
    if n == 1:
        return Interval(middle, -math.inf, math.inf)
    half = float(t.ppf(0.5 + LEVEL / 2, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    # a mean beyond the range, by rounding, stays within its own limits
    return Interval(middle, min(middle, max(middle - half, least)), max(middle, min(middle + half, most)))


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Mean of first minus second, seed by seed, with its Student interval."""
    return mean([a - b for a, b in zip(first, second, strict=True)])


def share(found: Sequence[bool]) -> Interval:
    """Share of true values among n >= 1 independent ones, `found`, with the Clopper-Pearson interval of its probability."""
    from scipy.stats import binomtest

    limits = binomtest(sum(found), len(found)).proportion_ci(LEVEL, "exact")
    return Interval(sum(found) / len(found), float(limits.low), float(limits.high))


def jackknife(value: Callable[[Sequence[Label]], float | None], seeds: Sequence[Label]) -> Interval | None:
    """A function of all seeds, with its Student interval from leaving out one seed at a time.

    None where the function has no value on all seeds; infinite limits where it has none without some seed.
    """
    from scipy.stats import t

    whole, count = value(seeds), len(seeds)
    if whole is None or count < 2:
        return None if whole is None else Interval(whole, -math.inf, math.inf)
    left = [value([s for s in seeds if s != out]) for out in seeds]
    if any(v is None for v in left):
        return Interval(whole, -math.inf, math.inf)
    known = np.array(left, dtype=float)
    half = float(t.ppf(0.5 + LEVEL / 2, count - 1)) * math.sqrt(
        (count - 1) / count * float(((known - known.mean()) ** 2).sum())
    )
    return Interval(whole, whole - half, whole + half)


def exponent(x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable] | None = None) -> Interval | None:
    """Exponent b of y = a x^b by least squares in logarithms, with its Student interval.

    groups: label of each point (a seed, say); every group has its own a and all share b. Points where y is not positive are
    left out, which bends the fit where y may be 0: see exponent_of_means. None where fewer than two distinct x remain or no
    degree of freedom is left.
    """
    from scipy.stats import t

    labels = [0] * len(x) if groups is None else list(groups)
    kept = [(math.log(a), math.log(b), g) for a, b, g in zip(x, y, labels, strict=True) if a > 0.0 and b > 0.0]
    names = sorted({g for _, _, g in kept}, key=repr)
    freedom = len(kept) - len(names) - 1
    if len({a for a, _, _ in kept}) < 2 or freedom < 1:
        return None
    design = np.array([[a, *(float(g == name) for name in names)] for a, _, g in kept])
    target = np.array([b for _, b, _ in kept])
    fitted, *_ = np.linalg.lstsq(design, target, rcond=None)
    noise = float(((target - design @ fitted) ** 2).sum()) / freedom
    half = float(t.ppf(0.5 + LEVEL / 2, freedom)) * math.sqrt(max(0.0, noise * np.linalg.pinv(design.T @ design)[0, 0]))
    slope = float(fitted[0])
    return Interval(slope, slope - half, slope + half)


def exponent_of_means(x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable]) -> Interval | None:
    """Exponent b of the means over groups of y at each x, mean y = a x^b, with its interval by jackknife over groups.

    For values that may be 0, which count: a mean over groups has a logarithm where a single value has none. None where fewer
    than two distinct x are given or some mean is not positive; infinite limits where that is so without some group.
    """

    def slope(kept: Sequence[Hashable]) -> float | None:
        chosen, by = set(kept), defaultdict[float, list[float]](list)
        for a, b, g in zip(x, y, groups, strict=True):
            if g in chosen:
                by[a].append(b)
        means = [math.fsum(own) / len(own) for own in by.values()]
        if len(by) < 2 or min(means) <= 0.0:
            return None
        return float(np.polyfit(np.log(list(by)), np.log(means), 1)[0])

    return jackknife(slope, list(dict.fromkeys(groups)))
