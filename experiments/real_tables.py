"""Local, federated and pooled routers on full evaluation tables, where every policy's accuracy and cost are known exactly.

Each table (the one the package makes, or those given with --table) is spread over ten clients by the published partition, anew
for every seed. K-means (with mixtures), linear heads and networks are trained client-local, federated and pooled under the
sound and the published protocol. Areas are exact on the test rows; what varies is the partition and the training, so intervals
are over seeds, and differences are paired seed by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory import intervals
from fedroute_theory.report.plots import Plot
from fedroute_theory.report.result_tables import Column, ResultTable, Value
from fedroute_theory.tables.data import tables_of
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies.audit_figures import frontiers, gains_figure
from fedroute_theory.tables.studies.audits import FAMILIES, FIRST, MEASURES, audited, gains, groups, made, stems

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

SEEDS, NETWORK_SEEDS = 10, 3
PROTOCOLS = ("sound", "published")
RANGES = {"auc": "common", "auc_published": "own"}


def cells(request: Request) -> list[dict[str, Any]]:
    """Networks take most of the time: fewer seeds, and their mixtures with --full only."""
    tables = tables_of(request.tables)
    stems(tables)  # two that would overwrite each other's files are refused before anything is computed
    networks = SEEDS if request.full else NETWORK_SEEDS
    routers = {"mixture": SEEDS, "mixture-linear" if request.full else "linear": SEEDS}
    routers["mixture-mlp" if request.full else "mlp"] = networks
    return [
        {"kind": "audit", "table": table, "router": router, "protocol": protocol, "seed": FIRST + i, "task_alpha": 0.6,
         "model_alpha": 0.45}
        for table in tables
        for router, seeds in routers.items()
        for protocol in (PROTOCOLS if FAMILIES[router] != FAMILIES["linear"] else PROTOCOLS[:1])
        for i in range(seeds)
    ]  # fmt: skip


def compute(cell: Cell) -> dict[str, Any]:
    return audited(cell)


def origin(done: Sequence[Done]) -> str:
    return made(one.params["table"] for one in done)


AREAS = {"federated": "federated", "pooled": "pooled", "best local": "local most", "median local": "local median"}
REFERENCES = {name: name for name in ("best single model", "best cell policy", "random", "oracle")}
PLACE = ("table", "router", "protocol")


def areas_rows(done: Sequence[Done], names: Sequence[str]) -> tuple[tuple[Value, ...], ...]:
    rows: list[tuple[Value, ...]] = []
    for place, own in groups(done).items():
        for measure, cost in RANGES.items():
            areas = [one.result["global"][measure] for one in own]
            means = [intervals.mean([a[n] for a in areas]) if n in areas[0] else None for n in names]
            rows.append((*place, cost, len(own), *means))
    return tuple(rows)


def areas_table(done: Sequence[Done]) -> ResultTable:
    return ResultTable(
        "real_tables_areas",
        "Areas under accuracy-cost curves on all test queries",
        (*(Column(name) for name in (*PLACE, "cost range", "seeds")), *(Column(name, 3) for name in AREAS)),
        areas_rows(done, tuple(AREAS.values())),
        f"{origin(done)}Normalised area (mean accuracy over the range of cost, in [0, 1]), exact on the test rows; mean over "
        "seeds, which redraw partition and training, with 95% Student intervals. Cost range: common, from the cheapest to the "
        "dearest single model; or the router's own, as published. Best local: the client whose router is best, in hindsight. "
        "Nothing is published of linear heads, so they have one protocol.",
    )


def references_table(done: Sequence[Done]) -> ResultTable:
    return ResultTable(
        "real_tables_references",
        "What the areas are to be held against, on the same test queries",
        (*(Column(name) for name in (*PLACE, "cost range", "seeds")), *(Column(name, 3) for name in REFERENCES)),
        areas_rows(done, tuple(REFERENCES.values())),
        f"{origin(done)}Normalised areas as in real_tables_areas, of policies that are no trained routers. On its own range of "
        "cost a constant policy scores 0. Best cell policy: the best choice in each federated cell, in hindsight. Oracle: the "
        "best model of each query after its outcome is seen, which no router can learn.",
    )


def differences_table(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Value, ...]] = []
    for place, own in groups(done).items():
        for measure, cost in RANGES.items():
            areas = [one.result["global"][measure] for one in own]
            against = [
                intervals.mean([a["federated"] - a[name] for a in areas])
                for name in ("local most", "local median", "pooled", "best single model")
            ]
            wins = sum(a["federated"] > a["local most"] for a in areas)
            rows.append((*place, cost, *against, f"{wins}/{len(own)}"))
    header = ("best local", "median local", "pooled", "best single model")
    return ResultTable(
        "real_tables_differences",
        "Federated area minus another, seed by seed",
        (
            *(Column(name) for name in (*PLACE, "cost range")),
            *(Column(f"minus {name}", 2, signed=True) for name in header),
            Column("seeds above every local"),
        ),
        tuple(rows),
        f"{origin(done)}Differences of normalised areas on all test queries, paired by seed, with 95% Student intervals; "
        f"positive where the federated router is better. {_settled(rows)}",
    )  # fmt: skip


def _settled(rows: Sequence[tuple[Value, ...]]) -> str:
    """What the intervals say of federated against the best single model on the common range: a count."""
    own = [row[7] for row in rows if row[3] == "common"]
    above, below = (sum(_sign(value) == sign for value in own) for sign in (1, -1))
    return (
        f"On the common range the federated router is above the best single model in {above} and below it in {below} of "
        f"{len(own)} rows (interval clear of 0)."
    )


def _sign(value: Value) -> int:
    assert isinstance(value, intervals.Interval)
    return (value.low > 0.0) - (value.high < 0.0)


def gains_table(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Value, ...]] = []
    for place, own in groups(done).items():
        for scope in ("own", "all"):
            found = [gains(one.result, scope, MEASURES[place[2]]) for one in own]
            summary = [intervals.mean([of(values) for values in found]) for of in (min, _mean, max)]
            share = _mean([_mean([float(v > 1e-12) for v in values]) for values in found])
            every = sum(min(values) > 1e-12 for values in found)
            rows.append((*place, scope, *summary, share, f"{every}/{len(own)}"))
    return ResultTable(
        "real_tables_gains",
        "What federating brings to a client",
        (
            *(Column(name) for name in (*PLACE, "test queries")),
            *(Column(f"{name} gain", 2, signed=True) for name in ("least", "mean", "largest")),
            Column("share that gains", 2),
            Column("seeds in which all gain"),
        ),
        tuple(rows),
        f"{origin(done)}Area of the federated router minus that of the client's own, over ten clients, on the client's own "
        "test queries or on all; sound protocol: areas on the common cost range, published: on each router's own. Least, mean "
        "and largest of the clients, then the mean over seeds with 95% Student intervals.",
    )


def mixtures_table(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Value, ...]] = []
    for place, own in groups(done).items():
        measure = MEASURES[place[2]]
        if "mixture" in own[0].result["own"][measure]:
            for scope in ("own", "all"):
                pairs = [[_mean(gains(one.result, scope, measure, "mixture", over)) for one in own] for over in OVER]
                wins = [f"{sum(value > 1e-12 for value in values)}/{len(own)}" for values in pairs]
                rows.append((*place, scope, *(v for pair in zip(map(intervals.mean, pairs), wins, strict=True) for v in pair)))
    columns = [(Column(f"minus {over}", 2, signed=True), Column(f"seeds above {over}")) for over in OVER]
    return ResultTable(
        "real_tables_mixtures",
        "What a client's mixture of its local and the federated router brings",
        (*(Column(name) for name in (*PLACE, "test queries")), *(column for pair in columns for column in pair)),
        tuple(rows),
        f"{origin(done)}Area of each client's own mixture minus that of its local or of the federated router, mean over "
        "clients and then over seeds with 95% Student intervals; areas as in real_tables_gains. Mixtures of linear heads and "
        "networks are trained with --full only.",
    )


OVER = ("local", "federated")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    tables = [one.params["table"] for one in done]
    figures = [frontiers(done, name, f"real_tables_frontiers_{stem}") for name, stem in stems(tables).items()]
    tables_made = [of(done) for of in (areas_table, references_table, differences_table, gains_table, mixtures_table)]
    return [*tables_made, gains_figure(done), *figures]


EXPERIMENT = Experiment(
    title="Areas, gains and frontiers on evaluation tables, two protocols",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=6.0,
)
