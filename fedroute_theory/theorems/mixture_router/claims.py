"""What the theorem says about mixtures of trained routers, whatever chose the weights: with the true errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import MixtureEstimates
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.mixture_router import formulas
from fedroute_theory.theorems.mixture_router.certified import certified_claims
from fedroute_theory.theorems.mixture_router.mixed import BOTH_SIDES, CONSTANT, Mixed

_GRID = np.linspace(0.0, 1.0, 33)


def claims(case: Case) -> Iterable[Claim]:
    """Every form, for every client with a mixture."""
    for training, client, estimates in case.trained:
        if isinstance(estimates, MixtureEstimates) and client is not None:
            problem = case.truths[client] if case.truths else case.problem
            mixed = Mixed(problem, estimates)
            yield from _exact(mixed, training, client)
            yield from certified_claims(case, mixed, training, client)


def _exact(mixed: Mixed, training: str, client: int) -> Iterable[Claim]:
    """The inequalities with the true errors: certain, whatever chose the weights."""
    problem, first = mixed.problem, mixed.first
    chosen = first.utility_at(problem.embeddings, problem.lam).argmax(axis=1)
    gap = problem.gap_of(problem.optimum - problem.utility[np.arange(chosen.size), chosen])
    answers: dict[str, Answer] = {
        "constant": mixed.refused(BOTH_SIDES, CONSTANT) or _constant(mixed),
        "per-model": _per_model(mixed),
        "disagreement": mixed.refused(BOTH_SIDES) or _disagreement(mixed),
    }
    for form, answer in answers.items():
        yield Claim(form, training, client, first.n, answer, gap.value, gap.error, assumptions=tuple(mixed.measured.values()))


def _constant(mixed: Mixed) -> Bound:
    """The weight may differ between queries, not between models."""
    u = mixed.shares[0][:, 0]
    local, federated = (mixed.mean_oscillation(w[:, None] * e) for w, e in zip((u, 1.0 - u), mixed.errors, strict=True))
    note = f"weight of the local side {u[mixed.live].min():.3g} to {u[mixed.live].max():.3g}"
    return Bound({"local": local, "federated": federated}, trivial=mixed.problem.label_range, notes=note)


def _per_model(mixed: Mixed) -> Bound:
    """E top2 of the mixed error bounds; a model without any estimate counts with the whole range."""
    problem = mixed.problem
    (quality, cost), (quality_fed, cost_fed) = mixed.sides
    share, cost_share = mixed.shares

    def apart(truth: FloatArray, local: FloatArray, federated: FloatArray, u: FloatArray) -> FloatArray:
        mine = np.where(u > 0.0, u * np.abs(truth - local), 0.0)
        return mine + np.where(u < 1.0, (1.0 - u) * np.abs(truth - federated), 0.0)

    together = apart(problem.utility, mixed.utilities[0], mixed.utilities[1], share)
    separate = apart(problem.quality, quality, quality_fed, share)
    separate = separate + problem.lam * apart(problem.cost, cost, cost_fed, cost_share)
    b = np.where(share == cost_share, together, separate)
    b = np.sort(np.where(np.isnan(b), problem.label_range, b), axis=1)
    terms = {"largest error": problem.mean(b[:, -1]), "second largest error": problem.mean(b[:, -2])}
    return Bound(terms, trivial=problem.label_range)


def _disagreement(mixed: Mixed) -> Bound:
    """The least over a grid of constant weights: the inequality holds for every one of them."""
    local, federated = mixed.utilities
    quality, cost = mixed.first.predict(mixed.problem.embeddings)
    actual = quality - mixed.problem.lam * cost
    osc_loc, osc_fed = (mixed.mean_oscillation(e) for e in mixed.errors)
    own = mixed.first.constant_weight
    best = min(
        (
            formulas.disagreement(
                u=float(u),
                B_loc=osc_loc,
                B_fed=osc_fed,
                apart=mixed.mean_oscillation(u * local + (1.0 - u) * federated - actual),
            )
            for u in (_GRID if own is None else [*_GRID, own])
        ),
        key=lambda bound: bound.value,
    )
    return replace(best, trivial=mixed.problem.label_range)
