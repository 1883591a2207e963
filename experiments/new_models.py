"""What do new models cost a federated router that must not be trained afresh?

Six clients have trained a router of four models on 1,000 records each. Two new models are then logged on 1 to 20% as many
queries, drawn as before, and only what is new is fitted: columns of counts and sums (K-means), heads by least squares on the
given features (linear heads), heads by federated averaging on the frozen trunk (MLP). Beside it: routing without the new
models, and training afresh on all the records. Queries are finite: gaps are exact. Larger shares hold the records of smaller
ones. Errors of the new models' utilities are fitted as a power of their records; linear-heads says p/(4n), so -1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory import intervals
from fedroute_theory.intervals import Interval
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies.added_models import CLIENTS, KNOWN, NEW, RECORDS, measured
from fedroute_theory.tables.studies.growing import DELTA, FEATURES, RANGE

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)


def cells(request: Request) -> list[dict[str, Any]]:
    """One a family and seed; networks, whose training costs most, with fewer seeds and shares."""
    seeds = {"K-means": 10, "linear heads": 10, "MLP": 5}
    return [
        {"family": family, "seed": seed, "shares": list(SHARES[::2] if family == "MLP" else SHARES)}
        for family, count in seeds.items()
        for seed in range(4 * count if request.full else count)
    ]


def compute(cell: Cell) -> dict[str, Any]:
    return measured(**cell.params)


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    """Gaps and bytes, bounds, exponents; a figure."""
    families: dict[str, list[dict[str, Any]]] = {}
    for each in done:
        families.setdefault(each.params["family"], []).append(each.result)
    return [gaps_table(families), bounds_table(families), exponents_table(families), figure(families)]


def over(values: Sequence[float | None]) -> Interval | None:
    """Mean over the seeds that have a number."""
    known = [v for v in values if v is not None]
    return intervals.mean(known) if known else None


SETUP = (
    f"{CLIENTS} clients, {KNOWN} known and {NEW} new models, {RECORDS:,} first records a client; labels are coins; utility "
    "units (price 0.2, range 1.2). Means over seeds, 95% Student intervals, differences paired by seed."
)


def gaps_table(families: dict[str, list[dict[str, Any]]]) -> ResultTable:
    """Exact gaps and bytes."""
    rows = []
    for family, results in families.items():
        before = [r["before"]["gap"] for r in results]
        for at in zip(*(r["shares"] for r in results), strict=True):
            grown, afresh = ([e[name]["gap"] for e in at] for name in ("grown", "afresh"))
            rows.append((
                family, len(results), f"{at[0]['share']:.0%}", at[0]["records"],
                intervals.mean(before).value, intervals.mean(grown).value,
                intervals.mean(afresh).value, intervals.paired(grown, before), intervals.paired(grown, afresh),
                *(round(intervals.mean([b(e) for e in at]).value / CLIENTS) for b in (
                    lambda e: e["grown"]["bytes"], lambda e: e["raw"], lambda e: e["afresh"]["bytes"], lambda e: e["raw_all"],
                )),
            ))  # fmt: skip
    columns = (
        Column("family"), Column("seeds"), Column("share of queries"), Column("records a new model", 4),
        Column("gap without them", 3), Column("gap, added", 3), Column("gap, afresh", 3),
        Column("added - without", 2, signed=True), Column("added - afresh", 2, signed=True), Column("bytes a client, added"),
        Column("bytes of the new records"), Column("bytes a client, afresh"), Column("bytes of all records"),
    )  # fmt: skip
    note = (
        "Exact gap against the best policy of all six models. Bytes a client that travelled for this step, beside the size of "
        f"the records themselves (embedding, model, labels). {SETUP}"
    )
    return ResultTable("new_models_gaps", "New models: gap and bytes", columns, tuple(rows), note)


def bounds_table(families: dict[str, list[dict[str, Any]]]) -> ResultTable:
    """What the theorems say before and after."""
    names, rows = ("transfer", "greedy", "own"), []
    tally = [0, 0]
    for family, results in families.items():
        stages = [("without them", [r["before"] for r in results])]
        for at in zip(*(r["shares"] for r in results), strict=True):
            stages += [(f"{kind}, {at[0]['share']:.0%}", [e[kind] for e in at]) for kind in ("grown", "afresh")]
        for stage, known in stages:
            values = [over([e[name] for e in known]) for name in names]
            tally = [tally[0] + sum(e["claims"] for e in known), tally[1] + sum(e["violations"] for e in known)]
            vacuous = [n for n, v in zip(names, values, strict=True) if v is not None and v.value >= RANGE]
            rows.append((
                family, stage.replace("grown", "added"), over([e["gap"] for e in known]),
                *(None if v is None else v.value for v in values), ", ".join(vacuous) or None,
            ))  # fmt: skip
    columns = (
        Column("family"), Column("stage"), Column("gap", 3), Column("transfer", 3), Column("greedy", 3), Column("own", 3),
        Column("vacuous"),
    )  # fmt: skip
    note = (
        "transfer: coverage-transfer, range-aware, with the exact squared error; greedy: greedy-decomposition (top2) with the "
        "exact errors; both count the whole range where a model is unknown. own: kmeans-router (relative, kl widths, delta "
        f"{DELTA:g}) for K-means; for linear heads p/(4n), p = {FEATURES}, of the least logged model where it has as many "
        "records (linear-heads; an expected squared error in sample, no gap); none for networks, since a certificate "
        f"fixes the class before the data. Vacuous: at least the range. Violations: {tally[1]} of {tally[0]:,} claims. {SETUP}"
    )
    return ResultTable("new_models_bounds", "New models: bounds before and after", columns, tuple(rows), note)


def exponents_table(families: dict[str, list[dict[str, Any]]]) -> ResultTable:
    """Powers of the new models' records."""
    rows = []
    for family, results in families.items():
        for kind, title in (("grown", "added"), ("afresh", "afresh")):
            fits = {
                what: fitted(results, lambda e, k=kind, w=what: e[k][w]) for what in ("error", "gap", "own")
            }  # fmt: skip
            rows.append((
                family, title, fits["error"], "-1 (s^2 p/n)" if family != "MLP" or kind == "grown" else "-",
                fits["own"], {"K-means": "-1/2 (width)", "linear heads": "-1 (p/4n)"}.get(family), fits["gap"],
            ))  # fmt: skip
    columns = (
        Column("family"), Column("how"), Column("squared error of new models", 3), Column("predicted"),
        Column("own bound", 3), Column("predicted, bound"), Column("gap", 3),
    )  # fmt: skip
    note = (
        "Exponents in the records of a new model, least squares in logarithms with one constant a seed, 95% Student intervals; "
        "values of 0 are left out. An unlogged pair of cell and model counts the whole range. Predicted: linear-heads for "
        "given features (indicators of cells, features, frozen trunk) without bias; a bias that stays makes it flatter. The "
        "gap also holds the errors of the known models, whose records do not grow; so does the own bound of K-means, which the "
        "range caps. " + SETUP
    )
    return ResultTable("new_models_exponents", "New models: exponents in their records", columns, tuple(rows), note)


