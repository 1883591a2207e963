"""Where federating pays: gaps of local, federated and pooled routers as clients differ more and more.

Dirichlet concentrations over tasks (which queries a client sees) and over models (which models it logs), each from 0.03 to 10
with the other one at 10. K-means with 10 centres on two problems: piecewise constant utilities, one centre a site and one task
a site (`voronoi`, no approximation), and cones in the plane with strips as tasks (`lipschitz`), where a client that sees few
tasks has all its centres there. Two test laws: the global one, and each client's own (its task mixture). Gaps are exact,
averaged over label draws. Coverage is exact: a client's K2, and the one of all clients pooled, under the global law. An empty
pair is a client and a model that it never logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import COLOURS, Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies import together

if TYPE_CHECKING:
    from fedroute_theory.problem import RoutingProblem
    from fedroute_theory.sweep import Cell

ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
PROBLEMS = ("voronoi", "lipschitz")
KINDS = ("tasks", "models")
EVEN = 10.0
CLIENTS, RECORDS, TASKS, MODELS, DRAWS = 10, 2000, 10, 5, 4
LAWS = ("global", "own")


def cells(request: Request) -> list[dict[str, Any]]:
    return grid(problem=list(PROBLEMS), differ=list(KINDS), alpha=list(ALPHAS), seed=range(40 if request.full else 8))


def compute(cell: Cell) -> dict[str, Any]:
    from fedroute_theory.assumptions import coverage
    from fedroute_theory.federation import dirichlet
    from fedroute_theory.problems import Lipschitz, voronoi
    from fedroute_theory.routers import KMeansRouter
    from fedroute_theory.tables.studies.trainings import approximations, gaps_under, summary, trained_case
    from fedroute_theory.theorems.kmeans_router.claims import claims

    name, differ, alpha, seed = (cell.params[name] for name in ("problem", "differ", "alpha", "seed"))
    made = np.random.default_rng([seed, PROBLEMS.index(name)])
    problem: RoutingProblem
    if name == "voronoi":
        problem = voronoi(made, sites=TASKS, per_site=20, models=MODELS)
    else:
        problem = Lipschitz.generate(made, dimension=2, models=MODELS, strips=TASKS, sample=1000)
    rng = np.random.default_rng([seed, PROBLEMS.index(name), KINDS.index(differ), ALPHAS.index(alpha)])
    spread = {"task_alpha": EVEN, "model_alpha": EVEN} | {f"{differ[:-1]}_alpha": alpha}
    laws = dirichlet(problem, rng, clients=CLIENTS, records=RECORDS, **spread)
    case = trained_case(problem, laws, KMeansRouter.with_clusters(TASKS, empty="mid-range"), rng, repetitions=DRAWS)
    posterior, prior = problem.task_law()
    ratio = np.divide(laws.mixture, prior, out=np.zeros_like(laws.mixture), where=prior > 0)
    own_law = problem.weights * (ratio @ posterior.T)
    pairs = np.zeros((CLIENTS, MODELS), dtype=bool)
    pairs[case.logs.client, case.logs.model] = True
    k2 = [coverage(part, problem.weights).k2 for part in laws.coverage(problem)]
    pooled = coverage(laws.pooled_coverage(problem), problem.weights).k2
    found: dict[str, Any] = {
        "empty": float(1.0 - pairs.mean()),
        "effective": _harmonic(k2),
        "pooled_k2": float(pooled) if np.isfinite(pooled) else None,
    }
    stated = summary((c for c in claims(case, ("relative",)) if c.form == "relative/kl"), approximations(case))
    for training in COLOURS:
        kept = [(i, e) for t, i, e in case.cell_estimates() if t == training]
        everywhere = [float(gaps_under(problem, e).mean()) for _, e in kept]
        at_home = [
            float(gaps_under(problem, e, own_law[client]).mean())
            for i, e in kept
            for client in (range(CLIENTS) if i is None else (i,))
        ]
        form = stated[training]["relative/kl"]
        found[training] = {
            "global": float(np.mean(everywhere)),
            "worst": max(everywhere),
            "own": float(np.mean(at_home)),
            "each_own": at_home,
            "bound": form["bound"],
            "vacuous": form["vacuous"],
            "claims": form["claims"],
            "violations": form["violations"],
        }
    return found


def _harmonic(k2: Sequence[float]) -> float:
    """Mean of 1 / K2 over clients: what one record of a client is worth; 0 without coverage."""
    return float(np.mean([1.0 / value if np.isfinite(value) else 0.0 for value in k2]))


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [values(done), figure(done)]


def _of(done: Sequence[Done], problem: str, differ: str, alpha: float | None = None) -> list[Done]:
    chosen = [d for d in done if (d.params["problem"], d.params["differ"]) == (problem, differ)]
    return [d for d in chosen if alpha in (None, d.params["alpha"])]


def _alphas(done: Sequence[Done]) -> list[float]:
    return sorted({d.params["alpha"] for d in done})


def _gain(own: Sequence[Done], law: str) -> intervals.Interval:
    return intervals.paired([d.result["local"][law] for d in own], [d.result["federated"][law] for d in own])


def values(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for problem in PROBLEMS:
        for differ in KINDS:
            for alpha in _alphas(_of(done, problem, differ)):
                rows.append((problem, differ, alpha, *_row(_of(done, problem, differ, alpha))))
    columns = (
        Column("problem"), Column("clients differ in"), Column("concentration"), Column("local gap, global law [utility]", 3),
        Column("federated gap, global law [utility]", 3), Column("gain, global law [utility]", 3, signed=True),
        Column("local gap, own law [utility]", 3), Column("federated gap, own law [utility]", 3),
        Column("gain, own law [utility]", 3, signed=True), Column("share of clients better off alone, own law", 2),
        Column("K2 of a client, harmonic mean", 3), Column("K2 pooled, median", 3), Column("share of empty pairs", 2),
        Column("local bound [utility]", 3), Column("federated bound [utility]", 3),
        Column("vacuous share, local", 2), Column("vacuous share, federated", 2),
    )  # fmt: skip
    return ResultTable("heterogeneity", "Where federating pays", columns, tuple(rows), _note(done))


def _row(own: Sequence[Done]) -> list[Any]:
    alone = []
    for d in own:
        local, federated = (d.result[training]["each_own"] for training in ("local", "federated"))
        alone += [a < b for a, b in zip(local, federated, strict=True)]
    row: list[Any] = []
    for law in LAWS:
        row += [intervals.mean([d.result[training][law] for d in own], least=0.0) for training in ("local", "federated")]
        row.append(_gain(own, law))
    k2, worth = [d.result["pooled_k2"] for d in own], float(np.mean([d.result["effective"] for d in own]))
    return [
        *row, float(np.mean(alone)), 1.0 / worth if worth > 0.0 else None, None if None in k2 else float(np.median(k2)),
        float(np.mean([d.result["empty"] for d in own])),
        *(float(np.mean([d.result[t][what] for d in own])) for what in ("bound", "vacuous") for t in ("local", "federated")),
    ]  # fmt: skip


def _compared(part: Any) -> list[float]:
    return [part["global"], part["own"], part["bound"]]


def _note(done: Sequence[Done]) -> str:
    parts = [d.result[training] for d in done for training in COLOURS]
    unsure = []
    for problem in PROBLEMS:
        for differ in KINDS:
            for law in LAWS:
                for alpha in _alphas(_of(done, problem, differ)):
                    if _gain(_of(done, problem, differ, alpha), law).low <= 0.0:
                        unsure.append(f"{problem}, {differ} {alpha:g}, {law} law")
    return (
        f"{CLIENTS} clients with {RECORDS:,} records each, {len({d.params['seed'] for d in done})} seeds, 95% Student "
        "intervals; local: mean over clients. Gain of federating: local minus federated gap, paired by seed; its interval does "
        f"not exclude a loss at: {'; '.join(unsure) or 'no concentration'}. Bounds (relative form, kl widths, plus the exact "
        "approximation gap) are for the global law; vacuous: share of them that are no less than the utility range of 1. K2 of "
        f"a client: reciprocal of the mean of 1 / K2, what one record is worth. {together.sentence(done, _compared)} "
        f"Violations: {sum(p['violations'] for p in parts)} of {sum(p['claims'] for p in parts):,} claims."
    )


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    for problem in PROBLEMS:
        for differ, law in (("tasks", "global"), ("tasks", "own"), ("models", "own")):
            alphas, series = _alphas(_of(done, problem, differ)), []
            for training, name in together.lines(_of(done, problem, differ), _compared):
                found = [
                    intervals.mean([d.result[training][law] for d in _of(done, problem, differ, a)], least=0.0) for a in alphas
                ]
                series.append(Series.of(name, alphas, found, colour=COLOURS[training]))
            title = f"{problem}, clients differ in {differ}, {law} law"
            panels.append(Panel(f"concentration over {differ}", "gap [utility]", tuple(series), title, True, True))
    return Plot(
        "heterogeneity_figure", "Gap against heterogeneity of queries (tasks) and of models", tuple(panels),
        "Six panels, both axes logarithmic: exact gap with 95% bands of local, federated and pooled routers against the "
        "Dirichlet concentration of clients over tasks or models, for two problems, under the global test law or their own; "
        "one line for two trainings that agree.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Where federating pays: gaps against heterogeneity",
    version=2,
    cells=cells,
    compute=compute,
    present=present,
    seconds=0.7,
)
