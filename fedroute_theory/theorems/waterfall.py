"""The slack waterfall: from the exact gap, through the right-hand side of every step of a proof, to the bound."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fedroute_theory.theorems.bound import Bound, Kind, says_nothing

if TYPE_CHECKING:
    from fedroute_theory.theorems.base import Claim, Theorem
    from fedroute_theory.theorems.case import Case

EVENT = "with probability 1 - delta"
"""How a step says that it holds on an event only: in a realised draw its value may be below the one before."""

FROM_TERMS = "the theorem gives no steps: cumulated terms of its bound"


@dataclass(frozen=True)
class Stage:
    """One right-hand side of a proof, evaluated on a case.

    name: what the inequality does. value: in the unit of the bound. why: the inequality, with its place in the proof; empty for
    the gap.
    """

    name: str
    value: float
    why: str = ""


@dataclass(frozen=True)
class Step:
    """One inequality between two stages.

    slack: what it loses, 0 from infinity to infinity. factor: value over the one before (infinite from zero, NaN where both are
    zero). share: of the total slack, NaN where there is none.
    """

    name: str
    value: float
    slack: float
    factor: float
    share: float
    why: str


@dataclass(frozen=True)
class Waterfall:
    """Stages from the exact gap (first) to the bound (last); never cut off where a step loses less than nothing.

    kind "lower": the bound lies below the gap, and a step loses what it takes away. trivial: as of the bound.
    """

    form: str
    training: str
    client: int | None
    n: int
    stages: tuple[Stage, ...]
    kind: Kind = "upper"
    note: str = ""
    trivial: float = math.inf

    @classmethod
    def of(cls, claim: Claim, stages: Iterable[Stage], note: str = "") -> Waterfall:
        """The gap of a claim, then `stages`."""
        bound = claim.answer if isinstance(claim.answer, Bound) else None
        kind: Kind = "upper" if bound is None else bound.kind
        trivial = math.inf if bound is None else bound.trivial
        return cls(claim.form, claim.training, claim.client, claim.n, (Stage("gap", claim.gap), *stages), kind, note, trivial)

    @property
    def gap(self) -> float:
        """The exact gap."""
        return self.stages[0].value

    @property
    def bound(self) -> float:
        """The bound."""
        return self.stages[-1].value

    @property
    def vacuous(self) -> bool:
        """Whether the bound says no more than the range of the utility."""
        return says_nothing(self.bound, self.trivial)

    @property
    def total(self) -> float:
        """Slack of all steps: the distance of gap and bound."""
        return self._sign * (self.bound - self.gap)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What every inequality loses."""
        found = []
        for before, after in itertools.pairwise(self.stages):
            slack = 0.0 if after.value == before.value else self._sign * (after.value - before.value)
            factor = after.value / before.value if before.value != 0.0 else math.inf if after.value > 0.0 else math.nan
            share = slack / self.total if self.total != 0.0 else math.nan
            found.append(Step(after.name, after.value, slack, factor, share, after.why))
        return tuple(found)

    @property
    def worst(self) -> Step:
        """The step that loses most."""
        return max(self.steps, key=lambda step: step.slack)

    @property
    def _sign(self) -> float:
        return -1.0 if self.kind == "lower" else 1.0


def from_terms(claim: Claim, bound: Bound) -> Waterfall:
    """Gap, then the terms of the bound one after the other: where a theorem does not give its steps."""
    sums = itertools.accumulate(bound.terms.values())
    stages = [Stage(f"+ {name}", value, "term of the bound") for name, value in zip(bound.terms, sums, strict=True)]
    if stages:  # the bound adds exactly, the running sums may round
        stages[-1] = replace(stages[-1], value=bound.value)
    return Waterfall.of(claim, stages, FROM_TERMS)


def explained(theorem: Theorem, case: Case) -> list[tuple[Claim, Waterfall | None]]:
    """Every claim with its waterfall: by the theorem's own steps, else by the terms of the bound; None without a bound."""
    own = {(w.form, w.training, w.client): w for w in theorem.steps(case)}
    found: list[tuple[Claim, Waterfall | None]] = []
    for claim in theorem.claims(case):
        given = None
        if isinstance(claim.answer, Bound):
            given = own.get((claim.form, claim.training, claim.client)) or from_terms(claim, claim.answer)
        found.append((claim, given))
    return found


def judged(claims: Iterable[Claim]) -> list[tuple[Claim, Bound]]:
    """The claims that have a bound, each with it."""
    return [(claim, claim.answer) for claim in claims if isinstance(claim.answer, Bound)]


def scaled(stages: Sequence[Stage], factor: float = 1.0, offset: float = 0.0) -> list[Stage]:
    """offset + factor x every value: the same steps inside a longer proof."""
    return [replace(stage, value=offset + factor * stage.value) for stage in stages]
