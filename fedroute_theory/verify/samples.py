"""Independent trials of one statement, and what they decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from fedroute_theory._validate import BoolArray
from fedroute_theory.theorems import Bound, Claim
from fedroute_theory.verify.statistics import ALPHA, detectable, rate_sequence, rate_test


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    HOLDS = "HOLDS"
    VIOLATED = "VIOLATED"
    NOT_APPLICABLE = "NOT APPLICABLE"
    INCONCLUSIVE = "INCONCLUSIVE"


ROUNDING = 1e-9
"""Relative allowance for rounding when a gap is compared with a bound."""


@dataclass(frozen=True)
class Sample:
    """How the trials of one statement came out.

    client: whose statement it is (None: of one training, or of many clients that are one trial each). delta: how often it may
    fail. trials, violations, unclear: counts; unclear are those whose gap is known only up to an interval that holds the bound.
    """

    client: int | None
    delta: float
    trials: int
    violations: int
    unclear: int = 0


@dataclass(frozen=True, eq=False)
class Trials:
    """The same trial by trial. violated, unclear: (T,), in the order in which they came."""

    client: int | None
    delta: float
    violated: BoolArray
    unclear: BoolArray

    @property
    def sample(self) -> Sample:
        """The counts."""
        return Sample(self.client, self.delta, self.violated.size, int(self.violated.sum()), int(self.unclear.sum()))


def outcomes(claim: Claim) -> tuple[BoolArray, BoolArray]:
    """(T,) trials of a claim that are violations beyond doubt and rounding, and those whose interval holds the bound.

    Both are empty where the claim does not apply.
    """
    if not isinstance(claim.answer, Bound):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    gaps, bounds = (claim.gaps, claim.bounds) if claim.gaps.size else (np.array([claim.gap]), np.array([claim.answer.value]))
    with np.errstate(invalid="ignore"):
        excess = np.where(gaps == bounds, 0.0, gaps - bounds)  # equal infinities too
    slack = {"upper": -excess, "comparison": -excess, "lower": excess, "identity": -np.abs(excess)}[claim.answer.kind]
    rounding = np.where(np.isfinite(bounds), ROUNDING * np.maximum(np.abs(bounds), 1.0), 0.0)
    possible = slack + claim.uncertainty >= -rounding  # a number that is none keeps nothing
    return ~possible, possible & (slack - claim.uncertainty < -rounding)


def independent(claims: Iterable[Claim]) -> list[Trials]:
    """The trials of the claims of one form and training, a statement at a time; those without a bound have none.

    A theorem speaks of every client, so clients are not averaged: one whose bound fails too often is not excused by others.
    Nor are they independent, where they share labels. Local trainings share none: where each client is a single trial, the
    trials of equal delta are put together.
    """
    single: dict[float, list[Trials]] = {}
    found: list[Trials] = []
    for claim in claims:
        if isinstance(claim.answer, Bound):
            made = Trials(claim.client, claim.answer.delta, *outcomes(claim))
            alone = claim.training == "local" and claim.client is not None and made.violated.size == 1
            (single.setdefault(made.delta, []) if alone else found).append(made)
    return found + [_together(same) for same in single.values()]


def _together(same: Sequence[Trials]) -> Trials:
    violated, unclear = (np.concatenate([getattr(t, name) for t in same]) for name in ("violated", "unclear"))
    return Trials(same[0].client if len(same) == 1 else None, same[0].delta, violated, unclear)


def decide(samples: Sequence[Sample], given_records: bool = False, alpha: float = ALPHA) -> tuple[Verdict, float | None]:
    """The verdict on a claim made of these statements, each of which may fail with its delta (0.0: never), and the power.

    It holds if all of them are shown to, and is violated if one of them is shown to fail too often; alpha is split evenly over
    those that chance has a part in, so that nothing is asked of how they hang together. power: the smallest rate of failure of
    a statement that would have been reported as VIOLATED with probability 0.9, for the one where it is largest.

    given_records: the trials share one draw of the records, given which the rate may exceed delta although the statement, about
    fresh records, is true; too many violations then leave it open. Claims with fresh records in every trial settle it.
    unclear trials count as none against the claim, and as violations for it.
    """
    share = alpha / max(1, sum(s.delta > 0.0 for s in samples))
    found = [_decided(s, given_records, share) for s in samples]
    power = max((p for _, p in found if p is not None), default=None)
    return _worst(verdict for verdict, _ in found), power


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    seen = set(verdicts)
    return next(v for v in (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.HOLDS) if v in seen)


def _decided(s: Sample, given_records: bool, alpha: float) -> tuple[Verdict, float | None]:
    if s.delta == 0.0:
        return (Verdict.VIOLATED if s.violations else Verdict.INCONCLUSIVE if s.unclear else Verdict.HOLDS), None
    power = None if given_records else detectable(s.trials, s.delta, alpha, s.unclear)
    if rate_test(s.violations, s.trials, s.delta, alpha).lower > s.delta and not given_records:
        return Verdict.VIOLATED, power
    most = rate_test(s.violations + s.unclear, s.trials, s.delta, alpha).upper
    return (Verdict.HOLDS if most <= s.delta else Verdict.INCONCLUSIVE), power


@dataclass(frozen=True)
class Stopped:
    """What bets at liberty to stop say. verdict: HOLDS, VIOLATED or INCONCLUSIVE. after: trials of one statement after which it
    was reached: of the one that was seen to fail first, or of the last that was seen to hold (None: it was not reached)."""

    verdict: Verdict
    after: int | None


def stopped(trials: Sequence[Trials], given_records: bool = False, alpha: float = ALPHA) -> Stopped:
    """As `decide`, by a bet on the rate of every statement, which may be looked at after each trial."""
    share = alpha / max(1, sum(t.delta > 0.0 for t in trials))
    found = [_bet(t, given_records, share) for t in trials]
    verdict = _worst(s.verdict for s in found)
    ends = [s.after for s in found if s.verdict is verdict and s.after is not None]
    if verdict is Verdict.INCONCLUSIVE:
        return Stopped(verdict, None)
    return Stopped(verdict, min(ends) if verdict is Verdict.VIOLATED else max(ends))


def _bet(t: Trials, given_records: bool, alpha: float) -> Stopped:
    if t.delta == 0.0:
        if t.violated.any():
            return Stopped(Verdict.VIOLATED, int(t.violated.argmax()) + 1)
        return Stopped(Verdict.INCONCLUSIVE, None) if t.unclear.any() else Stopped(Verdict.HOLDS, t.violated.size)
    bet = rate_sequence(t.violated, t.delta, alpha)
    if bet.violated is None or t.unclear.any() or (given_records and bet.violated):
        return Stopped(Verdict.INCONCLUSIVE, None)
    return Stopped(Verdict.VIOLATED if bet.violated else Verdict.HOLDS, bet.decided)
