"""The steps from the coverage of all records per record to that of the best client."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from fedroute_theory.assumptions import coverage
from fedroute_theory.lines import worst_pair
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged


def steps(claims: Callable[[Case], Iterable[Claim]], case: Case) -> Iterable[Waterfall]:
    """From K2(rho_bar) / D to the effective sizes added up, and to the best client alone. claims: those of the theorem."""
    if case.federation is None:
        return
    problem, records = case.problem, case.federation.records.astype(np.float64)
    ratios = case.federation.coverage(problem)
    own = np.array([coverage(ratio, problem.weights).k2 for ratio in ratios])
    sizes = records / own
    share = sizes / sizes.sum()
    with np.errstate(divide="ignore"):
        per_record = 1.0 / (records[:, None, None] * ratios)  # w_i / D_i
    mixed = sum(t**2 * v for t, v in zip(share, per_record, strict=True) if t > 0.0)
    live = problem.weights > 0
    for claim, _ in judged(claims(case)):
        stages = [
            Stage(
                "fixed shares of the clients",
                float(problem.weights[live] @ worst_pair(mixed[live], mixed[live])),
                "w_bar/D <= sum t_i^2 w_i/D_i for shares t, here those of the effective sizes (pooling, proof 2)",
            ),
            Stage("pair maxima one by one", float(1.0 / sizes.sum()), "max of a sum <= sum of max (pooling, proof 2)"),
        ]
        if claim.form == "per-record":
            stages.append(Stage("best client alone", float((own / records).min()), "other sizes are >= 0 (pooling, proof 2)"))
        yield Waterfall.of(claim, stages)
