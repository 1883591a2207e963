"""The lower bound's two-point cells: in each cell two models whose order the records barely reveal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray, array, integer, law, reject
from fedroute_theory.problems.tabular import Tabular

SEARCHED = 64
"""Smaller counts up to this have their shifts improved by search; above, the normal limit's shifts are used as they are."""

ENUMERATED = (10**6, 10**7)
"""Largest smaller and larger count for which the error is summed exactly; above, it is bounded through the affinity."""

LIMIT_GAP = 0.37589
"""Near the maximiser of y Phi(-2 y): the normal limit's gap in units of sqrt(1/n_a + 1/n_b)."""

_AFFINITY_GAP = 0.29701
"""The same for the bound through the affinity, y (1 - sqrt(1 - exp(-4 y^2))) / 2."""


@dataclass(frozen=True)
class TwoPoints:
    """Qualities 1/2 + shift_a against 1/2 - shift_b, or mirrored, after n_a and n_b Bernoulli labels.

    error: (1 - TV) / 2, the least mean error of a test between the two, or a lower bound on it.
    """

    shift_a: float
    shift_b: float
    error: float

    @property
    def value(self) -> float:
        """Least mean loss of any router, randomised or not, when both orders are equally likely."""
        return (self.shift_a + self.shift_b) * self.error


def mirror_error(n_a: int, n_b: int, shift_a: float, shift_b: float) -> float:
    """(1 - TV) / 2 between Bin(n_a, 1/2 + shift_a) x Bin(n_b, 1/2 - shift_b) and its mirror, exact up to rounding.

    The log-likelihood ratio of x and y successes is (2x - n_a) l_a + (n_b - 2y) l_b, l = log((1/2 + shift) / (1/2 - shift)).
    By symmetry the best test errs with chance P(ratio < 0) + P(ratio = 0) / 2 under the first law: a sum over x of upper tails
    in y.
    """
    from scipy.special import bdtrc, xlogy

    if (n_a and shift_a >= 0.5) or (n_b and shift_b >= 0.5):
        return 0.0  # one label decides
    ratio_a = 2.0 * np.arctanh(2.0 * shift_a) if n_a else 0.0
    ratio_b = 2.0 * np.arctanh(2.0 * shift_b) if n_b else 0.0
    if ratio_a == ratio_b == 0.0:
        return 0.5
    if ratio_b == 0.0 or (ratio_a > 0.0 and n_a > n_b):  # sum over the shorter side; the mirror has the same error
        n_a, n_b, shift_a, shift_b, ratio_a, ratio_b = n_b, n_a, shift_b, shift_a, ratio_b, ratio_a
    x = np.arange(n_a + 1)
    p = 0.5 + shift_a if n_a else 0.5
    pmf = np.exp(_log_choices(n_a) + xlogy(x, p) + xlogy(n_a - x, 1.0 - p))
    edge = 0.5 * (n_b + (2 * x - n_a) * (ratio_a / ratio_b))
    near = np.round(edge)
    tie = np.abs(edge - near) <= 1e-10 * (1.0 + np.abs(edge))
    over = np.where(tie, near, np.floor(edge))

    def tail(k: FloatArray) -> FloatArray:
        inside = bdtrc(np.clip(k, 0, max(n_b - 1, 0)), n_b, 0.5 - shift_b)
        return np.where(k < 0, 1.0, np.where(k >= n_b, 0.0, inside))

    wrong = tail(over)
    if tie.any():
        wrong = np.where(tie, 0.5 * (wrong + tail(over - 1.0)), wrong)
    return float(pmf @ wrong)


@lru_cache(maxsize=1024)
def _log_choices(n: int) -> FloatArray:
    """(n + 1,) logs of the binomial coefficients of n: a search asks for them hundreds of times."""
    from scipy.special import gammaln

    x = np.arange(n + 1)
    result: FloatArray = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    result.setflags(write=False)
    return result


