"""Claims as units that can be judged one by one: whose, where, how many trials, how far gap and bound are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.testing.conformance.examples import Example
from fedroute_theory.theorems import Bound, Claim
from fedroute_theory.verify import rate_test
from fedroute_theory.verify.samples import outcomes


@dataclass(frozen=True, eq=False)
class Unit:
    """One claim that answered with a bound, on one example.

    gaps, bounds: (T,). kind, delta: of the bound. violated: whether its trials show it false at the level of the whole check.
    undecided: why no outcome of its trials could have shown that, if none could.
    """

    example: Example
    claim: Claim
    gaps: FloatArray
    bounds: FloatArray
    kind: str
    delta: float
    violations: int
    violated: bool
    undecided: str

    @property
    def trials(self) -> int:
        """T."""
        return int(self.gaps.size)

    @property
    def place(self) -> str:
        """Where, in words."""
        client = "" if self.claim.client is None else f" {self.claim.client}"
        return f"{self.example} ({self.claim.training}{client})"

    def ratios(self) -> FloatArray:
        """(T,) how far above what is allowed: gap / bound, or bound / gap for a lower bound."""
        above, below = (self.bounds, self.gaps) if self.kind == "lower" else (self.gaps, self.bounds)
        ratios: FloatArray = np.divide(above, below, out=np.full(above.shape, np.inf), where=below > 0)
        return np.where((below <= 0) & (above <= 0), 1.0, ratios)

    def factor(self) -> float:
        """The least factor on the bound (on the gap, for a lower bound) with which the trials would have been covered."""
        return float(np.quantile(self.ratios(), 1.0 - self.delta, method="higher"))


def units(made: Sequence[tuple[Example, Sequence[Claim]]], alpha: float) -> list[Unit]:
    """Every claim with a bound; alpha, the chance that any true one is called violated, is split evenly over them.

    Claims whose trials share one draw of the records (`given_records`) can be confirmed by them, never refuted.
    """
    answered = [
        (e, c, c.answer)
        for e, claims in made
        for c in claims
        if isinstance(c.answer, Bound) and c.gaps.shape == c.bounds.shape  # others belong to another check
    ]
    share = alpha / max(1, len(answered))
    return [_unit(example, claim, answer, share) for example, claim, answer in answered]


def _unit(example: Example, claim: Claim, answer: Bound, alpha: float) -> Unit:
    gaps, bounds = (claim.gaps, claim.bounds) if claim.gaps.size else (np.array([claim.gap]), np.array([answer.value]))
    violations, unclear = outcomes(claim)
    failed, clear = int(violations.sum()), int((~unclear).sum())
    undecided = ""
    if clear == 0:
        undecided = f"the uncertainty {claim.uncertainty:.3g} of its gaps leaves every trial open"
    elif not claim.given_records and not refuted(clear, gaps.size, answer.delta, False, alpha):
        undecided = f"{clear} trials refute no failure probability of {answer.delta:g}: give `gaps` and `bounds` of repetitions"
    return Unit(
        example, claim, gaps, bounds, answer.kind, answer.delta, failed,
        refuted(failed, gaps.size, answer.delta, claim.given_records, alpha), undecided,
    )  # fmt: skip


def refuted(failed: int, trials: int, delta: float, given_records: bool, alpha: float) -> bool:
    """Whether so many failures show that the claim is false."""
    if delta == 0.0:
        return failed > 0
    return not given_records and rate_test(failed, trials, delta, alpha).lower > delta


def series(found: Iterable[Unit]) -> Iterator[tuple[str, str, int | None, list[Unit]]]:
    """(family, training, client, its units at one size after the other); claims that share all of these are apart."""
    groups: dict[tuple[str, str, int | None, int], list[Unit]] = {}
    seen: Counter[tuple[Example, str, int | None]] = Counter()
    for unit in found:
        name = (unit.example, unit.claim.training, unit.claim.client)
        groups.setdefault((unit.example.family, *name[1:], seen[name]), []).append(unit)
        seen[name] += 1
    yield from ((family, training, client, own) for (family, training, client, _), own in groups.items())


def by_form(found: Iterable[Unit]) -> dict[str, list[Unit]]:
    """Units of each form, in order."""
    groups: dict[str, list[Unit]] = {}
    for unit in found:
        groups.setdefault(unit.claim.form, []).append(unit)
    return groups
