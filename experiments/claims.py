"""The claims of "Federate the Router" (arXiv 2601.22318), one by one, under the published and under the sound protocol.

What the paper says of its partition follows from task sizes alone and is repeated exactly. What it says of routers is tested on
the tables given (or on the one the package makes), and of suboptimality on generated problems with a known optimum. A claim is
tested as a direction, seed by seed, and its verdict follows from the intervals by stated rules. The paper's own figures need
RouterBench itself: they are compared where a table has its partition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory import intervals
from fedroute_theory.intervals import Interval
from fedroute_theory.report.result_tables import Column, ResultTable, Value
from fedroute_theory.tables import published as paper
from fedroute_theory.tables import retold
from fedroute_theory.tables.audits import FAMILIES, FIRST, MEASURES, audited, gains
from fedroute_theory.tables.data import tables_of
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.verdicts import RULES, UNTESTED, Answer, exact, near_zero, positive, verdict

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

SEEDS, FEWER, NETWORK_SEEDS = 10, 5, 3
PROTOCOLS = ("published", "sound")
EQUAL = 0.01
"""Areas within this count as equal: the published ones have two decimals."""

COMPUTE: dict[str, Callable[[Cell], Any]] = {
    "partition": paper.partition,
    "facts": retold.facts,
    "coverage": retold.coverage,
    "extreme tasks": audited,
    "new models": retold.new_models,
    "new clients": retold.new_clients,
    "rounds": retold.rounds,
    "suboptimality": retold.suboptimality,
}


def cells(request: Request) -> list[dict[str, Any]]:
    """Networks take most of the time: fewer seeds, and the sound protocol with --full only."""
    seeds = range(FIRST, FIRST + SEEDS)
    fewer = seeds if request.full else seeds[:FEWER]
    few = seeds if request.full else seeds[:NETWORK_SEEDS]
    found: list[dict[str, Any]] = [{"kind": "partition"}]
    found += [{"kind": "suboptimality", "protocol": p, "seed": s} for p in PROTOCOLS for s in fewer]
    for table in tables_of(request.tables):
        found.append({"kind": "facts", "table": table})
        found += [
            {"kind": "coverage", "table": table, "router": "kmeans", "protocol": p, "seed": s} for p in PROTOCOLS for s in seeds
        ]
        found += [
            {"kind": "extreme tasks", "table": table, "router": "mixture", "protocol": p, "seed": s, "task_alpha": 0.03,
             "model_alpha": 0.45}
            for p in PROTOCOLS for s in fewer
        ]  # fmt: skip
        for kind in ("new models", "new clients"):
            for router, own, protocols in (
                ("kmeans", seeds, PROTOCOLS), ("mlp", few, PROTOCOLS if request.full else PROTOCOLS[:1])
            ):  # fmt: skip
                found += [
                    {"kind": kind, "table": table, "router": router, "protocol": p, "seed": s} for p in protocols for s in own
                ]
        found += [{"kind": "rounds", "table": table, "seed": s} for s in few]
    return found


def compute(cell: Cell) -> Any:
    return COMPUTE[cell.params["kind"]](cell)


class Results:
    """The results on one table (None: those on none), found by kind, family and protocol."""

    def __init__(self, done: Sequence[Done], table: str | None) -> None:
        self.done = [one for one in done if one.params.get("table", {}).get("name") == table]

    def of(self, kind: str, family: str | None = None, protocol: str | None = None) -> dict[int, Any]:
        """Seed -> result; empty where it was not computed."""
        return {
            one.params.get("seed", FIRST): one.result
            for one in self.done
            if one.params["kind"] == kind
            and (family is None or FAMILIES[one.params["router"]] == family)
            and (protocol is None or one.params["protocol"] == protocol)
        }

    def measured(self, of: Callable[[Any, str], float | None], kind: str, family: str | None) -> list[Interval | None]:
        """Mean over seeds of a number of the result and the protocol's measure of area, by protocol."""
        return [
            _mean_of([None if r is None else of(r, MEASURES[p]) for r in self.of(kind, family, p).values()]) for p in PROTOCOLS
        ]


def _mean_of(values: Sequence[float | None]) -> Interval | None:
    known = [v for v in values if v is not None]
    return intervals.mean(known) if known and len(known) == len(values) else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


Row = tuple[Value, ...]
Rule = Callable[[Interval | None], Answer | None]


