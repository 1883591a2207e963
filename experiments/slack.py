"""Which inequality of each proof loses how much: the slack waterfall of every theorem on a generated problem.

From the exact gap, through the exact value of every right-hand side of the proof, to the bound. The share of a step is its
part of the whole distance from gap to bound; a step that holds with probability 1 - delta may fall in one draw, and its share
is then negative. Read the first table by theorem, the second for all forms of all theorems.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory import intervals
from fedroute_theory.report.plots import Plot
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.report.stacks import Stack
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

PLACES: dict[str, tuple[str, int, int]] = {
    "greedy-decomposition": ("tabular", 3000, 5),
    "coverage-transfer": ("tabular", 3000, 5),
    "pooling": ("tabular", 3000, 5),
    "kmeans-router": ("lipschitz-line", 3000, 5),
    "two-pass-kmeans": ("topics", 300, 5),
    "least-squares": ("teacher-quantised", 3000, 3),
    "mlp-router": ("teacher-quantised", 3000, 3),
    "client-heterogeneity": ("disagreeing", 3000, 3),
    "fedavg-convergence": ("descending", 1000, 5),
    "linear-heads": ("gaussian", 1000, 5),
    "mixture-router": ("mixture", 3000, 5),
    "margin-rate": ("margin", 3000, 5),
    "minimax-lower": ("tabular", 300, 5),
    "frontier": ("tabular", 3000, 5),
}
"""Theorem -> generated scenario, records a client, seeds of the default size."""

ROUNDING = 1e-9
"""A gap below this part of its bound is rounding of zero."""


def cells(request: Request) -> list[dict[str, Any]]:
    return [
        {"theorem": slug, "scenario": scenario, "records": records, "seed": seed}
        for slug, (scenario, records, seeds) in PLACES.items()
        for seed in range(20 if request.full else seeds)
    ]


def compute(cell: Cell) -> dict[str, Any]:
    from fedroute_theory.verify.explained import as_json, explain

    at = cell.params
    found = as_json(explain(at["theorem"], at["scenario"], at["records"], at["seed"]))
    return {name: found[name] for name in ("training", "client", "form", "waterfalls", "not applicable")}


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    by = {slug: [d for d in done if d.params["theorem"] == slug] for slug in PLACES}
    shown = {slug: own for slug, own in by.items() if own}
    return [steps_table(shown), forms_table(shown), figure(shown)]


def waterfalls(own: Sequence[Done], form: str) -> list[dict[str, Any]]:
    """Those of one form, one a seed that has it; where seeds differ in the steps (a least form), those of most seeds."""
    found = [w for d in own for w in d.result["waterfalls"] if w["form"] == form]
    names = [tuple(step["name"] for step in w["steps"]) for w in found]
    usual = Counter(names).most_common(1)[0][0] if names else ()
    return [w for w, own_names in zip(found, names, strict=True) if own_names == usual]


def ratio(above: intervals.Interval | None, below: intervals.Interval | None) -> float | None:
    """Ratio of two means; None over zero or rounding."""
    if above is None or below is None or abs(below.value) <= ROUNDING * abs(above.value):
        return None
    return above.value / below.value


def chosen(own: Sequence[Done]) -> str | None:
    """The form that has the least bound most often; the first seed's where there is no more frequent one."""
    forms = Counter(d.result["form"] for d in own if d.result["form"] is not None)
    return forms.most_common(1)[0][0] if forms else None


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def mean_of(values: Sequence[Any], least: float = -math.inf) -> intervals.Interval | None:
    """Mean over the seeds in which the value exists. least: what it cannot be below."""
    kept = [v for v in map(number, values) if v is not None]
    return intervals.mean(kept, least=least) if kept else None


