"""How gap and bound fall with the number of records per client, over three decades, for local, federated and pooled routers.

Three problems, one for each reason why a router may be wrong. `voronoi`: utilities are constant on 20 sites and K-means has one
centre a site, so the error is statistical. `lipschitz`: cones in the plane and 16 centres, so part of the gap is approximation
and stays. `gaussian`: linear utilities and least-squares heads. Within a seed all sizes share problem and clients. Gaps are
exact given the records (sums over the problem's queries) and averaged over label draws.

Bounds. K-means on `voronoi`: the relative form with kl widths plus the exact approximation gap; on `lipschitz`: the spread
form with kl widths, whose distance and mismatch terms are the floor. Linear heads: coverage-transfer given the policy, from the
exact squared error. Beside them the margin form of margin-rate, from exact errors: what the same theory says once it is told
how often models are nearly tied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import COLOURS, Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies import together
from fedroute_theory.tables.studies.families import CLIENTS, FAMILIES, ROUNDING, measured

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

RECORDS = (30, 100, 300, 1000, 3000, 10_000, 30_000)
MARGIN_EXPONENT = 1.0
"""Of all three families: margins of random models have a density at zero."""
RATE = -(1.0 + MARGIN_EXPONENT) / 2.0
"""Of the gap in n, and of the margin-rate bound from exact errors, which is near the mean square error there."""


def cells(request: Request) -> list[dict[str, Any]]:
    return grid(family=list(FAMILIES), records=list(RECORDS), seed=range(40 if request.full else 10))


def compute(cell: Cell) -> dict[str, Any]:
    return measured(**cell.params)


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [rates(done), values(done), figure(done)]


def _of(done: Sequence[Done], family: str, records: int | None = None) -> list[Done]:
    return [d for d in done if d.params["family"] == family and records in (None, d.params["records"])]


def _sizes(done: Sequence[Done]) -> list[int]:
    return sorted({d.params["records"] for d in done})


def _violations(done: Sequence[Done]) -> str:
    parts = [part for d in done for part in d.result.values()]
    return f"Violations: {sum(p['violations'] for p in parts)} of {sum(p['claims'] for p in parts):,} claims."


def _compared(part: Any) -> list[float]:
    return [part["gap"], part["worst"], part["bound"]]


def rates(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    zeros = 0
    for family in FAMILIES:
        own = _of(done, family)
        largest = max(_sizes(own))
        for training in COLOURS:
            window = [(d, d.result[training]) for d in own if d.params["records"] * 100 >= largest]
            narrow = [(d, part) for d, part in window if part["bound"] <= 0.5]
            zeros += sum(part[what] == 0.0 for _, part in window for what in ("gap", "margin"))
            gap, excess = _of_mean(window, lambda p: p["gap"]), _of_mean(window, _excess)
            floor = [d.result[training]["approximation"] / d.result[training]["gap"] for d in _of(done, family, largest)
                     if d.result[training]["gap"] > 0.0]  # fmt: skip
            rows.append(
                (
                    family, training, -0.5, _fit(narrow, lambda p: p["statistical"]), _fit(narrow, lambda p: p["bound"]),
                    RATE, _of_mean(window, lambda p: p["margin"]), RATE, excess, gap,
                    intervals.mean(floor, least=0.0, most=1.0) if floor else None,
                )
            )  # fmt: skip
    headers = (
        "problem", "training", "predicted for the bound", "statistical term", "bound", "predicted for the margin-rate bound",
        "margin-rate bound", "predicted for the gap", "gap minus approximation", "gap", "approximation / gap at the largest n",
    )  # fmt: skip
    sizes = _sizes(done)
    note = (
        f"Exponents fitted in logarithms over the last two decades of n (of {min(sizes):,} to {max(sizes):,} records a client, "
        f"{CLIENTS} clients), {_seeds(done)} seeds. Bounds: a constant a seed, 95% Student intervals, where they are at most "
        "half the utility range of 1. Gaps and margin-rate bounds: of the mean over seeds, so that the "
        f"{zeros} single ones of exactly 0 count; 95% intervals by jackknife over seeds. Predicted for a bound's statistical "
        "term: -1/2, from sqrt(log / 2n) or sqrt(K2 / n); for the gap and the margin-rate bound: -(1 + a) / 2 at margin "
        "exponent a = 1 (margins with a density at zero, errors that fall as n^(-1/2)). An interval that excludes the "
        "prediction may mean: errors not yet small against the margins, which in a finite problem are finitely many; errors "
        "that do not vanish (the approximation, last column); few seeds, of which those with near ties decide the mean. "
        f"{together.sentence(done, _compared)} {_violations(done)}"
    )
    columns = tuple(Column(header, 3) for header in headers)
    return ResultTable("records", "Exponents of bound and gap in records per client", columns, tuple(rows), note)


def _fit(points: Sequence[tuple[Done, Any]], what: Callable[[Any], float]) -> intervals.Interval | None:
    x, seeds = [d.params["records"] for d, _ in points], [d.params["seed"] for d, _ in points]
    return intervals.exponent(x, [what(part) for _, part in points], seeds)


def _of_mean(points: Sequence[tuple[Done, Any]], what: Callable[[Any], float]) -> intervals.Interval | None:
    x, seeds = [d.params["records"] for d, _ in points], [d.params["seed"] for d, _ in points]
    return intervals.exponent_of_means(x, [what(part) for _, part in points], seeds)


def _excess(part: Any) -> float:
    """The part of the gap that estimation has, 0 up to rounding where there is none."""
    more = part["gap"] - part["approximation"]
    return float(more) if abs(more) > ROUNDING else 0.0


def _seeds(done: Sequence[Done]) -> int:
    return len({d.params["seed"] for d in done})


def values(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for family in FAMILIES:
        for records in _sizes(_of(done, family)):
            own = _of(done, family, records)
            for training in COLOURS:
                parts = [d.result[training] for d in own]
                gap, worst, margin, bound = (
                    intervals.mean([p[what] for p in parts], least=0.0) for what in ("gap", "worst", "margin", "bound")
                )
                rows.append(
                    (
                        family, records, training, gap, worst, margin, bound,
                        bound.value / gap.value if gap.value > 0.0 else None,
                        float(np.mean([p["vacuous"] for p in parts])),
                    )
                )  # fmt: skip
    columns = (
        Column("problem"), Column("records a client"), Column("training"), Column("gap [utility]", 3),
        Column("gap of the worst client [utility]", 3), Column("margin-rate bound [utility]", 3), Column("bound [utility]", 3),
        Column("bound / gap", 3), Column("vacuous share", 2),
    )  # fmt: skip
    note = (
        f"Means over {_seeds(done)} seeds with 95% Student intervals, cut at 0; local: mean over clients. Gaps are "
        "exact, averaged over draws of the labels. The worst client has the largest gap of its seed. Vacuous: share of bounds "
        "(of clients and label draws, approximation included) that are no less than the utility range of 1. "
        f"{together.sentence(done, _compared)} {_violations(done)}"
    )
    return ResultTable("records_values", "Gap and bound by records per client", columns, tuple(rows), note)


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    for family, bound in FAMILIES.items():
        sizes = _sizes(_of(done, family))
        series = []
        for training, name in together.lines(_of(done, family), _compared):
            for what in ("gap", "bound"):
                found = [
                    intervals.mean([d.result[training][what] for d in _of(done, family, records)], least=0.0)
                    for records in sizes
                ]
                label, style = (name, "line") if what == "gap" else (f"_{name} bound", "dashed")
                series.append(Series.of(label, sizes, found, style, COLOURS[training]))
        panels.append(Panel("records a client", "utility", tuple(series), f"{family}: {bound}", log_x=True, log_y=True))
    return Plot(
        "records_figure", "Gap (solid) and bound (dashed) against records per client", tuple(panels),
        "Three panels, one a problem, both axes logarithmic: exact gap with 95% band, and bound, of local, federated and "
        "pooled routers against the number of records per client; one line for two trainings that agree in every cell.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Suboptimality and bounds against the number of records",
    version=2,
    cells=cells,
    compute=compute,
    present=present,
    seconds=1.0,
)
