"""What federating gains as clients join: 1 to 64 clients, at fixed records per client and at fixed records in total.

K-means on piecewise constant utilities, one centre a site, so the error is statistical. The clients of a seed are the same at
every N: the first N of 64. Alike: every client draws tasks from the test law and models uniformly. Dirichlet: clients have
tasks and models of their own (0.6 and 0.45, the paper's). `pooling` says that effective sample sizes n / K2 add up at least;
what it predicts is the ratio sqrt(effective size of a client / effective size of all) of local to federated level, which for
clients that are alike is N^(-1/2), and 1 at a fixed total. K2 is exact; gaps are exact, averaged over label draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import COLOURS, Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies import together

if TYPE_CHECKING:
    from fedroute_theory.federation import Federation
    from fedroute_theory.problem import RoutingProblem
    from fedroute_theory.sweep import Cell

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
EACH, TOTAL = 400, 25_600
"""Records of each client, and of all; equal at 64 clients."""
KINDS, SIZES = ("alike", "Dirichlet"), ("each", "total")
SITES, MODELS, DRAWS = 10, 4, 8
FIXED = {"each": f"{EACH} records a client", "total": f"{TOTAL:,} records in total"}


def cells(request: Request) -> list[dict[str, Any]]:
    return grid(laws=list(KINDS), fixed=list(SIZES), clients=list(CLIENTS), seed=range(30 if request.full else 8))


def world(kind: str, clients: int, records: int, seed: int) -> tuple[RoutingProblem, Federation]:
    """Problem of a seed, and the first clients of its 64."""
    from fedroute_theory.federation import Federation, dirichlet, uniform_logging
    from fedroute_theory.problems import voronoi

    rng = np.random.default_rng(seed)
    problem = voronoi(rng, sites=SITES, per_site=20, models=MODELS)
    if kind == "alike":
        return problem, uniform_logging(problem, clients=clients, records=records)
    everyone = dirichlet(problem, rng, clients=max(CLIENTS), records=records)
    return problem, Federation(everyone.records[:clients], everyone.mixture[:clients], everyone.logging[:clients])


def compute(cell: Cell) -> dict[str, Any]:
    from fedroute_theory.assumptions import coverage
    from fedroute_theory.routers import KMeansRouter
    from fedroute_theory.tables.studies.trainings import approximations, gaps_under, summary, trained_case
    from fedroute_theory.theorems.kmeans_router.claims import claims

    kind, fixed, clients, seed = (cell.params[name] for name in ("laws", "fixed", "clients", "seed"))
    records = EACH if fixed == "each" else TOTAL // clients
    problem, laws = world(kind, clients, records, seed)
    rng = np.random.default_rng([seed, KINDS.index(kind), SIZES.index(fixed), clients])
    case = trained_case(problem, laws, KMeansRouter.with_clusters(SITES, empty="mid-range"), rng, repetitions=DRAWS)
    alone = [records / coverage(ratio, problem.weights).k2 for ratio in laws.coverage(problem)]
    together = clients * records / coverage(laws.pooled_coverage(problem), problem.weights).k2
    found: dict[str, Any] = {"alone": float(np.mean(alone)), "sum": float(np.sum(alone)), "together": float(together)}
    stated = summary((c for c in claims(case, ("relative",)) if c.form == "relative/kl"), approximations(case))
    for training, forms in stated.items():
        kept = [e for t, _, e in case.cell_estimates() if t == training]
        gaps = [float(gaps_under(problem, e).mean()) for e in kept]
        form = forms["relative/kl"]
        found[training] = {
            "gap": float(np.mean(gaps)),
            "worst": max(gaps),
            "best": min(gaps),
            "bound": form["bound"],
            "vacuous": form["vacuous"],
            "claims": form["claims"],
            "violations": form["violations"],
        }
    return found


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [values(done), rates(done), figure(done)]


def _of(done: Sequence[Done], kind: str, fixed: str, clients: int | None = None) -> list[Done]:
    return [
        d for d in done if d.params["laws"] == kind and d.params["fixed"] == fixed and clients in (None, d.params["clients"])
    ]


def _counts(done: Sequence[Done]) -> list[int]:
    return sorted({d.params["clients"] for d in done})


def _closing(done: Sequence[Done]) -> str:
    parts = [d.result[training] for d in done for training in COLOURS]
    return (
        f"{len({d.params['seed'] for d in done})} seeds, 95% Student intervals. Violations of the relative form: "
        f"{sum(p['violations'] for p in parts)} of {sum(p['claims'] for p in parts):,} claims."
    )


def _compared(part: Any) -> list[float]:
    return [part["gap"], part["bound"]]


def _predicted(d: Done) -> float:
    """Level of the federation over that of a client, as effective sizes have it."""
    return math.sqrt(d.result["alone"] / d.result["together"])


def values(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for kind in KINDS:
        for fixed in SIZES:
            for clients in _counts(done):
                own = _of(done, kind, fixed, clients)
                gaps = {t: [d.result[t]["gap"] for d in own] for t in COLOURS}
                bound = {t: [d.result[t]["bound"] for d in own] for t in COLOURS}
                local, federated, pooled = (intervals.mean(gaps[t], least=0.0) for t in COLOURS)
                wins = [d.result["local"]["best"] < d.result["federated"]["gap"] for d in own]
                rows.append(
                    (
                        kind, FIXED[fixed], clients, local, federated, pooled,
                        intervals.paired(gaps["local"], gaps["federated"]),
                        _ratio(federated.value, local.value), float(np.mean([_predicted(d) for d in own])),
                        _ratio(float(np.mean(bound["federated"])), float(np.mean(bound["local"]))),
                        float(np.mean([d.result["federated"]["vacuous"] for d in own])), float(np.mean(wins)),
                        float(np.mean([d.result["sum"] / d.result["together"] for d in own])),
                    )
                )  # fmt: skip
    columns = (
        Column("clients' laws"), Column("fixed"), Column("N"), Column("local gap [utility]", 3),
        Column("federated gap [utility]", 3), Column("pooled gap [utility]", 3),
        Column("local minus federated, paired [utility]", 3, signed=True), Column("federated / local gap", 3),
        Column("predicted ratio of levels", 3), Column("ratio of bounds", 3), Column("vacuous share of federated bounds", 2),
        Column("seeds in which some client alone is better", 2), Column("sum of effective sizes / pooled one", 3),
    )  # fmt: skip
    note = (
        "Local: mean over clients. Predicted ratio of levels: sqrt(mean effective size n / K2 of a client / that of all), of "
        "bounds that grow with sqrt(K2 / n); a gap falls faster where margins are rarely small. The last column is at most 1 "
        "by pooling. Vacuous: share of bounds (of label draws, approximation included) that are no less than the utility range "
        f"of 1. {together.sentence(done, _compared)} {_closing(done)}"
    )
    return ResultTable("clients", "What federating gains as clients join", columns, tuple(rows), note)


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0.0 else None


def rates(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    zeros = sum(d.result[training]["gap"] == 0.0 for d in done for training in COLOURS)
    for kind in KINDS:
        for fixed in SIZES:
            own = _of(done, kind, fixed)
            size = _fit(own, lambda d: d.result["together"])
            if size is not None:  # 0 without its rounding
                size = intervals.Interval(*(round(v, 9) + 0.0 for v in (size.value, size.low, size.high)))
            predicted = None if size is None else -0.5 * size.value + 0.0
            said = [d for d in own if d.result["federated"]["vacuous"] == 0.0]
            rows.append(
                (
                    kind, FIXED[fixed], size, predicted, _fit(said, lambda d: d.result["federated"]["bound"]),
                    *(_of_mean(own, lambda d, t=training: d.result[t]["gap"]) for training in reversed(COLOURS)),
                )
            )  # fmt: skip
    headers = (
        "clients' laws", "fixed", "effective size of all", "predicted for the bound", "federated bound", "pooled gap",
        "federated gap", "local gap",
    )  # fmt: skip
    note = (
        "Exponents in the number N of clients, fitted in logarithms. Size and bound: with a constant a seed, bounds where they "
        f"are not vacuous. Gaps: of the mean over seeds, intervals by jackknife over seeds, so that the {zeros} single gaps of "
        "exactly 0 count (no interval where without some seed a mean is 0). Predicted for a bound: -1/2 of the exponent of the "
        "effective size D / K2 of all clients, which is exact; twice that for gaps at margin exponent 1 until margins are "
        "resolved: a finite problem has a least margin, and below it gaps fall faster. Other distances: an approximation that "
        f"does not fall, or few seeds, of which those with near ties decide the mean. {_closing(done)}"
    )
    columns = tuple(Column(header, 3) for header in headers)
    return ResultTable("clients_rates", "Exponents in the number of clients", columns, tuple(rows), note)


def _fit(own: Sequence[Done], what: Callable[[Done], float]) -> intervals.Interval | None:
    return intervals.exponent([d.params["clients"] for d in own], [what(d) for d in own], [d.params["seed"] for d in own])


def _of_mean(own: Sequence[Done], what: Callable[[Done], float]) -> intervals.Interval | None:
    return intervals.exponent_of_means(
        [d.params["clients"] for d in own], [what(d) for d in own], [d.params["seed"] for d in own]
    )


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    for kind in KINDS:
        for fixed in SIZES:
            counts, series = _counts(done), []
            for training, name in together.lines(_of(done, kind, fixed), _compared):
                found = [
                    intervals.mean([d.result[training]["gap"] for d in _of(done, kind, fixed, n)], least=0.0) for n in counts
                ]
                series.append(Series.of(name, counts, found, colour=COLOURS[training]))
            panels.append(Panel("number of clients N", "gap [utility]", tuple(series), f"{kind}, {FIXED[fixed]}", True, True))
    return Plot(
        "clients_figure", "Gap against the number of clients", tuple(panels),
        "Four panels, clients alike or Dirichlet, records fixed per client or in total, both axes logarithmic: exact gap of "
        "local, federated and pooled routers with 95% bands against the number of clients; one line for two trainings that "
        "agree.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="What federating gains as clients join",
    version=2,
    cells=cells,
    compute=compute,
    present=present,
    seconds=0.7,
)
