"""The claims of "Federate the Router" (arXiv 2601.22318), one by one, under the published and under the sound protocol.

What the paper says of its partition follows from task sizes alone and is repeated exactly. What it says of routers is tested on
the tables given (or on the one the package makes), and of suboptimality on generated problems with a known optimum. A claim is
tested as a direction, seed by seed, and its verdict follows from the intervals by stated rules. The paper's own figures need
RouterBench itself: they are compared where a table has its partition. What the paper does not claim stands apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory.intervals import Interval
from fedroute_theory.report.result_tables import Column, ResultTable, Value
from fedroute_theory.tables import published as paper
from fedroute_theory.tables import retold
from fedroute_theory.tables.audits import FIRST, audited, gains, made, stems
from fedroute_theory.tables.data import tables_of
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.results import PROTOCOLS, Of, Results
from fedroute_theory.tables.verdicts import ALWAYS, EQUAL, POSITIVE, RULES, UNTESTED, Measured, Rule, counted, exact, verdict

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

SEEDS, FEWER, NETWORK_SEEDS = 10, 5, 3
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
    tables = tables_of(request.tables)
    stems(tables)  # two that would overwrite each other's files are refused before anything is computed
    for table in tables:
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


Row = tuple[Value, ...]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _row(claim: str, figure: str, what: str, found: Sequence[Measured], rule: Rule = POSITIVE) -> Row:
    numbers = (value for own in found for value in own.printed(rule))
    return (claim, figure, what, *numbers, verdict(*(own.answer(rule) for own in found)))


def partition_table(result: Any) -> ResultTable:
    """The published sizes against those that the task sizes alone give."""
    rows: list[Row] = []
    for what, key in (
        ("train rows of the ten clients", "train"), ("test rows", "test"), ("client-model pairs without a record", "empty"),
        ("records by model", "by_model"),
    ):  # fmt: skip
        stated, own = (
            " ".join(map(str, v)) if isinstance(v, Sequence) else f"{v:,}" for v in (getattr(paper, key.upper()), result[key])
        )
        rows.append((what, stated, own, own == stated))
    return ResultTable(
        "claims_partition",
        "The published partition, told again from task sizes alone",
        (Column("quantity"), Column("published", wrap=5.0), Column("ours, seed 42", wrap=5.0), Column("equal")),
        tuple(rows),
        "A check of this package, not a claim of the paper: RouterBench's task sizes, spread draw by draw with seed 42.",
    )


def gap_rows(results: Results) -> list[Row]:
    """Suboptimality itself, where it is known exactly."""

    def lower(part: str) -> Of:
        def of(result: Any, _: str) -> float | None:
            local, federated = ([v for v in result[part][t] if v is not None] for t in ("local", "federated"))
            return _mean(local) - federated[0] if local and federated else None

        return of

    return [
        _row(
            "federated training lowers routing suboptimality", "",
            f"generated problems: {part}, mean of locals minus federated", results.measured(lower(part), "suboptimality", None),
        )
        for part in ("gap", "bound")
    ]  # fmt: skip


def router_rows(results: Results) -> list[Row]:
    """Everything said of routers that an audit of a table can test."""
    rows: list[Row] = []

    def add(claim: str, what: str, kind: str, family: str, of: Of, rule: Rule = POSITIVE, own: Results = results) -> None:
        figure = paper.FIGURES.get((claim, family), "")
        rows.append(_row(f"{claim} ({family})", figure, what, own.measured(of, kind, family), rule))

    for family in ("K-means", "MLP"):
        add("federated beats every client-local router on all test queries", "least gain of a client", "audit", family,
            lambda r, m: min(gains(r, "all", m)), ALWAYS)  # fmt: skip
        add("federated beats every client-local router on its own test queries", "least gain of a client", "audit", family,
            lambda r, m: min(gains(r, "own", m)), ALWAYS)  # fmt: skip
        add("federated beats client-local routers on their own test queries on average", "mean gain", "audit", family,
            lambda r, m: _mean(gains(r, "own", m)))  # fmt: skip
        add("centralised equals federated", "federated minus pooled", "audit", family,
            lambda r, m: r["global"][m]["federated"] - r["global"][m]["pooled"], EQUAL)  # fmt: skip
    add("the gain on all test queries comes mostly through model coverage", "gain of filled pairs minus gain of the rest",
        "coverage", "K-means", lambda r, m: 2 * r[m]["filled"] - r[m]["own"] - r[m]["federated"])  # fmt: skip
    for family in ("K-means", "MLP"):
        for other in ("local", "federated"):
            add(f"a client's mixture beats its {other} router on its own queries", "mean gain", "audit", family,
                lambda r, m, other=other: mixed(r, m, other), own=results.mixtures)  # fmt: skip
    extreme = "with tasks spread by Dirichlet(0.03),"
    add(f"{extreme} federated beats every local router on all test queries", "least gain of a client", "extreme tasks",
        "K-means", lambda r, m: min(gains(r, "all", m)), ALWAYS)  # fmt: skip
    add(f"{extreme} federated beats local routers on their own queries", "mean gain", "extreme tasks", "K-means",
        lambda r, m: _mean(gains(r, "own", m)))  # fmt: skip
    add(f"{extreme} a client's mixture beats the federated router on its own queries", "mean gain", "extreme tasks", "K-means",
        lambda r, m: mixed(r, m, "federated"))  # fmt: skip
    for family in ("K-means", "MLP"):
        for kind, scope in (("new models", "all"), ("new clients", "all"), ("new clients", "newcomers")):
            whose = "all test queries" if scope == "all" else "the newcomers' test queries"
            add(f"adding {kind} helps on {whose}", "after minus before", kind, family,
                lambda r, m, scope=scope: r["after"][m][scope] - r["before"][m][scope])  # fmt: skip
    areas = [r["auc_published"] for r in results.of("rounds").values()]
    first = [Measured.of(2 * area[1] - area[0] - area[-1] for area in areas), Measured()]
    claim = "the first round brings most of what five rounds bring"
    rows.append(_row(f"{claim} (MLP)", paper.FIGURES[claim, "MLP"], "gain of round 1 minus that of rounds 2-5", first))
    return rows


def mixed(result: Any, measure: str, other: str) -> float:
    """Mean gain of the clients' mixtures over another training on their own test queries."""
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


