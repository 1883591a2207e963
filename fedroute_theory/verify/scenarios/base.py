"""What a scenario is, and how its case is drawn and trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import Estimates
from fedroute_theory.federation import Federation, Labels, Logs, Message, draw_labels
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.routers import MLPRouter, Router, Trained, descent_of, mlp, train
from fedroute_theory.theorems import Case

Rng = np.random.Generator

Training = tuple[str, int | None, Estimates]

SIZES = {"quick": (300,), "default": (300, 3000), "full": (300, 3000, 30000)}
"""Records a client, by mode."""

REPETITIONS = {"quick": 450, "default": 600, "full": 600}
"""Redrawn labels, by mode: enough that no violation at all shows a rate below delta = 0.05."""


TRAININGS = ("local", "mixture", "federated", "pooled")
"""All trainings that a router may have."""


@dataclass(frozen=True, eq=False)
class World:
    """A problem, the clients' laws and what they logged. truths: one problem a client where they disagree."""

    problem: RoutingProblem
    federation: Federation | None
    logs: Logs
    truths: tuple[RoutingProblem, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """name: as printed. build: generator and records a client -> world. router: its hyperparameters.

    sizes: records a client, by mode. theorems: the slugs it is meant for (empty: all). descends: whether the federated
    optimisation is looked at too, for routers that descend. redraws: whether labels are redrawn on the same
    records; else each client's local router is a trial with records of its own. trials: the mode's repetitions are multiplied
    by it, where a training costs little and claims do fail now and then, so that more of them are needed to decide.
    trainings: those that the theorems speak of, where they are not all; of a network no other is made. seconds: processor time
    of a default cell, roughly: the longest cells start first.
    """

    name: str
    build: Callable[[Rng, int], World]
    router: Router
    sizes: Mapping[str, tuple[int, ...]]
    theorems: tuple[str, ...] = ()
    descends: bool = False
    redraws: bool = True
    trials: int = 1
    trainings: tuple[str, ...] = TRAININGS
    seconds: float = 6.0


def stream(seed: int, *place: str | int) -> Rng:
    """The random stream of one place in the run; it depends on the seed and the place only."""
    words = [crc32(p.encode()) if isinstance(p, str) else p for p in place]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def build_case(scenario: Scenario, records: int, seed: int, repetitions: int, delta: float) -> Case:
    """Draw the scenario, train its router with redrawn labels, and hand over what theorems may look at.

    records: of each client. seed: at least 0. repetitions: T >= 1, the logs' own labels included. delta: granted to each claim.
    """
    rng = stream(seed, scenario.name, records)
    world = scenario.build(rng, records)
    router_seed = int(rng.integers(2**31))
    labels = redrawn(world, rng, repetitions if scenario.redraws else 1)
    judged, messages = _trained(scenario, world.logs, router_seed, labels)
    descent = descent_of(scenario.router, world.logs, router_seed) if scenario.descends else None
    return Case(world.problem, world.federation, world.logs, judged, delta, messages, labels, world.truths, descent, {})


def _trained(scenario: Scenario, logs: Logs, seed: int, labels: Labels) -> tuple[list[Training], tuple[Message, ...]]:
    """The scenario's trainings and all messages; hundreds of networks are trained for nothing that no theorem speaks of."""
    if not isinstance(scenario.router, MLPRouter):
        trained: Trained[Estimates] = train(scenario.router, logs, seed, labels)
        return [t for t in trained.estimates() if t[0] in scenario.trainings], trained.messages
    found: list[Training] = []
    messages: tuple[Message, ...] = ()
    if "local" in scenario.trainings:
        found += [("local", *own) for own in mlp.train_local(scenario.router, logs, seed, labels).items()]
    if "federated" in scenario.trainings:
        federated, messages = mlp.train_federated(scenario.router, logs, seed, labels)
        found.append(("federated", None, federated))
    if "pooled" in scenario.trainings:
        found.append(("pooled", None, mlp.train_pooled(scenario.router, logs, seed, labels)))
    return found, messages


def redrawn(world: World, rng: Rng, repetitions: int) -> Labels:
    """The logs' own labels as the first repetition, then fresh ones; noise-free labels have one repetition."""
    logs = world.logs
    own = Labels(logs.quality[None], logs.cost[None])
    if logs.labels == "exact":
        return own
    fresh = fresh_labels(world, rng, repetitions - 1)
    return Labels(np.concatenate([own.quality, fresh.quality]), np.concatenate([own.cost, fresh.cost]))


def fresh_labels(world: World, rng: Rng, repetitions: int) -> Labels:
    """New labels (T, D) of the same records, by each client's own truth."""
    quality, cost = _means(world)
    return draw_labels(quality, cost, world.problem.c_max, rng, world.logs.labels, repetitions)


def _means(world: World) -> tuple[FloatArray, FloatArray]:
    """(D,) expected quality and cost of every record, by its own client's truth."""
    logs = world.logs
    rows: IntArray = np.arange(logs.size)
    quality, cost = (truth[rows, logs.model] for truth in world.problem.truth(logs.embedding))
    for client, problem in enumerate(world.truths):
        own = np.flatnonzero(logs.client == client)
        quality[own], cost[own] = (truth[np.arange(own.size), logs.model[own]] for truth in problem.truth(logs.embedding[own]))
    return quality, cost
