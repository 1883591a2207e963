"""kmeans-router and minimax-lower, pair by pair, with sup and min by search and chances by enumeration."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from fedroute_theory.selftest.references.base import Expected, Reference, total
from fedroute_theory.selftest.references.kl_races import EXPECTED_KL

Numbers = list[float]
Rows = list[list[float]]


def width(n: float, N: float, R: float, delta: float) -> float:
    """2 N exp(-2 n w^2 / R^2) = delta, solved for w."""
    return R * math.sqrt(-math.log(delta / (2.0 * N)) / 2.0 / n)


def three_terms(
    *, L: float, distance: float, mismatch: float, n_min: float, N: float, R: float, delta: float, hole_mass: float = 0.0
) -> Expected:
    """Term by term."""
    w = width(n_min, N, R, delta)
    terms = {"distance": L * distance + L * distance, "mismatch": L * mismatch + L * mismatch, "statistical": w + w}
    return Expected(terms | {"unlogged": R * hole_mass}, R)


def all_lam(*, lam: float, c_max: float, N: float, **rest: float) -> Expected:
    """Twice as many intervals on the range of the utility."""
    return three_terms(N=N + N, R=1.0 + lam * c_max, **rest)


def sharp(*, L: float, distance: float, radius: Numbers, counts: Numbers, N: float, R: float, delta: float) -> Expected:
    """The largest sum over pairs of models, R / 2 for one without records."""
    b = [L * (distance + r) + width(n, N, R, delta) if n else R / 2.0 for r, n in zip(radius, counts, strict=True)]
    return total(min(R, max(x + y for x, y in permutations(b, 2))), R)


def pairwise(*, L: float, record_distance: Numbers, **rest: Any) -> Expected:
    """Sharp, with the distances to the records."""
    return sharp(L=L, distance=0.0, radius=record_distance, **rest)


def policy(
    *, L: float, distance: float, radius: Numbers, counts: Numbers, estimate: Numbers, chosen: int, N: float, lam: float,
    c_max: float, delta: float,
) -> Expected:  # fmt: skip
    """Every rival's upper end against the chosen model's lower end."""
    R = 1.0 + lam * c_max
    ends = []
    for r, n, u in zip(radius, counts, estimate, strict=True):
        b = L * (distance + r) + width(n, N, R, delta) if n else math.inf
        ends.append((max(1.0 - R, u - b), min(1.0, u + b)))
    return total(max(0.0, max(high for m, (_, high) in enumerate(ends) if m != chosen) - ends[chosen][0]), R)


def relative(*, mass: Numbers, s: Rows, counts: Rows, N: float, R: float, delta: float) -> Expected:
    """Cell by cell, cut off at the range."""
    value = 0.0
    for p, mismatch, row in zip(mass, s, counts, strict=True):
        b = [x + width(n, N, R, delta) if n else R / 2.0 for x, n in zip(mismatch, row, strict=True)]
        value += p * min(R, max(x + y for x, y in permutations(b, 2)))
    return total(value / sum(mass), R)


def spread(*, L: float, mass: Numbers, spread: Numbers, **rest: Any) -> Expected:
    """Relative plus L times the mean spread."""
    far = L * sum(p * d for p, d in zip(mass, spread, strict=True)) / sum(mass)
    return total(far + relative(mass=mass, **rest).value, rest["R"])


def rival(s: float, h: float, R: float, c: float) -> float:
    """sup over D in [c, R] of (D - c) exp(-2 max(0, D - s)^2 / (R^2 h)), by search."""
    if math.isinf(h):
        return R - c
    grid = np.linspace(c, R, 801)

    def value(D: Any) -> Any:
        return (D - c) * np.exp(-2.0 * np.maximum(0.0, D - s) ** 2 / (R * R * h))

    best = int(value(grid).argmax())
    low, high = grid[max(0, best - 1)], grid[min(800, best + 1)]
    found = minimize_scalar(lambda D: -value(D), bounds=(low, high), method="bounded", options={"xatol": 1e-11})
    return float(max(-found.fun, value(grid[best])))


def expected(*, mass: Numbers, s: Rows, counts: Rows, R: float) -> Expected:
    """Every best model, every rival, every level c."""
    value = 0.0
    for p, mismatch, row in zip(mass, s, counts, strict=True):
        shift, noise = [x if n else 0.0 for x, n in zip(mismatch, row, strict=True)], [1.0 / n if n else math.inf for n in row]
        worst = 0.0
        for best in range(len(row)):
            others = [m for m in range(len(row)) if m != best]

            def loss(c: float, best: int = best, others: list[int] = others, a: Numbers = shift, h: Numbers = noise) -> float:
                return c + sum(rival(a[best] + a[m], h[best] + h[m], R, c) for m in others)

            inner = minimize_scalar(loss, bounds=(0.0, R), method="bounded", options={"xatol": 1e-9})
            worst = max(worst, min(loss(0.0), loss(R), float(inner.fun)))
        value += p * worst
    return total(value / sum(mass), R)


def kl_upper(*, mean: float, n: float, N: float, R: float, delta: float) -> Expected:
    """The root of n kl(mean, p) = log(2 N / delta) above the mean."""

    def divergence(p: float) -> float:
        first = mean * math.log(mean / p) if mean else 0.0
        return first + ((1.0 - mean) * math.log((1.0 - mean) / (1.0 - p)) if mean < 1.0 else 0.0)

    level = math.log(2.0 * N / delta) / n
    end = 1.0 if mean == 1.0 else brentq(lambda p: divergence(p) - level, mean + 1e-15, 1.0 - 1e-15, xtol=1e-15)
    return total(R * (end - mean))


def mirrored(n_a: int, n_b: int, a: float, b: float) -> float:
    """(1 - TV) / 2 over all outcomes."""

    def law(n: int, p: float) -> np.ndarray[Any, Any]:
        return np.array([math.comb(n, x) * p**x * (1.0 - p) ** (n - x) for x in range(n + 1)])

    first = np.outer(law(n_a, 0.5 + a), law(n_b, 0.5 - b))
    return 0.5 * float(np.minimum(first, np.outer(law(n_a, 0.5 - a), law(n_b, 0.5 + b))).sum())


def two_point_value(n_a: int, n_b: int) -> tuple[float, float, float]:
    """(value, shift_a, shift_b) by finer and finer grids."""
    centre, step, best = (0.25, 0.25), 0.25, (0.0, 0.0, 0.0)
    for _ in range(22):
        axes = [np.clip(np.linspace(c - step, c + step, 7), 0.0, 0.5) for c in centre]
        tried = [((a + b) * mirrored(n_a, n_b, a, b), float(a), float(b)) for a in axes[0] for b in axes[1]]
        best = max(best, *tried)
        centre, step = (best[1], best[2]), step * 0.6
    return best


def cell(*, n_a: int, n_b: int) -> Expected:
    """The largest value over shifts."""
    return total(two_point_value(n_a, n_b)[0])


def cells(*, mass: Numbers, counts: Rows) -> Expected:
    """The two smallest counts of every cell, by how many of them are positive."""
    terms: dict[str, float] = {}
    for p, row in zip(mass, counts, strict=True):
        a, b, *_ = sorted(int(n) for n in row)
        name = ("no records", "one model without records", "both models recorded")[(a > 0) + (b > 0)]
        terms[name] = terms.get(name, 0.0) + p / sum(mass) * two_point_value(a, b)[0]
    return Expected(terms)


def affinity(*, n_a: float, n_b: float) -> Expected:
    """Bhattacharyya coefficients of Bernoulli laws, one label at a time."""
    g = 0.297 * math.sqrt((n_a + n_b) / (n_a * n_b))
    a, b = g * n_b / (n_a + n_b), g * n_a / (n_a + n_b)

    def alike(shift: float) -> float:
        return 2.0 * math.sqrt((0.5 + shift) * (0.5 - shift))

    both = alike(a) ** n_a * alike(b) ** n_b
    return Expected({"affinity": g * (1.0 - math.sqrt(1.0 - both**2)) / 2.0})


def random_counts(*, n_a: Numbers, n_b: Numbers, chance: Numbers) -> Expected:
    """The same shifts as the statement's: the best of each outcome, and equal ones on a grid of twenty."""
    pairs = [(int(x), int(y)) for x, y in zip(n_a, n_b, strict=True)]
    shifts = [two_point_value(*p)[1:] for p in pairs] + [(g / 40.0, g / 40.0) for g in range(1, 21)]
    values = [
        (a + b) * sum(p * mirrored(x, y, a, b) for p, (x, y) in zip(chance, pairs, strict=True)) / sum(chance)
        for a, b in shifts
    ]
    return total(max(values))


