"""The published partition of an evaluation table over clients, draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError, IntArray, integer, number
from fedroute_theory.federation.logs import Logs
from fedroute_theory.problems.table import Table


@dataclass(frozen=True, eq=False)
class Partition:
    """Row indices of each client: `train[i]`, `test[i]`; `logged_model[i]` (len(train[i]),) the model each train row called.

    A client that received no row has empty arrays.
    """

    train: tuple[IntArray, ...]
    test: tuple[IntArray, ...]
    logged_model: tuple[IntArray, ...]


def published_partition(
    task: Sequence[Any] | np.ndarray[Any, Any],
    models: int,
    clients: int = 10,
    task_alpha: float = 0.6,
    model_alpha: float = 0.45,
    train_fraction: float = 0.75,
    seed: int = 42,
) -> Partition:
    """Spread the rows of a table over clients as the published experiments do (arXiv 2601.22318).

    One `default_rng(seed)` makes every draw, in the published order: tasks in byte order of their names, each task's
    rows by Dirichlet(task_alpha) over the clients, then client by client the train/test split and one logged model a
    train row, from the client's own Dirichlet(model_alpha) over models.

    Parameters: task, (n,) labels; models, how many (>= 2); clients >= 1; concentrations positive; train_fraction in
    (0, 1). Raises InputError outside these ranges.
    """
    labels = np.asarray(task)
    if labels.ndim != 1 or labels.size == 0:
        raise InputError(f"The 'task' parameter must be a non-empty vector of labels; got shape {labels.shape}.")
    n_models, n_clients = integer("models", models, 2), integer("clients", clients, 1)
    query_spread = number("task_alpha", task_alpha, 0.0, open_low=True)
    model_spread = number("model_alpha", model_alpha, 0.0, open_low=True)
    share = number("train_fraction", train_fraction, 0.0, 1.0, open_low=True, open_high=True)
    rng = np.random.default_rng(integer("seed", seed, 0))

    held: list[list[int]] = [[] for _ in range(n_clients)]
    names, place = np.unique(labels.astype(str), return_inverse=True)
    for t in sorted(range(names.size), key=lambda t: str(names[t]).encode()):
        rows = np.flatnonzero(place == t)
        rng.shuffle(rows)
        counts = _round_to_total(rng.dirichlet([query_spread] * n_clients), rows.size, rng)
        for client, part in enumerate(np.split(rows, np.cumsum(counts)[:-1])):
            held[client].extend(part.tolist())
    for rows_of_client in held:
        rng.shuffle(rows_of_client)

    train, test, logged = [], [], []
    for rows_of_client in held:
        own = np.array(rows_of_client, dtype=np.int64)
        cut = int(share * own.size)
        chosen = np.empty(0, dtype=np.int64)
        if own.size:
            rng.shuffle(own)
            rng.uniform(1, 1)
            rng.choice(n_models, size=n_models, replace=False)
            law = rng.dirichlet([model_spread] * n_models).astype(np.float32)
            chosen = np.array([rng.choice(n_models, size=1, replace=False, p=law)[0] for _ in range(cut)], dtype=np.int64)
        train.append(own[:cut])
        test.append(own[cut:])
        logged.append(chosen)
    return Partition(tuple(train), tuple(test), tuple(logged))


def _round_to_total(law: np.ndarray[Any, Any], total: int, rng: np.random.Generator) -> IntArray:
    """Round shares to integers with the given sum; surplus and shortfall fall on random clients, one by one."""
    counts = np.round(law * total).astype(np.int64)
    while counts.sum() < total:
        counts[rng.integers(0, law.size)] += 1
    while counts.sum() > total:
        counts[rng.choice(np.flatnonzero(counts > 0))] -= 1
    return counts


def logs_from_partition(table: Table, partition: Partition) -> Logs:
    """The train rows of every client as logs: the labels are the table's own entries (noise-free with respect to it)."""
    client = np.repeat(np.arange(len(partition.train)), [rows.size for rows in partition.train])
    query = np.concatenate(partition.train)
    model = np.concatenate(partition.logged_model)
    return Logs(
        client, table.embeddings[query], query, model, table.quality[query, model], table.cost[query, model],
        len(partition.train), table.n_models, "exact", "fixed",
    )  # fmt: skip
