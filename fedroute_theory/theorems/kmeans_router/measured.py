"""What the K-means bounds assume, measured on one trained router and its records."""

from __future__ import annotations

import math

from fedroute_theory.assumptions import Slope
from fedroute_theory.federation.logs import ADAPTIVITY
from fedroute_theory.theorems.bound import Measurement
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry

TIES = "ties constant on cells"
"""Needed by spread, three-terms, relative and expected; kept apart, as other theorems use forms that survive any ties."""


def measurements(geometry: CellGeometry, slope: Slope) -> dict[str, Measurement]:
    """The theorem's assumptions, measured on one trained router and its records."""
    logs, estimates, problem = geometry.logs, geometry.estimates, geometry.problem
    known = {"fixed": True, "adaptive": False, "unknown": None}
    top = float(logs.cost.max())
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
            geometry.misplaced == 0,
            float(geometry.misplaced),
            how="(cell, model) pairs whose records are not those nearest to the centre",
            limit=0.0,
        ),
        "cost labels in range": Measurement(
            "cost labels in range", top <= problem.c_max, top, how="largest cost label, at most c_max", limit=problem.c_max
        ),
    }


def constant_ties(geometry: CellGeometry) -> Measurement:
    """Whether the router routes all test queries of a cell alike; the gaps of the claims are those of such a router."""
    problem, first = geometry.problem, geometry.estimates.repetition(0)
    apart = first.policy(problem.lam)(problem.embeddings) != first.choices(problem.lam)[geometry.cell]
    mass = float(problem.weights @ apart)
    how = "test mass routed otherwise than its cell; cell estimates choose once a cell, ties to the lowest index"
    return Measurement(TIES, mass == 0.0, mass, how=how, limit=0.0)
