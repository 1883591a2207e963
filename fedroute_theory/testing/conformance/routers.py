"""What a router must keep: the same bytes for the same seed, estimates in range, a greedy policy, messages without queries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import NoneType
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, choice, instance, integer, number
from fedroute_theory.estimates import Estimates
from fedroute_theory.federation import Labels, Logs, draw_logs, uniform_logging
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Lipschitz
from fedroute_theory.routers import Trained
from fedroute_theory.testing.conformance.report import Report, first, refusal, report
from fedroute_theory.testing.trials import AnyRouter, check_any, train_any

PROMISES = {
    "record-order": "the order of a client's records does not matter",
    "client-order": "the numbering of the clients does not matter",
    "one-client": "with one client, federated and pooled are the same",
}
"""What only some routers promise: centres that start at random records depend on their order."""


@dataclass(frozen=True)
class _World:
    router: AnyRouter
    problem: RoutingProblem
    seed: int
    tolerance: float

    @cached_property
    def logs(self) -> Logs:
        laws = uniform_logging(self.problem, clients=3, records=60)
        return draw_logs(self.problem, laws, np.random.default_rng(self.seed))

    @cached_property
    def trained(self) -> Trained[Any]:
        return train_any(self.router, self.logs, self.seed)

    def estimates(self) -> list[tuple[str, Estimates]]:
        return named(self.trained)


def check_router(
    router: AnyRouter,
    *,
    problem: RoutingProblem | None = None,
    promises: Collection[str] = (),
    seed: int = 0,
    tolerance: float = 1e-9,
) -> Report:
    """Everything the package relies on in a router.

    router: hyperparameters of a router of this package, or a function of (logs, seed, labels) that returns `Trained`. problem:
    where it is tried, of a continuous query law (so that no two records share a query); default cones on the unit square with
    costs up to 1. promises: which of PROMISES the router makes. tolerance: by how much predictions may differ where different
    sums give the same numbers. InputError for what is no router or problem, a promise that does not exist and numbers out of
    range.
    """
    check_any(router)
    instance("problem", problem, (RoutingProblem, NoneType), "be None or a RoutingProblem")
    for promise in promises:
        choice("promises", promise, PROMISES)
    default = Lipschitz.generate(np.random.default_rng(seed), dimension=2, models=3, lam=0.5, sample=64)
    world = _World(router, problem or default, integer("seed", seed, 0), number("tolerance", tolerance, 0.0))
    named_checks = {
        "the same seed gives the same bytes": _repeats,
        "estimates are numbers in range wherever the policy may go": _ranges,
        "the policy is the argmax of the estimates, ties to the lowest index": _greedy,
        "redrawn labels give what each gives alone": _redrawn,
        "labels that are none are refused": _refusals,
        "no message holds a raw query": _messages,
    }
    optional = {"record-order": _record_order, "client-order": _client_order, "one-client": _one_client}
    named_checks |= {PROMISES[promise]: optional[promise] for promise in PROMISES if promise in promises}
    subject = getattr(router, "__qualname__", None) or type(router).__name__
    return report(subject, {name: partial(check, world) for name, check in named_checks.items()})


def named(trained: Trained[Any]) -> list[tuple[str, Estimates]]:
    """The estimates of every training, with a name for messages."""
    return [(training if client is None else f"{training} {client}", e) for training, client, e in trained.estimates()]


def _apart(first_one: Estimates, second: Estimates, embeddings: FloatArray) -> float:
    """Largest difference of two predictions; infinite where only one is a number."""
    pairs = zip(first_one.predict(embeddings), second.predict(embeddings), strict=True)
    largest = 0.0
    for a, b in pairs:
        if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
            return np.inf
        largest = max(largest, float(np.nanmax(np.abs(a - b), initial=0.0)))
    return largest


def _compare(world: _World, others: list[tuple[str, Estimates]], what: str, tolerance: float) -> str:
    wrong, mine = [], world.estimates()
    if [name for name, _ in mine] != [name for name, _ in others]:
        return f"{what}: trainings are {[n for n, _ in others]}, not {[n for n, _ in mine]}"
    for (name, one), (_, other) in zip(mine, others, strict=True):
        apart = _apart(one, other, world.problem.embeddings)
        if apart > tolerance:
            wrong.append(f"{what}: {name} predictions differ by up to {apart:.3g}, more than {tolerance:g}")
    return first(wrong)


def _repeats(world: _World) -> str:
    again = train_any(world.router, world.logs, world.seed)
    wrong = _compare(world, named(again), "trained twice", 0.0)
    if wrong:
        return wrong
    sent = [[[a.tobytes() for a in m.arrays.values()] for m in t.messages] for t in (world.trained, again)]
    return "" if sent[0] == sent[1] else "trained twice: the messages differ"


def _ranges(world: _World) -> str:
    wrong = []
    for name, estimates in world.estimates():
        quality, cost = estimates.predict(world.problem.embeddings)
        expected = (world.problem.weights.size, world.problem.n_models)
        if quality.shape != expected or cost.shape != expected:
            wrong.append(f"{name} predictions have shapes {quality.shape} and {cost.shape}, not {expected}")
        elif not np.array_equal(np.isnan(quality), np.isnan(cost)):
            wrong.append(f"{name}: quality is a number where cost is none, or the other way round")
        elif np.isnan(quality).all(axis=1).any():
            wrong.append(f"{name}: some query may be routed nowhere")
        elif not ((quality >= 0.0) & (quality <= 1.0) | np.isnan(quality)).all():
            wrong.append(f"{name}: quality from {np.nanmin(quality):.6g} to {np.nanmax(quality):.6g}, outside [0, 1]")
        elif not ((cost >= 0.0) & np.isfinite(cost) | np.isnan(cost)).all():
            wrong.append(f"{name}: cost from {np.nanmin(cost):.6g} to {np.nanmax(cost):.6g}, outside [0, inf)")
        elif estimates.n_models != world.problem.n_models:
            wrong.append(f"{name}: estimates of {estimates.n_models} models, not {world.problem.n_models}")
    return first(wrong)


def _greedy(world: _World) -> str:
    embeddings, wrong = world.problem.embeddings, []
    for name, estimates in world.estimates():
        for lam in (0.0, world.problem.lam, 2.0 * world.problem.lam + 1.0):
            quality, cost = estimates.predict(embeddings)
            utility = np.where(np.isnan(quality), -np.inf, quality - lam * cost)
            differs = np.flatnonzero(estimates.policy(lam)(embeddings) != utility.argmax(axis=1))
            if differs.size:
                wrong.append(f"{name}: the policy at price {lam:g} is not the argmax on {differs.size} queries")
    return first(wrong)


def _redrawn(world: _World) -> str:
    rng = np.random.default_rng(world.seed + 1)
    logs, shape = world.logs, (3, world.logs.size)
    labels = Labels((rng.random(shape) < 0.5).astype(float), logs.cost.max() * (rng.random(shape) < 0.5))
    together = named(train_any(world.router, logs, world.seed, labels))
    wrong = []
    for t in range(3):
        alone = named(train_any(world.router, replace(logs, quality=labels.quality[t], cost=labels.cost[t]), world.seed))
        for (name, one), (_, whole) in zip(alone, together, strict=True):
            apart = _apart(one, whole.repetition(t), world.problem.embeddings)
            if apart > world.tolerance:
                wrong.append(f"{name}: repetition {t} differs by up to {apart:.3g} from a training on its labels alone")
    return first(wrong)


def _refusals(world: _World) -> str:
    shape = (1, world.logs.size)
    bad = {"quality 2": (2.0, 0.0), "quality nan": (np.nan, 0.0), "cost -1": (0.5, -1.0), "cost inf": (0.5, np.inf)}
    labels = {name: Labels(np.full(shape, q), np.full(shape, c)) for name, (q, c) in bad.items()}
    labels["labels of other records"] = Labels(np.zeros((1, 3)), np.zeros((1, 3)))
    found = {name: refusal(partial(train_any, world.router, world.logs, world.seed, given)) for name, given in labels.items()}
    return first([f"{name}: {wrong}" for name, wrong in found.items() if wrong])


def _messages(world: _World) -> str:
    """A query may be hidden anywhere in an array, so every window of its length is looked at."""
    queries = {row.tobytes() for row in np.ascontiguousarray(world.logs.embedding, dtype=np.float64)}
    width = world.logs.embedding.shape[1]
    for message in world.trained.messages:
        for name, values in message.arrays.items():
            flat = np.asarray(values, dtype=np.float64).ravel()
            if flat.size < width:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(flat, width)
            if any(np.ascontiguousarray(window).tobytes() in queries for window in windows):
                return f"'{name}' of {message} holds a query of the records as it is"
    return ""


def _record_order(world: _World) -> str:
    order = np.random.default_rng(world.seed).permutation(world.logs.size)
    return _compare(
        world, named(train_any(world.router, world.logs.take(order), world.seed)), "records shuffled", world.tolerance
    )


def _client_order(world: _World) -> str:
    turned = replace(world.logs, client=world.logs.n_clients - 1 - world.logs.client)
    others = train_any(world.router, turned, world.seed)
    back = {f"local {world.logs.n_clients - 1 - i}": e for i, e in others.local.items()}
    back |= {f"mixture {world.logs.n_clients - 1 - i}": e for i, e in others.personal.items()}
    back |= {"federated": others.federated, "pooled": others.pooled}
    return _compare(world, [(n, back[n]) for n, _ in world.estimates() if n in back], "clients renumbered", world.tolerance)


def _one_client(world: _World) -> str:
    alone = replace(world.logs, client=np.zeros(world.logs.size, dtype=np.int64), n_clients=1)
    trained = train_any(world.router, alone, world.seed)
    apart = _apart(trained.federated, trained.pooled, world.problem.embeddings)
    return "" if apart <= world.tolerance else f"federated and pooled predictions differ by up to {apart:.3g}"
