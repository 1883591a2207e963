"""What else is known about the case behind a claim: assumptions that other theorems measure, and facts about the records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory.assumptions import coverage
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.testing.conformance.trouble import Unit
from fedroute_theory.theorems import Case, registry

SAME_LAW = "records follow the test law"
"""The law of a model's logged queries is the test law: means over records are then means over queries."""


ONE_TRUTH = "one truth for all clients"
"""Labels of all clients follow the truth of the problem."""

Known = dict[tuple[str, int | None], dict[str, bool | None]]
"""(training, client) -> assumption -> whether it holds."""


def facts(unit: Unit) -> dict[str, bool | None]:
    """Name -> whether it holds, for the training (and client) of the unit: what is quickly known of the records."""
    case, claim = unit.example.case, unit.claim
    found: dict[str, bool | None] = {ONE_TRUTH: all(_alike(truth, case.problem) for truth in case.truths)}
    if case.federation is not None:
        own = case.federation.pooled_coverage(case.problem)
        if claim.client is not None:
            own = case.federation.coverage(case.problem)[claim.client]
        live = case.problem.weights > 0
        found[SAME_LAW] = bool((np.ptp(own[live], axis=0) <= 1e-9).all())
        found["coverage"] = bool(np.isfinite(coverage(own, case.problem.weights).k2))
    return found


def measured(case: Case) -> Known:
    """The assumptions of every theorem of the registry that speaks of the case, on the logs' own labels."""
    once = replace(case, trained=[(t, i, e.repetition(0)) for t, i, e in case.trained], labels=None)
    found: Known = {}
    for entry in registry().values():
        try:
            claims = list(entry.claims(once))
        except Exception:  # a theorem that cannot speak of a user's case explains nothing about it
            continue
        for claim in claims:
            own = found.setdefault((claim.training, claim.client), {})
            for m in claim.assumptions:
                own[m.name] = m.holds if own.get(m.name, True) is True else own[m.name]
    return found


def _alike(truth: RoutingProblem, problem: RoutingProblem) -> bool:
    return np.array_equal(truth.quality, problem.quality) and np.array_equal(truth.cost, problem.cost)
