"""Run scenarios, serially or over processes; the result depends on the seed only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any

from fedroute_theory import __version__
from fedroute_theory._processes import as_done
from fedroute_theory._validate import InputError, choice, integer, number, probability
from fedroute_theory.certify import conclusion_failure
from fedroute_theory.theorems import Bound, Case, Claim, Control, Extremal, registry
from fedroute_theory.verify.evidence import Evidence, judge, left_for_trials, shared, weigh
from fedroute_theory.verify.samples import Verdict
from fedroute_theory.verify.scenarios import REPETITIONS, SCENARIOS, build_case
from fedroute_theory.verify.statistics import FALSE_ALARM

PROMISED = ("estimates are cell means", "ties constant on cells", "heads are the least-squares fit")
"""Assumptions that the package's own routers promise: one that fails in a scenario is a fault, not a property of the case."""

LEAST_FALSE_ALARM = 1e-200
"""Less cannot be split over claims and clients in floating point."""

Progress = Callable[[int, int, str, Sequence[Evidence]], None]


@dataclass(frozen=True)
class Verification:
    """All that one run found.

    seed, mode, delta: as it was called. results: one line a theorem, form, scenario, size and training. extremal, controls:
    (theorem slug, finding), of the theorems that were looked at. false_alarm: chance that some claim is called VIOLATED
    although all are true, split evenly over the `randomised` claims. unstated: (theorem slug, what is wrong) where no bound is
    of the kind that the theorem states, so that another statement than its own was judged. silent: scenarios asked for by name
    that make no claim of the theorems looked at, so that nothing was judged there.
    """

    seed: int
    mode: str
    delta: float
    false_alarm: float
    results: tuple[Evidence, ...]
    extremal: tuple[tuple[str, Extremal], ...]
    controls: tuple[tuple[str, Control], ...]
    unstated: tuple[tuple[str, str], ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def failures(self) -> list[str]:
        """What must not be: claims violated, families not reproduced, wrong statements not caught, scenarios without claims."""
        violated = [
            f"{e.theorem} {e.form} on {e.scenario} ({e.training}): {e.failed} above the bound"
            for e in self.results
            if e.verdict is Verdict.VIOLATED
        ]
        missed = [
            f"{slug}: {e.name} ({e.form}) has bound / gap {e.measured:.4f}, not {e.ratio:.4f}"
            for slug, e in self.extremal
            if not e.reproduced
        ]
        uncaught = [f"{slug}: not caught: {c.name}" for slug, c in self.controls if not c.caught]
        broken = [
            f"{e.theorem} {e.form} on {e.scenario} ({e.training}): the router breaks its promise: {e.notes}"
            for e in self.results
            if e.refused_by in PROMISED
        ]
        unstated = [f"{slug}: {wrong}" for slug, wrong in self.unstated]
        silent = [f"scenario '{name}' makes no claim of the theorems looked at" for name in self.silent]
        return violated + broken + unstated + silent + missed + uncaught

    @property
    def randomised(self) -> int:
        """Number of claims whose verdict chance has a part in."""
        return sum(e.randomised for e in self.results)

    @property
    def chance(self) -> float:
        """Of some claim being called VIOLATED although all are true: false_alarm, unless estimates alone may miss so often."""
        misses = sum(e.miss for e in self.results)
        return misses + (left_for_trials(self.false_alarm, misses) if self.randomised else 0.0)

    @property
    def power(self) -> float | None:
        """Smallest violation rate that would have been caught with probability 0.9 in every randomised claim that trials can
        refute; infinity where they are too few in some; None where there is none."""
        return max((e.power for e in self.results if e.power is not None), default=None)

    def as_json(self) -> dict[str, Any]:
        """Plain values for one JSON object; no clock, no host."""
        return {
            "package": "fedroute_theory",
            "version": __version__,
            "seed": self.seed,
            "mode": self.mode,
            "delta": self.delta,
            "false_alarm": self.false_alarm,
            "chance": self.chance,
            "randomised": self.randomised,
            "power": self.power,
            "results": [e.as_json() for e in self.results],
            "extremal": [
                {"theorem": slug, **asdict(e), "measured_ratio": e.measured, "reproduced": e.reproduced}
                for slug, e in self.extremal
            ],
            "controls": [{"theorem": slug, **asdict(c)} for slug, c in self.controls],
            "unstated": [{"theorem": slug, "wrong": wrong} for slug, wrong in self.unstated],
            "silent": list(self.silent),
        }


def verify(
    *,
    theorems: Sequence[str] | None = None,
    scenarios: Sequence[str] | None = None,
    seed: int = 0,
    mode: str = "default",
    delta: float = 0.05,
    false_alarm: float = FALSE_ALARM,
    workers: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check the theorems (default: all) on the scenarios (default: all).

    Extremal families and negative controls are those of the theorems asked for; where scenarios are named, of those among them
    that have a bound there.

    seed: of every random draw, at least 0. mode: "quick", "default" or "full". delta: failure probability granted to each
    probabilistic claim. false_alarm: chance that the whole run calls a true claim VIOLATED, at least 1e-200. workers:
    processes, unless an executor is handed in. progress: called with (done, total, cell, its evidence). Raises InputError for
    unknown names or values out of range, and when no claim of these theorems is made on these scenarios.
    """
    known = registry()
    slugs = tuple(known) if theorems is None else tuple(theorems)
    for slug in slugs:
        if slug not in known:
            raise InputError(f"There is no theorem '{slug}'; there are {', '.join(known)}.")
    for name in scenarios or ():
        if name not in SCENARIOS:
            raise InputError(f"There is no scenario '{name}'; there are {', '.join(SCENARIOS)}.")
    choice("mode", mode, REPETITIONS)
    integer("seed", seed, 0)
    integer("workers", workers, 1)
    probability("delta", delta)
    probability("false_alarm", false_alarm)
    number("false_alarm", false_alarm, LEAST_FALSE_ALARM)
    chosen = {name: c for name, c in SCENARIOS.items() if scenarios is None or name in scenarios}
    wanted = {n: tuple(s for s in slugs if not c.theorems or s in c.theorems) for n, c in chosen.items()}
    cells = [(name, size) for name, c in chosen.items() if wanted[name] for size in c.sizes[mode]]
    what = ", ".join(slugs) or "nothing"
    where = ", ".join(f"{name} (for {' and '.join(c.theorems)})" if c.theorems else name for name, c in chosen.items())
    nothing = f"There is no claim to check: scenario {where or 'nothing'} makes none of {what}."
    if not cells:
        raise InputError(nothing)
    arguments = [(name, size, seed, chosen[name].trials * REPETITIONS[mode], delta, wanted[name]) for name, size in cells]
    longest_first = sorted(range(len(cells)), key=lambda i: (chosen[cells[i][0]].seconds, cells[i][1]), reverse=True)
    found: dict[int, list[Evidence]] = {}
    for place, evidence in as_done(run_cell, arguments, workers, executor, longest_first):
        found[place] = evidence
        if progress is not None:
            progress(len(found), len(cells), f"{cells[place][0]}, {cells[place][1]} records a client", evidence)
    results = [e for slug in slugs for place in sorted(found) for e in found[place] if e.theorem == slug]
    if not results:
        raise InputError(nothing)
    bounded = {e.theorem for e in results if e.bound is not None}
    touched = slugs if scenarios is None else tuple(slug for slug in slugs if slug in bounded)
    kinds = {slug: [e.kind for e in results if e.theorem == slug and e.bound is not None] for slug in slugs}
    wrong = {slug: known[slug].unstated_among(own) for slug, own in kinds.items()}
    return Verification(
        seed,
        mode,
        delta,
        false_alarm,
        shared(results, false_alarm),
        tuple((slug, e) for slug in touched for e in known[slug].extremal()),
        tuple((slug, c) for slug in touched for c in known[slug].controls()),
        tuple((slug, sentence) for slug, sentence in wrong.items() if sentence),
        tuple(name for name in dict.fromkeys(scenarios or ()) if name not in {e.scenario for e in results}),
    )


def interrupted(
    results: Sequence[Evidence], *, seed: int = 0, mode: str = "default", delta: float = 0.05, false_alarm: float = FALSE_ALARM
) -> dict[str, Any]:
    """What a run that was stopped leaves, as `Verification.as_json` has it, and that it was.

    results: those it had. seed, mode, delta, false_alarm: as `verify` was called.
    """
    partial = Verification(seed, mode, delta, false_alarm, shared(results, false_alarm), (), ())
    return partial.as_json() | {"interrupted": True}


Arguments = tuple[str, int, int, int, float, tuple[str, ...]]


def run_cell(arguments: Arguments) -> list[Evidence]:
    """All evidence of one scenario at one size. One thread, so that sums do not depend on the machine's load."""
    from threadpoolctl import threadpool_limits

    name, records, seed, repetitions, delta, slugs = arguments
    with threadpool_limits(limits=1):
        case = build_case(SCENARIOS[name], records, seed, repetitions, delta)
        found = []
        for slug in slugs:
            found += judge(registry()[slug], case, name)
        if name == "tiny":
            found += _exact_conclusions(case, name)
    return found


def _exact_conclusions(case: Case, scenario: str) -> list[Evidence]:
    """P(gap > bound) of every form, over all label outcomes, beside delta."""
    training, client, estimates = case.cell_estimates()[-1]
    exact = conclusion_failure(case.problem, case.logs_of(client), estimates.repetition(0), case.delta)
    notes = "exact failure probability of the conclusion"
    return [
        weigh(
            "kmeans-router",
            scenario,
            [
                Claim(
                    f"conclusion/{form}",
                    training,
                    client,
                    estimates.n,
                    Bound({"delta": case.delta}, trivial=1.0, notes=notes),
                    failure,
                )
            ],
        )
        for form, (_, failure) in exact.items()
    ]
