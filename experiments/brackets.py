"""How far each theorem is from the truth: lower bound <= certified worst case <= theorem, on small named instances.

The worst cases are found by cone, mixed-integer and linear programs, rational arithmetic and enumeration, each with a
certificate; nothing is drawn. A ratio of 1 says that no smaller bound holds on that instance. Needs cvxpy (the `test` extra).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory._validate import InputError
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

THEOREMS = (
    "greedy-decomposition", "coverage-transfer", "pooling", "kmeans-router", "two-pass-kmeans", "least-squares", "mlp-router",
    "client-heterogeneity", "fedavg-convergence", "linear-heads", "mixture-router", "margin-rate", "minimax-lower", "frontier",
)  # fmt: skip


def cells(request: Request) -> list[dict[str, Any]]:  # noqa: ARG001 (the instances are fixed)
    return [{"theorem": slug} for slug in THEOREMS]


def compute(cell: Cell) -> list[dict[str, Any]]:
    """The rows of one theorem. Raises InputError where a solver is missing or fails: half a bracket is not kept."""
    from fedroute_theory.certify.brackets import brackets

    found = brackets(cell.params["theorem"])
    if found.unsolved:
        raise InputError(" ".join(found.unsolved))
    return [
        {
            "form": row.form, "instance": row.instance, "how": row.how, "lower": finite(row.lower), "exact": float(row.exact),
            "upper": float(row.upper), "upper/exact": finite(row.ratio), "upper/lower": finite(row.spread),
            "ordered": bool(row.ordered),
        }
        for row in found.rows
    ]  # fmt: skip


def finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    rows = [(d.params["theorem"], row) for d in done for row in d.result]
    return [table(rows), summary(rows), figure(rows)]


Rows = Sequence[tuple[str, dict[str, Any]]]


def table(rows: Rows) -> ResultTable:
    wrong = [f"{slug} {row['form']} on {row['instance']}" for slug, row in rows if not row["ordered"]]
    return ResultTable(
        "brackets",
        "Lower bound, certified worst case and theorem on small instances",
        (
            Column("theorem"), Column("form"), Column("instance"), Column("lower", 5), Column("exact", 5), Column("upper", 5),
            Column("upper/exact"), Column("upper/lower"), Column("in order"), Column("exact by"),
        ),
        tuple(
            (
                slug, row["form"], row["instance"], row["lower"], row["exact"], row["upper"], row["upper/exact"],
                None if row["lower"] is None else row["upper/lower"], row["ordered"], row["how"],
            )
            for slug, row in rows
        ),
        "lower: reached by an explicit instance, or by a lower-bound theorem (- where there is none). exact: the other side of "
        "the certificate, or the one route that found the worst case. upper: the theorem. Units are those of each theorem. No "
        f"seeds: nothing is drawn. Out of order: {len(wrong)} of {len(rows)}{': ' + '; '.join(wrong) if wrong else ''}.",
    )  # fmt: skip


def summary(rows: Rows) -> ResultTable:
    lines = []
    for slug, form in dict.fromkeys((slug, row["form"]) for slug, row in rows):
        own = [row for s, row in rows if (s, row["form"]) == (slug, form)]
        ratios = [row["upper/exact"] for row in own if row["upper/exact"] is not None]
        ends = (min(ratios), sorted(ratios)[len(ratios) // 2], max(ratios)) if ratios else (None, None, None)
        lines.append((slug, form, len(own), *ends, sum(r <= 1.0 + 1e-6 for r in ratios)))
    return ResultTable(
        "brackets_summary",
        "How far each form is from its certified worst case",
        (
            Column("theorem"), Column("form"), Column("instances"), Column("upper/exact, least"), Column("median"),
            Column("largest"), Column("tight"),
        ),
        tuple(lines),
        "Ratios of theorem and certified worst case over the instances of the table of brackets (upper median). tight: "
        "instances on which the ratio is 1 to six digits. The instances are small and chosen, not a sample.",
    )  # fmt: skip


def figure(rows: Rows) -> Plot:
    names = tuple(dict.fromkeys(slug for slug, _ in rows))
    series = []
    for label, ratio in (("upper/exact", "upper/exact"), ("upper/lower", "upper/lower")):
        points = [
            (names.index(slug) + (0.0 if label == "upper/exact" else 0.25), row[ratio])
            for slug, row in rows
            if row[ratio] is not None and (label == "upper/exact" or row["lower"] is not None)
        ]
        series.append(Series(label, tuple(x for x, _ in points), tuple(y for _, y in points), style="points"))
    return Plot(
        "brackets_figure", "Theorem over certified worst case and over the best lower bound, instance by instance",
        (Panel("", "ratio", tuple(series), log_y=True, categories=names),),
        "One point an instance and form, by theorem, on a logarithmic axis: bound over certified worst case, and bound over "
        "the value that an explicit instance or a lower-bound theorem reaches. 1 is tight.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Upper and lower brackets on certified instances", version=1, cells=cells, compute=compute, present=present,
    seconds=2.0,
)  # fmt: skip