def _row(claim: str, figure: str, what: str, found: Sequence[Interval | None], rule: Rule = positive) -> Row:
    return (claim, figure, what, *found, verdict(*(rule(interval) for interval in found)))


def partition_rows(result: Any) -> list[Row]:
    """The published sizes against those that the task sizes alone give."""
    rows: list[Row] = []
    for claim, key in (
        ("train rows of the ten clients", "train"), ("test rows", "test"), ("client-model pairs without a record", "empty"),
        ("records by model", "by_model"),
    ):  # fmt: skip
        stated = getattr(paper, key.upper())
        text = " ".join(str(v) for v in stated) if isinstance(stated, tuple) else f"{stated:,}"
        own = tuple(result[key]) if isinstance(stated, tuple) else result[key]
        same = "equal" if own == stated else f"differs: {result[key]}"
        rows.append((claim, text, "task sizes, draw by draw, seed 42", same, same, exact(own, stated)))
    return rows


def gap_rows(results: Results) -> list[Row]:
    """Suboptimality itself, where it is known exactly."""

    def lower(part: str) -> Callable[[Any, str], float | None]:
        def of(result: Any, _: str) -> float | None:
            local, federated = ([v for v in result[part][t] if v is not None] for t in ("local", "federated"))
            return _mean(local) - federated[0] if local and federated else None

        return of

    claim = "federated training lowers routing suboptimality"
    return [
        _row(
            claim,
            "",
            "generated problems: gap, mean of locals minus federated",
            results.measured(lower("gap"), "suboptimality", None),
        ),
        _row(
            claim,
            "",
            "generated problems: bound, mean of locals minus federated",
            results.measured(lower("bound"), "suboptimality", None),
        ),
    ]


def router_rows(results: Results) -> list[Row]:
    """Everything said of routers that an audit of a table can test."""
    rows: list[Row] = []

    def add(
        claim: str, what: str, kind: str, family: str, of: Callable[[Any, str], float | None], rule: Rule = positive
    ) -> None:
        figure = paper.FIGURES.get((claim, family), "")
        rows.append(_row(f"{claim} ({family})", figure, what, results.measured(of, kind, family), rule))

    for family in ("K-means", "MLP"):
        add("federated beats every client-local router on all test queries", "least gain of a client", "audit", family,
            lambda r, m: min(gains(r, "all", m)))  # fmt: skip
        add("federated beats every client-local router on its own test queries", "least gain of a client", "audit", family,
            lambda r, m: min(gains(r, "own", m)))  # fmt: skip
        add("federated beats client-local routers on their own test queries on average", "mean gain", "audit", family,
            lambda r, m: _mean(gains(r, "own", m)))  # fmt: skip
        add("centralised equals federated", "federated minus pooled", "audit", family,
            lambda r, m: r["global"][m]["federated"] - r["global"][m]["pooled"], lambda v: near_zero(v, EQUAL))  # fmt: skip
        add("not in the paper: federated beats the best single model", "federated minus best single model", "audit", family,
            lambda r, m: r["global"][m]["federated"] - r["global"][m]["best single model"])  # fmt: skip
    add("the gain on all test queries comes mostly through model coverage", "gain of filled pairs minus gain of the rest",
        "coverage", "K-means", lambda r, m: 2 * r[m]["filled"] - r[m]["own"] - r[m]["federated"])  # fmt: skip
    for family in ("K-means", "MLP"):
        for other in ("local", "federated"):
            add(f"a client's mixture beats its {other} router on its own queries", "mean gain", "audit", family,
                lambda r, m, other=other: mixed(r, m, other))  # fmt: skip
    extreme = "with tasks spread by Dirichlet(0.03),"
    add(f"{extreme} federated beats every local router on all test queries", "least gain of a client", "extreme tasks",
        "K-means", lambda r, m: min(gains(r, "all", m)))  # fmt: skip
    add(f"{extreme} federated beats local routers on their own queries", "mean gain", "extreme tasks", "K-means",
        lambda r, m: _mean(gains(r, "own", m)))  # fmt: skip
    add(f"{extreme} a client's mixture beats the federated router on its own queries", "mean gain", "extreme tasks", "K-means",
        lambda r, m: mixed(r, m, "federated"))  # fmt: skip
    for family in ("K-means", "MLP"):
        for kind, scope in (("new models", "all"), ("new clients", "all"), ("new clients", "newcomers")):
            whose = "all test queries" if scope == "all" else "the newcomers' test queries"
            add(f"adding {kind} helps on {whose}", "after minus before", kind, family,
                lambda r, m, scope=scope: r["after"][m][scope] - r["before"][m][scope])  # fmt: skip
    first = [r["auc_published"] for r in results.of("rounds").values()]
    measured = [_mean_of([2 * area[1] - area[0] - area[-1] for area in first]), None]
    claim = "the first round brings most of what five rounds bring"
    rows.append(_row(f"{claim} (MLP)", paper.FIGURES[claim, "MLP"], "gain of round 1 minus that of rounds 2-5", measured))
    return rows


