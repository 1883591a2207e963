"""A client that sends nothing, and a local solver whose factor is infinite."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.two_pass_kmeans.claims import claims


def small_case(second: FloatArray, inertia: float = 0.0) -> Case:
    """Clients at 0, 0 and at 1, 3; the second sends the centres `second` (k, 1), the first its one point twice."""
    points = np.array([[0.0], [0.0], [1.0], [3.0]])
    problem = Tabular(points, np.ones(4), np.zeros((4, 2)), np.zeros((4, 2)))
    nothing = np.zeros(4)
    logs = Logs(np.array([0, 0, 1, 1]), points, np.arange(4), np.zeros(4, int), nothing, nothing, 2, 2, "exact", "fixed")
    own = ClientCentres("client 0", np.array([[0.0]]), np.array([2]), np.array([inertia]))
    other = ClientCentres("client 1", second, np.ones(len(second), dtype=np.int64), np.zeros(1))
    sums = np.zeros((2, 2))
    statistics = CellStatistics("client 0", np.array([[3, 0], [1, 0]]), sums, sums, sums)
    return Case(problem, None, logs, [], messages=(own, other, Broadcast("server", np.array([[0.25], [3.0]])), statistics))


def broken() -> list[Control]:
    """Each on its own form."""
    silent = small_case(np.zeros((0, 1)))
    wasteful = small_case(np.array([[1.0], [3.0]]), inertia=0.5)  # both records coincide: the optimum is 0
    return [
        refused("every client sends its centres", claims(silent), "certificate"),
        refused("approximation factors", claims(wasteful), "approximation"),
    ]
