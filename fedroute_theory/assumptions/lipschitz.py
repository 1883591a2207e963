"""The Lipschitz constant of the utilities: exact on finite sets, known in closed form on the generated families."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem

_FIRST, _BLOCK, _CHUNK = 16, 256, 20_000
"""Rows compared with all later ones at a time: few at first, when nothing can be passed over; pairs handled at a time."""

_FAR = 1e150
"""Its square is finite."""


@dataclass(frozen=True)
class Slope:
    """A Lipschitz constant: `value` in utility per unit of distance, infinite where equal embeddings differ in utility.

    how: how it was found, in words. where: between which queries.
    """

    value: float
    how: str
    where: str = ""


def steepest_slope(problem: RoutingProblem, logs: Logs | None = None) -> Slope:
    """The Lipschitz constant of all U(., m) on the test queries and the logged queries.

    A family that knows its constant answers with it. Otherwise every pair of queries of the problem that carries test
    mass or a record is compared: exact, in O(n^2 d); pairs too far apart to be steeper than one already found are passed over.
    """
    known = getattr(problem, "lipschitz", None)
    if known is not None:
        return Slope(float(known), "closed form of the family")
    relevant = problem.weights > 0
    if logs is not None and (logs.query >= 0).any():
        relevant = relevant.copy()
        relevant[logs.query[logs.query >= 0]] = True
    rows = np.flatnonzero(relevant)
    points, utility = problem.embeddings[rows], problem.utility[rows]
    largest_rise = float(np.ptp(utility, axis=0).max())
    best, where = 0.0, ""
    centred = points - points.mean(axis=0)
    edges = [0, *range(_FIRST, rows.size, _BLOCK), rows.size]
    for start, stop in pairwise(sorted(set(edges))):
        for i, j in _near_pairs(centred, start, stop, min(largest_rise / best, _FAR) if best > 0.0 else np.inf):
            distance = np.linalg.norm(points[i] - points[j], axis=1)
            for m in range(problem.n_models):
                rise = np.abs(utility[i, m] - utility[j, m])
                with np.errstate(divide="ignore", invalid="ignore"):
                    slope = np.where(rise > 0, rise / distance, 0.0)
                if slope.max(initial=0.0) > best:
                    at = int(slope.argmax())
                    best = float(slope[at])
                    where = f"model {problem.models[m]}, queries {rows[i[at]]} and {rows[j[at]]}"
    return Slope(best, f"largest over all pairs of {rows.size} queries: finite population only; unknowable beyond it", where)


def _near_pairs(points: FloatArray, start: int, stop: int, reach: float) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs i < j with start <= i < stop and a distance of at most `reach` (a few beyond it), in chunks.

    Squared distances come from inner products; `rounding` covers what that loses, so no pair is passed over wrongly.
    """
    rest = points[start:]
    own = rest[: stop - start]
    size = np.einsum("nd,nd->n", rest, rest)
    squared = size[: len(own), None] + size[None, :] - 2.0 * own @ rest.T
    rounding = 8.0 * (points.shape[1] + 4) * np.finfo(float).eps * float(size.max())
    i, j = np.nonzero(squared <= reach**2 * (1.0 + 1e-9) + rounding)
    later = i < j
    i, j = i[later] + start, j[later] + start
    for at in range(0, i.size, _CHUNK):
        yield i[at : at + _CHUNK], j[at : at + _CHUNK]
