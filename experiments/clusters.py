"""How many cells: gap and bound of the K-means router against the number K of centres, for three numbers of records.

Cones in the plane, clients alike, all trainings with K centres. More cells lower the approximation gap (exact: the best policy
that is constant on the cells) and leave fewer records in each; the spread form of the bound has the same trade-off in its
terms: distance falls with K, the statistical term rises. Balancing c K^(-1/d) for the cells' diameter against sqrt(K M / n)
gives K growing as n^(d / (d + 2)), the square root of n for d = 2; a bound can only choose where it is not vacuous.
Gaps are exact, averaged over label draws. Read the rows of the best K: is the K that the bound would choose a good one?
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

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

CENTRES = (1, 2, 4, 8, 16, 32, 64, 128)
RECORDS = (100, 600, 3600)
CLIENTS, DIMENSION, MODELS, DRAWS = 5, 2, 4, 4
TERMS = ("distance", "mismatch", "statistical", "unlogged", "range cap")
ROUNDING = 1e-12
PREDICTED = DIMENSION / (DIMENSION + 2)
SAYS = 0.95
"""Bounds above this share of the utility range, 1, say too little to choose by."""


def cells(request: Request) -> list[dict[str, Any]]:
    return grid(clusters=list(CENTRES), records=list(RECORDS), seed=range(30 if request.full else 10))


def compute(cell: Cell) -> dict[str, Any]:
    from fedroute_theory.federation import uniform_logging
    from fedroute_theory.problems import Lipschitz
    from fedroute_theory.routers import KMeansRouter
    from fedroute_theory.tables.studies.trainings import approximation, gaps_under, summary, trained_case
    from fedroute_theory.theorems.kmeans_router.claims import claims

    clusters, records, seed = (cell.params[name] for name in ("clusters", "records", "seed"))
    problem = Lipschitz.generate(np.random.default_rng(seed), dimension=DIMENSION, models=MODELS, sample=1024)
    laws = uniform_logging(problem, clients=CLIENTS, records=records)
    rng = np.random.default_rng([seed, records])  # the same records for every K
    case = trained_case(problem, laws, KMeansRouter.with_clusters(clusters, empty="mid-range"), rng, repetitions=DRAWS)
    stated = summary(c for c in claims(case, ("spread", "relative")) if c.form in ("spread/kl", "relative/kl"))
    found: dict[str, Any] = {}
    for training, forms in stated.items():
        kept = [e for t, _, e in case.cell_estimates() if t == training]
        spread, relative = forms["spread/kl"], forms["relative/kl"]
        cut = [approximation(problem, e) for e in kept]
        gaps = [float(gaps_under(problem, e).mean()) for e in kept]
        found[training] = {
            "gap": float(np.mean(gaps)),
            "worst": max(gaps),
            "approximation": float(np.mean(cut)),
            "estimation": float(np.mean([0.0 if abs(g - c) < ROUNDING else g - c for g, c in zip(gaps, cut, strict=True)])),
            "bound": spread["bound"],
            "told": relative["bound"] + float(np.mean(cut)),
            "vacuous": spread["vacuous"],
            "terms": spread["terms"],
            "claims": spread["claims"] + relative["claims"],
            "violations": spread["violations"] + relative["violations"],
        }
    return found


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [best(done), values(done), figure(done)]


def _of(done: Sequence[Done], records: int, clusters: int | None = None, seed: int | None = None) -> list[Done]:
    return [
        d
        for d in done
        if d.params["records"] == records and clusters in (None, d.params["clusters"]) and seed in (None, d.params["seed"])
    ]


def _axis(done: Sequence[Done], name: str) -> list[int]:
    return sorted({d.params[name] for d in done})


def _closing(done: Sequence[Done]) -> str:
    parts = [part for d in done for part in d.result.values()]
    return (
        f"{CLIENTS} clients, {len(_axis(done, 'seed'))} seeds, 95% Student intervals; local: mean over clients. Violations: "
        f"{sum(p['violations'] for p in parts)} of {sum(p['claims'] for p in parts):,} claims."
    )


def _chosen(own: Sequence[Done], training: str, by: str) -> Done | None:
    """The cell with the least value, of equal ones that with fewest centres; None for a bound that nowhere says anything."""
    found = min(own, key=lambda d: (d.result[training][by], d.params["clusters"]))
    return found if by == "gap" or found.result[training][by] <= SAYS else None


def _choices(done: Sequence[Done], training: str, by: str) -> list[Done]:
    """One cell for each size and seed, where there is a choice."""
    found = [
        _chosen(_of(done, records, seed=seed), training, by)
        for records in _axis(done, "records")
        for seed in _axis(done, "seed")
    ]
    return [d for d in found if d is not None]


def best(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for training in COLOURS:
        chosen = {by: _choices(done, training, by) for by in ("gap", "bound", "told")}
        for records in _axis(done, "records"):
            at = {by: {d.params["seed"]: d for d in found if d.params["records"] == records} for by, found in chosen.items()}
            typical = [
                float(np.exp(np.mean([np.log(d.params["clusters"]) for d in found.values()]))) if found else None
                for found in at.values()
            ]
            gaps = {by: {seed: d.result[training]["gap"] for seed, d in found.items()} for by, found in at.items()}
            lost = [
                intervals.mean([gap - gaps["gap"][seed] for seed, gap in gaps[by].items()], least=0.0) if gaps[by] else None
                for by in ("bound", "told")
            ]
            rows.append((training, records, *typical, intervals.mean(list(gaps["gap"].values()), least=0.0), *lost))
        growth = [
            intervals.exponent(*([d.params[name] for d in found] for name in ("records", "clusters", "seed")))
            for found in chosen.values()
        ]
        rows.append((training, "exponent", *growth, None, None, None))
    columns = (
        Column("training"), Column("records a client"), Column("best K measured", 3), Column("K of the least spread bound", 3),
        Column("K of the least relative bound plus approximation", 3), Column("least gap over K [utility]", 3),
        Column("lost by the spread bound's K [utility]", 3, signed=True),
        Column("lost by the other K [utility]", 3, signed=True),
    )  # fmt: skip
    note = (
        f"K among {', '.join(map(str, _axis(done, 'clusters')))}; geometric means over seeds of each seed's own best; lost: "
        "gap at the chosen K minus the least gap over K, paired. The spread form needs the Lipschitz constant only; the other "
        f"one is told the exact approximation gap; neither chooses where it is above {SAYS:g} of the utility range at every K. "
        "Exponent: of K in the number of records, a constant a seed; predicted "
        f"{PREDICTED:g}, from d / (d + 2) at d = {DIMENSION}. {_closing(done)}"
    )
    return ResultTable("clusters", "The best number of cells, and the one a bound would choose", columns, tuple(rows), note)


def values(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for training in ("local", "federated"):
        for records in _axis(done, "records"):
            for clusters in _axis(done, "clusters"):
                parts = [d.result[training] for d in _of(done, records, clusters)]
                gap, cut, rest = (
                    intervals.mean([p[what] for p in parts], least=0.0) for what in ("gap", "approximation", "estimation")
                )
                terms = [float(np.mean([p["terms"].get(name, 0.0) for p in parts])) for name in TERMS]
                rows.append(
                    (
                        training, records, clusters, gap, cut, rest,
                        *terms, *(float(np.mean([p[what] for p in parts])) for what in ("bound", "told", "vacuous")),
                    )
                )  # fmt: skip
    headers = ("gap", "approximation", "estimation", *TERMS, "spread bound", "relative bound plus approximation")
    columns = (
        Column("training"), Column("records a client"), Column("K"), *(Column(f"{header} [utility]", 3) for header in headers),
        Column("vacuous share", 2),
    )  # fmt: skip
    note = (
        "Gap = approximation + estimation, exact. Terms of the spread form with kl widths add up to it (first label draw); "
        f"range cap: what cells lose that exceed the utility range of 1. {_closing(done)}"
    )
    return ResultTable("clusters_terms", "Gap and terms of the bound by number of cells", columns, tuple(rows), note)


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    for records in _axis(done, "records"):
        counts, series = _axis(done, "clusters"), []
        x = tuple(map(float, counts))
        for training in COLOURS:
            found = [intervals.mean([d.result[training]["gap"] for d in _of(done, records, k)], least=0.0) for k in counts]
            series.append(Series.of(training, counts, found))
        for what, label in (("approximation", "approximation, federated"), ("bound", "spread bound, federated")):
            middle = tuple(float(np.mean([d.result["federated"][what] for d in _of(done, records, k)])) for k in counts)
            series.append(Series(label, x, middle, style="dashed"))
        panels.append(Panel("K, number of centres", "utility", tuple(series), f"{records:,} records a client", True, True))
    return Plot(
        "clusters_figure", "Gap, approximation gap and bound against the number of cells", tuple(panels),
        "Three panels by records per client, both axes logarithmic: exact gap of local, federated and pooled routers with 95% "
        "bands, the federated approximation gap and the spread form of the bound, against the number of centres.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Approximation against estimation: the number of cells",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=0.7,
)
