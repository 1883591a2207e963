"""When does a client gain from a router of all, if the clients disagree on the truth?

Eight clients with one query law, uniform logging and truths of their own: f_i = (1 - h) shared + h own_i, h from 0 to 1. The
disagreement is E osc(f_i - mean truth), averaged over the clients, in utility. Two families: K-means on four well separated
sites (three models), and linear heads (three features, three models). Every fitted value (of a site, of a head) is rounded to a
grid fixed by the number of records, so that each router is one of finitely many and client-heterogeneity speaks of it. Price 0.
Queries are finite: gaps and disagreement are exact; labels are redrawn, with the same coins for every h. Mixtures of the local
and the federated router: certified weights (levels from the bounds of both sides, bias included), weights by training error
(published) and by validation. The crossover is the disagreement above which local has the smaller gap; the bounds predict the
one where local's bound meets client-heterogeneity's, which is their difference at h = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory import intervals
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies.crossovers import Levels, crossover_plot, crossover_table, over_disagreement
from fedroute_theory.tables.studies.disagreeing import (
    CLIENTS,
    DELTA,
    FAMILIES,
    MODELS,
    ROUTERS,
    TRAININGS,
    judged_levels,
)

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
RECORDS = (100, 300, 1000, 3000, 10000)


def cells(request: Request) -> list[dict[str, Any]]:
    """One a family, number of records a client and seed; all levels of disagreement share records and coins."""
    seeds = 40 if request.full else 10
    sizes = (*RECORDS, 30000) if request.full else RECORDS
    return [
        {"family": family, "records": n, "seed": seed, "levels": list(LEVELS), "redraws": max(1, min(4, 4000 // n))}
        for family in FAMILIES
        for n in sizes
        for seed in range(seeds)
    ]


def compute(cell: Cell) -> dict[str, Any]:
    """Per level: mean and largest gap over the clients (mean over redraws) of every router, and bounds."""
    return {"levels": judged_levels(**cell.params)}


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    """Gaps, bounds, crossovers; and a figure of gaps and one of crossovers."""
    found: dict[str, dict[int, Levels]] = {}
    for each in done:
        by_size = found.setdefault(each.params["family"], {})
        by_size.setdefault(each.params["records"], {})[each.params["seed"]] = each.result["levels"]
    levels = done[0].params["levels"]
    seeds = sorted({each.params["seed"] for each in done})
    claims, broken = (sum(e[what] for each in done for e in each.result["levels"]) for what in ("claims", "violations"))
    common = f"{CLIENTS} clients, {MODELS} models, {len(seeds)} seeds; utility units (price 0, range 1)."
    return [
        gaps_table(found, levels, seeds, common),
        bounds_table(found, levels, seeds, f"{common} Violations: {broken:,} of {claims:,} claims (clients, forms, redraws)."),
        crossover_table(found, levels, seeds, common),
        gaps_plot(found, seeds),
        crossover_plot(found, seeds),
    ]


def shown(found: dict[str, dict[int, Levels]], levels: Sequence[float]) -> list[tuple[str, int, int]]:
    """Family, records and place of the level for the rows of a table: three sizes, every other level."""
    rows = []
    for family, by_size in found.items():
        sizes = sorted(by_size)
        for n in sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]}):
            rows += [(family, n, i) for i in range(len(levels)) if i % 2 == 1 or i == 0]
    return rows


def gaps_table(found: dict[str, dict[int, Levels]], levels: Sequence[float], seeds: Sequence[int], common: str) -> ResultTable:
    """Exact gaps of every router on a client's own truth."""
    rows = []
    for family, n, i in shown(found, levels):
        at = [found[family][n][seed][i] for seed in seeds]
        gap = {name: [e["gap"][name] for e in at] for name in (*ROUTERS, "advised")}
        means = {name: intervals.mean(values, least=0.0) for name, values in gap.items()}
        better = min(("local", "federated"), key=lambda name: means[name].value)
        rows.append((
            family, n, levels[i], math.fsum(e["disagreement"] for e in at) / len(at), means["local"].value,
            means["federated"].value, means["pooled"].value, intervals.paired(gap["federated"], gap["local"]),
            *(means[name].value for name in ("certified", "training error", "validation", "advised")),
            *(intervals.paired(gap[name], gap[better]) for name in ("certified", "validation")),
        ))  # fmt: skip
    columns = (
        Column("family"), Column("records a client"), Column("h"), Column("disagreement", 3), Column("local", 3),
        Column("federated", 3), Column("pooled", 3), Column("federated - local", 2, signed=True),
        Column("mixture, certified", 3), Column("mixture, training error", 3), Column("mixture, validation", 3),
        Column("side of smaller bound", 3), Column("certified - better side", 2, signed=True),
        Column("validation - better side", 2, signed=True),
    )  # fmt: skip
    note = (
        f"Mean exact gap over clients and redrawn labels. {common} Differences: paired by seed, 95% Student intervals. "
        "Better side: local or federated, whichever has the smaller mean in the row. Certified weights know the bias term of "
        "every client; the side of smaller bound does too. Weights by errors mix the routers before their values are rounded."
    )
    return ResultTable("personalisation_gaps", "Personalisation: exact gaps against disagreement", columns, tuple(rows), note)


