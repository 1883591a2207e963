"""What happens to a federated router, and to whom, when clients with other queries join?

Six clients train a router of four models on 400 records each; then newcomers join with their own 400 each, and only they do
anything: counts and sums are added (K-means), Gram matrices and moments are added (linear heads), federated averaging goes on
among them with distillation of the earlier outputs (MLP). The shift s moves query mass: old clients see three of six cells with
weight (1 + s)/2 and the others with (1 - s)/2, newcomers the other way round; 0 is one law, at 1 the halves are disjoint. Gaps
are exact, on the newcomers' and on the old clients' law: before, joined, trained afresh on everything, and newcomers alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.federation import Federation, draw_logs
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.routers.growth import add_clients
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies.growing import (
    DELTA,
    FEATURES,
    RANGE,
    SITES,
    family_problem,
    family_router,
    federated_only,
    joined,
    judged,
    local_only,
    moved,
    record_bytes,
)

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

MODELS, CLIENTS, RECORDS = 4, 6, 400
SHIFTS, USUAL_SHIFT = (0.0, 0.5, 0.9, 1.0), 0.9
JOINING, USUAL_JOINING = (1, 3, 12), 3
LAWS = ("new", "old")
STAGES = ("before", "joined", "afresh")


def cells(request: Request) -> list[dict[str, Any]]:
    """Shift at three newcomers, number of newcomers at one shift; networks, whose training costs most, with fewer seeds."""
    seeds = {"K-means": 10, "linear heads": 10, "MLP": 5}
    settings = [(s, USUAL_JOINING) for s in SHIFTS] + [(USUAL_SHIFT, j) for j in JOINING if j != USUAL_JOINING]
    return [
        {"family": family, "shift": shift, "joining": joining, "seed": seed}
        for family, count in seeds.items()
        for shift, joining in settings
        for seed in range(4 * count if request.full else count)
    ]


def compute(cell: Cell) -> dict[str, Any]:
    """Gaps and bounds on both laws at every stage, newcomers' own routers, and bytes."""
    shift, joining, seed = (cell.params[key] for key in ("shift", "joining", "seed"))
    router = family_router(cell.params["family"])
    rng = np.random.default_rng([seed, 31])
    problem = family_problem(rng, MODELS)
    prior = problem.task_law()[1]
    first_half = np.arange(SITES) < SITES // 2
    most, least = (1.0 + shift) / 2.0, (1.0 - shift) / 2.0
    tilt = {"old": np.where(first_half, most, least), "new": np.where(first_half, least, most)}
    tasks = {name: prior * t / (prior @ t) for name, t in tilt.items()}

    def laws(old: int, new: int) -> Federation:
        mixture = np.concatenate([np.tile(tasks["old"], (old, 1)), np.tile(tasks["new"], (new, 1))])
        return Federation(np.full(old + new, RECORDS), mixture, np.full((old + new, SITES, MODELS), 1.0 / MODELS))

    first = draw_logs(problem, laws(CLIENTS, 0), np.random.default_rng([seed, 32]))
    join = moved(draw_logs(problem, laws(0, joining), np.random.default_rng([seed, 33])), CLIENTS)
    whole = joined([first, join], CLIENTS + joining)
    start = federated_only(router, first, seed)
    states = {
        "before": (start, laws(CLIENTS, 0), first),
        "joined": (add_clients(start, join, seed=seed), laws(CLIENTS, joining), whole),
        "afresh": (federated_only(router, whole, seed), laws(CLIENTS, joining), whole),
    }
    alone = local_only(router, join, seed)
    found: dict[str, Any] = {"bytes": {name: state.nbytes for name, (state, _, _) in states.items()}}
    found |= {"raw": record_bytes(join), "raw_all": record_bytes(whole)}
    for name in LAWS:
        own = problem.replace(weights=problem.weights * (tasks[name] / prior)[problem.task])
        found[name] = {stage: judged(own, law, logs, state.federated) for stage, (state, law, logs) in states.items()}
        gaps = [own.suboptimality(estimates.policy(own.lam)).value for estimates in alone.values()]
        found[name]["alone"] = {"gap": math.fsum(gaps) / len(gaps), "worst": max(gaps)}
    return found


