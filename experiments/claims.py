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
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables.data import tables_of
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies import published as paper
from fedroute_theory.tables.studies import regrown, retold
from fedroute_theory.tables.studies.audits import FIRST, audited, made, stems
from fedroute_theory.tables.studies.claimed import Row, figure_rows, gap_rows, router_rows
from fedroute_theory.tables.studies.results import PROTOCOLS, Results
from fedroute_theory.tables.studies.verdicts import POSITIVE, RULES, counted

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

SEEDS, FEWER, NETWORK_SEEDS = 10, 5, 3
COMPUTE: dict[str, Callable[[Cell], Any]] = {
    "partition": paper.partition,
    "facts": retold.facts,
    "coverage": retold.coverage,
    "extreme tasks": audited,
    "new models": regrown.new_models,
    "new clients": regrown.new_clients,
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
