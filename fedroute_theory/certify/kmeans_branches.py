"""The upper side of kmeans-worst-case for small instances: a bound for every combination of best and chosen models.

For given best models (one a query with test mass) and chosen models (one a cell) the worst case is a linear program in the
table alone: maximise c U subject to A U <= b (slopes, and the chosen model's mean at least its rivals'), 0 <= U <= 1. For any
prices p >= 0 its value is at most p b + sum of max(0, c - p A), which is plain arithmetic: who trusts no solver evaluates that
for all combinations. The program with binaries has no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Protocol

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Values

BRANCH_LIMIT = 1024
"""Most combinations that are enumerated; larger instances keep the solver's word."""


class Instance(Protocol):
    """Points (n, d), law nu (n,), cells (n,), means (K, M, n) over records, logged pairs, slope in units of the range."""

    n: int
    m: int
    points: FloatArray
    nu: FloatArray
    cell: IntArray
    mean: FloatArray
    live: IntArray
    used: list[int]
    slope: float
    logged: FloatArray


def size(instance: Instance) -> int:
    """Number of combinations."""
    routed = math.prod(int(instance.logged[k].sum()) for k in instance.used)
    best: int = instance.m ** len(instance.live)
    return routed * best


def choices(instance: Instance) -> list[dict[int, int]]:
    """Every choice of one logged model a cell with test mass."""
    kept = [np.flatnonzero(instance.logged[k]).tolist() for k in instance.used]
    return [dict(zip(instance.used, chosen, strict=True)) for chosen in product(*kept)]


def _slopes(instance: Instance) -> tuple[FloatArray, FloatArray]:
    """U(i, m) - U(j, m) <= slope |z_i - z_j| for all ordered pairs that it can bind."""
    rows, upper = [], []
    for i, j in product(range(instance.n), repeat=2):
        far = instance.slope * float(np.linalg.norm(instance.points[i] - instance.points[j]))
        if i != j and far < 1.0:
            for m in range(instance.m):
                row = np.zeros((instance.n, instance.m))
                row[i, m], row[j, m] = 1.0, -1.0
                rows.append(row.ravel())
                upper.append(far)
    return np.reshape(rows, (len(rows), instance.n * instance.m)), np.array(upper)


def _branches(instance: Instance) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """For every choice of the router: A, b, and (M^live, n M) objectives, one for every combination of best models."""
    slopes, far = _slopes(instance)
    best = np.array(list(product(range(instance.m), repeat=len(instance.live))))
    for chosen in choices(instance):
        rows = []
        for k, own in chosen.items():
            for rival in np.flatnonzero(instance.logged[k]).tolist():
                if rival != own:
                    row = np.zeros((instance.n, instance.m))
                    row[:, rival], row[:, own] = instance.mean[k, rival], -instance.mean[k, own]
                    rows.append(row.ravel())
        objective = np.zeros((len(best), instance.n, instance.m))
        for place, x in enumerate(instance.live.tolist()):
            objective[np.arange(len(best)), x, best[:, place]] += instance.nu[x]
            objective[:, x, chosen[int(instance.cell[x])]] -= instance.nu[x]
        matrix = np.concatenate([slopes, np.reshape(rows, (len(rows), slopes.shape[1]))])
        yield matrix, np.concatenate([far, np.zeros(len(rows))]), objective.reshape(len(best), -1)


def prices(instance: Instance) -> Values:
    """Prices of every combination by one linear program each: [rows, prices] without the zeros."""
    found = []
    for matrix, upper, objectives in _branches(instance):
        for objective in objectives:
            paid = solvers.linear(-objective, matrix, upper, 0.0, 1.0).multipliers.clip(0.0)
            rows = np.flatnonzero(paid > 1e-13)
            found.append([rows.tolist(), paid[rows].tolist()])
    return {"branches": found}


def bound(instance: Instance, multipliers: Values) -> tuple[float, float]:
    """(upper bound on the worst case in units of the range, how far a price is below 0); a missing price is 0."""
    stored, worst, least = iter(multipliers["branches"]), 0.0, 0.0
    for matrix, upper, objectives in _branches(instance):
        paid = np.zeros((len(objectives), len(upper)))
        for own, (rows, amounts) in zip(paid, stored, strict=False):
            own[np.asarray(rows, int)] = amounts
        values = paid @ upper + np.maximum(0.0, objectives - paid @ matrix).sum(axis=1)
        worst, least = max(worst, float(values.max())), min(least, float(paid.min(initial=0.0)))
    return worst, -least
