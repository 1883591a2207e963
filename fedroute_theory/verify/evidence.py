"""Evidence: one claim's bound beside its gap, over clients and repetitions, with a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from fedroute_theory._validate import BoolArray
from fedroute_theory.theorems import Bound, Case, Claim, Measurement, NotApplicable, Theorem
from fedroute_theory.verify.statistics import ALPHA, rate_sequence, rate_test


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    HOLDS = "HOLDS"
    VIOLATED = "VIOLATED"
    NOT_APPLICABLE = "NOT APPLICABLE"
    INCONCLUSIVE = "INCONCLUSIVE"


ROUNDING = 1e-9
"""Relative allowance for rounding when a gap is compared with a bound."""


NO_GAP = 1e-12
"""Gaps up to this are rounding."""


@dataclass(frozen=True)
class Evidence:
    """One line of a verification.

    theorem, form, scenario, training: what was judged. n: records behind it. clients: claims it is made of. bound, gap: means
    over the clients of a training (one for federated and pooled), first repetition. kind, terms, delta: of the bound. vacuous:
    whether every bound is. gap_error: distance the gap of a continuous test law may have from that of its sample, on which
    bound and gap are both exact and compared. trials, violations, unclear: over repetitions and clients; unclear are those
    whose gap is known only up to an interval that holds the bound. alpha: chance that this claim, if true, is called VIOLATED.
    power: smallest violation rate that would have been caught with probability 0.9 (None where the claim is deterministic).
    decided_after: trials after which a bet on the rate, at liberty to stop, would have decided it, at the alpha of one claim
    alone (None: none did, or deterministic). assumptions: as measured for the first claim. notes: what else is to be known.
    given_records: as of the claims. refused_by: the assumption that the first claim without a bound names ("": none).
    """

    theorem: str
    form: str
    scenario: str
    training: str
    n: int
    clients: int
    bound: float | None
    gap: float | None
    gap_error: float
    delta: float
    trials: int
    violations: int
    unclear: int
    alpha: float
    power: float | None
    decided_after: int | None
    verdict: Verdict
    kind: str
    vacuous: bool
    terms: dict[str, float]
    assumptions: tuple[Measurement, ...]
    notes: str
    given_records: bool = False
    refused_by: str = ""

    @property
    def randomised(self) -> bool:
        """Whether chance has a part in the verdict."""
        return self.trials > 0 and self.delta > 0.0

    def at(self, alpha: float) -> Evidence:
        """The same trials, judged with another chance of a false alarm."""
        if not self.randomised:
            return self
        verdict, power = decide(self.violations, self.trials, self.delta, self.given_records, self.unclear, alpha)
        return replace(self, alpha=alpha, verdict=verdict, power=power)

    @property
    def ratio(self) -> float | None:
        """bound / gap: how loose; None where the gap is zero up to rounding."""
        if self.bound is None or self.gap is None or self.gap <= NO_GAP:
            return None
        return self.bound / self.gap

    @property
    def largest_term(self) -> str:
        """The term to blame."""
        return max(self.terms, key=lambda name: self.terms[name]) if self.terms else ""

    def as_json(self) -> dict[str, Any]:
        """Plain values; None instead of NaN or infinity."""
        fields = (
            "theorem",
            "form",
            "scenario",
            "training",
            "n",
            "clients",
            "bound",
            "gap",
            "gap_error",
            "ratio",
            "delta",
        )
        counts = ("trials", "violations", "unclear", "alpha", "power", "decided_after")
        rest = (*counts, "verdict", "kind", "vacuous", "largest_term", "terms", "notes", "refused_by")
        plain = {name: getattr(self, name) for name in (*fields, *rest)}
        assumptions = [
            {"name": m.name, "holds": m.holds, "value": m.value, "error": m.error, "how": m.how, "where": m.where}
            for m in self.assumptions
        ]
        return plain | {"verdict": str(self.verdict), "assumptions": assumptions}


def judge(theorem: Theorem, case: Case, scenario: str, alpha: float = ALPHA) -> list[Evidence]:
    """The evidence of one theorem on one case: one entry a form and training, in the order of its claims.

    scenario: as it is to be called in the evidence. alpha: chance that a single true claim is called VIOLATED, in (0, 1).
    """
    groups: dict[tuple[str, str], list[Claim]] = {}
    for claim in theorem.claims(case):
        groups.setdefault((claim.form, claim.training), []).append(claim)
    return [weigh(theorem.slug, scenario, claims, alpha) for claims in groups.values()]


def weigh(theorem: str, scenario: str, claims: Sequence[Claim], alpha: float = ALPHA) -> Evidence:
    """Evidence from the claims of one form and training: one claim, or one a client."""
    answered = [c for c in claims if isinstance(c.answer, Bound)]
    first = claims[0]
    refused = [c for c in claims if isinstance(c.answer, NotApplicable)]
    notes = _notes(answered, refused)
    if not answered:
        return Evidence(
            theorem, first.form, scenario, first.training, sum(c.n for c in claims), len(claims),
            None, None, 0.0, 0.0, 0, 0, 0, alpha, None, None, Verdict.NOT_APPLICABLE, "", False, {}, first.assumptions, notes,
            refused_by=_refused_by(refused),
        )  # fmt: skip
    bounds = [c.answer for c in answered if isinstance(c.answer, Bound)]
    violated, unsure = (np.concatenate(side) for side in zip(*map(outcomes, answered), strict=True))
    violations, unclear, trials = int(violated.sum()), int(unsure.sum()), violated.size
    delta, given_records = bounds[0].delta, any(c.given_records for c in answered)
    verdict, power = decide(violations, trials, delta, given_records, unclear, alpha)
    bet = rate_sequence(violated, delta, alpha).decided if delta > 0.0 and unclear == 0 and not given_records else None
    value = _mean([b.value for b in bounds])
    return Evidence(
        theorem, first.form, scenario, first.training, sum(c.n for c in answered), len(answered),
        value, _mean([c.gap for c in answered]), max(c.error for c in answered), delta,
        trials, violations, unclear, alpha, power, bet, verdict, bounds[0].kind, all(b.vacuous for b in bounds),
        {name: _mean([b.terms.get(name, 0.0) for b in bounds]) for name in bounds[0].terms},
        first.assumptions, notes, given_records, _refused_by(refused),
    )  # fmt: skip


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
    rounding = ROUNDING * np.maximum(np.abs(bounds), 1.0)
    possible = slack + claim.uncertainty >= -rounding  # a number that is none keeps nothing
    return ~possible, possible & (slack - claim.uncertainty < -rounding)


def decide(
    violations: int, trials: int, delta: float, given_records: bool = False, unclear: int = 0, alpha: float = ALPHA
) -> tuple[Verdict, float | None]:
    """The verdict on a claim that may fail with probability delta (0.0: never), and the power of the test.

    given_records: the trials share one draw of the records, given which the rate may exceed delta although the statement, about
    fresh records, is true; too many violations then leave it open. Claims with fresh records in every trial settle it.
    unclear: trials that may be violations or not: they count as none against the claim, and as violations for it.
    """
    if delta == 0.0:
        return (Verdict.VIOLATED if violations else Verdict.INCONCLUSIVE if unclear else Verdict.HOLDS), None
    test = rate_test(violations, trials, delta, alpha)
    power = None if given_records else test.power
    if test.lower > delta and not given_records:
        return Verdict.VIOLATED, power
    most = rate_test(violations + unclear, trials, delta, alpha).upper
    return (Verdict.HOLDS if most <= delta else Verdict.INCONCLUSIVE), power


def shared(evidence: Iterable[Evidence], false_alarm: float) -> tuple[Evidence, ...]:
    """The same evidence with one chance `false_alarm` for all of it, split evenly over the randomised claims."""
    listed = tuple(evidence)
    claims = sum(e.randomised for e in listed)
    return tuple(e.at(false_alarm / claims) if e.randomised else e for e in listed)


def _refused_by(refused: Sequence[Claim]) -> str:
    return next((c.answer.assumption for c in refused if isinstance(c.answer, NotApplicable)), "")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _notes(answered: Sequence[Claim], refused: Sequence[Claim]) -> str:
    texts = [c.answer.notes for c in answered[:1]]
    if refused:
        who = "" if not answered else f" for {len(refused)} of {len(answered) + len(refused)} clients"
        texts.append(str(refused[0].answer).replace("not applicable", "not applicable" + who, 1))
    return "; ".join(t for t in texts if t)
