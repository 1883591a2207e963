"""A router with a single cell, made by hand, and what the theorem says of it: tight families and controls are made of these."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import Slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router.claims import training_claims


def one_cell(
    problem: RoutingProblem, records: FloatArray, model: list[int], centre: float | FloatArray, labels: str = "exact"
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

    place = np.atleast_1d(np.asarray(centre, dtype=np.float64))
    far = mean(np.linalg.norm(records - place, axis=1))
    estimates = CellEstimates(place[None], mean(quality), mean(cost), counts, far, counts > 0)
    return logs, estimates


def claims_by_form(problem: RoutingProblem, logs: Logs, estimates: CellEstimates, slope: Slope) -> dict[str, Claim]:
    """The claims about one router, by form."""
    case = Case(problem, None, logs, [("pooled", None, estimates)])
    return {c.form.split("/")[0]: c for c in training_claims(case, "pooled", None, estimates, slope)}
