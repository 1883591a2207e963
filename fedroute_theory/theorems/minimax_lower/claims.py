"""The lower bound beside an upper bound for the same counts: no table's gap is judged by it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory.estimates import CellEstimates
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.formulas import relative_of
from fedroute_theory.theorems.minimax_lower.formulas import cells


def claims(case: Case) -> Iterable[Claim]:
    """Lower bound <= upper bound + delta R over problems constant on the cells with these counts, for every training.

    The upper bound is the relative form of kmeans-router with Hoeffding widths and no mismatch: it holds for all those
    problems with probability 1 - delta, so its value plus delta R bounds the expected gap on the worst of them, as R does.
    """
    for training, client, estimates in case.cell_estimates():
        geometry = CellGeometry(case.problem, case.logs_of(client), estimates.repetition(0))
        counts, mass = geometry.recounted, geometry.by_cell.mass
        measured = _measured(geometry)
        failed = [m for m in measured if m.holds is False]
        bound = None if failed else cells(mass=mass, counts=counts.astype(np.float64))
        answer: Answer = NotApplicable(failed[0].name, failed[0].how) if bound is None else bound
        top = case.problem.label_range
        gap = math.nan if failed else min(top, upper(case, geometry.estimates, mass) + case.delta * top)
        yield Claim("bracket", training, client, estimates.n, answer, gap, assumptions=measured)


def upper(case: Case, estimates: CellEstimates, mass: np.ndarray) -> float:
    """Label-free upper bound for problems constant on the cells: R in a cell where a model has no mid-range estimate."""
    problem, logged = case.problem, estimates.logged
    middle = (estimates.quality == 0.5) & (estimates.cost == problem.c_max / 2.0) & estimates.routable
    known = (logged | middle).all(axis=1)
    value = problem.label_range * float(mass[~known].sum())
    if known.any():
        counts = estimates.counts[known].astype(np.float64)
        pairs, nothing = float(max(1, logged.sum())), np.zeros_like(counts)
        value += relative_of(mass=mass[known], s=nothing, counts=counts, N=pairs, R=problem.label_range, delta=case.delta).value
    return value


def _measured(geometry: CellGeometry) -> tuple[Measurement, ...]:
    logs = geometry.logs
    noisy = {"exact": False, "unknown": None}.get(logs.labels, True)
    adaptive = {"fixed": True, "adaptive": False, "unknown": None}[logs.adaptivity]
    placed = geometry.misplaced
    return (
        Measurement("Bernoulli labels", noisy, how=f"labels are declared {logs.labels!r}"),
        Measurement("counts fixed before the labels", adaptive, how=f"logging is declared {logs.adaptivity!r}"),
        Measurement("cells found without labels", geometry.estimates.label_free, how="as the training declares"),
        Measurement(
            "counts are those of the cells",
            placed == 0,
            float(placed),
            how=f"{placed} (cell, model) pairs counted otherwise",
            limit=0.0,
        ),
    )