def bounds_table(
    found: dict[str, dict[int, Levels]], levels: Sequence[float], seeds: Sequence[int], common: str
) -> ResultTable:
    """Bounds beside exact gaps."""
    rows = []
    for family, n, i in shown(found, levels):
        at = [found[family][n][seed][i] for seed in seeds]

        def over(what: str, name: str, at: list[dict[str, Any]] = at) -> float:
            return math.fsum(e[what][name] for e in at) / len(at)

        bounds = {name: over("bound", name) for name in (*TRAININGS, "certified")}
        vacuous = ", ".join(name for name, value in bounds.items() if value >= 1.0)
        row: list[Any] = [family, n, levels[i], over_disagreement(at)]
        for name in (*TRAININGS, "certified"):
            row += [over("gap", name), over("worst", name), bounds[name]]
            row += [over("least", name)] if name != "certified" else []
        rows.append((*row, vacuous or None))
    columns = (
        Column("family"), Column("records a client"), Column("h"), Column("disagreement", 3),
        *(
            Column(f"{name} {what}", 3)
            for name in (*TRAININGS, "certified mixture")
            for what in ("gap", "worst gap", "bound", "least form")
            if (name, what) != ("certified mixture", "least form")
        ),
        Column("vacuous"),
    )  # fmt: skip
    note = (
        f"Bounds of a finite class, delta {DELTA / 2:g} a side: mlp-router on a client's own records, client-heterogeneity "
        "(bias included), their harmonic mean for the mixture (mixture-router). Least form: the smaller of the plain form and "
        "the one given the policy. Means over clients and seeds; worst gap: of the client with the largest mean over redraws. "
        f"Vacuous: bounds of at least the range. {common}"
    )
    return ResultTable("personalisation_bounds", "Personalisation: bounds and exact gaps", columns, tuple(rows), note)


def gaps_plot(found: dict[str, dict[int, Levels]], seeds: Sequence[int]) -> Plot:
    """Gap against disagreement, one panel a family and size."""
    panels = []
    for family, by_size in found.items():
        sizes = sorted(by_size)
        for n in sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]}):
            at, series = by_size[n], []
            places = [i for i, e in enumerate(at[seeds[0]]) if e["disagreement"] > 0.0]  # the axis is logarithmic
            x = tuple(over_disagreement([at[seed][i] for seed in seeds]) for i in places)
            for name in (r for r in ROUTERS if r != "pooled"):
                means = [intervals.mean([at[seed][i]["gap"][name] for seed in seeds], least=0.0) for i in places]
                label = name if name in TRAININGS else f"mixture, {name}"
                series.append(Series.of(label, x, means))
            panels.append(
                Panel("disagreement (utility)", "gap (utility)", tuple(series), f"{family}, {n:,} records a client", True, True)
            )
    alt = (
        "Exact gap on a client's own truth against the disagreement of the clients' truths, for local, federated and mixed "
        "routers; both axes logarithmic; bands are 95% intervals over seeds, left out at 0. Pooled is in the table."
    )
    return Plot("personalisation_gaps_figure", "Personalisation: gap against disagreement", tuple(panels), alt)


EXPERIMENT = Experiment(
    title="Clients that disagree on the truth: local, federated, mixtures, and the crossover",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=3.0,
)