def affinity_error(n_a: float, n_b: float, shift_a: float, shift_b: float) -> float:
    """(1 - sqrt(1 - BC^2)) / 2 <= (1 - TV) / 2, with the affinity BC = (1 - 4 shift_a^2)^(n_a/2) (1 - 4 shift_b^2)^(n_b/2)."""
    log_squared = n_a * math.log1p(-4.0 * shift_a**2) + n_b * math.log1p(-4.0 * shift_b**2)
    return 0.5 * math.exp(log_squared) / (1.0 + math.sqrt(-math.expm1(log_squared)))


@lru_cache(maxsize=65536)
def two_points(n_a: int, n_b: int) -> TwoPoints:
    """Shifts with a large `value` for these counts: the search may miss the best, every result is a valid pair.

    Closed: (1/2, 1/2) without records, (1/2, 0) where one model has none. Else the normal limit's, with
    shift_a + shift_b = 0.3759 sqrt(1/n_a + 1/n_b) split as n_b : n_a, improved by a pattern search for small counts.

    n_a, n_b: records of the two models, at least 0. InputError for other counts.
    """
    n_a, n_b = integer("n_a", n_a, 0), integer("n_b", n_b, 0)
    if n_a > n_b:
        mirrored = two_points(n_b, n_a)
        return TwoPoints(mirrored.shift_b, mirrored.shift_a, mirrored.error)
    if n_a == 0:
        return TwoPoints(0.5, 0.5 if n_b == 0 else 0.0, 0.5)
    exact = n_a <= ENUMERATED[0] and n_b <= ENUMERATED[1]
    gap = min(0.9, (LIMIT_GAP if exact else _AFFINITY_GAP) * math.sqrt(1.0 / n_a + 1.0 / n_b))
    start = (min(0.49, gap * (n_b / (n_a + n_b))), min(0.49, gap * (n_a / (n_a + n_b))))
    if not exact:
        return TwoPoints(*start, affinity_error(n_a, n_b, *start))

    @cache  # both searches pass through the same points
    def at(point: tuple[float, float]) -> TwoPoints:
        return TwoPoints(*point, mirror_error(n_a, n_b, *point))

    best = at(start)
    if n_a <= SEARCHED:
        best = max((_searched(at, p) for p in (start, (0.5 * gap, 0.5 * gap))), key=lambda found: found.value)
    return best


def _searched(at: Callable[[tuple[float, float]], TwoPoints], start: tuple[float, float]) -> TwoPoints:
    best, step = at(start), 0.05
    moves = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)]
    while step > 1e-5:
        tried = [
            at((best.shift_a + i * step, best.shift_b + j * step))
            for i, j in moves
            if 0.0 <= best.shift_a + i * step <= 0.5 and 0.0 <= best.shift_b + j * step <= 0.5
        ]
        top = max(tried, key=lambda found: found.value)
        best, step = (top, step) if top.value > best.value else (best, step / 2.0)
    return best


def minimax(mass: FloatArray, counts: IntArray, signs: IntArray, *, others: int = 0, spacing: float = 1.0) -> Tabular:
    """One query a cell on a line, with two models whose qualities are the hardest pair for the cell's counts.

    mass: (K,) test mass of the cells. counts: (K, 2) records of the two models. signs: (K,) 1 where model 0 is the better one
    (quality 1/2 + shift_a against 1/2 - shift_b), -1 for the mirror. others: further models of quality 0, which never pay. The
    optimum and every gap are exact: the wrong one of the two costs shift_a + shift_b. Raises InputError for values out of
    range. spacing: distance of neighbouring queries.
    """
    weights = law("mass", mass, (None,))
    size = weights.size
    table = array("counts", counts, (size, 2), low=0.0)
    sign = array("signs", signs, (size,), -1.0, 1.0)
    if (np.abs(sign) != 1.0).any():
        raise reject("signs", "hold 1 and -1", sign.tolist())
    pairs = [two_points(int(a), int(b)) for a, b in table]
    quality = np.zeros((size, 2 + integer("others", others, 0)))
    quality[:, 0] = 0.5 + sign * [p.shift_a for p in pairs]
    quality[:, 1] = 0.5 - sign * [p.shift_b for p in pairs]
    return Tabular(
        spacing * np.arange(size, dtype=np.float64)[:, None], weights, quality, np.zeros_like(quality), task=np.arange(size)
    )