def claims_table(name: str, table: str, rows: Sequence[Row], own: Results, origin: str) -> ResultTable:
    networks, tests = len(own.of("audit", "MLP", "sound")), sum(isinstance(value, Interval) for row in rows for value in row)
    heads = {"claim": 6.5, "published": 3.2, "measured": 3.8, **PROTOCOL_HEADS, "verdict": 3.4}
    note = (
        f"{origin}Numbers are differences of normalised areas (suboptimality: of utility), mean over seeds with 95% Student "
        "intervals; seeds redraw partition and training. Seeds: those in which the claim is true, of those run. Published "
        "protocol: areas on each router's own range of cost, and the paper's own training; sound: one common range, equal "
        "budgets. New models: two, drawn by the seed, logged on a tenth of the train queries; new clients: the last three of "
        "ten. Model coverage: on the federated cells, a client's own means are first completed by federated ones where it has "
        f"no record of a (cell, model) pair, then replaced by them. {RULES} {tests} intervals are looked at and not corrected "
        f"for their number: some {0.05 * tests:.1f} would be clear of 0 by chance, if nothing were there to find. "
        + (f"MLP rows have {networks} seeds only: wide intervals, so that 'open' says little. " if networks < SEEDS else "")
        + f"Verdicts on the {len(rows)} rows: {counted([str(row[-1]) for row in rows])}."
    )
    return ResultTable(name, f"The paper's claims, one by one, on {table}", _columns(heads), tuple(rows), note)


PROTOCOL_HEADS = {
    "published protocol": None, "seeds, published protocol": None, "sound protocol": None, "seeds, sound protocol": None,
}  # fmt: skip


def _columns(heads: dict[str, float | None]) -> tuple[Column, ...]:
    return tuple(Column(head, 2, head in PROTOCOL_HEADS, width) for head, width in heads.items())


def checks_table(name: str, table: str, own: Results, origin: str) -> ResultTable:
    """What the paper does not claim and a reader will ask."""
    rows: list[Row] = []
    for family in ("K-means", "MLP"):
        found = own.measured(lambda r, m: r["global"][m]["federated"] - r["global"][m]["best single model"], "audit", family)
        rows.append((f"federated minus best single model ({family})", *(v for f in found for v in f.printed(POSITIVE))))
    return ResultTable(
        name,
        f"Beyond the paper's claims, on {table}",
        _columns({"area on all test queries": None, **PROTOCOL_HEADS}),
        tuple(rows),
        f"{origin}Checks of this package, no claims of the paper. Mean over seeds with 95% Student intervals; seeds: those in "
        "which the federated router is better, of those run.",
    )


def present(done: Sequence[Done]) -> list[ResultTable]:
    tables = {one.params["table"]["name"]: one.params["table"] for one in done if "table" in one.params}
    general, results = Results.on(done, None), {name: Results.on(done, name) for name in tables}
    found: list[ResultTable] = []
    for name, stem in stems(tables.values()).items():
        own, origin = results[name], made([tables[name]])
        found.append(claims_table(f"claims_on_{stem}", name, [*gap_rows(general), *router_rows(own)], own, origin))
        found.append(checks_table(f"claims_checks_on_{stem}", name, own, origin))
    figures = ResultTable(
        "claims_figures",
        "Published figures beside ours at seed 42, published protocol",
        tuple(Column(h) for h in ("figure", "published", *(f"ours on {name}" for name in tables), "verdict")),
        tuple(figure_rows(results)),
        f"{made(tables.values())}Normalised areas as published, on each router's own range of cost. A figure is compared, to "
        "its last printed digit, only where the table's partition is that of RouterBench (train rows of all clients, records "
        "of all models); vectors of prompts other than the paper's will move it.",
    )
    return [*found, figures, partition_table(general.of("partition")[FIRST])]


EXPERIMENT = Experiment(
    title="The paper's claims, one by one, under two protocols",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=4.0,
    reads=("real_tables",),
)
