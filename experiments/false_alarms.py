"""How often a run of the verification calls a true theorem violated: one cell a run, each with its own seed.

A run judges every claim of every scenario, and its promise is that a true theorem is called violated with probability at most
1e-6 a run. No affordable number of runs can measure that; what the table bounds is a gross error of the statistics. Extremal
families and controls do not depend on the seed and are not repeated. The default is quick scenarios, 200 runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory import intervals
from fedroute_theory.report.plots import Plot
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

DELTA = 0.05


def cells(request: Request) -> list[dict[str, Any]]:
    """200 runs of the quick scenarios, or as many of the default ones."""
    return grid(mode=["default" if request.full else "quick"], seed=list(range(1, 201)))


def compute(cell: Cell) -> dict[str, Any]:
    """Verdicts of one run by number, the claims called violated by name, the claims left open, and the power.

    scenarios: names of those to run, all where the parameter is absent.
    """
    from fedroute_theory.theorems import registry
    from fedroute_theory.verify import FALSE_ALARM, SCENARIOS, Verdict, shared
    from fedroute_theory.verify.run import run_cell
    from fedroute_theory.verify.scenarios import REPETITIONS

    mode, seed, slugs = cell.params["mode"], cell.params["seed"], tuple(registry())
    evidence = []
    for name in cell.params.get("scenarios", SCENARIOS):
        scenario = SCENARIOS[name]
        wanted = tuple(s for s in slugs if not scenario.theorems or s in scenario.theorems)
        for size in scenario.sizes[mode]:
            evidence += run_cell((name, size, seed, REPETITIONS[mode], DELTA, wanted))
    judged = shared(evidence, FALSE_ALARM)
    named = {v: [f"{e.theorem} {e.form} on {e.scenario} ({e.training})" for e in judged if e.verdict is v] for v in Verdict}
    return {
        "verdicts": dict(Counter(str(e.verdict) for e in judged)),
        "violated": named[Verdict.VIOLATED],
        "open": named[Verdict.INCONCLUSIVE],
        "randomised": sum(e.randomised for e in judged),
        "trials": sum(e.trials for e in judged),
        "power": max((float(e.power) for e in judged if e.power is not None), default=None),
    }


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [table(done), named(done)]


def table(done: Sequence[Done]) -> ResultTable:
    lines = []
    for mode in dict.fromkeys(d.params["mode"] for d in done):
        own = [d.result for d in done if d.params["mode"] == mode]
        power = [r["power"] for r in own if r["power"] is not None]
        verdicts = [sum(r["verdicts"].values()) for r in own]
        alarm = intervals.share([bool(r["violated"]) for r in own])
        ends = (min(power), max(power)) if power else (None, None)
        unresolved = sum(len(r["open"]) for r in own)
        lines.append(
            (mode, len(own), sum(verdicts), sum(r["randomised"] for r in own), sum(r["trials"] for r in own),
             sum(bool(r["violated"]) for r in own), alarm, unresolved, *ends)
        )  # fmt: skip
    return ResultTable(
        "false_alarms",
        "Runs of the verification that call a true theorem violated",
        (
            Column("scenarios"), Column("runs"), Column("claims"), Column("judged by trials"), Column("trials"),
            Column("runs with a false alarm"), Column("share of runs", 3), Column("claims left open"),
            Column("power, least", 3), Column("power, largest", 3),
        ),
        tuple(lines),
        "One seed a run. Share: with its 95% Clopper-Pearson interval. The promise is at most 1e-6 a run, which no such number "
        "of runs can measure. power: the smallest rate of failure that the run would have found, for the claim where "
        "it is largest; least and largest over the runs.",
    )  # fmt: skip


def named(done: Sequence[Done]) -> ResultTable:
    """Claims that were called violated or left open in some run."""
    found = Counter((what, claim) for d in done for what in ("violated", "open") for claim in d.result[what])
    seeds: dict[tuple[str, str], list[int]] = {}
    for d in done:
        for key in ((what, claim) for what in ("violated", "open") for claim in d.result[what]):
            seeds.setdefault(key, []).append(d.params["seed"])
    lines = [
        (claim, what, times, ", ".join(map(str, dict.fromkeys(seeds[what, claim][:5]))))
        for (what, claim), times in sorted(found.items(), key=lambda item: (item[0][0] != "violated", -item[1], item[0]))
    ]
    return ResultTable(
        "false_alarms_claims",
        "Claims called violated or left open, over all runs",
        (Column("claim"), Column("verdict"), Column("times"), Column("first seeds")),
        tuple(lines),
        f"{len(done)} runs. A client-local claim is counted once a client. " + ("" if lines else "None was."),
    )


EXPERIMENT = Experiment(
    title="False alarms of the verification over many seeds", version=1, cells=cells, compute=compute, present=present,
    seconds=60.0, default=False,
)  # fmt: skip
