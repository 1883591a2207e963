"""Why a theorem fails: a missing assumption, the wrong direction, the wrong rate, or the wrong constant, in that order.

Each explanation is an observation on the trials, and says so; only the failure itself is certain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.testing.conformance.facts import facts, measured
from fedroute_theory.testing.conformance.trouble import Unit, refuted, series
from fedroute_theory.theorems import Bound, Theorem
from fedroute_theory.verify.samples import outcomes

BATCHES = 10
"""Groups of repetitions whose slopes give the interval of an exponent."""


def explained(theorem: Theorem, form: str, found: Sequence[Unit], alpha: float) -> str:
    """What is wrong with one form of a theorem, and why; empty where no unit of it is violated."""
    bad = [u for u in found if u.violated]
    if not bad:
        return ""
    worst = max(bad, key=lambda u: u.factor())
    reasons = (missing_assumption(theorem, found), wrong_direction(found, alpha), wrong_rate(found))
    return f"{form} {_observed(worst, len(bad), len(found))}. {next((r for r in reasons if r), wrong_constant(bad))}"


def _observed(worst: Unit, bad: int, total: int) -> str:
    t = int(np.argsort(worst.ratios())[-1])
    granted = f", {worst.delta:g} of them granted" if worst.delta else ", none granted"
    relation = "below" if worst.kind == "lower" else "away from" if worst.kind == "identity" else "above"
    return (
        f"fails in {bad} of {total} cases; worst on {worst.place}: gap {worst.gaps[t]:.6g} {relation} the bound "
        f"{worst.bounds[t]:.6g}, {worst.violations} of {worst.trials} trials{granted}"
    )


def missing_assumption(theorem: Theorem, found: Sequence[Unit]) -> str:
    """The assumptions of other theorems, or facts about the records, that fail wherever the claim does, and only there.

    At every size at which the claim fails there must be a case in which the assumption holds and the claim does.
    """
    bad = [u for u in found if u.violated]
    sizes = {u.example.records for u in bad}
    good = [u for u in found if not u.violated and u.example.records in sizes]
    if sizes - {u.example.records for u in good}:
        return ""  # at some size all fail, so nothing separates them
    quick = {u: facts(u) for u in (*bad, *good)}
    known, names = quick, _separating(quick, bad, good)
    if not names:  # the assumptions of other theorems take long to measure
        cases = {example: measured(example.case) for example in dict.fromkeys(u.example for u in (*bad, *good))}
        known = {u: cases[u.example].get((u.claim.training, u.claim.client), {}) for u in (*bad, *good)}
        names = _separating(known, bad, good)
    if not names:
        return ""
    stated = any(name in theorem.assumptions for name in names)
    what = "is stated, but not measured and refused" if stated else "is missing among its assumptions"
    holding = sum(any(known[u].get(name) is True for name in names) for u in good)
    return (
        f"It fails only where {' or '.join(map(repr, names))} fails, and in none of the {holding} cases of the same size where "
        f"that holds: the assumption {what}."
    )


def _separating(known: Mapping[Unit, Mapping[str, bool | None]], bad: Sequence[Unit], good: Sequence[Unit]) -> list[str]:
    """What fails for all bad units and holds for some good one of each of their sizes."""
    sizes = {u.example.records for u in bad}

    def separates(name: str) -> bool:
        holding = {u.example.records for u in good if known[u].get(name) is True}
        return all(known[u].get(name) is False for u in bad) and sizes <= holding

    return [name for name in sorted({name for u in bad for name in known[u]}) if separates(name)]


def wrong_direction(found: Sequence[Unit], alpha: float) -> str:
    """Whether most cases fail as stated and none would with the other kind."""
    bad = sum(u.violated for u in found)
    kinds = {u.kind for u in found}
    if 2 * bad <= len(found) or not kinds <= {"upper", "lower"}:
        return ""
    other = {"upper": "lower", "lower": "upper"}
    if any(_turned(u, other[u.kind], alpha / len(found)) for u in found):
        return ""
    kind = next(iter(kinds))
    return (
        f"As stated it fails in most cases, and as a bound of kind '{other[kind]}' it would hold in all {len(found)}: the "
        f"direction is wrong, unless {_needed(found)}."
    )


def _turned(unit: Unit, kind: str, alpha: float) -> bool:
    """Whether the unit is refuted as a bound of the other kind."""
    assert isinstance(unit.claim.answer, Bound)
    answer = replace(unit.claim.answer, kind="lower" if kind == "lower" else "upper")
    failed = int(outcomes(replace(unit.claim, answer=answer))[0].sum())
    return refuted(failed, unit.trials, unit.delta, unit.claim.given_records, alpha)


def wrong_rate(found: Sequence[Unit]) -> str:
    """Whether gap / bound grows with the records: the claim holds at small sizes and fails at large ones."""
    grown = []
    for *_, own in series(found):
        ordered = sorted(own, key=lambda u: u.example.records)
        if len(ordered) < 3 or ordered[0].violated or not ordered[-1].violated:
            continue
        slope, half, crossing = growth(ordered)
        if slope - half > 0.0:
            grown.append((slope, half, crossing, ordered))
    if not grown:
        return ""
    slope, half, crossing, ordered = max(grown, key=lambda g: g[0] / g[1])
    first = ordered[0]
    return (
        f"The ratio of {'bound to gap' if first.kind == 'lower' else 'gap to bound'} grows like n^{slope:.2f} "
        f"[{slope - half:.2f}, {slope + half:.2f}] on {first.example.family} ({first.claim.training}) and passes 1 near "
        f"n = {crossing:.3g} records: the bound holds for few records and fails for many, so its rate is wrong."
    )


def growth(ordered: Sequence[Unit]) -> tuple[float, float, float]:
    """Exponent b of ratio = a n^b with the half-width of its interval, and the n at which the (1 - delta) quantile is 1.

    Least squares on logarithms of the mean ratio of each of BATCHES groups of repetitions; Student's t over the groups at 0.99.
    """
    from scipy.stats import t as student

    logs = np.log([u.claim.n for u in ordered])
    groups = min(BATCHES, *(u.trials for u in ordered))
    means = np.array([[part.mean() for part in np.array_split(_positive(u.ratios()), groups)] for u in ordered])
    slopes = np.polyfit(logs, np.log(means), 1)[0]
    half = float(student.ppf(0.995, groups - 1) * slopes.std(ddof=1) / math.sqrt(groups)) if groups > 1 else 0.0
    b, a = np.polyfit(logs, np.log([max(u.factor(), 1e-300) for u in ordered]), 1)
    return float(slopes.mean()), half, math.exp(min(-a / b, 700.0)) if b > 0 else math.inf


def _positive(ratios: FloatArray) -> FloatArray:
    return np.clip(ratios, 1e-300, 1e300)


def wrong_constant(bad: Sequence[Unit]) -> str:
    """The factor that would have covered every trial that was to be covered."""
    if not all(math.isfinite(u.factor()) for u in bad):
        return "No factor on the bound covers it, which is no positive number where the gap is one: a term is missing."
    return f"It is covered if {_needed(bad)}: the constant is too small, or a term is missing."


def _needed(found: Sequence[Unit]) -> str:
    worst = max(found, key=lambda u: u.factor())
    if not math.isfinite(worst.factor()):
        return "the bound is no multiple of what it is (it is 0 where the gap is not)"
    if worst.kind == "lower":
        return f"the bound is divided by {worst.factor():.3g}"
    return f"the bound is multiplied by {worst.factor():.3g}"