_THREE = {"L": 1.3, "distance": 0.1, "mismatch": 0.05, "n_min": 50.0, "N": 220.0, "delta": 0.05}
_PAIRS = {"L": 0.5, "distance": 0.1, "N": 4.0, "delta": 0.1}
_RADII = {"radius": [0.2, 0.1, 0.3], "counts": [400, 900, 200]}
_HOLE = {"radius": [0.2, 0.1, 0.3], "counts": [400, 0, 200]}
_CELLS = {"mass": [0.5, 0.3, 0.2], "s": [[0.1, 0.02], [0.0, 0.05], [0.1, 0.1]], "counts": [[400, 300], [90, 0], [9, 1000]]}
_THREE_MODELS = {"mass": [0.6, 0.4], "s": [[0.1, 0.02, 0.3], [0.0, 0.05, 0.2]], "counts": [[40, 30, 6], [90, 0, 20]]}
_POLICY = _PAIRS | {"lam": 0.5, "c_max": 2.0}
KMEANS = {
    "three-terms": Reference(three_terms, [_THREE | {"R": 1.5}, _THREE | {"R": 1.5, "hole_mass": 0.2}]),
    "three-terms-all-lam": Reference(
        all_lam, [_THREE | {"lam": 0.5, "c_max": 3.0}, _THREE | {"lam": 0.5, "c_max": 3.0, "hole_mass": 0.3}]
    ),
    "sharp": Reference(
        sharp, [_PAIRS | _RADII | {"R": 1.5}, _PAIRS | _HOLE | {"R": 1.5}, _PAIRS | _RADII | {"R": 0.1}]
    ),
    "pairwise": Reference(
        pairwise, [{k: v for k, v in _PAIRS.items() if k != "distance"}
                   | {"record_distance": [0.2, 0.1, 0.3], "counts": [400, 900, 200], "R": 1.5}],
    ),
    "policy": Reference(
        policy,
        [
            _POLICY | _RADII | {"estimate": [0.4, 0.2, 0.1], "chosen": 0},
            _POLICY | _RADII | {"estimate": [0.9, 0.95, -0.8], "chosen": 2},
            _POLICY | _HOLE | {"estimate": [0.4, 0.2, 0.1], "chosen": 0},
            _POLICY | _HOLE | {"estimate": [0.4, 0.2, 0.1], "chosen": 1},
            _POLICY | {"radius": [0.0, 0.0], "counts": [10**6, 10**6], "estimate": [0.9, -0.5], "chosen": 0, "L": 0.1},
            _POLICY | {"radius": [0.9, 0.1], "counts": [9, 1000], "estimate": [-0.5, 0.7], "chosen": 0, "L": 3.0},
        ],
    ),
    "spread": Reference(spread, [_CELLS | {"L": 0.7, "spread": [0.1, 0.2, 0.05], "N": 5.0, "R": 1.2, "delta": 0.05}]),
    "relative": Reference(relative, [_CELLS | {"N": 5.0, "R": R, "delta": 0.05} for R in (1.2, 0.2)]),
    "expected": Reference(
        expected,
        [_CELLS | {"R": 1.2}, _THREE_MODELS | {"R": 0.9},
         {"mass": [1.0], "s": [[0.0, 0.0, 0.0]], "counts": [[5, 7, 9]], "R": 1.0}], 1e-6,
    ),
    "expected-kl": EXPECTED_KL,
    "hoeffding-width": Reference(
        lambda *, n, N, R, delta: total(width(n, N, R, delta)), [{"n": 40.0, "N": 12.0, "R": 1.4, "delta": 0.1}]
    ),
    "kl-width": Reference(
        kl_upper,
        [{"mean": m, "n": 40.0, "N": 12.0, "R": 1.4, "delta": 0.1} for m in (0.0, 0.03, 0.5, 0.9, 1.0)]
        + [{"mean": 0.3, "n": 2.0, "N": 12.0, "R": 1.4, "delta": 0.1}],
    ),
}  # fmt: skip
MINIMAX = {
    "cell": Reference(cell, [{"n_a": a, "n_b": b} for a, b in ((0, 0), (0, 3), (4, 0), (1, 1), (1, 2), (5, 2), (3, 8))], 1e-3),
    "cells": Reference(cells, [{"mass": [0.5, 0.3, 0.2], "counts": [[3.0, 0.0, 9.0], [0.0, 0.0, 2.0], [4.0, 9.0, 2.0]]}], 1e-6),
    "affinity": Reference(affinity, [{"n_a": 40.0, "n_b": 90.0}, {"n_a": 7.0, "n_b": 4.0}]),
    "random-counts": Reference(
        random_counts,
        [
            {"n_a": [1.0, 4.0], "n_b": [3.0, 2.0], "chance": [0.4, 0.6]},
            {"n_a": [0.0, 6.0], "n_b": [3.0, 5.0], "chance": [0.5, 0.5]},
        ],
        1e-6,
    ),
}
