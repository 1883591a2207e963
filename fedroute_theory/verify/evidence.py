"""Evidence: one claim's bound beside its gap, over clients and repetitions, with a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fedroute_theory.theorems import Bound, Case, Claim, Measurement, NotApplicable, Theorem
from fedroute_theory.verify.samples import Sample, Verdict, decide, independent, stopped
from fedroute_theory.verify.statistics import ALPHA

NO_GAP = 1e-12
"""Gaps up to this are rounding."""


@dataclass(frozen=True)
class Evidence:
    """One line of a verification.

    theorem, form, scenario, training: what was judged. n: records behind it. clients: claims it is made of. bound, gap: means
    over the clients of a training (one for federated and pooled), first repetition. kind, terms, delta: of the bound. vacuous:
    whether every bound is. gap_error: distance the gap of a continuous test law may have from that of its sample, on which
    bound and gap are both exact and compared. samples: the trials of every client that the claim speaks of. alpha: chance that
    this claim, if true, is called VIOLATED, split evenly over the samples. power: smallest violation rate of a client that
    would have been caught with probability 0.9 (None where the claim is deterministic). decided_after: trials of one client
    after which bets on the rates, at liberty to stop, would have decided it, at the alpha of one claim alone (None: none did,
    or deterministic). assumptions: as measured for the first claim. notes: what else is to be known.
    given_records, miss: as of the claims; the chances add up. refused_by: the assumption that the first claim without a bound
    names ("": none).
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
    samples: tuple[Sample, ...]
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
    miss: float = 0.0

    @property
    def trials(self) -> int:
        """Over repetitions and clients."""
        return sum(s.trials for s in self.samples)

    @property
    def violations(self) -> int:
        """Over repetitions and clients."""
        return sum(s.violations for s in self.samples)

    @property
    def unclear(self) -> int:
        """Trials whose gap is known only up to an interval that holds the bound, over repetitions and clients."""
        return sum(s.unclear for s in self.samples)

    @property
    def worst(self) -> Sample | None:
        """The sample that exceeds its delta most, doubtful trials included; None where there is none."""
        return max(self.samples, key=lambda s: (s.violations + s.unclear) / s.trials - s.delta, default=None)

    @property
    def failed(self) -> str:
        """The failures of the worst sample, in words, and all of them where there are other samples."""
        if self.worst is None:
            return "no trial"
        whole = f"{self.violations} of {self.trials} trials"
        if len(self.samples) == 1:
            return whole
        whose = "one claim" if self.worst.client is None else f"client {self.worst.client}"
        return f"{self.worst.violations} of {self.worst.trials} trials of {whose} ({whole} in all)"

    @property
    def randomised(self) -> bool:
        """Whether chance has a part in the verdict."""
        return any(s.delta > 0.0 for s in self.samples)

    def at(self, alpha: float) -> Evidence:
        """The same trials, judged with another chance of a false alarm."""
        if not self.randomised:
            return self
        verdict, power = decide(self.samples, self.given_records, alpha)
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
        rest = (*counts, "verdict", "kind", "vacuous", "largest_term", "terms", "notes", "refused_by", "miss")
        plain = {name: getattr(self, name) for name in (*fields, *rest)}
        assumptions = [
            {"name": m.name, "holds": m.holds, "value": m.value, "error": m.error, "how": m.how, "where": m.where}
            for m in self.assumptions
        ]
        samples = [asdict(s) for s in self.samples]
        return plain | {"verdict": str(self.verdict), "samples": samples, "assumptions": assumptions}


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
            None, None, 0.0, 0.0, (), alpha, None, None, Verdict.NOT_APPLICABLE, "", False, {}, first.assumptions, notes,
            refused_by=_refused_by(refused),
        )  # fmt: skip
    bounds = [c.answer for c in answered if isinstance(c.answer, Bound)]
    trials, given_records = independent(answered), any(c.given_records for c in answered)
    samples = tuple(t.sample for t in trials)
    verdict, power = decide(samples, given_records, alpha)
    chance = any(s.delta > 0.0 for s in samples)
    bet = stopped(trials, given_records, alpha).after if chance else None
    value = _mean([b.value for b in bounds])
    return Evidence(
        theorem, first.form, scenario, first.training, sum(c.n for c in answered), len(answered),
        value, _mean([c.gap for c in answered]), max(c.error for c in answered), max(b.delta for b in bounds),
        samples, alpha, power, bet, verdict, bounds[0].kind, all(b.vacuous for b in bounds),
        {name: _mean([b.terms.get(name, 0.0) for b in bounds]) for name in bounds[0].terms},
        first.assumptions, notes, given_records, _refused_by(refused), sum(c.miss for c in answered),
    )  # fmt: skip


def shared(evidence: Iterable[Evidence], false_alarm: float) -> tuple[Evidence, ...]:
    """The same evidence with one chance `false_alarm` for all of it: `left_for_trials`, split evenly over the randomised."""
    listed = tuple(evidence)
    claims = sum(e.randomised for e in listed)
    left = left_for_trials(false_alarm, sum(e.miss for e in listed))
    return tuple(e.at(left / claims) if e.randomised else e for e in listed)


def left_for_trials(false_alarm: float, misses: float) -> float:
    """What claims whose estimates may miss leave of the chance for those that rest on trials: half of it at least."""
    return max(false_alarm - misses, 0.5 * false_alarm)


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
