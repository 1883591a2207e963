"""Trials of a theorem's claims on one draw of the records, in blocks, until every claim is decided."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError, function
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.routers import Router, Trained, train
from fedroute_theory.theorems import Bound, Case, Claim, Theorem
from fedroute_theory.verify import Evidence, Verdict
from fedroute_theory.verify.evidence import left_for_trials, weigh
from fedroute_theory.verify.samples import independent, stopped
from fedroute_theory.verify.scenarios import World, redrawn

AnyRouter = Router | Callable[[Logs, int, Labels | None], Trained[Any]]
"""Hyperparameters of a router of this package, or a function that trains one of the user's own."""

FIRST_BLOCK = 50
"""Repetitions of the first block; each later block is as long as all before it: a false claim ends early."""


def train_any(router: AnyRouter, logs: Logs, seed: int, labels: Labels | None = None) -> Trained[Any]:
    """Train a router of this package or of the user. InputError for what is neither."""
    check_any(router)
    if isinstance(router, Router):
        return train(router, logs, seed, labels)
    trained = router(logs, seed, labels)
    if not isinstance(trained, Trained):
        raise InputError(f"The 'router' function must return Trained; got {type(trained).__name__}.")
    return trained


def check_any(router: object) -> None:
    """InputError for what is neither a router nor a function."""
    if not isinstance(router, Router):
        function("router", router, "be a router or a function of (logs, seed, labels)")


@dataclass(frozen=True, eq=False)
class Sampler:
    """What every block of trials is made of. seed: of the training. forms, trainings: which claims are wanted (None: all)."""

    theorem: Theorem
    world: World
    router: AnyRouter
    seed: int
    delta: float
    rng: np.random.Generator
    forms: Collection[str] | None = None
    trainings: Collection[str] | None = None

    def claims(self, repetitions: int) -> list[Claim]:
        """The claims on the logs' own labels and on `repetitions` - 1 redrawn ones.

        AssertionError where none of the theorem's bounds has the kind it states.
        """
        world = self.world
        labels = redrawn(world, self.rng, repetitions)
        trained = train_any(self.router, world.logs, self.seed, labels)
        case = Case(
            world.problem, world.federation, world.logs, trained.estimates(), self.delta, trained.messages, labels, world.truths
        )
        made = list(self.theorem.claims(case))
        wrong = self.theorem.unstated(made)
        if wrong:
            raise AssertionError(f"{self.theorem.slug} ({self.theorem.title}): {wrong}")
        wanted = [
            claim
            for claim in made
            if (self.forms is None or claim.form in self.forms) and (self.trainings is None or claim.training in self.trainings)
        ]
        absent = _absent(self.forms, {c.form for c in made}), _absent(self.trainings, {c.training for c in made})
        if any(absent):  # also where other names match: a claim that was asked for would go unchecked
            raise InputError(f"The theorem '{self.theorem.slug}' makes no claim {_asked(made, *absent)}.")
        if not wanted:
            raise InputError(f"The theorem '{self.theorem.slug}' makes no claim {_asked(made, self.forms, self.trainings)}.")
        return wanted


def _absent(names: Collection[str] | None, there: Collection[str]) -> list[str]:
    """The names that are not there."""
    return [name for name in names or () if name not in there]


def _asked(made: Sequence[Claim], forms: Collection[str] | None, trainings: Collection[str] | None) -> str:
    """What was asked for, and what there is."""
    if not made:
        return "on this problem and router"
    there = (", ".join(dict.fromkeys(getattr(c, of) for c in made)) for of in ("form", "training"))
    asked = [f"{what} {', '.join(names)}" for what, names in (("of the form", forms), ("for the training", trainings)) if names]
    return "{}; the forms here are {}, the trainings {}".format(" ".join(asked), *there)


def run_trials(sampler: Sampler, scenario: str, repetitions: int, false_alarm: float) -> list[Evidence]:
    """Evidence of every form and training after as many trials as it takes, at most `repetitions` redrawn labels.

    A claim with delta > 0 is decided by a bet on its rate, which may be looked at after every block; the chance that a true one
    is called VIOLATED is false_alarm over their number. One thread, so that sums do not depend on the machine's load.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return _run(sampler, scenario, repetitions, false_alarm)


def _run(sampler: Sampler, scenario: str, repetitions: int, false_alarm: float) -> list[Evidence]:
    groups: dict[tuple[str, str], list[list[Claim]]] = {}
    evidence: list[Evidence] = []
    for size in _blocks(repetitions, redraws=sampler.world.logs.labels != "exact"):
        first = not groups
        for claim in sampler.claims(size if first else size + 1):
            blocks = groups.setdefault((claim.form, claim.training), [])
            if not blocks or claim.client in {c.client for c in blocks[-1]}:
                blocks.append([])
            blocks[-1].append(claim if first else _without_own_labels(claim))
        misses = sum(claim.miss for blocks in groups.values() for block in blocks for claim in block)
        alpha = left_for_trials(false_alarm, misses) / max(1, sum(_randomised(blocks[0]) for blocks in groups.values()))
        before = [e.trials for e in evidence]
        evidence = [_judge(sampler.theorem.slug, scenario, blocks, alpha) for blocks in groups.values()]
        undecided = any(e.verdict is Verdict.INCONCLUSIVE for e in evidence)
        if not undecided or [e.trials for e in evidence] == before:
            break
    return evidence


def _randomised(claims: Sequence[Claim]) -> bool:
    return any(isinstance(c.answer, Bound) and c.answer.delta > 0.0 for c in claims)


def _blocks(repetitions: int, redraws: bool) -> Iterator[int]:
    """Sizes that add up to `repetitions`; labels without noise need one."""
    done = 0
    while done < (repetitions if redraws else 1):
        size = min(max(done, FIRST_BLOCK), repetitions - done)
        yield size
        done += size


def _without_own_labels(claim: Claim) -> Claim:
    """Later blocks repeat the logs' own labels first, so that a case is whole; as a trial they count once."""
    return replace(claim, gaps=claim.gaps[1:], bounds=claim.bounds[1:])


def _judge(slug: str, scenario: str, blocks: Sequence[Sequence[Claim]], alpha: float) -> Evidence:
    """Evidence of one form and training; the trials of a client in the order in which they came."""
    claims = [_joined(same) for same in zip(*blocks, strict=True)]
    evidence = weigh(slug, scenario, claims, alpha)
    if not evidence.randomised:
        return evidence
    bets = stopped(independent(claims), evidence.given_records, alpha)
    return replace(evidence, verdict=bets.verdict, decided_after=bets.after, power=None)


def _joined(same: Sequence[Claim]) -> Claim:
    """One client's claim over all blocks."""
    gaps, bounds = (np.concatenate([getattr(c, name) for c in same]) for name in ("gaps", "bounds"))
    return replace(same[0], gaps=gaps, bounds=bounds)
