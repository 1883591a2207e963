"""What a router must keep: the same bytes for the same seed, estimates in range, a greedy policy, messages without queries."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from types import NoneType

import numpy as np

from fedroute_theory._validate import choice, instance, integer, number
from fedroute_theory.federation import Labels
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Lipschitz
from fedroute_theory.testing.conformance.evidence import absent_records, counts, own_records, sent_records
from fedroute_theory.testing.conformance.report import Report, first, refusal, report
from fedroute_theory.testing.conformance.trainings import World, apart, compared, differ, named
from fedroute_theory.testing.trials import AnyRouter, check_any

PROMISES = {
    "record-order": "the order of a client's records does not matter",
    "client-order": "the numbering of the clients does not matter",
    "one-client": "with one client, federated and pooled are the same",
}
"""What only some routers promise: centres that start at random records depend on their order."""


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
    costs up to 1. promises: which of PROMISES the router makes. seed: at least 0, of the logs and the trainings. tolerance: by
    how much predictions may differ where different sums give the same numbers. A client is known by its sender, "client 0" and
    so on. InputError for what is no router or problem, a promise that does not exist and numbers out of range.
    """
    check_any(router)
    instance("problem", problem, (RoutingProblem, NoneType), "be None or a RoutingProblem")
    for promise in promises:
        choice("promises", promise, PROMISES)
    default = Lipschitz.generate(np.random.default_rng(seed), dimension=2, models=3, lam=0.5, sample=64)
    world = World(router, problem or default, integer("seed", seed, 0), number("tolerance", tolerance, 0.0))
    checks: dict[str, Callable[[World], str]] = {
        "the same seed gives the same bytes": _repeats,
        "estimates are numbers in range wherever the policy may go": _ranges,
        "the policy is the argmax of the estimates, ties to the lowest index": _greedy,
        "redrawn labels give what each gives alone": _redrawn,
        "labels that are none are refused": _refusals,
        "no message holds a raw query": _messages,
        "a client's own router sees its own records only": own_records,
        "clients whose records move the federated estimates have sent something": sent_records,
        "estimates count the records behind them": counts,
        "where nobody tried a model there is no silent zero": absent_records,
    }
    optional = {"record-order": _record_order, "client-order": _client_order, "one-client": _one_client}
    checks |= {PROMISES[promise]: optional[promise] for promise in PROMISES if promise in promises}
    subject = getattr(router, "__qualname__", None) or type(router).__name__
    return report(subject, {name: partial(check, world) for name, check in checks.items()})


def _repeats(world: World) -> str:
    again = world.train(world.logs)
    wrong = compared(world, named(again), "trained twice", 0.0)
    if wrong:
        return wrong
    sent = [[[a.tobytes() for a in m.arrays.values()] for m in t.messages] for t in (world.trained, again)]
    return "" if sent[0] == sent[1] else "trained twice: the messages differ"


def _ranges(world: World) -> str:
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


def _greedy(world: World) -> str:
    embeddings, wrong = world.problem.embeddings, []
    for name, estimates in world.estimates():
        for lam in (0.0, world.problem.lam, 2.0 * world.problem.lam + 1.0):
            quality, cost = estimates.predict(embeddings)
            utility = np.where(np.isnan(quality), -np.inf, quality - lam * cost)
            differs = np.flatnonzero(estimates.policy(lam)(embeddings) != utility.argmax(axis=1))
            if differs.size:
                wrong.append(f"{name}: the policy at price {lam:g} is not the argmax on {differs.size} queries")
    return first(wrong)


def _redrawn(world: World) -> str:
    rng = np.random.default_rng(world.seed + 1)
    logs, shape = world.logs, (3, world.logs.size)
    labels = Labels((rng.random(shape) < 0.5).astype(float), logs.cost.max() * (rng.random(shape) < 0.5))
    together = named(world.train(logs, labels))
    wrong = []
    for t in range(3):
        alone = named(world.train(replace(logs, quality=labels.quality[t], cost=labels.cost[t])))
        for (name, one), (_, whole) in zip(alone, together, strict=True):
            far = apart(one, whole.repetition(t), world.problem.embeddings)
            if far > world.tolerance:
                wrong.append(f"{name}: repetition {t} and a training on its labels alone {differ(far)}")
    return first(wrong)


def _refusals(world: World) -> str:
    shape = (1, world.logs.size)
    bad = {"quality 2": (2.0, 0.0), "quality nan": (np.nan, 0.0), "cost -1": (0.5, -1.0), "cost inf": (0.5, np.inf)}
    labels = {name: Labels(np.full(shape, q), np.full(shape, c)) for name, (q, c) in bad.items()}
    labels["labels of other records"] = Labels(np.zeros((1, 3)), np.zeros((1, 3)))
    found = {name: refusal(partial(world.train, world.logs, given)) for name, given in labels.items()}
    return first([f"{name}: {wrong}" for name, wrong in found.items() if wrong])


def _messages(world: World) -> str:
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


def _record_order(world: World) -> str:
    order = np.random.default_rng(world.seed).permutation(world.logs.size)
    return compared(world, named(world.train(world.logs.take(order))), "records shuffled", world.tolerance)


def _client_order(world: World) -> str:
    turned = replace(world.logs, client=world.logs.n_clients - 1 - world.logs.client)
    others = world.train(turned)
    back = {f"local {world.logs.n_clients - 1 - i}": e for i, e in others.local.items()}
    back |= {f"mixture {world.logs.n_clients - 1 - i}": e for i, e in others.personal.items()}
    back |= {"federated": others.federated, "pooled": others.pooled}
    return compared(world, [(n, back[n]) for n, _ in world.estimates() if n in back], "clients renumbered", world.tolerance)


def _one_client(world: World) -> str:
    alone = replace(world.logs, client=np.zeros(world.logs.size, dtype=np.int64), n_clients=1)
    trained = world.train(alone)
    far = apart(trained.federated, trained.pooled, world.problem.embeddings)
    return "" if far <= world.tolerance else f"federated and pooled predictions {differ(far)}"
