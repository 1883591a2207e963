"""The expected form with Chernoff's chances: the worst lead and the worst means by finer and finer grids."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, logit, rel_entr

from fedroute_theory.selftest.references.base import Expected, Reference, total
from fedroute_theory.selftest.references.cells import rival

Numbers = list[float]
Rows = list[list[float]]
POINTS = 41


def chance(p: Any, q: Any, n: float, rivals: float) -> Any:
    """exp(-min_z [n kl(z, q) + n' kl(z, p)]): at the least, logit z is the mean of logit q and logit p by n and n'."""
    p, q = (np.clip(v, 1e-13, 1.0 - 1e-13) for v in (p, q))
    z = expit((n * logit(q) + rivals * logit(p)) / (n + rivals))
    exponent = n * (rel_entr(z, q) + rel_entr(1.0 - z, 1.0 - q)) + rivals * (rel_entr(z, p) + rel_entr(1.0 - z, 1.0 - p))
    return np.where(q <= p, 1.0, np.exp(-exponent))


def rival_kl(s: float, n: float, rivals: float, R: float, c: float) -> float:
    """sup over D in [c, R] and p of (D - c) times the chance at q - p = (D - s) / R."""
    leads, shares, best = c + (R - c) * np.linspace(0.0, 1.0, POINTS) ** 4, np.linspace(0.0, 1.0, POINTS), 0.0
    for _ in range(7):
        apart = np.clip((leads[:, None] - s) / R, 0.0, 1.0)
        p = shares * (1.0 - apart)
        value = (leads[:, None] - c) * chance(p, p + apart, n, rivals)
        i, j = np.unravel_index(int(value.argmax()), value.shape)
        best = max(best, float(value[i, j]))
        leads, shares = (
            np.linspace(v[max(0, k - 1)], v[min(POINTS - 1, k + 1)], POINTS) for v, k in ((leads, int(i)), (shares, int(j)))
        )
    return best


def expected_kl(*, mass: Numbers, s: Rows, counts: Rows, R: float) -> Expected:
    """Every best model; the least over c; the range where a pair is empty and it is worst."""
    value = 0.0
    for p, shift, row in zip(mass, s, counts, strict=True):
        worst = 0.0
        for b in range(len(row)):
            others = [m for m in range(len(row)) if m != b]
            if min(row) == 0:
                worst = R
                continue
            levels = [0.0] if len(others) == 1 else list(np.linspace(0.0, R, 41))
            losses = []
            for c in levels:
                each = [
                    min(rival(shift[b] + shift[m], 1.0 / row[b] + 1.0 / row[m], R, c),
                        rival_kl(shift[b] + shift[m], row[b], row[m], R, c))
                    for m in others
                ]  # fmt: skip
                losses.append(c + sum(each))
            worst = max(worst, min(losses))
        value += p * worst
    return total(value / sum(mass), R)


CHERNOFF = Reference(
    expected_kl,
    [
        {"mass": [0.7, 0.3], "s": [[0.1, 0.02], [0.0, 0.05]], "counts": [[12, 30], [40, 3]], "R": 1.2},
        {"mass": [1.0], "s": [[0.0, 0.0]], "counts": [[1000, 1]], "R": 1.0},
        {"mass": [0.5, 0.5], "s": [[0.1, 0.1], [0.2, 0.0]], "counts": [[9, 0], [200, 300]], "R": 1.5},
    ],
    2e-3,
)
