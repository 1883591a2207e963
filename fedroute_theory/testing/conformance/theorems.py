"""What a theorem must keep on cases: it measures what it assumes, refuses where that fails, and what it claims holds."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import partial

import numpy as np

from fedroute_theory._validate import instance, integer, number, probability, reject
from fedroute_theory.testing.conformance.diagnosis import explained
from fedroute_theory.testing.conformance.examples import Example, example_cases
from fedroute_theory.testing.conformance.formulas import Arguments, statement_checks
from fedroute_theory.testing.conformance.report import Check, Report, first, report
from fedroute_theory.testing.conformance.scaling import Made, dearer_with_delta, shrinks
from fedroute_theory.testing.conformance.sure import awkward, extremal
from fedroute_theory.testing.conformance.trouble import by_form, units
from fedroute_theory.testing.trials import AnyRouter
from fedroute_theory.theorems import Bound, Case, Claim, Measurement, NotApplicable, Theorem
from fedroute_theory.verify import FALSE_ALARM


def check_theorem(
    theorem: Theorem,
    cases: Sequence[Example | Case] | None = None,
    *,
    router: AnyRouter | None = None,
    arguments: Arguments | None = None,
    growing: Collection[str] = (),
    rate: float | None = None,
    informative: Collection[str] = (),
    drawn: int = 30,
    seed: int = 0,
    false_alarm: float = FALSE_ALARM,
) -> Report:
    """Everything the package relies on in a theorem: `check_formulas`, then `check_claims` on the same subject.

    arguments, growing: as in `check_formulas`. cases, router, rate, informative, drawn, seed, false_alarm: as in
    `check_claims`, and InputError as there.
    """
    claims = check_claims(
        theorem,
        cases,
        router=router,
        rate=rate,
        informative=informative,
        drawn=drawn,
        seed=seed,
        false_alarm=false_alarm,
    )
    statement = report(theorem.slug, statement_checks(theorem, arguments or {}, growing))
    return Report(theorem.slug, statement.findings + claims.findings)


def check_claims(
    theorem: Theorem,
    cases: Sequence[Example | Case] | None = None,
    *,
    router: AnyRouter | None = None,
    rate: float | None = None,
    informative: Collection[str] = (),
    drawn: int = 30,
    seed: int = 0,
    false_alarm: float = FALSE_ALARM,
) -> Report:
    """The claims of a theorem on cases with known gaps, where bounds are attained, and on small awkward ones (`testing.cases`).

    Half of the right constant is caught if the claim is sure (delta 0) and tight on `extremal_cases`, as all of this package's
    about cells are. Of a claim that may fail a rate above delta is seen, on these cases only: `attack` looks for worse.

    cases: default `example_cases(router, seed=seed)`. rate: the bound is said to shrink like n^-rate; checked on the examples
    to RATE_TOLERANCE, so a factor log n in it must be allowed for (0.16 at the default sizes). informative: assumptions that
    are measured for information, and may fail beside a bound. drawn: how many awkward cases (0: none; they need Hypothesis).
    false_alarm: chance that a true theorem is said to be violated. InputError for what is no theorem or no case and for numbers
    out of range.
    """
    instance("theorem", theorem, Theorem, "be a Theorem")
    probability("false_alarm", false_alarm)
    integer("drawn", drawn, 0)
    if cases is not None and not (isinstance(cases, Sequence) and all(isinstance(c, Example | Case) for c in cases)):
        raise reject("cases", "be a list of examples or cases", " ".join(repr(cases)[:80].split()))
    given = example_cases(router, seed=seed) if cases is None else list(cases)
    examples = [c if isinstance(c, Example) else Example(f"case {i}", c.logs.size, c) for i, c in enumerate(given)]
    try:
        made = [(example, [_claim(c) for c in theorem.claims(example.case)]) for example in examples]
    except Exception as error:  # whatever a theorem under test raises is the finding
        said = f"raised {type(error).__name__}: {error}"
        return report(theorem.slug, {"it speaks of every case": lambda: said})
    checks: dict[str, Check] = {
        "it applies somewhere": partial(_applies, made),
        "some bound has the kind it states": partial(_kind, theorem, made),
        "every assumption is measured": partial(_measured, theorem, made),
        "where an assumption fails it refuses and names it": partial(_refuses, theorem, made, informative),
        "gaps and bounds of all repetitions belong to the claim": partial(_whole, made),
        "no claim is violated": partial(_violated, theorem, made, false_alarm),
        "every form is decided by its trials": partial(_decided, made, false_alarm),
    }
    checks["a smaller delta is not free in its claims"] = partial(dearer_with_delta, theorem, made)
    if rate is not None:
        checks["the bound shrinks at the rate it claims"] = partial(shrinks, made, number("rate", rate))
    checks["no sure claim is violated on extremal cases"] = partial(extremal, theorem)
    if drawn:
        checks["no sure claim is violated on awkward cases"] = partial(awkward, theorem, drawn)
    return report(theorem.slug, checks)


def _claim(given: object) -> Claim:
    if not isinstance(given, Claim):
        raise TypeError(f"`claims` must yield Claims; got {type(given).__name__}")
    return given


def _applies(made: Made) -> str:
    claims = [c for _, listed in made for c in listed]
    if not claims:
        return f"it makes no claim on any of {len(made)} cases, so nothing was checked"
    reasons = {str(c.answer) for c in claims}
    bounds = [c.answer for c in claims if isinstance(c.answer, Bound)]
    if bounds and not any(math.isfinite(b.value) for b in bounds):
        return f"none of its {len(bounds)} bounds is finite, so nothing was checked"
    if bounds:
        return ""
    return f"none of {len(claims)} claims applies, so nothing was checked, for example {sorted(reasons)[0]}"


def _kind(theorem: Theorem, made: Made) -> str:
    return theorem.unstated(c for _, claims in made for c in claims)


def _measured(theorem: Theorem, made: Made) -> str:
    names = {m.name for _, claims in made for c in claims for m in c.assumptions}
    absent = [f"'{name}' is assumed, never measured" for name in theorem.assumptions if name not in names]
    return first(
        absent + [f"'{name}' is measured, not stated as an assumption" for name in sorted(names - set(theorem.assumptions))]
    )


def _refuses(theorem: Theorem, made: Made, informative: Collection[str]) -> str:
    wrong = []
    for example, claims in made:
        for c in claims:
            failing = [m for m in c.assumptions if m.holds is False and m.name not in informative]
            where = f"{c.form} on {example} ({c.training})"
            if isinstance(c.answer, NotApplicable) and c.answer.assumption not in theorem.assumptions:
                wrong.append(f"{where} refuses for '{c.answer.assumption}', which is none of its assumptions")
            if isinstance(c.answer, NotApplicable) and not c.answer.by_how_much:
                wrong.append(f"{where} refuses without saying by how much '{c.answer.assumption}' fails")
            if isinstance(c.answer, Bound) and failing:
                wrong.append(f"{where} gives a bound although {_amount(failing[0])}")
    return first(wrong)


def _amount(m: Measurement) -> str:
    return f"'{m.name}' fails ({'no value' if m.value is None else f'{m.value:.6g}'}{f', {m.how}' if m.how else ''})"


def _whole(made: Made) -> str:
    wrong = []
    for example, claims in made:
        for c in claims:
            where = f"{c.form} on {example} ({c.training})"
            if not isinstance(c.answer, Bound):
                continue
            if c.gaps.shape != c.bounds.shape or c.gaps.ndim != 1:
                wrong.append(f"{where}: gaps of shape {c.gaps.shape} beside bounds of shape {c.bounds.shape}")
            elif math.isnan(c.gap) or np.isnan(c.gaps).any() or np.isnan(c.bounds).any():
                wrong.append(f"{where}: a gap or a bound is no number")
            elif c.answer.kind != "comparison" and not (math.isfinite(c.gap) and np.isfinite(c.gaps).all()):
                wrong.append(f"{where}: a gap is infinite")
            elif c.gaps.size and not np.isclose(c.gaps[0], c.gap):
                wrong.append(f"{where}: the gap of the first repetition is not the claim's: {c.gaps[0]:.6g}, not {c.gap:.6g}")
            elif c.gaps.size and not np.isclose(c.bounds[0], c.answer.value):
                wrong.append(f"{where}: the first repetition is not the answer: {c.bounds[0]:.6g}, not {c.answer.value:.6g}")
    return first(wrong)


def _violated(theorem: Theorem, made: Made, alpha: float) -> str:
    found = units(made, alpha)
    texts = [explained(theorem, form, own, alpha) for form, own in by_form(found).items()]
    return first([text for text in texts if text])


def _decided(made: Made, alpha: float) -> str:
    """Forms of which no trials could have shown that they are false, so that the check above cannot fail."""
    forms = by_form(units(made, alpha))
    return first([f"{form}: {own[0].undecided}" for form, own in forms.items() if all(u.undecided for u in own)])
