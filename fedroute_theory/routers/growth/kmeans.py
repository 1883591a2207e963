"""Growth of a K-means router: centres stay, counts and sums are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from fedroute_theory._validate import IntArray
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import CellStatistics, Labels, Logs, Message
from fedroute_theory.routers.growth.grown import Grown, after, by_client, check_dimension, check_labels
from fedroute_theory.routers.kmeans import add_up, cell_statistics, estimates_from

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class NewCellStatistics(CellStatistics):
    """Client to server: statistics of new models only. first: index of the first of them."""

    first: int


def add_models(before: Grown, logs: Logs, labels: Labels | None, seed: int) -> Grown:  # noqa: ARG001  (nothing is drawn)
    """Clients send counts and sums of the new models' columns only."""
    return _grow(before, logs, labels, before.federated.n_models, ())


def add_clients(before: Grown, logs: Logs, labels: Labels | None, seed: int) -> Grown:  # noqa: ARG001  (nothing is drawn)
    """Newcomers send counts and sums of all models."""
    return _grow(before, logs, labels, 0, np.unique(logs.client))


def _grow(before: Grown, logs: Logs, labels: Labels | None, first: int, newcomers: IntArray | tuple[()]) -> Grown:
    """Add the columns `first` and beyond of every client's statistics to all that the server ever got."""
    old = before.federated
    assert isinstance(old, CellEstimates)
    check_dimension(logs, old.centres.shape[1])
    everyone = check_labels(before, logs, labels, old.quality.shape[:-2])
    sent = []
    for client, own, own_labels in by_client(logs, everyone):
        cells, distance = nearest_centre(own.embedding, old.centres)
        shape = (old.n_cells, logs.n_models - first)
        part = cell_statistics(f"client {client}", cells, own.model - first, distance, own_labels, shape)
        sent.append(
            NewCellStatistics(part.sender, part.counts, part.quality, part.cost, part.distance, first) if first else part
        )
    sums = add_up(_widened([*before.messages, *sent], logs.n_models))
    grown = replace(estimates_from(before.router, old.centres, sums), label_free=old.label_free)
    return after(before, grown, sent, newcomers)


def _widened(messages: Sequence[Message], models: int) -> list[CellStatistics]:
    """All statistics among the messages, with columns of zeros for the models they do not speak of."""
    found = []
    for message in messages:
        if isinstance(message, CellStatistics):
            left = message.first if isinstance(message, NewCellStatistics) else 0
            right = models - left - message.counts.shape[-1]

            def wide(values: np.ndarray[tuple[int, ...], np.dtype[Number]]) -> np.ndarray[tuple[int, ...], np.dtype[Number]]:
                return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(left, right)])  # noqa: B023  (called at once)

            found.append(
                CellStatistics(
                    message.sender, wide(message.counts), wide(message.quality), wide(message.cost), wide(message.distance)
                )
            )
    return found
