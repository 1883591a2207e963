"""What a theorem must say of itself, and what its formulas must keep: described, checked, finite, monotone."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from fedroute_theory._validate import InputError, choice, instance
from fedroute_theory.testing.conformance.report import Check, Report, first, refusal, report
from fedroute_theory.testing.conformance.scaling import TINY
from fedroute_theory.testing.conformance.values import valid_arguments, wrong_values
from fedroute_theory.theorems import Bound, Formula, Quantity, Theorem

Arguments = Mapping[str, Mapping[str, Any]]


def check_formulas(theorem: Theorem, arguments: Arguments | None = None, growing: Collection[str] = ()) -> Report:
    """Statement, formulas, tight families and negative controls of a theorem; no case is drawn.

    arguments: form -> parameter -> a valid value, for formulas whose parameters cannot all be chosen one by one (default: a
    value inside each range, three entries a list). growing: forms that may rise with the records, as a sum over records does,
    or a lower bound that noise hides while they are few. InputError for what is no theorem or no form of it.
    """
    instance("theorem", theorem, Theorem, "be a Theorem")
    return report(theorem.slug, statement_checks(theorem, arguments or {}, growing))


def statement_checks(theorem: Theorem, arguments: Arguments, growing: Collection[str]) -> dict[str, Check]:
    """The checks of `check_formulas` by name."""
    for form in growing:
        choice("growing", form, theorem.forms)
    given = {form: valid_arguments(f) | dict(arguments.get(form, {})) for form, f in theorem.forms.items()}
    rising = [theorem.forms[form] for form in growing]
    over_forms: dict[str, Callable[[Formula, dict[str, Any]], str]] = {
        "every parameter is described and keyword-only": _described,
        "bounds are finite": _finite,
        "bad values are refused in one sentence": _refused,
        "missing and unknown parameters are named": _named,
        "a smaller delta is not free": _delta,
        "more records do no harm": lambda formula, own: "" if formula in rising else _records(formula, own),
    }
    return {
        "it says what it states, assumes and rests on": partial(_says, theorem),
        **{name: partial(_each, check, theorem, given) for name, check in over_forms.items()},
        "every tight family is reproduced": partial(_families, theorem),
        "every wrong statement is caught": partial(_controls, theorem),
    }


def _each(check: Any, theorem: Theorem, given: Mapping[str, dict[str, Any]]) -> str:
    found = {form: check(formula, given[form]) for form, formula in theorem.forms.items()}
    return first([f"{form}: {wrong}" for form, wrong in found.items() if wrong])


def _says(theorem: Theorem) -> str:
    empty = [name for name in ("slug", "title", "statement", "source") if not getattr(theorem, name).strip()]
    if not theorem.forms:
        empty.append("forms (nothing to compute)")
    empty += [f"assumption '{name}' (what is assumed)" for name, text in theorem.assumptions.items() if not text.strip()]
    empty += [f"remedy of '{name}', which is no assumption" for name in theorem.remedies if name not in theorem.assumptions]
    return f"to be filled in: {', '.join(empty)}" if empty else ""


def _described(formula: Formula, _: dict[str, Any]) -> str:
    parameters = inspect.signature(formula.compute).parameters
    if set(parameters) != set(formula.quantities):
        return f"takes {', '.join(parameters)}, describes {', '.join(formula.quantities)}"
    positional = [n for n, p in parameters.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    if positional:
        return f"{', '.join(positional)} may be given by position"
    return "" if formula.describe() else "the function has no docstring, so nothing says what is computed"


def _finite(formula: Formula, given: dict[str, Any]) -> str:
    try:
        bound = formula(**given)
    except InputError as error:
        return f"refuses the arguments that were tried, so others must be given in `arguments`: {error}"
    if not isinstance(bound, Bound):
        return f"returns {type(bound).__name__}, not Bound"
    endless = [name for name, term in bound.terms.items() if not math.isfinite(term)]
    return f"term '{endless[0]}' is {bound.terms[endless[0]]}" if endless else ""


def _refused(formula: Formula, given: dict[str, Any]) -> str:
    wrong = []
    for name, quantity in formula.quantities.items():
        for value, shown in wrong_values(quantity, given[name]):
            said = refusal(partial(formula, **(given | {name: value})), f"'{name}'", shown)
            if said:
                wrong.append(f"{name}={value!r}: {said}")
    return first(wrong)


def _named(formula: Formula, given: dict[str, Any]) -> str:
    wrong = []
    for name in formula.quantities:
        rest = {k: v for k, v in given.items() if k != name}
        if name not in formula.optional():
            said = refusal(partial(formula, **rest), f"'{name}'", "missing")
            wrong += [f"without {name}: {said}"] if said else []
    said = refusal(lambda: formula(**given, no_parameter=1), "'no_parameter'")
    return first(wrong + ([f"with an unknown parameter: {said}"] if said else []))


def _delta(formula: Formula, given: dict[str, Any]) -> str:
    if "delta" not in formula.quantities:
        return ""
    loose, tight, _ = _deltas(formula.quantities["delta"])
    more = _more_records(given, formula, 10_000)
    if more != given and not any(_moves(formula, g) for g in (given, more, _smaller(more, formula))):  # few records: both cut
        return "takes delta and gives the same terms whatever it is: delta is left out, or should not be asked for"
    rare, often = _value(formula, given | {"delta": tight}), _value(formula, given | {"delta": loose})
    if rare is None or often is None or rare.delta == often.delta:  # the bound never fails, or has a chance of its own
        return ""
    return _ordered(rare, often, f"delta {tight:g}", f"delta {loose:g}", "must fail more rarely")


def _records(formula: Formula, given: dict[str, Any]) -> str:
    more = _more_records(given, formula, 100)
    few, many = _value(formula, given), _value(formula, more)
    if more == given or few is None or many is None:
        return ""
    if few.kind == "lower":  # with more records a router can do better, so less can be ruled out
        return _ordered(few, many, "few records", "more of them", "ruled out less (if it may rise, name it in `growing`)")
    return _ordered(few, many, "few records", "more of them", "knew less (if it may rise, name it in `growing`)")


def _deltas(quantity: Quantity) -> tuple[float, float, float]:
    """Three values inside the range, each far below the one before."""
    low, high = max(quantity.low, 0.0), min(quantity.high, 1.0)
    loose = 0.2 if low < 0.2 < high else 0.5 * (low + high)
    return loose, max(0.05 * loose, 0.95 * low + 0.05 * loose), max(TINY, low + 1e-12 * loose if low else 0.0)


def _value(formula: Formula, given: dict[str, Any]) -> Bound | None:
    """The bound; None where the arguments do not go together, or are too much for its arithmetic."""
    try:
        return formula(**given)
    except (InputError, ArithmeticError):
        return None


def _moves(formula: Formula, given: dict[str, Any]) -> bool:
    """Whether delta matters at these arguments, or may do: they need not go together."""
    found = [_value(formula, given | {"delta": delta}) for delta in _deltas(formula.quantities["delta"])]
    terms = [bound.terms for bound in found if bound is not None]
    return len(terms) < len(found) or any(t != terms[0] for t in terms)


def _scaled(value: Any, factor: float) -> Any:
    return [_scaled(v, factor) for v in value] if isinstance(value, list) else factor * value


def _smaller(given: dict[str, Any], formula: Formula) -> dict[str, Any]:
    """The same arguments with all that may be any number from 0 on a hundredth."""

    free = [name for name, q in formula.quantities.items() if q.low == 0.0 and not math.isfinite(q.high) and not q.whole]
    return given | {name: _scaled(given[name], 0.01) for name in free if given[name] is not None}


def _more_records(given: dict[str, Any], formula: Formula, factor: int) -> dict[str, Any]:
    """The same arguments with that many times the records; the very same where the formula takes no records."""

    counts = [name for name, quantity in formula.quantities.items() if quantity.unit == "records"]
    return given | {name: _capped(_scaled(given[name], factor), formula.quantities[name].high) for name in counts}


def _capped(value: Any, most: float) -> Any:
    return [_capped(v, most) for v in value] if isinstance(value, list) else min(value, most)


def _ordered(larger: Bound, smaller: Bound, this: str, that: str, why: str) -> str:
    """A bound of kind "upper" must be the larger one where it says it with less; a lower one the smaller."""
    slack = 1e-12 * (1.0 + abs(smaller.value))
    upside = larger.kind != "lower" or "records" in this
    wrong = larger.value < smaller.value - slack if upside else larger.value > smaller.value + slack
    return f"{larger.value:.6g} at {this}, {smaller.value:.6g} at {that}, although the first {why}" if wrong else ""


def _families(theorem: Theorem) -> str:
    families = theorem.extremal()
    if not families:
        return "there is none, so nothing shows how loose the bound is"
    wrong = [f"'{f.name}' ({f.form}) has bound / gap {f.measured:.6g}, not {f.ratio:.6g}" for f in families if not f.reproduced]
    wrong += [f"'{f.name}' allows a tolerance of {f.tolerance:g}, more than 0.01" for f in families if f.tolerance > 0.01]
    return first(wrong)


def _controls(theorem: Theorem) -> str:
    controls = theorem.controls()
    if not any("wrong" in c.name for c in controls):
        return "there is no wrong statement (a control with 'wrong' in its name), so no check is known to be able to fail"
    wrong = [f"not caught: {c.name} ({c.evidence})" for c in controls if not c.caught]
    return first(wrong + [f"'{c.name}' shows no evidence" for c in controls if not c.evidence])
