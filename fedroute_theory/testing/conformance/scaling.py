"""How the claims of a theorem must move with what they are made of: with delta, and at a stated rate with the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from fedroute_theory.testing.conformance.examples import Example
from fedroute_theory.testing.conformance.report import first
from fedroute_theory.testing.conformance.trouble import by_form, series, units
from fedroute_theory.theorems import Answer, Bound, Case, Claim, Theorem

Key = tuple[str, str, int | None, int]

Made = Sequence[tuple[Example, Sequence[Claim]]]
"""Examples with the claims that a theorem makes of them."""

RATE_TOLERANCE = 0.1
"""How far the measured exponent may be from the stated one."""

TINY = 1e-100
"""A delta at which a width is above any other part of a bound that it was below, if it depends on delta at all."""


def dearer_with_delta(theorem: Theorem, made: Made) -> str:
    """Claims that may fail, at delta and at a fiftieth of it: none says more there, and every form somewhere less at TINY.

    Looked at on the first and the last case of every family. The terms are compared, as a bound that is cut at the range need
    not move; a claim that says nothing, or fails more rarely than it may (its chance is its own), shows nothing of the second.
    """
    wrong: list[str] = []
    moved: dict[str, bool] = {}
    ends = [{example.family: example for example, _ in way} for way in (made[::-1], made)]
    for example, claims in (pair for pair in made if any(pair[0] is end[pair[0].family] for end in ends)):
        rarer, rarest = (replace(example.case, delta=d, kept=None) for d in (example.case.delta / 50.0, TINY))
        tight = {key: c.answer for key, c in keyed(theorem.claims(rarer))}
        extreme: dict[Key, Answer] | None = None
        for key, c in keyed(claims):
            other = tight.get(key)
            if not (isinstance(c.answer, Bound) and isinstance(other, Bound) and c.answer.delta > 0.0):
                continue
            if c.answer.delta == example.case.delta and not _silent(c.answer) and not moved.get(c.form):
                moved[c.form] = c.answer.terms != other.terms
                if not moved[c.form]:
                    extreme = extreme or _answers(theorem, rarest)
                    far = extreme.get(key)
                    moved[c.form] = not isinstance(far, Bound) or far.terms != c.answer.terms
            where = f"{c.form} on {example} ({c.training})"
            dearer = (other.value - c.answer.value) * (-1.0 if c.answer.kind == "lower" else 1.0)
            if other.delta > rarer.delta:
                wrong.append(f"{where} may fail with {other.delta:g} where {rarer.delta:g} is granted")
            elif dearer < -1e-12 * (1.0 + abs(other.value)):
                values = f"{other.value:.6g} at delta {rarer.delta:g}, {c.answer.value:.6g} at {example.case.delta:g}"
                wrong.append(f"{where} is {values}, although the first must fail more rarely")
    still = [form for form, has in moved.items() if not has]
    wrong += [f"{form} may fail with delta and is the same at {TINY:g}: delta is left out" for form in still]
    return first(wrong)


def keyed(claims: Iterable[Claim]) -> Iterator[tuple[Key, Claim]]:
    """Claims by form, training, client, and their place among those that share them."""
    seen: Counter[tuple[str, str, int | None]] = Counter()
    for c in claims:
        name = (c.form, c.training, c.client)
        yield (*name, seen[name]), c
        seen[name] += 1


def _answers(theorem: Theorem, case: Case) -> dict[Key, Answer]:
    """By key; nothing where delta is too small for the theorem's arithmetic."""
    try:
        return {key: c.answer for key, c in keyed(theorem.claims(case))}
    except ArithmeticError:
        return {}


def _silent(bound: Bound) -> bool:
    return bound.vacuous or (bound.kind == "lower" and bound.value <= 0.0)


def shrinks(made: Made, rate: float) -> str:
    """The exponent of the mean bound in the records behind it, on every family with three sizes at least."""
    wrong, tried = [], 0
    for form, own in by_form(units(made, 0.5)).items():
        for family, training, _, sizes in series(own):
            some = [(u.claim.n, float(u.bounds.mean())) for u in sizes if np.isfinite(u.bounds).all()]
            if len(some) < 3:
                continue
            tried += 1
            where, (numbers, means) = f"on {family} ({training})", np.array(some).T
            if not (means > 0.0).all():
                wrong.append(f"{form} has no rate {where}: its mean bounds are {', '.join(f'{m:.4g}' for m in means)}")
                continue
            slope = float(np.polyfit(np.log(numbers), np.log(means), 1)[0])
            if abs(slope + rate) > RATE_TOLERANCE:
                wrong.append(f"{form} shrinks like n^{slope:.2f} {where}, not like n^{-rate:g}")
    return first(wrong) if tried else "no family has three sizes on which the theorem gives finite bounds"
