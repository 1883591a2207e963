"""How the claims of a theorem must move with what they are made of: with delta, and at a stated rate with the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fedroute_theory.testing.conformance.examples import Example
from fedroute_theory.testing.conformance.report import first
from fedroute_theory.testing.conformance.trouble import by_form, units
from fedroute_theory.theorems import Bound, Claim, Theorem

Made = Sequence[tuple[Example, Sequence[Claim]]]
"""Examples with the claims that a theorem makes of them."""

RATE_TOLERANCE = 0.1
"""How far the measured exponent may be from the stated one."""


def dearer_with_delta(theorem: Theorem, made: Made) -> str:
    """Claims that may fail, at delta and at a fiftieth of it: none says more there, and every form somewhere less.

    Looked at on the last case of every family. The terms are compared, as a bound that is cut at the range need not move.
    """
    wrong: list[str] = []
    moved: dict[str, bool] = {}
    for example, claims in {example.family: (example, claims) for example, claims in made}.values():
        rarer = replace(example.case, delta=example.case.delta / 50.0, kept=None)
        tight = {(c.form, c.training, c.client): c.answer for c in theorem.claims(rarer)}
        for c in claims:
            other = tight.get((c.form, c.training, c.client))
            if not (isinstance(c.answer, Bound) and isinstance(other, Bound) and c.answer.delta > 0.0):
                continue
            moved[c.form] = moved.get(c.form, False) or c.answer.terms != other.terms
            where = f"{c.form} on {example} ({c.training})"
            dearer = (other.value - c.answer.value) * (-1.0 if c.answer.kind == "lower" else 1.0)
            if other.delta > rarer.delta:
                wrong.append(f"{where} may fail with {other.delta:g} where {rarer.delta:g} is granted")
            elif dearer < -1e-12 * (1.0 + abs(other.value)):
                values = f"{other.value:.6g} at delta {rarer.delta:g}, {c.answer.value:.6g} at {example.case.delta:g}"
                wrong.append(f"{where} is {values}, although the first must fail more rarely")
    still = [form for form, has in moved.items() if not has]
    wrong += [f"{form} may fail with delta and is the same at a fiftieth of it: delta is left out" for form in still]
    return first(wrong)


def shrinks(made: Made, rate: float) -> str:
    """The exponent of the mean bound in the records behind it, on every family with three sizes at least."""
    wrong, tried = [], 0
    for form, own in by_form(units(made, 0.5)).items():
        for key in dict.fromkeys((u.example.family, u.claim.training, u.claim.client) for u in own):
            same = [u for u in own if (u.example.family, u.claim.training, u.claim.client) == key]
            if len(same) < 3:
                continue
            tried += 1
            slope = float(np.polyfit(np.log([u.claim.n for u in same]), np.log([u.bounds.mean() for u in same]), 1)[0])
            if abs(slope + rate) > RATE_TOLERANCE:
                wrong.append(f"{form} shrinks like n^{slope:.2f} on {key[0]} ({key[1]}), not like n^{-rate:g}")
    return first(wrong) if tried else "no family has three sizes on which the theorem applies"
