"""What experiments on growth share: one small problem, three families, gaps and bounds of a federated router as it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates, Estimates, FunctionEstimates, LinearPredictor, RandomFeatures
from fedroute_theory.estimates.base import Prediction
from fedroute_theory.estimates.functions import Predictor
from fedroute_theory.federation import Federation, Logs, Message
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Tabular, voronoi
from fedroute_theory.routers import KMeansRouter, LinearRouter, MLPRouter, Router, mlp, train, train_federated, train_local
from fedroute_theory.routers.growth import Grown
from fedroute_theory.theorems import Bound, Case, theorem
from fedroute_theory.theorems.kmeans_router.claims import claims as kmeans_router

SITES, FEATURES = 6, 25
"""Cells of the problem, on which utilities are constant; features of the linear heads, the intercept included."""

FAMILIES = ("K-means", "linear heads", "MLP")
LAM, DELTA = 0.2, 0.05
RANGE = 1.0 + LAM
"""Of utilities: quality and cost lie in [0, 1]."""


def family_problem(rng: np.random.Generator, models: int) -> Tabular:
    """Well separated cells; quality and cost uniform."""
    return voronoi(rng, sites=SITES, per_site=20, models=models, lam=LAM)


def family_router(family: str) -> Router:
    """One of FAMILIES, small; nothing a client holds is withheld, so that all families see the same records."""
    if family == "K-means":
        return KMeansRouter.with_clusters(SITES)
    if family == "linear heads":
        features = RandomFeatures.draw(np.random.default_rng(0), 2, FEATURES - 1, scale=6.0)
        return LinearRouter(features, least_records=1)
    return MLPRouter(
        hidden=(32,), dropout=0.0, learning_rates=(1e-2,), rounds=40, batch=64, local_epochs=None, local_steps=20,
        cost_scaling="range",
    )  # fmt: skip


def joined(parts: Sequence[Logs], clients: int) -> Logs:
    """Records of several logs as one, among `clients` clients."""
    columns = ("client", "embedding", "query", "model", "quality", "cost")
    together: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in columns}
    return replace(parts[0], n_clients=clients, n_models=max(p.n_models for p in parts), **together)


def moved(logs: Logs, by: int) -> Logs:
    """The same records of clients numbered `by` higher."""
    return replace(logs, client=logs.client + by, n_clients=logs.n_clients + by)


def record_bytes(logs: Logs) -> int:
    """Bytes of sending the records themselves: embedding, model, quality, cost."""
    return logs.embedding.nbytes + logs.model.nbytes + logs.quality.nbytes + logs.cost.nbytes


def federated_only(router: Router, logs: Logs, seed: int) -> Grown:
    """The federated training alone, ready to grow."""
    estimates: Estimates
    messages: tuple[Message, ...]
    if isinstance(router, KMeansRouter):
        estimates, messages = train_federated(router, logs, seed)
    elif isinstance(router, MLPRouter):
        estimates, messages = mlp.train_federated(router, logs, seed)
    else:
        trained = train(router, logs, seed)
        estimates, messages = trained.federated, trained.messages
    return Grown(router, estimates, messages, messages, frozenset(np.unique(logs.client).tolist()), seed)


def local_only(router: Router, logs: Logs, seed: int) -> Mapping[int, Estimates]:
    """Every client's own training, by client index."""
    if isinstance(router, KMeansRouter):
        return train_local(router, logs, seed)
    if isinstance(router, MLPRouter):
        return mlp.train_local(router, logs, seed)
    return train(router, logs, seed).local


@dataclass(frozen=True, eq=False)
class _Padded:
    """A predictor that has nothing to say of `extra` more models."""

    known: Predictor
    extra: int

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        quality, cost = (np.pad(v, ((0, 0), (0, self.extra)), constant_values=np.nan) for v in self.known(embeddings))
        return quality, cost

    def repetition(self, t: int, /) -> _Padded:
        return _Padded(self.known.repetition(t), self.extra)


def padded(estimates: Estimates, models: int) -> Estimates:
    """The same estimates among `models` models: of the further ones they know nothing, and never route there."""
    extra = models - estimates.n_models
    if extra == 0:
        return estimates

    def wide(values: np.ndarray[Any, Any], fill: float) -> np.ndarray[Any, Any]:
        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, extra)], constant_values=fill)

    if isinstance(estimates, CellEstimates):
        return replace(
            estimates, quality=wide(estimates.quality, np.nan), cost=wide(estimates.cost, np.nan),
            counts=wide(estimates.counts, 0), distance=wide(estimates.distance, 0.0), routable=wide(estimates.routable, False),
        )  # fmt: skip
    assert isinstance(estimates, FunctionEstimates)
    return replace(
        estimates, predictor=_Padded(estimates.predictor, extra), counts=wide(estimates.counts, 0),
        routable=wide(estimates.routable, False),
    )  # fmt: skip


def judged(problem: RoutingProblem, laws: Federation, logs: Logs, estimates: Estimates) -> dict[str, Any]:
    """Exact gap and bounds of one federated router; None where a theorem has no number.

    greedy: greedy-decomposition with the exact errors. transfer: coverage-transfer, range-aware, with the exact squared error
    under the logging law. own: kmeans-router (relative, kl widths) with probability 1 - delta; of linear heads p / (4 n) of the
    least logged model, an expected squared error in sample. claims, violations: of the gaps against all that were read.
    """
    whole = padded(estimates, problem.n_models)
    case = Case(problem, laws, logs, [("federated", None, whole)], DELTA)
    found: dict[str, Any] = {"gap": problem.suboptimality(whole.policy(problem.lam)).value, "claims": 0, "violations": 0}
    wanted = {
        ("greedy-decomposition", "top2"): "greedy",
        ("coverage-transfer", "range-aware"): "transfer",
    }
    found |= dict.fromkeys((*wanted.values(), "own"))
    claims = [(name, c) for (slug, form), name in wanted.items() for c in theorem(slug).claims(case) if c.form == form]
    claims += [("own", c) for c in kmeans_router(case, ("relative",)) if c.form == "relative/kl"]
    for name, claim in claims:
        if isinstance(claim.answer, Bound):
            found[name] = claim.answer.value
            found["claims"] += 1
            found["violations"] += int(claim.gap > claim.answer.value * (1.0 + 1e-9) + 1e-12)
    if isinstance(whole, FunctionEstimates) and isinstance(estimates, FunctionEstimates):
        least = int(whole.counts.min())
        if isinstance(estimates.predictor, LinearPredictor) and least >= FEATURES:
            found["own"] = theorem("linear-heads").forms["bernoulli"](p=FEATURES, n=least).value
    return found