Key = tuple[str, float, int]


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    """Gaps and bytes, bounds; a figure."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    for each in done:
        key = (each.params["family"], each.params["shift"], each.params["joining"])
        groups.setdefault(key, []).append(each.result)
    ordered = dict(
        sorted(groups.items(), key=lambda pair: (list(dict.fromkeys(k[0] for k in groups)).index(pair[0][0]), *pair[0][1:]))
    )
    return [gaps_table(ordered), bounds_table(ordered), figure(ordered)]


SETUP = (
    f"{CLIENTS} old clients, {MODELS} models, {RECORDS} records a client; labels are coins; utility units (price 0.2, range "
    "1.2). Means over seeds, 95% Student intervals, differences paired by seed."
)


def gaps_of(results: Sequence[dict[str, Any]], law: str, stage: str) -> list[float]:
    """One a seed."""
    return [r[law][stage]["gap"] for r in results]


def gaps_table(groups: dict[Key, list[dict[str, Any]]]) -> ResultTable:
    """Exact gaps on both laws, and bytes."""
    rows = []
    for (family, shift, joining), results in groups.items():
        mean = {
            (law, stage): intervals.mean(gaps_of(results, law, stage)).value for law in LAWS for stage in (*STAGES, "alone")
        }
        difference = {
            (law, other): intervals.paired(gaps_of(results, law, "joined"), gaps_of(results, law, other))
            for law in LAWS for other in ("before", "afresh", "alone")
        }  # fmt: skip
        traffic = [
            round(intervals.mean(values).value)
            for values in (
                [r["bytes"]["joined"] / joining for r in results], [r["raw"] / joining for r in results],
                [r["bytes"]["afresh"] / (CLIENTS + joining) for r in results],
            )
        ]  # fmt: skip
        rows.append((
            family, shift, joining, len(results),
            mean["new", "before"], mean["new", "joined"], mean["new", "afresh"], mean["new", "alone"],
            difference["new", "before"], difference["new", "afresh"], difference["new", "alone"],
            mean["old", "before"], mean["old", "joined"], mean["old", "afresh"], difference["old", "before"], *traffic,
        ))  # fmt: skip
    columns = (
        Column("family"), Column("shift"), Column("newcomers"), Column("seeds"),
        *(Column(f"new: {stage}", 3) for stage in (*STAGES, "alone")),
        *(Column(f"new: joined - {other}", 2, signed=True) for other in ("before", "afresh", "alone")),
        *(Column(f"old: {stage}", 3) for stage in STAGES), Column("old: joined - before", 2, signed=True),
        Column("bytes a newcomer"), Column("bytes of its records"), Column("bytes a client, afresh"),
    )  # fmt: skip
    note = (
        "Exact gap of the federated router on the newcomers' query law (new) and on the old clients' (old). Alone: a "
        f"newcomer's own router, mean over newcomers. Bytes that travelled for joining, beside the size of the records. {SETUP}"
    )
    return ResultTable("new_clients_gaps", "New clients: gaps before and after they join", columns, tuple(rows), note)


def over(values: Sequence[float | None]) -> float | None:
    """Mean over the seeds that have a number."""
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known else None


def bounds_table(groups: dict[Key, list[dict[str, Any]]]) -> ResultTable:
    """What the theorems say on both laws, before and after."""
    names, rows = ("transfer", "greedy", "own"), []
    claims = violations = 0
    for (family, shift, joining), results in groups.items():
        for law in LAWS:
            values = {(n, s): over([r[law][s][n] for r in results]) for n in names for s in STAGES}
            claims += sum(r[law][s]["claims"] for r in results for s in STAGES)
            violations += sum(r[law][s]["violations"] for r in results for s in STAGES)
            vacuous = [f"{n} {s}" for (n, s), v in values.items() if v is not None and v >= RANGE]
            rows.append((
                family, shift, joining, law, *(over(gaps_of(results, law, s)) for s in ("before", "joined")),
                *(values[n, s] for n in names for s in STAGES), ", ".join(vacuous) or None,
            ))  # fmt: skip
    columns = (
        Column("family"), Column("shift"), Column("newcomers"), Column("law"), Column("gap before", 3), Column("gap joined", 3),
        *(Column(f"{name} {stage}", 3) for name in names for stage in STAGES), Column("vacuous"),
    )  # fmt: skip
    note = (
        "transfer: coverage-transfer, range-aware, with the exact squared error under the logging law so far; greedy: "
        "greedy-decomposition (top2) with the exact errors; own: kmeans-router (relative, kl widths, delta "
        f"{DELTA:g}) for K-means, for linear heads p/(4n), p = {FEATURES}, of the least logged model (linear-heads; an "
        "expected squared error in sample, the same on both laws, no gap), none for networks, since a certificate "
        f"fixes the class before the data. Vacuous: at least the range. Violations: {violations} of {claims:,} claims. {SETUP}"
    )
    return ResultTable("new_clients_bounds", "New clients: bounds before and after", columns, tuple(rows), note)


def figure(groups: dict[Key, list[dict[str, Any]]]) -> Plot:
    """Gap against shift on both laws, one panel a family and law."""
    panels = []
    families = list(dict.fromkeys(family for family, _, _ in groups))
    count = max(groups, key=lambda key: sum(k[2] == key[2] for k in groups))[2]
    for law, whose in (("new", "newcomers' queries"), ("old", "old clients' queries")):
        for family in families:
            at = {shift: results for (own, shift, joining), results in groups.items() if own == family and joining == count}
            stages = (*STAGES, "alone") if law == "new" else STAGES
            series = tuple(
                Series.of(stage, list(at), [intervals.mean(gaps_of(r, law, stage)) for r in at.values()]) for stage in stages
            )
            panels.append(Panel("shift between old and new clients", "gap (utility)", series, f"{family}, {whose}"))
    alt = (
        f"Exact gap against the shift between the query laws, with {count} newcomers, on the newcomers' law (top) and the old "
        "clients' (bottom): before and after they join, trained afresh, and newcomers alone; bands are 95% intervals."
    )
    return Plot("new_clients_figure", "New clients: gaps before and after they join", tuple(panels), alt)


EXPERIMENT = Experiment(
    title="New clients: joining a federated router, against training afresh",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=1.5,
)
