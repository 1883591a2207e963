"""What the K-means bounds assume, measured on one trained router and its records."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory.assumptions import Slope
from fedroute_theory.federation import Labels
from fedroute_theory.federation.logs import ADAPTIVITY
from fedroute_theory.theorems.bound import Measurement
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry

TIES = "ties constant on cells"
"""Needed by spread, three-terms, relative and expected; kept apart, as other theorems use forms that survive any ties."""


ONE_TRUTH = "one truth for all clients"

MEAN_TOLERANCE = 1e-9
"""Largest difference between an estimate and the mean of its labels that is rounding, in label ranges."""


def measurements(geometry: CellGeometry, slope: Slope, labels: Labels | None = None) -> dict[str, Measurement]:
    """The theorem's assumptions, measured on one trained router and its records. labels: of all repetitions (T, D)."""
    logs, estimates, problem = geometry.logs, geometry.estimates, geometry.problem
    known = {"fixed": True, "adaptive": False, "unknown": None}
    top = float(logs.cost.max())
    misplaced = geometry.misplaced + (0 if labels is None else wrong_means(geometry, labels))
    return {
        "utility Lipschitz": Measurement(
            "utility Lipschitz",
            math.isfinite(slope.value),
            slope.value if math.isfinite(slope.value) else None,
            how=slope.how,
            where=slope.where,
        ),
        "non-adaptive logging": Measurement(
            "non-adaptive logging",
            known[logs.adaptivity],
            how=ADAPTIVITY[logs.adaptivity],
        ),
        "label-free centres": Measurement("label-free centres", estimates.label_free, how="as the training declares"),
        "estimates are cell means": Measurement(
            "estimates are cell means",
            misplaced == 0,
            float(misplaced),
            how="(cell, model) pairs whose records are not the nearest, or an estimate that is no mean of theirs",
            limit=0.0,
        ),
        "cost labels in range": Measurement(
            "cost labels in range", top <= problem.c_max, top, how="largest cost label, at most c_max", limit=problem.c_max
        ),
    }


def wrong_means(geometry: CellGeometry, labels: Labels) -> int:
    """Number of logged pairs whose estimates are not the means of their records' labels (T, D), all repetitions at once.

    One weighted sum over the repetitions is compared, with weights that no likely mistake cancels.
    """
    logs, estimates = geometry.logs, geometry.estimates
    if estimates.quality.ndim == 2:
        labels = Labels(labels.quality[:1], labels.cost[:1])
    repetitions = labels.quality.shape[0]
    weight = 1.0 + 0.5 * np.cos(np.arange(repetitions))
    place, shape = geometry.record_cell * logs.n_models + logs.model, estimates.counts.shape
    wrong = np.zeros(shape, dtype=bool)
    for told, fitted, top in (
        (labels.quality, estimates.quality, 1.0),
        (labels.cost, estimates.cost, geometry.problem.c_max or 1.0),
    ):
        sums = np.bincount(place, weight @ told, estimates.counts.size).reshape(shape)
        claimed = np.tensordot(weight, np.where(estimates.logged, fitted, 0.0).reshape(repetitions, *shape), 1)
        off = np.abs(claimed * estimates.counts - sums) / np.maximum(estimates.counts, 1)
        wrong |= estimates.logged & (off > MEAN_TOLERANCE * repetitions * top)
    return int(wrong.sum())


def one_truth(case: Case, client: int | None) -> Measurement:
    """Whether the labels behind a training have the problem's own means, also where clients have truths of their own."""
    logs = case.logs_of(client)
    far, where = 0.0, ""
    for i in np.unique(logs.client) if case.truths else ():
        own = logs.of_client(int(i)).embedding
        pairs = zip(case.truths[i].truth(own), case.problem.truth(own), strict=True)
        apart = max(float(np.abs(theirs - ours).max()) for theirs, ours in pairs)
        if apart > far:
            far, where = apart, f"client {i}"
    how = "largest difference between a client's expected label and the problem's, at the client's records"
    return Measurement(ONE_TRUTH, far <= MEAN_TOLERANCE, far, how=how, where=where, limit=MEAN_TOLERANCE)


def constant_ties(geometry: CellGeometry) -> Measurement:
    """Whether the router routes all test queries of a cell alike; the gaps of the claims are those of such a router."""
    problem, first = geometry.problem, geometry.estimates.repetition(0)
    apart = first.policy(problem.lam)(problem.embeddings) != first.choices(problem.lam)[geometry.cell]
    mass = float(problem.weights @ apart)
    how = "test mass routed otherwise than its cell; cell estimates choose once a cell, ties to the lowest index"
    return Measurement(TIES, mass == 0.0, mass, how=how, limit=0.0)
