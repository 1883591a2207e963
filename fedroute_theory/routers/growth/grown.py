"""A federated router after it has grown, and the checks that all families share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError, array, instance
from fedroute_theory.estimates import Estimates
from fedroute_theory.federation import Labels, Logs, Message
from fedroute_theory.routers.checks import check_costs
from fedroute_theory.routers.trained import Trained


@dataclass(frozen=True, eq=False)
class Grown:
    """A federated router and how it came about.

    router: its hyperparameters. federated: its estimates. messages: all that travelled since the first training, in order.
    sent: those of the last step. clients: indices of all that ever took part. seed: of the first training.
    """

    router: Any
    federated: Estimates
    messages: tuple[Message, ...]
    sent: tuple[Message, ...]
    clients: frozenset[int]
    seed: int

    @property
    def nbytes(self) -> int:
        """Bytes that travelled in the last step."""
        return sum(message.nbytes for message in self.sent)


def as_grown(before: Trained[Any] | Grown) -> Grown:
    """The federated side of a training, which has not grown yet."""
    instance("before", before, (Trained, Grown), "be what training or growth returned")
    if isinstance(before, Grown):
        return before
    return Grown(before.router, before.federated, before.messages, (), frozenset(before.local), before.seed)


def after(before: Grown, federated: Estimates, sent: Iterable[Message], newcomers: Iterable[int] = ()) -> Grown:
    """`before` with new estimates, the messages of this step, and the clients that joined."""
    new = tuple(sent)
    clients = before.clients | {int(i) for i in newcomers}
    return Grown(before.router, federated, (*before.messages, *new), new, clients, before.seed)


def check_models(before: Grown, logs: Logs) -> None:
    """InputError unless every record is of a model not known yet, from a client already known."""
    known = before.federated.n_models
    if logs.n_models <= known:
        raise InputError(f"The 'logs' must speak of more than the {known} models already known; got {logs.n_models} models.")
    if logs.model.min() < known:
        raise InputError(f"The 'logs' must hold new models only, index {known} or more; model {logs.model.min()} is known.")
    strangers = sorted(set(logs.client.tolist()) - before.clients)
    if strangers:
        raise InputError(f"The 'logs' of new models must come from known clients; client {strangers[0]} is unknown.")


def check_clients(before: Grown, logs: Logs) -> None:
    """InputError unless every record is of a known model, from a client not known yet."""
    known = before.federated.n_models
    if logs.n_models != known:
        raise InputError(f"The 'logs' of new clients must speak of the {known} known models; got {logs.n_models} models.")
    twice = sorted(set(logs.client.tolist()) & before.clients)
    if twice:
        raise InputError(f"The 'logs' of new clients must come from clients not known yet; client {twice[0]} is known.")


def check_dimension(logs: Logs, dimension: int) -> None:
    """InputError unless the queries have as many coordinates as those of the first training."""
    if logs.embedding.shape[1] != dimension:
        raise InputError(f"The 'logs' must have embeddings of dimension {dimension}; got {logs.embedding.shape[1]}.")


def check_labels(before: Grown, logs: Logs, labels: Labels | None, repetitions: tuple[int, ...]) -> Labels:
    """The labels of these records, with the axis of repetitions that the estimates have (or none), and no cost above c_max."""
    given = labels or Labels(logs.quality, logs.cost)
    shape = (*repetitions, logs.size)
    if np.shape(given.quality) != shape or np.shape(given.cost) != shape:
        raise InputError(f"The 'labels' must have shape {shape}, as the estimates have; got {np.shape(given.quality)}.")
    quality, cost = array("labels", given.quality, shape, 0.0, 1.0), array("labels", given.cost, shape, 0.0)
    check_costs(before.router.c_max, cost)
    return Labels(quality, cost)


def by_client(logs: Logs, labels: Labels) -> list[tuple[int, Logs, Labels]]:
    """Every client that has records, with its logs and labels."""
    found = []
    for client in np.unique(logs.client).tolist():
        rows = np.flatnonzero(logs.client == client)
        found.append((client, logs.take(rows), Labels(labels.quality[..., rows], labels.cost[..., rows])))
    return found
