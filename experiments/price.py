"""Bounds along the price of cost: one that holds at a single price, and one event for all prices at once.

K-means on piecewise constant quality and cost with noisy labels of both. The estimates do not depend on the price lam; routing
does. Pointwise: the relative form of kmeans-router with kl widths of the utility labels, valid with probability 0.95 at each
price taken alone. All prices: quality and cost bounded apart with log(4N / delta), so that gap <= a + lam b at every price at
once with probability 0.95, as `frontier` has it. Union: the pointwise form at delta / (number of prices), which covers the
prices of this table and no others. From exact errors: frontier's a + lam b once the errors of every estimate are known. All are
beside the exact gap; relative forms include the exact approximation gap. The utility range 1 + lam c_max grows with the price.

Pointwise and all prices are two constructions, so their ratio is not the cost of validity at every price alone: one interval of
the utility against two, of quality and of cost, of which the errors add up. Either may be the smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import COLOURS, Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies import together

if TYPE_CHECKING:
    from fedroute_theory.estimates import CellEstimates
    from fedroute_theory.sweep import Cell
    from fedroute_theory.theorems import Case

PRICES = tuple(float(f"{10.0 ** (k / 2.0):.3g}") for k in range(-4, 5))
"""Utility per unit of cost, geometric."""
CLIENTS, RECORDS, SITES, MODELS, DRAWS = 5, 3000, 10, 4, 4
BOUNDS = {"pointwise": "pointwise", "union": "union over these prices", "everywhere": "all prices", "told": "from exact errors"}


def cells(request: Request) -> list[dict[str, Any]]:
    return grid(seed=range(30 if request.full else 10))


def world(seed: int) -> tuple[Any, Any, Any]:
    from fedroute_theory.federation import dirichlet
    from fedroute_theory.problems import voronoi

    rng = np.random.default_rng(seed)
    problem = voronoi(rng, sites=SITES, per_site=20, models=MODELS)
    return problem, dirichlet(problem, rng, clients=CLIENTS, records=RECORDS, task_alpha=5.0, model_alpha=5.0), rng


def split(case: Case, client: int | None, estimates: CellEstimates) -> tuple[Any, Any]:
    """(T,) a and b with gap to the best policy on the cells <= a + lam b at every price, on one event of probability 1 - delta.

    The relative form for quality and for cost apart. A pair without records is estimated at mid-range, half a range from both
    ends.
    """
    from fedroute_theory.lines import worst_pair
    from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
    from fedroute_theory.theorems.kmeans_router.widths import kl_interval

    geometry = CellGeometry(case.problem.replace(lam=0.0), case.logs_of(client), estimates)
    mass, counts = geometry.by_cell.mass, estimates.counts
    log_term = float(np.log(4.0 * max(1, int(estimates.logged.sum())) / case.delta))
    found = []
    for fitted, truth, top in (
        (estimates.quality, case.problem.quality, 1.0),
        (estimates.cost, case.problem.cost, case.problem.c_max),
    ):
        unit = np.where(estimates.logged, fitted, 0.5 * top) / top
        low, high = kl_interval(unit, counts, log_term)
        one = CellGeometry(case.problem.replace(quality=truth / top, lam=0.0), geometry.logs, estimates)
        shift = np.where(estimates.logged, one.by_cell.pointwise - one.realised_mean, 0.0)
        found.append(top * (np.minimum(worst_pair(high - unit + shift, unit - low - shift), 1.0) @ mass))
    return found[0], found[1]


def compute(cell: Cell) -> dict[str, Any]:
    """By training a list over prices; local: means over clients."""
    from dataclasses import replace

    from fedroute_theory.routers import KMeansRouter
    from fedroute_theory.tables.studies.trainings import approximation, gaps_under, summary, trained_case
    from fedroute_theory.theorems import theorem
    from fedroute_theory.theorems.kmeans_router.claims import claims

    problem, laws, rng = world(cell.params["seed"])
    router = KMeansRouter.with_clusters(SITES, empty="mid-range")
    case = trained_case(problem, laws, router, rng, repetitions=DRAWS, labels="bernoulli")
    parts = [(t, *split(case, i, e)) for t, i, e in case.cell_estimates()]
    swept = [c for c in theorem("frontier").claims(replace(case, problem=problem.replace(lam=1.0))) if c.form == "all-prices"]
    known = [(c.training, c.answer.terms["quality"], c.answer.terms["cost"]) for c in swept]  # type: ignore[union-attr]
    found: dict[str, Any] = {training: [] for training in COLOURS}
    for price in PRICES:
        priced = problem.replace(lam=price)
        own = replace(case, problem=priced)
        pointwise = summary(c for c in claims(own, ("relative",)) if c.form == "relative/kl")
        union = summary(
            c for c in claims(replace(own, delta=case.delta / len(PRICES)), ("relative",)) if c.form == "relative/kl"
        )
        for training in COLOURS:
            kept = [e for t, _, e in case.cell_estimates() if t == training]
            cut = [approximation(priced, e) for e in kept]
            gaps = [gaps_under(priced, e) for e in kept]
            levels = [a + price * b for t, a, b in parts if t == training]
            broken = [(g > c + level + 1e-9).sum() for g, c, level in zip(gaps, cut, levels, strict=True)]
            more, forms = float(np.mean(cut)), (pointwise[training]["relative/kl"], union[training]["relative/kl"])
            found[training].append(
                {
                    "gap": float(np.mean(gaps)),
                    "worst": float(max(g.mean() for g in gaps)),
                    "pointwise": forms[0]["bound"] + more,
                    "union": forms[1]["bound"] + more,
                    "everywhere": float(np.mean(levels)) + more,
                    "told": float(np.mean([a + price * b for t, a, b in known if t == training])),
                    "range": priced.label_range,
                    "claims": forms[0]["claims"] + forms[1]["claims"] + int(np.size(gaps)),
                    "violations": forms[0]["violations"] + forms[1]["violations"] + int(sum(broken)),
                }
            )
    everything = np.concatenate([c.gaps - c.bounds * (1.0 + 1e-9) for c in swept])
    return found | {"swept": int(everything.size), "above": int((everything > 0.0).sum())}


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [values(done), figure(done)]


def _at(done: Sequence[Done], training: str, place: int, what: str) -> list[float]:
    return [d.result[training][place][what] for d in done]


def values(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for training in COLOURS:
        for place, price in enumerate(PRICES):
            at = {what: _at(done, training, place, what) for what in ("gap", "worst", "range", *BOUNDS)}
            rows.append(
                (
                    training, price, at["range"][0],
                    *(intervals.mean(at[what], least=0.0) for what in ("gap", "worst", *BOUNDS)),
                    *(intervals.mean(_over(at["everywhere"], at[one]), least=0.0) for one in ("pointwise", "union")),
                    float(np.mean([b >= r for b, r in zip(at["everywhere"], at["range"], strict=True)])),
                )
            )  # fmt: skip
    parts = [part for d in done for training in COLOURS for part in d.result[training]]
    total = sum(p["claims"] for p in parts) + sum(d.result["swept"] for d in done)
    broken = sum(p["violations"] for p in parts) + sum(d.result["above"] for d in done)
    below = [p["everywhere"] <= p["union"] for p in parts]
    under = [p["everywhere"] < p["pointwise"] for p in parts]
    least = min(row[-3].value for row in rows)
    note = (
        f"{CLIENTS} clients with {RECORDS:,} records each, {len(done)} seeds, 95% Student intervals; local: mean over clients. "
        "From exact errors: of the first label draw. All prices / pointwise compares two constructions, not one at two "
        "scopes: pointwise has one interval of each utility; all prices has one of quality and one of cost, and its "
        f"event covers every price. It is below the pointwise bound in {float(np.mean(under)):.0%} of seeds, trainings and "
        f"prices (least mean ratio {least:.3g}). In {float(np.mean(below)):.0%} of them the one event is at most the union "
        f"over these {len(PRICES)} prices. {together.sentence(done, _compared)} Violations: {broken} of {total:,} claims, "
        "bends of the whole sweep of prices included."
    )
    columns = (
        Column("training"), Column("lam [utility / cost]", 3), Column("utility range", 4), Column("gap [utility]", 3),
        Column("gap of the worst client [utility]", 3), *(Column(f"bound, {words} [utility]", 3) for words in BOUNDS.values()),
        Column("all prices / pointwise", 3), Column("all prices / union", 3), Column("vacuous share of all prices", 2),
    )  # fmt: skip
    return ResultTable("price", "Bounds at one price and at all prices", columns, tuple(rows), note)


def _compared(part: Any) -> list[float]:
    return [p[what] for p in part for what in ("gap", *BOUNDS)]


def _over(top: Sequence[float], bottom: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(top, bottom, strict=True)]


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    for training in ("local", "federated"):
        series = [
            _line(done, training, what, "range", label, "line" if what == "gap" else "dashed")
            for what, label in {"gap": "gap", **BOUNDS}.items()
        ]
        panels.append(Panel("lam [utility / cost]", "share of the utility range", tuple(series), training, True, True))
    ratios = [
        _line(done, training, what, "pointwise", f"{label}, {training}", "line")
        for what, label in (("everywhere", "all prices"), ("union", "union"))
        for training in ("local", "federated")
    ]
    title = "bounds for more than one price, over the pointwise one"
    panels.append(Panel("lam [utility / cost]", "bound / pointwise bound", tuple(ratios), title, True))
    return Plot(
        "price_figure", "Gap and bounds along the price", tuple(panels),
        "Three panels against the price of cost on a logarithmic axis, 95% bands: exact gap and four bounds of the local and "
        "of the federated router, divided by the utility range 1 + lam c_max; bounds for many prices over the pointwise one.",
    )  # fmt: skip


def _line(done: Sequence[Done], training: str, top: str, bottom: str, label: str, style: Literal["line", "dashed"]) -> Series:
    """A ratio along the price, mean over seeds with its interval."""
    found = [
        intervals.mean(_over(_at(done, training, place, top), _at(done, training, place, bottom)), least=0.0)
        for place in range(len(PRICES))
    ]
    return Series.of(label, PRICES, found, style)


EXPERIMENT = Experiment(
    title="Bounds at one price and at all prices",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=2.7,
)
