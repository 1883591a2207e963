"""The search: Hypothesis, a continuous optimiser, the witnesses of certificates, in steps that can be done again.

A step depends on the seed, its number and the best instances at its start only. A search that is interrupted begins its
running step again, so it reaches the numbers of one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fedroute_theory._validate import InputError
from fedroute_theory.attack.arena import Arena, Attempt, Values
from fedroute_theory.attack.arenas import arenas_of
from fedroute_theory.attack.instance import Instance, drift, judged, renewed
from fedroute_theory.attack.optimise import polish
from fedroute_theory.attack.shrink import reduce
from fedroute_theory.attack.store import State, Store
from fedroute_theory.theorems import Theorem

TRIES, FEWEST = 600, 40
"""Evaluations of the optimiser in a step, spread over the forms, and the fewest a form gets."""

DRAWS = 150
"""Instances that Hypothesis draws in a step."""

PHASES = ("hypothesis", "optimiser", "shortening", "witnesses", "optimiser", "shortening")
"""Steps of one arena, in turn. Shortening goes where ratios are often attained: few entries, short decimals."""


CLIMBED = 1e12
"""What Hypothesis and the optimiser see of a larger ratio: they take finite numbers only."""

TIE = 1e-12
"""Ratios closer than it, relative to themselves, are one ratio; the shorter instance is then the better one."""


class Over(BaseException):
    """The budget is used up; not an Exception, so that nobody on the way takes it for a failed instance."""


@dataclass
class Budget:
    """Largest number of evaluations, of all sessions together, and the moment to stop."""

    evaluations: int | None = None
    deadline: float | None = None

    def check(self, done: int) -> None:
        """Raise Over when it is used up."""
        if self.evaluations is not None and done >= self.evaluations:
            raise Over
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise Over


@dataclass
class Search:
    """One search: what it looks at, what it has found.

    report: called after every evaluation. best: the worst instance of each form, those found in the folder included. phase:
    what it is doing. by_phase: largest ratio of each form, by phase. local: the worst instances that the search itself has
    found, from which it goes on. resumed: evaluations when the session before ended, and how many of them are made again; None
    where the folder was empty. moved: what is no longer as it was recorded there; the search then begins anew, from the
    instances judged again.
    """

    theorem: Theorem
    store: Store
    state: State
    budget: Budget
    report: Callable[[Search], None] = lambda _: None
    best: dict[str, Instance] = field(default_factory=dict)
    phase: str = ""
    evaluations: int = 0
    resumed: tuple[int, int] | None = None
    moved: tuple[str, ...] = ()
    by_phase: dict[str, dict[str, float]] = field(default_factory=dict)
    local: dict[str, Instance] = field(default_factory=dict)

    def evaluate(self, arena: Arena, values: Values) -> dict[str, Attempt]:
        """Judge one instance and keep it where it is the best of a form, in memory and at once on disk."""
        self.budget.check(self.evaluations)
        found = {a.form: a for a in arena.attempts(self.theorem, values)}
        self.evaluations += 1
        reached = self.by_phase.setdefault(self.phase, {})
        for form, attempt in found.items():
            reached[form] = max(attempt.ratio, reached.get(form, 0.0))
            if form in self.local and attempt.ratio < self.local[form].found.ratio * (1.0 - TIE):
                continue
            instance = Instance(self.theorem.slug, arena.name, attempt, arena.plain(values))
            if form not in self.local or better(instance, self.local[form]):
                self.local[form] = instance
            if form not in self.best or better(instance, self.best[form]):
                self.best[form] = instance
                self.store.save(instance)
        self.report(self)
        return found

    def run(self) -> None:
        """Steps until the budget is used up; the state is saved after each, and how far the last one came."""
        try:
            while True:
                self.evaluations, self.local = self.state.evaluations, dict(self.state.start)
                self.by_phase = {phase: dict(reached) for phase, reached in self.state.phases.items()}
                self._step()
                self.state.steps += 1
                self.state.evaluations, self.state.start = self.evaluations, dict(self.local)
                self.state.phases, self.state.reached = self.by_phase, self.evaluations
                self.store.save_state(self.state)
        except BaseException as error:
            if self.evaluations != self.state.reached:
                self.state.reached = self.evaluations
                self.store.save_state(self.state)
            if not isinstance(error, Over):
                raise

    def _step(self) -> None:
        arenas = arenas_of(self.theorem.slug)
        rounds, place = divmod(self.state.steps, len(PHASES) * len(arenas))
        arena, self.phase = arenas[place // len(PHASES)], PHASES[place % len(PHASES)]
        seed = np.random.SeedSequence([self.state.seed, self.state.steps]).generate_state(1)[0]
        if self.phase == "hypothesis":
            self._draw(arena, int(seed))
        elif self.phase == "witnesses":
            if rounds == 0:
                for values in arena.witnesses():
                    self.evaluate(arena, values)
        else:
            self._climb(arena, int(seed), rounds + place)
        self.budget.check(self.evaluations)

    def _draw(self, arena: Arena, seed: int) -> None:
        from hypothesis import HealthCheck, Phase, given, settings, target
        from hypothesis import seed as seeded

        from fedroute_theory.attack.draw import instances

        @seeded(seed)
        @settings(
            max_examples=DRAWS, database=None, deadline=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.target), report_multiple_bugs=False,
        )  # fmt: skip
        @given(instances(arena))
        def draw(values: Values) -> None:
            for form, attempt in self.evaluate(arena, values).items():
                target(_finite(attempt.ratio), label=form)

        draw()

    def _climb(self, arena: Arena, seed: int, turn: int) -> None:
        """Optimise or shorten the best instance of every form, where it is this arena's and its ratio not 0."""
        forms = sorted(f for f, i in self.state.start.items() if i.arena == arena.name and i.found.ratio > 0.0)
        tries = max(FEWEST, TRIES // max(1, len(forms)))
        for form in forms:
            values = arena.read(self.state.start[form].parameters)

            def ratio(trial: Values, form: str = form) -> float:
                found = self.evaluate(arena, trial)
                return _finite(found[form].ratio) if form in found else 0.0

            if self.phase == "shortening":
                top = [_finite(self.state.start[form].found.ratio) * (1.0 - 1e-9)]
                reduce(arena, values, lambda trial, r=ratio, t=top: _no_worse(r(trial), t), tries)  # type: ignore[misc]
                continue
            polish(arena, values, ratio, seed=seed, turn=turn, tries=tries)


def better(one: Instance, other: Instance) -> bool:
    """Whether the first has the larger ratio, or the same and shorter parameters."""
    if one.found.ratio > other.found.ratio * (1.0 + TIE):
        return True
    same = one.found.ratio >= other.found.ratio * (1.0 - TIE)
    return same and len(json.dumps(one.parameters)) < len(json.dumps(other.parameters))


def _finite(ratio: float) -> float:
    return max(-CLIMBED, min(ratio, CLIMBED))


def _no_worse(ratio: float, top: list[float]) -> bool:
    """Whether a ratio is no worse than the best so far, which it then becomes."""
    if ratio < top[0]:
        return False
    top[0] = ratio * (1.0 - 1e-9)
    return True


def _judged_again(best: dict[str, Instance], theorem: Theorem) -> tuple[dict[str, Instance], tuple[str, ...]]:
    """The stored instances with what the theorem says of them now, and a sentence for each that has moved."""
    kept, moved = {}, []
    for form, instance in best.items():
        try:
            now = judged(instance, theorem)
        except InputError as error:
            moved.append(str(error))
            continue
        sentence = drift(instance, now)
        kept[form] = renewed(instance, now, instance.parameters) if sentence else instance
        moved += [sentence] if sentence else []
    return kept, tuple(moved)


def start(
    theorem: Theorem, store: Store, seed: int, budget: Budget, report: Callable[[Search], None] = lambda _: None
) -> Search:
    """A search where it was left, or a new one. InputError for a damaged file, or without Hypothesis."""
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        raise InputError("The search needs Hypothesis, which comes with the 'test' extra; it is not installed.") from None
    store.open()
    state = store.load_state(seed)
    best = store.load_best()
    found = state if state is not None else State(seed)
    for form, instance in found.start.items():
        if form not in best or best[form].found.ratio < instance.found.ratio:
            best[form] = instance
    stored, (best, moved) = best, _judged_again(best, theorem)
    if moved:
        found = State(seed)
        for form in stored:
            store.save(best[form]) if form in best else store.forget(form)
    resumed = (found.reached, found.reached - found.evaluations) if state is not None or best else None
    return Search(theorem, store, found, budget, report, best, evaluations=found.evaluations, resumed=resumed, moved=moved)