def fitted(results: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], float | None]) -> Interval | None:
    """Exponent of a value in the records of a new model, over seeds."""
    points = [(e["records"], value(e), seed) for seed, r in enumerate(results) for e in r["shares"]]
    kept = [(n, v, seed) for n, v, seed in points if v is not None]
    return intervals.exponent(*zip(*kept, strict=True)) if kept else None


def figure(families: dict[str, list[dict[str, Any]]]) -> Plot:
    """Gap against share, one panel a family."""
    panels = []
    for family, results in families.items():
        shares = [e["share"] for e in results[0]["shares"]]
        by_share = list(zip(*(r["shares"] for r in results), strict=True))
        series = [
            _series(title, shares, [[e[kind]["gap"] for e in at] for at in by_share])
            for kind, title in (("grown", "added"), ("afresh", "trained afresh"))
        ]
        series.append(_series("without new models", shares, [[r["before"]["gap"] for r in results]] * len(shares), True))
        panels.append(Panel("share of queries that log a new model", "gap (utility)", tuple(series), family, log_x=True))
    alt = (
        "Exact gap of the federated router against the share of queries on which the new models are logged, one panel a "
        "family: added to the router, trained afresh, and without the new models; bands are 95% intervals over seeds."
    )
    return Plot("new_models_figure", "New models: gap against how often they are logged", tuple(panels), alt)


def _series(label: str, x: Sequence[float], values: Sequence[Sequence[float]], dashed: bool = False) -> Series:
    means = [intervals.mean(v) for v in values]
    return Series(label, tuple(x), tuple(m.value for m in means), style="dashed") if dashed else Series.of(label, x, means)


EXPERIMENT = Experiment(
    title="New models: added to a federated router, against training afresh",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=3.0,
)
