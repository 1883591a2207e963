"""Whether a published claim is reproduced: rules from intervals to verdicts, so that no verdict is typed in."""

from __future__ import annotations

from typing import Literal

from fedroute_theory.intervals import Interval

Answer = Literal["for", "against", "open"]

REPRODUCED, NOT_REPRODUCED, UNTESTED = "reproduced", "not reproduced", "cannot be tested here"

RULES = (
    "Verdicts are computed. A difference speaks for the claim where its 95% interval lies above 0, against it where it lies "
    "below 0, and is open otherwise; an equality speaks for where the interval lies within +-0.01, against where it lies "
    "outside. Reproduced: for under the sound protocol (and under the published one unless it was not tested). Not reproduced "
    "says whether the evidence is against or open."
)
"""For the notes of tables."""


def positive(found: Interval | None) -> Answer | None:
    """Is the quantity above zero? None where it was not measured."""
    if found is None:
        return None
    return "for" if found.low > 0.0 else "against" if found.high < 0.0 else "open"


def near_zero(found: Interval | None, margin: float) -> Answer | None:
    """Is the quantity within +-margin? None where it was not measured."""
    if found is None:
        return None
    if -margin <= found.low and found.high <= margin:
        return "for"
    return "against" if found.low > margin or found.high < -margin else "open"


def verdict(published: Answer | None, sound: Answer | None) -> str:
    """One of the verdicts for a claim, from the evidence under the two protocols."""
    if published is None and sound is None:
        return UNTESTED
    if published == "for" and sound == "for":
        return REPRODUCED
    if "for" in (published, sound):
        own, other = ("published", sound) if published == "for" else ("sound", published)
        return (
            f"{REPRODUCED} ({own} protocol, the only one tested)"
            if other is None
            else f"{REPRODUCED} only under the {own} protocol"
        )
    return f"{NOT_REPRODUCED} ({'against' if 'against' in (published, sound) else 'open'})"


def exact(found: object, stated: object) -> str:
    """For facts that are the same number or not."""
    return REPRODUCED if found == stated else NOT_REPRODUCED
