"""What federating a router sends, against sending the logs themselves: bytes per client, and from which size on it is cheaper.

Nothing that travels holds a query: centres are means of several records, the rest are sums or weights. So the comparison is
one of bytes alone. Sent logs are what a frugal client would send: the embedding in float32, and the model (int32), quality and
cost (float32) of every record, 4 d + 12 bytes. The routers' messages are counted as the package sends them, in float64 but for
the network's float32 weights. The finished router has to be handed out either way and is not counted.

The crossing is the least number of records from which on federating is cheaper, at every larger one. From a size on the formula
says so, which is the most that is ever sent; below it each router is trained for real, one record less at a time, and its
messages are counted, down to the first size at which they weigh more than the logs. The same once more with what the server
sends during training on the client's side of the bill. A second table says what the bytes buy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies.sending import (
    HIDDEN,
    RATES,
    ROUNDS,
    bytes_sent,
    cheaper_with_down,
    gap_reached,
    per_record,
)

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

BASE = {"d": 64, "K": 20, "M": 11}
VARIED = {"d": (16, 384), "K": (5, 80), "M": (3, 30)}
USES = {
    "K-means, two passes": ("d", "K", "M"),
    "linear heads, exact": ("d", "M"),
    "linear heads, FedAvg": ("d", "M"),
    "network, FedAvg": ("d", "M"),
}
"""Family -> what its messages depend on."""


COLOURS = dict(zip(USES, ("#D55E00", "#009E73", "#E69F00", "#0072B2"), strict=True))


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
        "Bytes a client sends to federate, and the records from which on sending its logs costs more",
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
        f"is tuned over {RATES} learning rates. 'cheaper from, counted': the least size from which on federating is cheaper at "
        "every size: by the formula, which is the most that is ever sent, from its own size on; below that each size is "
        "counted in a training of its own, down to the first that is dearer (K-means clients of few records send fewer centres "
        "than K, so smaller sizes may be cheaper again). 'cheaper there', 'dearer one before': as counted at that size and at "
        "one record less. 'with down': the broadcasts are on the client's bill, too; found in the same way (messages other "
        "than K-means' do not depend on the records), cheaper "
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
    title="Communication: bytes per client against sending the logs", version=3, cells=cells, compute=compute, present=present,
    seconds=3.0,
)  # fmt: skip
