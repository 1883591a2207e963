"""What lies between the upper bound for the same counts and the lower bound: down to two points a cell."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.expected import expected_of
from fedroute_theory.theorems.minimax_lower.claims import claims, upper
from fedroute_theory.theorems.minimax_lower.formulas import cells
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_BRACKET = "(minimax-lower, proof 6)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Downwards from the bracket's upper end: each stage bounds the expected gap of the worst problem, the last from below."""
    known = {(training, client): estimates for training, client, estimates in case.cell_estimates()}
    for claim, _ in judged(claims(case)):
        estimates = known[claim.training, claim.client].repetition(0)
        geometry = CellGeometry(case.problem, case.logs_of(claim.client), estimates)
        counts, mass, top = geometry.recounted.astype(np.float64), geometry.by_cell.mass, case.problem.label_range
        two = np.sort(counts, axis=1)[:, :2]
        stages = [
            Stage(
                "event certain", min(top, upper(case, estimates, mass)), f"E Subopt <= B + delta R: the part delta R {_BRACKET}"
            ),
            Stage(
                "in expectation",
                expected_of(mass=mass, s=np.zeros_like(counts), counts=counts, R=top).value,
                "expected form of kmeans-router for the same counts: no event, no union over pairs (kmeans-router, Expected)",
            ),
            Stage(
                "two models a cell",
                expected_of(mass=mass, s=np.zeros_like(two), counts=two, R=top).value,
                "the two least recorded models alone compete (minimax-lower, proof, One cell)",
            ),
            Stage(
                "two points",
                cells(mass=mass, counts=counts).value,
                "Hoeffding's exponent against the exact error of a test of two points (minimax-lower, proof, All cells)",
            ),
        ]
        yield Waterfall.of(claim, stages)
