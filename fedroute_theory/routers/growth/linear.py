"""Growth of linear heads: least squares for new heads, sums of Gram matrices and moments for new clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.estimates import FunctionEstimates, LinearPredictor
from fedroute_theory.federation import Labels, Logs, Message
from fedroute_theory.routers.growth.grown import Grown, after, by_client, check_labels
from fedroute_theory.routers.linear.statistics import HeadStatistics, add_up, shareable, solve, statistics


@dataclass(frozen=True, eq=False)
class NewHeadStatistics(HeadStatistics):
    """Client to server: statistics of new models only. first: index of the first of them."""

    first: int


def add_models(before: Grown, logs: Logs, labels: Labels | None, seed: int) -> Grown:  # noqa: ARG001  (nothing is drawn)
    """Clients send statistics of the new models; each new head is one solve."""
    old, predictor, everyone = _before(before, logs, labels)
    known = old.n_models
    sent = [
        NewHeadStatistics(part.sender, part.counts[known:], part.gram[known:], part.moments[..., known:, :, :], known)
        for part in _sent(before, logs, everyone)
    ]
    new = add_up(sent)
    weight = np.concatenate([predictor.weight, solve(new, before.router.ridge)], axis=-2)
    counts = np.concatenate([old.counts, new.counts])
    grown = FunctionEstimates(replace(predictor, weight=weight), counts, np.concatenate([old.routable, new.counts > 0]))
    return after(before, grown, sent)


def add_clients(before: Grown, logs: Logs, labels: Labels | None, seed: int) -> Grown:  # noqa: ARG001  (nothing is drawn)
    """Newcomers send their statistics; the server adds them to all it ever got and solves again."""
    old, predictor, everyone = _before(before, logs, labels)
    sent = _sent(before, logs, everyone)
    sums = add_up([*_so_far(before.messages, old.n_models), *sent])
    weight = solve(sums, before.router.ridge)
    grown = FunctionEstimates(replace(predictor, weight=weight), sums.counts, sums.counts > 0)
    return after(before, grown, sent, np.unique(logs.client))


def _before(before: Grown, logs: Logs, labels: Labels | None) -> tuple[FunctionEstimates, LinearPredictor, Labels]:
    old = before.federated
    if before.router.solver is not None:
        raise InputError("Linear heads grow by sums of Gram matrices; a router trained with a FedAvg 'solver' has none.")
    assert isinstance(old, FunctionEstimates)
    assert isinstance(old.predictor, LinearPredictor)
    _check_features(old.predictor, logs)
    return old, old.predictor, check_labels(before, logs, labels, old.predictor.weight.shape[:-3])


def _check_features(predictor: LinearPredictor, logs: Logs) -> None:
    p = predictor.weight.shape[-3]
    try:
        found = predictor.features(logs.embedding[:1]).shape[1]
    except ValueError:
        found = -1
    if found != p:
        raise InputError(
            f"The 'logs' must have embeddings that give {p} features, as before; got dimension {logs.embedding.shape[1]}."
        )


def _sent(before: Grown, logs: Logs, labels: Labels) -> list[HeadStatistics]:
    """What the clients send: statistics of the models of which they have enough records."""
    router, sent = before.router, []
    for client, own, own_labels in by_client(logs, labels):
        rows: IntArray = shareable(own, router.least_records)
        if rows.size:
            part = Labels(own_labels.quality[..., rows], own_labels.cost[..., rows])
            sent.append(statistics(f"client {client}", router.features, own.take(rows), part))
    if not sent:
        raise InputError(f"No client holds {router.least_records} records of one model, so none can send any statistics.")
    return sent


def _so_far(messages: Sequence[Message], models: int) -> list[HeadStatistics]:
    """All statistics the server ever got, with zeros for the models they do not speak of."""
    found = []
    for message in messages:
        if isinstance(message, HeadStatistics):
            first = message.first if isinstance(message, NewHeadStatistics) else 0
            sides = (first, models - first - message.counts.size)
            lead = message.moments.ndim - 3
            found.append(
                HeadStatistics(
                    message.sender,
                    np.pad(message.counts, sides),
                    _padded(message.gram, sides, 0),
                    _padded(message.moments, sides, lead),
                )
            )
    return found


def _padded(values: FloatArray, sides: tuple[int, int], axis: int) -> FloatArray:
    return np.pad(values, [sides if a == axis else (0, 0) for a in range(values.ndim)])
