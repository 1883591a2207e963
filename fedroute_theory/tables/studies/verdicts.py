"""Whether a published claim is reproduced: rules from numbers, one a seed, to verdicts, so that no verdict is typed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fedroute_theory import intervals

Answer = Literal["for", "against", "open", "not run", "impossible"]
"""What one protocol says of a claim. not run: no cell of this grid measures it; impossible: nothing can be measured here."""

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
UNTESTED, NOT_RUN = "cannot be tested here", "not run at default size (--full)"


@dataclass(frozen=True)
class Rule:
    """When numbers, one a seed, speak for a claim: above zero, or within +-margin of it. every: each of them must besides."""

    margin: float | None = None
    every: bool = False

    def true(self, value: float) -> bool:
        """Whether the claim is true in one seed."""
        return value > 0.0 if self.margin is None else abs(value) <= self.margin

    def answer(self, values: Sequence[float]) -> Answer:
        """What n >= 1 values say together."""
        found, margin = intervals.mean(values), self.margin or 0.0
        if found.high < -margin or (self.margin is not None and found.low > margin):
            return "against"
        clear = found.low > 0.0 if self.margin is None else -margin <= found.low and found.high <= margin
        return "for" if clear and not (self.every and not all(map(self.true, values))) else "open"


POSITIVE, ALWAYS, EQUAL = Rule(), Rule(every=True), Rule(margin=0.01)
"""EQUAL: the published areas have two decimals."""

RULES = (
    "Verdicts are computed. Under one protocol a difference speaks for a claim where its 95% interval lies above 0, against it "
    "where it lies below 0, and is open otherwise; a claim about every client must also be true in every seed, or it is open; "
    f"an equality speaks for where the interval lies within +-{EQUAL.margin}, against where it lies outside. 'reproduced' is "
    "for under both protocols; 'only under' one: the other is against or open; 'under' one, the other not run: as it says. "
    "'not reproduced' is for under none: against where one is against, else open."
)
"""For the notes of tables."""


@dataclass(frozen=True)
class Measured:
    """What one protocol gave for one claim: a number a seed, of which there are none where it was not run or not possible."""

    values: tuple[float, ...] = ()
    possible: bool = True

    @classmethod
    def of(cls, found: Iterable[float | None]) -> Measured:
        """From the results of the seeds, None where a result holds no number."""
        values = tuple(found)
        known = tuple(v for v in values if v is not None)
        return cls(known if len(known) == len(values) else (), len(known) == len(values))

    def answer(self, rule: Rule) -> Answer:
        """What it says of the claim."""
        return rule.answer(self.values) if self.values else "not run" if self.possible else "impossible"

    def printed(self, rule: Rule) -> tuple[intervals.Interval | str | None, str | None]:
        """Mean with its interval, and the seeds in which the claim is true, of how many."""
        if not self.values:
            return "not run" if self.possible else None, None
        return intervals.mean(self.values), f"{sum(map(rule.true, self.values))}/{len(self.values)}"


def verdict(published: Answer, sound: Answer) -> str:
    """One of the verdicts for a claim, from what the two protocols say."""
    said = (published, sound)
    if "for" in said:
        if published == sound:
            return REPRODUCED
        own, other, left = ("published", "sound", sound) if published == "for" else ("sound", "published", published)
        return (
            f"{REPRODUCED} only under the {own} protocol"
            if left in ("against", "open")
            else f"{REPRODUCED} under the {own} protocol; {other} {'not run' if left == 'not run' else 'not possible here'}"
        )
    if "against" in said or "open" in said:
        return f"{NOT_REPRODUCED} ({'against' if 'against' in said else 'open'})"
    return UNTESTED if "impossible" in said else NOT_RUN


def counted(verdicts: Sequence[str]) -> str:
    """How often each verdict came out, the most frequent first."""
    return ", ".join(f"{number} {said}" for said, number in Counter(verdicts).most_common())


def exact(found: object, stated: object) -> str:
    """For facts that are the same number or not."""
    return REPRODUCED if found == stated else NOT_REPRODUCED
