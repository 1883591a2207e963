"""Clients that disagree on the truth by a stated amount: two families of worlds, their routers, gaps and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import Estimates, MixtureEstimates
from fedroute_theory.federation import Federation, Labels, Logs, draw_logs, uniform_logging
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Tabular, voronoi
from fedroute_theory.routers import KMeansRouter, LinearRouter, MixtureRouter, train
from fedroute_theory.routers.mixture import error_weights
from fedroute_theory.tables.studies.rounded import member
from fedroute_theory.theorems import Bound, Case, theorem
from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight

CLIENTS, MODELS, SITES, DELTA = 8, 3, 4, 0.05
FAMILIES = ("K-means", "linear heads")
TRAININGS = ("local", "federated", "pooled")
ROUTERS = (*TRAININGS, "certified", "training error", "validation")


def world(family: str, seed: int) -> tuple[RoutingProblem, FloatArray, FloatArray]:
    """The shared problem, every client's own qualities (N, n, M), and the centres of the sites."""
    rng = np.random.default_rng([seed, FAMILIES.index(family), 7])
    if family == "K-means":
        shared = voronoi(rng, sites=SITES, per_site=10, models=MODELS)
        own = rng.uniform(size=(CLIENTS, SITES, MODELS))[:, shared.task]
        centres = np.stack([shared.embeddings[shared.task == k].mean(axis=0) for k in range(SITES)])
        return shared.replace(cost=np.zeros_like(shared.cost)), own, centres
    x = rng.uniform(-1.0, 1.0, size=(200, 2))
    heads = rng.dirichlet(np.ones(3), size=(CLIENTS + 1, MODELS)) * rng.choice([-0.5, 0.5], size=(CLIENTS + 1, MODELS, 3))
    quality = 0.5 + np.einsum("nd,imd->inm", np.concatenate([np.ones((200, 1)), x], axis=1), heads)
    quality = np.clip(quality, 0.0, 1.0)  # rounding only
    shared = Tabular(x, np.full(200, 1.0), quality[0], np.zeros((200, MODELS)), 0.0, task=np.arange(200) % SITES, c_max=1.0)
    return shared, quality[1:], x[:1]


def base_router(family: str) -> KMeansRouter | LinearRouter:
    """Of the family, able to hold the truth of any client."""
    if family == "K-means":
        return KMeansRouter.with_clusters(SITES, empty="mid-range")
    return LinearRouter(least_records=1)


def judged_levels(family: str, records: int, seed: int, levels: Sequence[float], redraws: int) -> list[dict[str, Any]]:
    """One entry a level of disagreement, as `judged` has it; all levels share records and coins.

    levels: share h of a client's own truth in its truth (1 - h) shared + h own. records: of each client. redraws: of labels.
    """
    shared, own, centres = world(family, seed)
    rng = np.random.default_rng([seed, records, 11])
    laws = uniform_logging(shared, clients=CLIENTS, records=records)
    logs = draw_logs(shared, laws, rng)
    coins = rng.random((redraws, logs.size))
    truths = [tuple(shared.replace(quality=(1.0 - h) * shared.quality + h * mine) for mine in own) for h in levels]
    means = np.stack([np.stack([t.quality for t in level])[logs.client, logs.query, logs.model] for level in truths])
    quality = (coins < means[:, None]).astype(np.float64).reshape(-1, logs.size)
    labels = Labels(quality, np.zeros_like(quality))
    router = base_router(family)
    trained = train(MixtureRouter(router, "validation"), logs, seed, labels)
    memorised = {
        i: MixtureEstimates(local, trained.federated, *error_weights(local, trained.federated, logs, labels, rows))
        for i, local in trained.local.items()
        for rows in [np.flatnonzero(logs.client == i)]
    }  # the published weights: from the error on the records that were trained on
    learned: dict[str, Mapping[int, Estimates]] = {"training error": memorised, "validation": trained.personal}
    found = []
    for level, problems in enumerate(truths):
        rows = slice(level * redraws, (level + 1) * redraws)
        mine = Labels(quality[rows], labels.cost[rows])
        first = replace(logs, quality=mine.quality[0], cost=mine.cost[0])
        found.append(judged(shared, problems, laws, first, mine, trained.estimates(), learned, centres, rows))
    return found


