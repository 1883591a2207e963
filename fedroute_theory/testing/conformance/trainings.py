"""A router's trainings on the logs of a small problem, and how far two of them are apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import Estimates
from fedroute_theory.federation import Labels, Logs, draw_logs, uniform_logging
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.routers import Trained
from fedroute_theory.testing.conformance.report import first
from fedroute_theory.testing.trials import AnyRouter, train_any

Named = list[tuple[str, Estimates]]

CLIENTS, RECORDS = 3, 60


@dataclass(frozen=True)
class World:
    """A router and where it is tried. seed: of the logs and of every training. tolerance: what is rounding in a prediction."""

    router: AnyRouter
    problem: RoutingProblem
    seed: int
    tolerance: float

    @cached_property
    def logs(self) -> Logs:
        """Three clients of 60 records each, who try every model equally often."""
        laws = uniform_logging(self.problem, clients=CLIENTS, records=RECORDS)
        return draw_logs(self.problem, laws, np.random.default_rng(self.seed))

    @cached_property
    def trained(self) -> Trained[Any]:
        """On these logs."""
        return self.train(self.logs)

    @cached_property
    def changed(self) -> Trained[Any]:
        """As if the records of client 0 had other labels and stood at each other's queries."""
        logs = self.logs
        mine = np.flatnonzero(logs.client == 0)
        turned = np.arange(logs.size)
        turned[mine] = mine[::-1]
        quality, cost = (np.array(column) for column in (logs.quality, logs.cost))
        quality[mine], cost[mine] = 1.0 - quality[mine], cost.max() - cost[mine]
        moved = replace(logs, embedding=logs.embedding[turned], query=logs.query[turned])
        return self.train(replace(moved, quality=quality, cost=cost))

    def train(self, logs: Logs, labels: Labels | None = None) -> Trained[Any]:
        """On any logs."""
        return train_any(self.router, logs, self.seed, labels)

    def estimates(self) -> Named:
        """Of every training on the logs."""
        return named(self.trained)


def named(trained: Trained[Any]) -> Named:
    """The estimates of every training, with a name for messages."""
    return [(training if client is None else f"{training} {client}", e) for training, client, e in trained.estimates()]


def apart(one: Estimates, other: Estimates, embeddings: FloatArray) -> float:
    """Largest difference of two predictions; infinite where only one is a number."""
    largest = 0.0
    for a, b in zip(one.predict(embeddings), other.predict(embeddings), strict=True):
        if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
            return np.inf
        largest = max(largest, float(np.nanmax(np.abs(a - b), initial=0.0)))
    return largest


def differ(far: float) -> str:
    """How far predictions are apart, in words."""
    return f"differ by up to {far:.3g}" if np.isfinite(far) else "differ: one is a number where the other is none"


def compared(world: World, others: Named, what: str, tolerance: float) -> str:
    """What differs between the trainings on the logs and others of the same names."""
    wrong, mine = [], world.estimates()
    if [name for name, _ in mine] != [name for name, _ in others]:
        return f"{what}: trainings are {[n for n, _ in others]}, not {[n for n, _ in mine]}"
    for (name, one), (_, other) in zip(mine, others, strict=True):
        far = apart(one, other, world.problem.embeddings)
        if far > tolerance:
            wrong.append(f"{what}: {name} predictions {differ(far)}, more than {tolerance:g} apart")
    return first(wrong)


def counted(logs: Logs, client: int | None = None) -> IntArray:
    """(M,) records of each model, of one client or of all."""
    mine = logs.model if client is None else logs.model[logs.client == client]
    return np.bincount(mine, minlength=logs.n_models)
