"""Hyperparameters of the linear-head router and its three trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, function, instance, integer, number
from fedroute_theory.estimates import AffineFeatures, FeatureMap, FunctionEstimates, LinearPredictor
from fedroute_theory.federation import Labels, Logs, Message
from fedroute_theory.routers.checks import checked_labels
from fedroute_theory.routers.linear.fedavg import FedAvg, HeadLosses, descend, head_losses
from fedroute_theory.routers.linear.statistics import Heads, HeadStatistics, add_up, shareable, solve, statistics
from fedroute_theory.routers.parties import parties_of
from fedroute_theory.routers.trained import Trained

POOLED = 1
"""Stream of the pooled training's noise; those of clients are numbered by their records."""


@dataclass(frozen=True)
class LinearRouter:
    """Per model two linear heads, quality and cost, fitted by least squares to that model's records on frozen features.

    features: fixed before the data. ridge: penalty on the squared norm of each head, the intercept included. solver: None for
    the exact solution (federated by sums of Gram matrices and moments), or FedAvg. c_max: upper end of cost labels.
    least_records: a client withholds what it knows of a model of which it has fewer records, since fewer than 3 can be read
    off the statistics; such records count nowhere in the federated estimates. 1 withholds nothing (the sums are then to be
    protected otherwise, as by secure aggregation). FedAvg withholds nothing: after one step from zero the heads of a model with
    one record are that record's features times its label.

    A model without records is not routable. Features that its records do not show get no weight (solution of least norm;
    FedAvg, which starts at zero, tends to the same one). Raises InputError for a value of another type or out of range.
    """

    features: FeatureMap = field(default_factory=AffineFeatures)
    ridge: float = 0.0
    solver: FedAvg | None = None
    c_max: float = 1.0
    least_records: int = 3

    def __post_init__(self) -> None:
        function("features", self.features, "be a function of embeddings, such as AffineFeatures()")
        if self.solver is not None:
            instance("solver", self.solver, FedAvg, "be None or FedAvg(...)")
        number("ridge", self.ridge, 0.0)
        number("c_max", self.c_max, 0.0)
        integer("least_records", self.least_records, 1)


def train(router: LinearRouter, logs: Logs, seed: int, labels: Labels | None = None) -> Trained[FunctionEstimates]:
    """Train local, federated and pooled on the same logs.

    labels: redrawn labels of the same records (T, D); the estimates then have a leading axis of T repetitions, found by one
    solve with many right-hand sides. seed: in [0, 2^32), of the gradient noise. Raises InputError when every client withholds
    everything, and for costs above c_max.
    """
    everyone = checked_labels(logs, labels, router.c_max)
    integer("seed", seed, 0, 2**32 - 1)
    own = by_client(router, logs, everyone)
    if router.solver is not None:
        return _by_descent(router, router.solver, parties_of(logs).client, own, seed)
    local = {client: _estimates(router, part, solve(part, router.ridge)) for client, part in own.items()}
    sent, whole = _shared(router, logs, everyone), add_up(list(own.values()))
    together = add_up(sent)
    federated = _estimates(router, together, solve(together, router.ridge))
    return Trained(router, local, federated, _estimates(router, whole, solve(whole, router.ridge)), tuple(sent), seed)


def _by_descent(
    router: LinearRouter, how: FedAvg, clients: Mapping[int, int], own: Mapping[int, HeadStatistics], seed: int
) -> Trained[FunctionEstimates]:
    """The three trainings by gradient steps. clients: index of each, by party, which numbers the stream of its noise."""
    alone = replace(how, rounds=how.rounds * how.local_steps, local_steps=1)
    whole, losses = add_up(list(own.values())), losses_of(router, [own[client] for client in clients.values()])
    heads, travelled = descend(losses, how, np.random.default_rng(seed))
    local = {
        client: _descended(router, own[client], losses_of(router, [own[client]]), alone, np.random.default_rng([seed, party]))
        for party, client in clients.items()
    }
    pooled = _descended(router, whole, losses.pooled(), alone, np.random.default_rng([seed, POOLED]))
    messages: list[Message] = []
    for round_, (server, back) in enumerate(travelled):
        by_index = sorted(zip(clients.values(), back, strict=True), key=lambda one: one[0])
        messages += [Heads("server", round_, server), *(Heads(f"client {i}", round_, sent) for i, sent in by_index)]
    federated = _estimates(router, whole, _weights(router, whole, heads))
    return Trained(router, dict(sorted(local.items())), federated, pooled, tuple(messages), seed)


def by_client(router: LinearRouter, logs: Logs, labels: Labels) -> dict[int, HeadStatistics]:
    """Every client's statistics of all its records, by client index; clients without records are absent."""
    rows = {int(i): np.flatnonzero(logs.client == i) for i in np.unique(logs.client)}
    return {i: statistics(f"client {i}", router.features, logs.take(own), _of_rows(labels, own)) for i, own in rows.items()}


def losses_of(router: LinearRouter, parts: list[HeadStatistics]) -> HeadLosses:
    """The losses that FedAvg descends on."""
    return head_losses(parts, router.c_max, router.ridge)


def _shared(router: LinearRouter, logs: Logs, labels: Labels) -> list[HeadStatistics]:
    """What the clients send: statistics of the models of which they have enough records."""
    sent = []
    for client in np.unique(logs.client):
        own = np.flatnonzero(logs.client == client)
        own = own[shareable(logs.take(own), router.least_records)]
        if own.size:
            sent.append(statistics(f"client {client}", router.features, logs.take(own), _of_rows(labels, own)))
    if not sent:
        raise InputError(f"No client holds {router.least_records} records of one model, so none can send any statistics.")
    return sent


def _of_rows(labels: Labels, rows: IntArray) -> Labels:
    return Labels(labels.quality[..., rows], labels.cost[..., rows])


def _descended(
    router: LinearRouter, part: HeadStatistics, losses: HeadLosses, how: FedAvg, rng: np.random.Generator
) -> FunctionEstimates:
    return _estimates(router, part, _weights(router, part, descend(losses, how, rng)[0]))


def _weights(router: LinearRouter, sums: HeadStatistics, heads: FloatArray) -> FloatArray:
    """(..., M, p, 2) heads of FedAvg as weights (..., p, M, 2), cost in units of cost."""
    known = np.where((sums.counts > 0)[:, None, None], heads * np.array([1.0, router.c_max or 1.0]), np.nan)
    return np.moveaxis(known, -3, -2)


def _estimates(router: LinearRouter, sums: HeadStatistics, weight: FloatArray) -> FunctionEstimates:
    predictor = LinearPredictor(router.features, weight, router.c_max, router.ridge)
    return FunctionEstimates(predictor, sums.counts, sums.counts > 0)