def steps_of(found: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """By step of the proof, one entry a seed."""
    return [list(step) for step in zip(*(w["steps"] for w in found), strict=True)]


def place(own: Sequence[Done]) -> str:
    at, said = own[0].params, own[0].result
    client = "" if said["client"] is None else f" client {said['client']}"
    return f"{at['scenario']} {at['records']}, {said['training']}{client}"


def steps_table(by: dict[str, list[Done]]) -> ResultTable:
    lines: list[tuple[Any, ...]] = []
    for slug, own in by.items():
        form = chosen(own)
        if form is None:
            lines.append((slug, "-", place(own), "no form applies", *[None] * 5, ""))
            continue
        found = waterfalls(own, form)
        name = (slug, form, place(own))
        before = mean_of([w["gap"] for w in found], 0.0)
        lines.append((*name, "gap", before, None, None, None, len(found), ""))
        shares = [mean_of([s["share"] for s in step]) for step in steps_of(found)]
        most = max((s.value for s in shares if s is not None), default=None)
        for step, share in zip(steps_of(found), shares, strict=True):
            percent = None if share is None else intervals.Interval(100 * share.value, 100 * share.low, 100 * share.high)
            value = mean_of([s["value"] for s in step], 0.0)
            worst = share is not None and share.value == most
            lines.append((*name, step[0]["name"], value, ratio(value, before), percent, worst, len(step), step[0]["why"]))
            before = value
        vacuous = sum(w["vacuous"] for w in found)
        if vacuous:
            lines[-1] = (*lines[-1][:3], f"{lines[-1][3]} *", *lines[-1][4:])
    return ResultTable(
        "slack",
        "Slack by proof step: what each inequality loses between exact gap and bound",
        (
            Column("theorem"), Column("form"), Column("scenario, records a client, training"), Column("step"), Column("value"),
            Column("factor", 3), Column("share, %", 3), Column("loses most"), Column("seeds"), Column("why"),
        ),
        tuple(lines),
        "Value of each right-hand side of the proof, in the unit of the bound (utility; squared error for least-squares and "
        "linear-heads; squared distance for two-pass-kmeans; squared gradient for fedavg-convergence; K2 per record for "
        "pooling; minimax-lower runs downwards from the upper end of its bracket). Means over "
        f"{seeds_of(by)} seeds with 95% Student intervals; factor: mean value over the mean before; share: of the distance "
        "from gap to bound; *: in some seed the bound at the end is vacuous (no less than the utility range). All values are "
        "exact on each draw. A step that holds with probability 1 - delta (0.05) may fall in a draw. The form is the one with "
        "the least bound in most seeds.",
    )  # fmt: skip


def seeds_of(by: dict[str, list[Done]]) -> str:
    counts = sorted({len(own) for own in by.values()})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def forms_table(by: dict[str, list[Done]]) -> ResultTable:
    lines: list[tuple[Any, ...]] = []
    for slug, own in by.items():
        for form in dict.fromkeys(w["form"] for d in own for w in d.result["waterfalls"]):
            found = waterfalls(own, form)
            worst, times = Counter(w["loses most"] for w in found).most_common(1)[0]
            share = mean_of([100 * max(s["share"] for s in w["steps"]) for w in found if shares_exist(w)])
            gap, bound = (mean_of([w[key] for w in found], 0.0) for key in ("gap", "bound"))
            vacuous = f"{sum(w['vacuous'] for w in found)}/{len(found)}"
            steps = len(found[0]["steps"])
            lines.append((slug, form, gap, bound, ratio(bound, gap), vacuous, steps, worst, f"{times}/{len(found)}", share))
        for form in dict.fromkeys(f for d in own for f in d.result["not applicable"]):
            if not waterfalls(own, form):
                lines.append((slug, form, None, None, None, "-", None, "does not apply", f"0/{len(own)}", None))
    return ResultTable(
        "slack_forms",
        "Slack by proof step: every form, and the step that loses most",
        (
            Column("theorem"), Column("form"), Column("gap"), Column("bound"), Column("bound/gap", 3), Column("vacuous in"),
            Column("steps"), Column("loses most"), Column("in seeds"), Column("its share, %", 3),
        ),
        tuple(lines),
        f"Same draws as the table of steps: means over {seeds_of(by)} seeds, 95% Student intervals. bound/gap: of the means. "
        "Forms of one theorem may speak of different gaps. 'loses most': the step that does so in most seeds, and in how many "
        "of those in which the form applies; its share is that of the worst step of each seed.",
    )  # fmt: skip


def shares_exist(waterfall: dict[str, Any]) -> bool:
    return all(number(step["share"]) is not None for step in waterfall["steps"])


def figure(by: dict[str, list[Done]]) -> Plot:
    rows = []
    for slug, own in by.items():
        form = chosen(own)
        if form is not None:
            means = [(step[0]["name"], mean_of([s["share"] for s in step])) for step in steps_of(waterfalls(own, form))]
            parts = tuple((name, 100 * share.value) for name, share in means if share is not None)
            rows.append((f"{slug} ({form})", parts))
    return Plot(
        "slack_figure", "Which inequality of each proof loses how much",
        (Stack("share of the distance from exact gap to bound, %", tuple(rows)),),
        "One bar a theorem, cut into the shares of its proof steps in the order of the proof; means over seeds. Steps "
        "that fall in these draws are left of zero.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Slack by proof step for all theorems", version=1, cells=cells, compute=compute, present=present, seconds=3.0,
)  # fmt: skip