def judged(
    shared: RoutingProblem, truths: tuple[RoutingProblem, ...], laws: Federation, logs: Logs, labels: Labels,
    trained: Sequence[tuple[str, int | None, Estimates]], learned: Mapping[str, Mapping[int, Estimates]],
    centres: FloatArray, rows: slice,
) -> dict[str, Any]:  # fmt: skip
    """One level of disagreement: gaps (N, T) of every router, bounds of both sides (delta / 2 each), and what was violated."""
    sides = [(t, i, member(e, centres, rows)) for t, i, e in trained if t != "mixture"]
    case = Case(shared, laws, logs, sides, DELTA / 2.0, labels=labels, truths=truths)
    gaps: dict[str, Any] = {name: [None] * CLIENTS for name in ROUTERS}
    bounds: dict[str, Any] = {name: [None] * CLIENTS for name in (*TRAININGS, "bias")}
    least = {name: [math.inf] * CLIENTS for name in TRAININGS}
    claims = violations = 0
    for slug in ("mlp-router", "client-heterogeneity"):
        for claim in theorem(slug).claims(case):
            if not isinstance(claim.answer, Bound) or claim.client is None:
                continue
            claims, violations = claims + claim.gaps.size, violations + int((claim.gaps > claim.bounds * (1 + 1e-9)).sum())
            if claim.form == "finite-class":
                gaps[claim.training][claim.client] = claim.gaps
                bounds[claim.training][claim.client] = claim.bounds
                if claim.training == "federated":
                    bounds["bias"][claim.client] = claim.answer.terms["client's own bias"]
            if claim.form in ("finite-class", "finite-class/policy"):
                least[claim.training][claim.client] = min(least[claim.training][claim.client], claim.answer.value)
    by_name = {(t, i): e for t, i, e in sides}
    for j, truth in enumerate(truths):
        u = np.repeat(harmonic_weight(bounds["local"][j], bounds["federated"][j])[:, None], MODELS, axis=1)
        mixtures = {"certified": MixtureEstimates(by_name["local", j], by_name["federated", None], u, u)}
        utilities = {name: e.utility_at(truth.embeddings, 0.0) for name, e in mixtures.items()}
        utilities |= {name: mixed[j].utility_at(truth.embeddings, 0.0)[rows] for name, mixed in learned.items()}
        for name, utility in utilities.items():
            picked = truth.utility[np.arange(truth.weights.size), utility.argmax(axis=-1)]
            gaps[name][j] = (truth.optimum - picked) @ truth.weights
    gap = {name: np.array(values) for name, values in gaps.items()}  # (N, T)
    bound = {name: np.array(bounds[name]) for name in TRAININGS}
    advised = np.where(bound["local"] < bound["federated"], gap["local"], gap["federated"])
    harmonic = theorem("mixture-router").forms["harmonic"]
    return {
        "gap": {name: float(value.mean()) for name, value in gap.items()} | {"advised": float(advised.mean())},
        "worst": {name: float(value.mean(axis=1).max()) for name, value in gap.items()},
        "disagreement": round(float(np.mean(bounds["bias"])), 12),
        "bound": {
            **{name: float(value.mean()) for name, value in bound.items()},
            "certified": float(
                np.mean([
                    harmonic(B_loc=float(a), B_fed=float(b), delta=DELTA).value
                    for a, b in zip(bound["local"][:, 0], bound["federated"][:, 0], strict=True)
                ])
            ),
        },
        "least": {name: float(np.mean(value)) for name, value in least.items()},
        "claims": claims,
        "violations": violations,
    }  # fmt: skip
