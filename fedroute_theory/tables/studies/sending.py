"""What federating a router sends, counted message by message, and the number of records from which logs weigh more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory.networks import Architecture

if TYPE_CHECKING:
    from fedroute_theory._validate import FloatArray

ROUNDS, RATES, HIDDEN = 20, 3, (64, 64)
"""Rounds of FedAvg, learning rates that the network tries, its hidden widths."""

LEAST = 2
"""Records of a client that can send a centre which is no query."""


def up(family: str, d: int, K: int, M: int) -> int:
    """Bytes that a client sends at most."""
    p = d + 1
    if family == "K-means, two passes":
        return 8 * (K * d + K + 1) + 8 * 4 * K * M
    if family == "linear heads, exact":
        return 8 * (M + M * p * p + 2 * M * p)
    if family == "linear heads, FedAvg":
        return ROUNDS * 8 * 2 * M * p
    before = 8 * (3 + M + RATES)  # sums of costs, counts of models, validation losses
    return before + ROUNDS * (RATES + 1) * 4 * Architecture(d, HIDDEN, M).n_parameters


def per_record(d: int) -> int:
    """Bytes of one record of the logs."""
    return 4 * d + 12


def enough(family: str, d: int, K: int, M: int) -> int:
    """The least number of records of a client whose logs are larger than what federating sends."""
    return up(family, d, K, M) // per_record(d) + 1


def router(family: str, K: int, logs: Any, local_steps: int | None = None) -> Any:
    """A router of a family. local_steps: of a network in a round; None for one pass over a client's records."""
    from fedroute_theory.routers import FedAvg, KMeansRouter, LinearRouter, MLPRouter

    if family == "K-means, two passes":
        return KMeansRouter.with_clusters(K, restarts=1)
    if family == "linear heads, exact":
        return LinearRouter(ridge=1.0)
    if family == "linear heads, FedAvg":
        largest = float((logs.embedding**2).sum(axis=1).max()) + 2.0  # no curvature of any client is above
        return LinearRouter(ridge=1.0, solver=FedAvg(rounds=ROUNDS, local_steps=20, step=1.0 / largest))
    epochs = 1 if local_steps is None else None
    return MLPRouter(hidden=HIDDEN, rounds=ROUNDS, local_epochs=epochs, local_steps=local_steps)


def federated(family: str, built: Any, logs: Any) -> tuple[Any, ...]:
    """(estimates, messages) of the federated training alone where that can be had alone."""
    from fedroute_theory.routers import kmeans, mlp, train

    alone: dict[str, Callable[..., Any]] = {
        "K-means, two passes": kmeans.train_federated,
        "network, FedAvg": mlp.train_federated,
    }
    if family in alone:
        return tuple(alone[family](built, logs, 0))
    trained = train(built, logs, 0)
    return trained.federated, trained.messages


def drawn(rng: np.random.Generator, d: int, M: int, records: int, clients: int, model_alpha: float) -> tuple[Any, Any]:
    """Problem and logs, of clients with tasks and models of their own."""
    from fedroute_theory.federation import dirichlet, draw_logs
    from fedroute_theory.problems import Topics

    problem = Topics.generate(rng, dimension=d, models=M, lam=0.2, scale=1.5 / math.sqrt(d))
    laws = dirichlet(problem, rng, clients=clients, records=records, task_alpha=5.0, model_alpha=model_alpha)
    return problem, draw_logs(problem, laws, rng)


Counts = dict[str, Any]
"""What one training sent: see `training`."""


def bytes_sent(family: str, d: int, K: int, M: int) -> dict[str, Any]:
    """Trainings with the number of records a client from which on federating is cheaper, and with one less, counted.

    both: the same where the client pays for the broadcasts, too. Only K-means messages depend on the number of records; the
    others are counted once.
    """

    @cache
    def counted(n: int) -> Counts:
        return training(family, d, K, M, n)

    trainings = around(counted, cheaper, enough(family, d, K, M))
    if family == "K-means, two passes":
        both = around(counted, cheaper_with_down, (up(family, d, K, M) + 8 * K * d) // per_record(d) + 1)
    else:
        after = trainings[1]
        least = (after["up"] + after["down"]) // per_record(d) + 1
        both = [after | {"records": n, "logs": n * per_record(d)} for n in (least - 1, least)]
    return {"formula": up(family, d, K, M), "trainings": trainings, "both": both}


def cheaper(counts: Counts) -> bool:
    """Whether the client that sends most sends less than its logs weigh."""
    return bool(counts["up"] < counts["logs"])


def cheaper_with_down(counts: Counts) -> bool:
    """The same with the server's broadcasts on the client's bill."""
    return bool(counts["up"] + counts["down"] < counts["logs"])


def around(counted: Callable[[int], Counts], cheap: Callable[[Counts], bool], start: int) -> list[Counts]:
    """Counts with one record less and at the least size from which on federating is cheaper.

    start: a size from which on the most that is ever sent weighs less than the logs. Below it every size is counted, down to
    the first that is dearer. Bisection would not do: a client of few records sends few centres, so that there may be smaller
    sizes, apart from these, at which federating is cheaper as well.
    """
    while start > LEAST and cheap(counted(start - 1)):
        start -= 1
    return [counted(max(LEAST, start - 1)), counted(start)]


def training(family: str, d: int, K: int, M: int, records: int) -> dict[str, Any]:
    """One federated training of 3 clients: the largest count of a client's bytes, those of the server, those of the logs."""
    _, logs = drawn(np.random.default_rng([d, K, M]), d, M, records, 3, 5.0)
    _, messages = federated(family, router(family, K, logs, local_steps=1), logs)
    sent = {f"client {i}": 0 for i in range(3)} | {"server": 0}
    for message in messages:
        sent[message.sender] += message.nbytes
    down = sent.pop("server")
    return {
        "records": records, "up": max(sent.values()), "down": down, "logs": records * per_record(d),
        "messages": len(messages), "queries": queries_in(messages, logs.embedding),
    }  # fmt: skip


def queries_in(messages: Sequence[Any], embedding: FloatArray) -> int:
    """Rows of any message that are a logged query, to the last digit."""
    known = {row.tobytes() for row in np.ascontiguousarray(embedding)}
    arrays = [a for m in messages for a in m.arrays.values() if a.dtype == np.float64 and a.shape[-1:] == embedding.shape[1:]]
    return sum(row.tobytes() in known for a in arrays for row in np.ascontiguousarray(a).reshape(-1, a.shape[-1]))


def gap_reached(at: Any) -> dict[str, Any]:
    """Exact gap of the federated router, bytes sent by the average client, bytes of its logs."""
    d, M, clients = 16, 6, 10
    problem, logs = drawn(np.random.default_rng([at["seed"], 7]), d, M, at["records"], clients, 0.45)
    estimates, messages = federated(at["family"], router(at["family"], at["K"], logs), logs)
    sent = sum(m.nbytes for m in messages if m.sender != "server") / clients
    gap = problem.suboptimality(estimates.policy(problem.lam)).value
    return {"gap": float(gap), "up": sent, "logs": at["records"] * per_record(d)}
