"""How often a run of the verification calls a true theorem violated: a run is all scenarios with one seed, a cell one of them.

A run judges every claim of every scenario, and its promise is that a true theorem is called violated with probability at most
1e-6 a run. No affordable number of runs can measure that; what the table bounds is a gross error of the statistics. Extremal
families and controls do not depend on the seed and are not repeated; all else does, and is as `verify` has it: the same
scenarios, sizes, repetitions and streams. The chance of a false alarm is shared by all claims of a run, so verdicts are passed
when its scenarios are together; a run of which some are missing is left out. The default is quick scenarios, 200 runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
    """200 runs of the quick scenarios, or as many of the default ones; the longest scenarios of a run first."""
    from fedroute_theory.verify import SCENARIOS

    names = sorted(SCENARIOS, key=lambda name: -SCENARIOS[name].seconds)
    return grid(mode=["default" if request.full else "quick"], seed=list(range(1, 201)), scenario=names)


def compute(cell: Cell) -> list[dict[str, Any]]:
    """What the verdict on every claim of one scenario rests on, as `verify` with this seed finds it."""
    from fedroute_theory.theorems import registry
    from fedroute_theory.verify import SCENARIOS
    from fedroute_theory.verify.run import run_cell
    from fedroute_theory.verify.scenarios import REPETITIONS

    mode, seed, name = cell.params["mode"], cell.params["seed"], cell.params["scenario"]
    scenario = SCENARIOS[name]
    wanted = tuple(s for s in registry() if not scenario.theorems or s in scenario.theorems)
    repetitions = scenario.trials * REPETITIONS[mode]
    found = [e for size in scenario.sizes[mode] for e in run_cell((name, size, seed, repetitions, DELTA, wanted))]
    return [
        {"claim": f"{e.theorem} {e.form} on {e.scenario} ({e.training})", "verdict": str(e.verdict), "randomised": e.randomised}
        | {"given_records": e.given_records, "miss": e.miss, "samples": [asdict(s) for s in e.samples]}
        for e in found
    ]


@dataclass(frozen=True)
class Run:
    """One seed: verdicts by number, the claims called violated or left open by name, claims and trials that chance decides."""

    mode: str
    seed: int
    verdicts: Mapping[str, int]
    violated: tuple[str, ...]
    open: tuple[str, ...]
    randomised: int
    trials: int
    power: float | None


def runs(done: Sequence[Done]) -> list[Run]:
    """The whole runs, in the order of their first cells."""
    from fedroute_theory.verify import SCENARIOS

    parts: dict[tuple[str, int], dict[str, Any]] = {}
    for d in done:
        parts.setdefault((d.params["mode"], d.params["seed"]), {})[d.params["scenario"]] = d.result
    return [judged(*key, [c for r in own.values() for c in r]) for key, own in parts.items() if set(own) == set(SCENARIOS)]


def judged(mode: str, seed: int, claims: Sequence[Mapping[str, Any]]) -> Run:
    """The verdicts of one run; its chance of a false alarm is shared by the claims that chance decides, as by `verify`."""
    from fedroute_theory.verify import FALSE_ALARM, Verdict
    from fedroute_theory.verify.evidence import left_for_trials
    from fedroute_theory.verify.samples import Sample, decide

    randomised = sum(c["randomised"] for c in claims)
    alpha = left_for_trials(FALSE_ALARM, sum(c["miss"] for c in claims)) / max(1, randomised)
    verdicts, powers = [], []
    for c in claims:
        verdict, power = Verdict(c["verdict"]), None
        if c["randomised"]:
            samples = [Sample(**s) for s in c["samples"]]
            verdict, power = decide(samples, c["given_records"], alpha)
        verdicts.append((verdict, c["claim"]))
        powers += [] if power is None else [power]
    named = {v: tuple(claim for verdict, claim in verdicts if verdict is v) for v in Verdict}
    counts = Counter(str(verdict) for verdict, _ in verdicts)
    trials = sum(s["trials"] for c in claims for s in c["samples"])
    violated, left = named[Verdict.VIOLATED], named[Verdict.INCONCLUSIVE]
    return Run(mode, seed, counts, violated, left, randomised, trials, max(powers, default=None))


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    whole = runs(done)
    return [table(whole), named(whole)]


def table(whole: Sequence[Run]) -> ResultTable:
    lines = []
    for mode in dict.fromkeys(r.mode for r in whole):
        own = [r for r in whole if r.mode == mode]
        power = [r.power for r in own if r.power is not None]
        alarms = [bool(r.violated) for r in own]
        ends = (min(power), max(power)) if power else (None, None)
        lines.append(
            (mode, len(own), sum(sum(r.verdicts.values()) for r in own), sum(r.randomised for r in own),
             sum(r.trials for r in own), sum(alarms), intervals.share(alarms), sum(len(r.open) for r in own), *ends)
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


def named(whole: Sequence[Run]) -> ResultTable:
    """Claims that were called violated or left open in some run."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for r in whole:
        for key in (*(("violated", claim) for claim in r.violated), *(("open", claim) for claim in r.open)):
            seeds.setdefault(key, []).append(r.seed)
    lines = [
        (claim, what, len(times), ", ".join(map(str, list(dict.fromkeys(times))[:5])))
        for (what, claim), times in sorted(seeds.items(), key=lambda item: (item[0][0] != "violated", -len(item[1]), item[0]))
    ]
    return ResultTable(
        "false_alarms_claims",
        "Claims called violated or left open, over all runs",
        (Column("claim"), Column("verdict"), Column("times"), Column("first seeds")),
        tuple(lines),
        f"{len(whole)} runs. A client-local claim is counted once a client. " + ("" if lines else "None was."),
    )


EXPERIMENT = Experiment(
    title="False alarms of the verification over many seeds", version=3, cells=cells, compute=compute, present=present,
    seconds=6.0, default=False,
)  # fmt: skip
