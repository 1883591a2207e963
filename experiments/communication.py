"""What federating a router sends, against sending the logs themselves: bytes per client, and from which size on it is cheaper.

Nothing that travels holds a query: centres are means of several records, the rest are sums or weights. So the comparison is
one of bytes alone. Sent logs are what a frugal client would send: the embedding in float32, and the model (int32), quality and
cost (float32) of every record, 4 d + 12 bytes. The routers' messages are counted as the package sends them, in float64 but for
the network's float32 weights. The finished router has to be handed out either way and is not counted.

Formulas are evaluated first; then each router is trained for real with the first number of records from which its formula says
that federating is cheaper, and with one record less, and the messages are counted. The same once more with what the server
sends during training on the client's side of the bill. A second table says what the bytes buy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.networks import Architecture
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

BASE = {"d": 64, "K": 20, "M": 11}
VARIED = {"d": (16, 384), "K": (5, 80), "M": (3, 30)}
ROUNDS, RATES, HIDDEN = 20, 3, (64, 64)
"""Rounds of FedAvg, learning rates that the network tries, its hidden widths."""

USES = {
    "K-means, two passes": ("d", "K", "M"),
    "linear heads, exact": ("d", "M"),
    "linear heads, FedAvg": ("d", "M"),
    "network, FedAvg": ("d", "M"),
}
"""Family -> what its messages depend on."""


COLOURS = dict(zip(USES, ("#D55E00", "#009E73", "#E69F00", "#0072B2"), strict=True))


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


def cells(request: Request) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for family, uses in USES.items():
        varied = ("d",) if family == "network, FedAvg" and not request.full else uses  # compiling takes its time
        places = [BASE, *(BASE | {name: value} for name in varied for value in VARIED[name])]
        found += [{"part": "bytes", "family": family, **place} for place in places]
    seeds = list(range(10 if request.full else 5))
    K = [{"family": "K-means, two passes", "K": k, "seed": seed} for k in (5, 10, 20, 40, 80) for seed in seeds]
    others = grid(family=["linear heads, exact", "linear heads, FedAvg", "network, FedAvg"], K=[0], seed=seeds)
    return [*found, *({"part": "gap", "records": 1000, **at} for at in [*K, *others])]


def compute(cell: Cell) -> dict[str, Any]:
    at = cell.params
    return bytes_sent(at["family"], at["d"], at["K"], at["M"]) if at["part"] == "bytes" else gap_reached(at)


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
    from fedroute_theory.federation import dirichlet, draw_logs
    from fedroute_theory.problems import Topics

    problem = Topics.generate(rng, dimension=d, models=M, lam=0.2, scale=1.5 / math.sqrt(d))
    laws = dirichlet(problem, rng, clients=clients, records=records, task_alpha=5.0, model_alpha=model_alpha)
    return problem, draw_logs(problem, laws, rng)


def bytes_sent(family: str, d: int, K: int, M: int) -> dict[str, Any]:
    """Trainings with the first number of records a client from which federating is cheaper, and with one less, counted.

    The search starts where the formula says so: a K-means client of few records sends fewer centres than K, which is earlier.
    both: the same where the client pays for the broadcasts, too. Only K-means messages depend on the number of records; the
    others are counted once.
    """

    @cache
    def counted(n: int) -> dict[str, Any]:
        return training(family, d, K, M, n)

    before, after = around(counted, lambda t: t["up"] < t["logs"], enough(family, d, K, M), K)
    if family == "K-means, two passes":
        both = around(counted, cheaper_with_down, (up(family, d, K, M) + 8 * K * d) // per_record(d) + 1, K)
    else:
        least = (after["up"] + after["down"]) // per_record(d) + 1
        both = [after | {"records": n, "logs": n * per_record(d)} for n in (least - 1, least)]
    return {"formula": up(family, d, K, M), "trainings": [before, after], "both": both}


def cheaper_with_down(counts: dict[str, Any]) -> bool:
    return bool(counts["up"] + counts["down"] < counts["logs"])


def around(
    counted: Callable[[int], dict[str, Any]], cheaper: Callable[[dict[str, Any]], bool], start: int, K: int
) -> list[dict[str, Any]]:
    """Counts with one record less and at the size where federating becomes cheaper, sought below `start` by bisection."""
    if cheaper(counted(start - 1)):
        dear, start = K // 2, start - 1
        while dear + 1 < start:
            middle = (dear + start) // 2
            dear, start = (dear, middle) if cheaper(counted(middle)) else (middle, start)
    return [counted(start - 1), counted(start)]


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


def queries_in(messages: Sequence[Any], embedding: np.ndarray) -> int:
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


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    sent = [d for d in done if d.params["part"] == "bytes"]
    bought = [d for d in done if d.params["part"] == "gap"]
    return [bytes_table(sent), gap_table(bought), figure(sent, bought)]


def bytes_table(done: Sequence[Done]) -> ResultTable:
    lines, queries, right = [], 0, 0
    for d in done:
        at, (before, after), (one_less, both) = d.params, d.result["trainings"], d.result["both"]
        cheaper, dearer = after["up"] < after["logs"], before["up"] >= before["logs"]
        queries += sum(t["queries"] for t in (before, after, one_less, both))
        right += cheaper_with_down(both) and not cheaper_with_down(one_less)
        K = at["K"] if "K" in USES[at["family"]] else None
        down = after["down"]
        size = per_record(at["d"])
        lines.append(
            (
                at["family"], at["d"], K, at["M"], after["messages"], d.result["formula"], after["up"], down,
                size, d.result["formula"] // size + 1, after["records"], cheaper, dearer, both["records"],
                both["up"] + both["down"],
            )
        )  # fmt: skip
    return ResultTable(
        "communication",
        "Bytes a client sends to federate, and the records from which sending its logs costs more",
        (
            Column("router"), Column("d"), Column("K"), Column("M"), Column("messages"), Column("up, formula, bytes"),
            Column("up, counted, bytes"), Column("down, bytes"), Column("logs, bytes a record"),
            Column("cheaper from, formula, records"), Column("cheaper from, counted"), Column("cheaper there"),
            Column("dearer one before"), Column("with down: cheaper from, counted"),
            Column("up and down there, bytes"),
        ),
        tuple(lines),
        "up: what a client sends in all (formula: at most; counted: the largest of 3 clients, in a real training with the "
        "records of 'cheaper from, counted'); down: what the server broadcasts, once for all. Messages in float64 (the "
        f"network's weights in float32), logs in float32. FedAvg: {ROUNDS} rounds; the network ({'-'.join(map(str, HIDDEN))}) "
        f"is tuned over {RATES} learning rates. 'cheaper there', 'dearer one before': counted at that number of records and at "
        "one less; K-means clients of few records send fewer centres than K, which is why counting may find an earlier one "
        "('no': cheaper at every size down to K/2). 'with down': the broadcasts are on the client's bill, too; counted in "
        "trainings with that number of records and with one less (messages other than K-means' do not depend on it), cheaper "
        f"there and dearer one before in {right} of {len(lines)} rows. down is what training broadcasts (centres, heads or "
        "weights of every round); handing out the finished router is counted on neither side. Random is only which records "
        f"are drawn. Queries found in messages: {queries}.",
    )  # fmt: skip


def setting(at: Any) -> str:
    return f"{at['family']}, K = {at['K']}" if at["K"] else at["family"]


def by_setting(done: Sequence[Done]) -> dict[str, list[Any]]:
    return {
        name: [d.result for d in done if setting(d.params) == name] for name in dict.fromkeys(setting(d.params) for d in done)
    }


def gap_table(done: Sequence[Done]) -> ResultTable:
    lines = []
    for name, own in by_setting(done).items():
        sent = intervals.mean([r["up"] for r in own])
        lines.append((name, sent.value, sent.value / own[0]["logs"], intervals.mean([r["gap"] for r in own], least=0.0)))
    records = done[0].params["records"]
    return ResultTable(
        "communication_gap",
        "What the bytes buy: gap of the federated router",
        (Column("router"), Column("up, bytes a client"), Column("part of the logs", 3), Column("gap, utility")),
        tuple(lines),
        f"Topics problem, d = 16, M = 6, 10 heterogeneous clients with {records} records each; exact gap on a sample of the "
        f"law. Means over {len(next(iter(by_setting(done).values())))} seeds with 95% Student intervals; all routers see "
        "the same records. part of the logs: bytes sent, over those of the client's logs.",
    )  # fmt: skip


def figure(sent: Sequence[Done], bought: Sequence[Done]) -> Plot:
    sizes = tuple(float(n) for n in np.geomspace(10, 100_000, 9))
    crossing = [Series("the logs", sizes, tuple(n * per_record(BASE["d"]) for n in sizes), style="dashed", colour="#000000")]
    threshold = []
    for family in USES:
        own = [d for d in sent if d.params["family"] == family]
        base = [d for d in own if all(d.params[name] == BASE[name] for name in BASE)]
        if base:
            counted = base[0].result["trainings"][1]
            colour = COLOURS[family]
            crossing.append(
                Series(family, sizes, (float(base[0].result["formula"]),) * len(sizes), style="dashed", colour=colour)
            )
            point = (float(counted["records"]),), (float(counted["up"]),)
            crossing.append(Series(f"_{family}", *point, style="points", colour=colour))
        wide = sorted(
            (d.params["d"], d.result["formula"] // per_record(d.params["d"]) + 1)
            for d in own
            if (d.params["M"], d.params["K"]) == (BASE["M"], BASE["K"])
        )
        if wide:
            x, y = zip(*wide, strict=True)
            threshold.append(Series(family, x, y, colour=COLOURS[family]))
    gaps: dict[str, list[tuple[float, intervals.Interval]]] = {}
    for own in by_setting(bought).values():
        family = next(d.params["family"] for d in bought if d.result is own[0])
        point = (intervals.mean([r["up"] for r in own]).value, intervals.mean([r["gap"] for r in own], least=0.0))
        gaps.setdefault(family, []).append(point)
    reached = tuple(
        Series.of(
            family, [x for x, _ in points], [g for _, g in points], "line" if len(points) > 1 else "points", COLOURS[family]
        )
        for family, points in gaps.items()
    )  # fmt: skip
    place = f"d = {BASE['d']}, K = {BASE['K']}, M = {BASE['M']}"
    return Plot(
        "communication_figure", "Federating against sending the logs",
        (
            Panel("records of a client", "bytes that a client sends", tuple(crossing), place, log_x=True, log_y=True),
            Panel("d, dimension of the embedding", "records from which federating is cheaper", tuple(threshold),
                  f"K = {BASE['K']}, M = {BASE['M']}", log_x=True, log_y=True),
            Panel("bytes that a client sends", "gap of the federated router", reached, "1000 records a client, d = 16, M = 6",
                  log_x=True),
        ),
        "Bytes that a client sends against its records, for four federated routers (formula; a point where counted messages "
        "become cheaper) and for the logs; the number of records from which federating is cheaper, by the formula, against the "
        "dimension of the embedding; and the gap reached against the bytes sent.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Communication: bytes per client against sending the logs", version=2, cells=cells, compute=compute, present=present,
    seconds=3.0,
)  # fmt: skip