def mixed(result: Any, measure: str, other: str) -> float | None:
    """Mean gain of the clients' mixtures over another training on their own test queries; None without mixtures."""
    if "mixture" not in result["own"][measure]:
        return None
    return _mean(gains(result, "own", measure, "mixture", other))


def figure_rows(results: dict[str, Results]) -> list[Row]:
    """The published figures beside ours at the published seed and protocol; compared where the partition is RouterBench's."""
    rows: list[Row] = []
    for claim, stated, of in paper.READINGS:
        ours: list[Value] = []
        verdicts = []
        for own in results.values():
            found = of(lambda kind, family, own=own: own.of(kind, family, None if kind == "rounds" else "published").get(FIRST))
            ours.append(None if found is None else " ".join(paper.shown(v, s) for v, s in zip(found, stated, strict=True)))
            if found is not None and paper.is_routerbench(own.of("facts")[FIRST]):
                verdicts.append(exact([paper.shown(v, s) for v, s in zip(found, stated, strict=True)], list(stated)))
        rows.append((claim, " ".join(stated), *ours, verdicts[0] if verdicts else UNTESTED))
    return rows


def claims_table(name: str, table: str, rows: Sequence[Row], own: Results) -> ResultTable:
    networks = len(own.of("audit", "MLP", "sound"))
    heads = {"claim": 7.5, "published": 3.6, "measured": 4.2, "published protocol": None, "sound protocol": None,
             "verdict": 3.4}  # fmt: skip
    columns = tuple(Column(h, 2, h.endswith("protocol"), width) for h, width in heads.items())
    counted = f"{sum(str(row[-1]).startswith('reproduced') for row in rows)} of {len(rows)} rows are reproduced in some form."
    note = (
        "Numbers are differences of normalised areas (suboptimality: of utility), mean over seeds with 95% Student intervals; "
        "seeds redraw partition and training. Published protocol: areas on each router's own range of cost, and the paper's "
        f"own training; sound: one common range, equal budgets. Seeds: K-means {SEEDS} (Dirichlet(0.03) and generated problems "
        f"{FEWER} by default), MLP {networks}. New models: two, drawn by the seed, logged on a tenth of the train queries; new "
        f"clients: the last three of ten. Model coverage: on the federated cells, a client's own means are first completed by "
        f"federated ones where it has no record of a (cell, model) pair, then replaced by them. {RULES} {counted}"
    )
    return ResultTable(name, f"The paper's claims, one by one, on {table}", columns, tuple(rows), note)


def present(done: Sequence[Done]) -> list[ResultTable]:
    names = list(dict.fromkeys(one.params["table"]["name"] for one in done if "table" in one.params))
    general, results = Results(done, None), {name: Results(done, name) for name in names}
    shared = [*partition_rows(general.of("partition")[FIRST]), *gap_rows(general)]
    stems = {name: "".join(c if c.isalnum() else "_" for c in name.lower()) for name in names}
    claims = [claims_table(f"claims_{stems[name]}", name, [*shared, *router_rows(own)], own) for name, own in results.items()]
    figures = ResultTable(
        "claims_figures",
        "Published figures beside ours at seed 42, published protocol",
        tuple(Column(h) for h in ("figure", "published", *(f"ours on {name}" for name in names), "verdict")),
        tuple(figure_rows(results)),
        "Normalised areas as published, on each router's own range of cost. A figure is compared, to its last printed digit, "
        "only where the table's partition is that of RouterBench (train rows of all clients and records of all models); "
        "vectors of prompts other than the paper's will move it.",
    )
    return [*claims, figures]


EXPERIMENT = Experiment(
    title="The paper's claims, one by one, under two protocols",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=4.0,
    reads=("real_tables",),
)
