"""What most experiments do with a router: train it on labels drawn again and again, and read gaps and bounds by training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Federation, draw_logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.routers import Router, train
from fedroute_theory.theorems import Bound, Case, Claim
from fedroute_theory.verify.scenarios.base import World, redrawn

TRAININGS = ("local", "federated", "pooled")
DELTA = 0.05
VIOLATION = 1.0 + 1e-9


def trained_case(
    problem: RoutingProblem,
    laws: Federation,
    router: Router,
    rng: np.random.Generator,
    *,
    repetitions: int = 1,
    labels: str = "bernoulli-quality",
) -> Case:
    """Draw records, draw their labels `repetitions` times, and train local, federated and pooled routers on each."""
    logs = draw_logs(problem, laws, rng, labels)
    seed = int(rng.integers(2**31))
    drawn = redrawn(World(problem, laws, logs), rng, repetitions)
    trained = train(router, logs, seed, drawn)
    return Case(problem, laws, logs, trained.estimates(), DELTA, trained.messages, drawn)


def summary(
    claims: Iterable[Claim], floors: Mapping[tuple[str, int | None], float] | None = None
) -> dict[str, dict[str, dict[str, Any]]]:
    """training -> form -> gap and bound, means over clients and over label draws, and what broke.

    floors: (training, client) -> exact part of the gap that the claims leave out (the approximation, for relative forms); it is
    added to gap and bound. gap, bound: None where no client has a number. worst_gap, worst_bound: of the client with the
    largest gap. vacuous: share of bounds, floor included, that say no more than the utility range. terms: of the first label
    draw, without the floor. claims, violations: over clients and draws. unanswered: clients to whom the theorem does not apply.
    """
    groups: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.training, claim.form), []).append(claim)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (training, form), own in groups.items():
        found.setdefault(training, {})[form] = _of_form(own, floors or {})
    return found


def _of_form(own: list[Claim], floors: Mapping[tuple[str, int | None], float]) -> dict[str, Any]:
    answered = [(claim, claim.answer) for claim in own if isinstance(claim.answer, Bound)]
    if not answered:
        return {"gap": None, "bound": None, "claims": 0, "violations": 0, "unanswered": len(own)}
    stated = [(_repeated(claim.gaps, claim.gap), _repeated(claim.bounds, answer.value)) for claim, answer in answered]
    violations = sum(int((g > b * VIOLATION).sum()) for g, b in stated)
    more = [floors.get((claim.training, claim.client), 0.0) for claim, _ in answered]
    gaps, bounds = ([pair[side] + floor for pair, floor in zip(stated, more, strict=True)] for side in (0, 1))
    vacuous = [b >= answer.trivial * (1.0 - 1e-12) for b, (_, answer) in zip(bounds, answered, strict=True)]
    worst = int(np.argmax([g.mean() for g in gaps]))
    names = list(dict.fromkeys(name for _, answer in answered for name in answer.terms))
    return {
        "gap": float(np.mean([g.mean() for g in gaps])),
        "bound": float(np.mean([b.mean() for b in bounds])),
        "worst_gap": float(gaps[worst].mean()),
        "worst_bound": float(bounds[worst].mean()),
        "vacuous": float(np.mean([v.mean() for v in vacuous])),
        "terms": {name: float(np.mean([a.terms.get(name, 0.0) for _, a in answered])) for name in names},
        "claims": int(sum(g.size for g in gaps)),
        "violations": violations,
        "unanswered": len(own) - len(answered),
    }


def _repeated(values: FloatArray, single: float) -> FloatArray:
    return values if values.size else np.array([single])


def gaps_under(problem: RoutingProblem, estimates: CellEstimates, weights: FloatArray | None = None) -> FloatArray:
    """(T,) exact gap of each label draw's router to the optimal policy, under test weights (n,) (default: the problem's)."""
    law = problem.weights if weights is None else weights / weights.sum()
    chosen = np.atleast_2d(estimates.choices(problem.lam))
    cell = estimates.cells(problem.embeddings)
    lost = problem.optimum - problem.utility[np.arange(law.size), chosen[:, cell]]
    gaps: FloatArray = lost @ law
    return gaps


def approximation(problem: RoutingProblem, estimates: CellEstimates) -> float:
    """Exact gap of the best policy that is constant on the router's cells."""
    cell = estimates.cells(problem.embeddings)
    return max(0.0, problem.mean(problem.optimum) - problem.best_on_cells(cell, estimates.n_cells).value)


def approximations(case: Case) -> dict[tuple[str, int | None], float]:
    """(training, client) -> approximation gap of its router; of routers with cells."""
    return {(training, client): approximation(case.problem, e) for training, client, e in case.cell_estimates()}
