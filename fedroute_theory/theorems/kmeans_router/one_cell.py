"""A router with a single cell on a line, made by hand: what the tight families and the controls are built of."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem


def one_cell(
    problem: RoutingProblem, records: FloatArray, model: list[int], centre: float, labels: str = "exact"
) -> tuple[Logs, CellEstimates]:
    """Logs of the given queries and models with labels equal to their means, and the estimates of a single cell."""
    chosen = np.array(model)
    quality, cost = (t[np.arange(chosen.size), chosen] for t in problem.truth(records))
    logs = Logs(
        np.zeros(chosen.size, int), records, np.full(chosen.size, -1), chosen, quality, cost,
        1, problem.n_models, labels, "fixed",
    )  # fmt: skip
    counts = np.bincount(chosen, minlength=problem.n_models)[None]

    def mean(values: FloatArray) -> FloatArray:
        averages: FloatArray = np.bincount(chosen, values, problem.n_models) / np.maximum(counts[0], 1)
        return averages[None]

    far = mean(np.abs(records[:, 0] - centre))
    estimates = CellEstimates(np.array([[centre]]), mean(quality), mean(cost), counts, far, counts > 0)
    return logs, estimates
