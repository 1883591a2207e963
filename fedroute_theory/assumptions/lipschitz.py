"""The Lipschitz constant of the utilities: exact on finite sets, known in closed form on the generated families."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem


@dataclass(frozen=True)
class Slope:
    """A Lipschitz constant in utility per unit of distance; infinite where equal embeddings differ in utility."""

    value: float
    how: str
    where: str = ""


def steepest_slope(problem: RoutingProblem, logs: Logs | None = None) -> Slope:
    """The Lipschitz constant of all U(., m) on the test queries and the logged queries.

    A family that knows its constant answers with it. Otherwise every pair of queries of the problem that carries test
    mass or a record is compared: exact, in O(n^2 M).
    """
    from scipy.spatial.distance import cdist

    known = getattr(problem, "lipschitz", None)
    if known is not None:
        return Slope(float(known), "closed form of the family")
    relevant = problem.weights > 0
    if logs is not None and (logs.query >= 0).any():
        relevant = relevant.copy()
        relevant[logs.query[logs.query >= 0]] = True
    rows = np.flatnonzero(relevant)
    points, utility = problem.embeddings[rows], problem.utility[rows]
    best, where = 0.0, ""
    for start in range(0, rows.size, 256):
        distance = cdist(points[start : start + 256], points)
        for m in range(problem.n_models):
            rise = np.abs(utility[start : start + 256, m, None] - utility[None, :, m])
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = np.where(rise > 0, rise / distance, 0.0)
            if slope.max() > best:
                i, j = np.unravel_index(slope.argmax(), slope.shape)
                best = float(slope[i, j])
                where = f"model {problem.models[m]}, queries {rows[start + i]} and {rows[j]}"
    return Slope(best, f"exact over all pairs of {rows.size} queries", where)
