"""What a failed assertion says: the claim, its numbers, its assumptions, how many trials would decide, how to reproduce."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fedroute_theory.testing.trials import AnyRouter
from fedroute_theory.theorems import Measurement, Theorem
from fedroute_theory.verify import Evidence, Verdict

SHOWN = 8
"""Claims shown one by one in a message; the others are counted."""

_OPEN = {
    Verdict.INCONCLUSIVE: "are undecided (acceptable? then pass allow_inconclusive=True)",
    Verdict.HOLDS: "are vacuous, so the check could not fail (acceptable? then pass allow_vacuous=True)",
    Verdict.NOT_APPLICABLE: "do not apply, so nothing was checked (expected? then pass applicable=False)",
}
"""What is wrong with claims that are not violated."""


def message(theorem: Theorem, evidence: Sequence[Evidence], wrong: Sequence[Evidence], recipe: str, expected: bool) -> str:
    """One readable text: violated claims first, then undecided ones; each assumption once. expected: whether claims were."""
    order = (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.HOLDS, Verdict.NOT_APPLICABLE)
    ranked = sorted(wrong, key=lambda e: order.index(e.verdict))
    lines = [f"{theorem.slug} ({theorem.title}): {len(wrong)} of {len(evidence)} claims {_headline(wrong, expected)}"]
    for e in ranked[:SHOWN]:
        lines.append(f"  {e.verdict} {e.form}, {e.training}: {_finding(e)}")
        if e.terms:
            terms = ", ".join(f"{name} {value:.6g}" for name, value in e.terms.items())
            lines.append(f"    terms: {terms}; largest: {e.largest_term}")
    if len(ranked) > SHOWN:
        lines.append(f"  and {len(ranked) - SHOWN} more")
    lines += dict.fromkeys(f"  assumption {measured(m)}" for e in ranked[:SHOWN] for m in e.assumptions)
    return "\n".join([*lines, f"  reproduce: {recipe}"])


def _headline(wrong: Sequence[Evidence], expected: bool) -> str:
    if not expected:
        return "apply, although none was expected to (applicable=False)"
    verdicts = {e.verdict for e in wrong} | {Verdict.HOLDS for e in wrong if e.vacuous}  # vacuous ones may be undecided too
    if Verdict.VIOLATED in verdicts:
        return "do not hold"
    return " or ".join(text for verdict, text in _OPEN.items() if verdict in verdicts)


def _finding(e: Evidence) -> str:
    if e.verdict is Verdict.NOT_APPLICABLE or e.bound is None or e.gap is None:
        return e.notes or "not applicable"
    seen = f"{e.failed} violate it" + (f", {e.delta:g} of them may" if e.delta else ", none may")
    seen += "; vacuous: at least the utility range" if e.vacuous else ""
    relation = {"upper": "at most", "comparison": "at most", "lower": "not below", "identity": "equal to"}[e.kind]
    claim = f"gap {e.gap:.6g} should be {relation} the bound {e.bound:.6g}"
    if e.verdict is Verdict.INCONCLUSIVE:
        return f"{claim}; {seen}; {needed(e)}"
    return f"{claim}; {seen}"


def measured(m: Measurement) -> str:
    """One assumption as it was measured."""
    state = {True: "holds", False: "fails", None: "cannot be known"}[m.holds]
    value = "" if m.value is None else f" ({m.value:.6g}{f' +- {m.error:.2g}' if m.error else ''})"
    return f"'{m.name}' {state}{value}{f': {m.how}' if m.how else ''}{f', {m.where}' if m.where else ''}"


def needed(e: Evidence) -> str:
    """How many trials would decide a claim at the rate seen so far."""
    worst = e.worst
    if e.unclear or worst is None:
        return f"the gap of {e.unclear} trials is known too loosely to decide; more repetitions do not help"
    if e.given_records and worst.violations > worst.delta * worst.trials:
        return "the records are one draw, given which the rate may be larger; other records (another seed) can settle it"
    rate = worst.violations / worst.trials
    apart = _divergence(rate, worst.delta)
    if apart <= 0.0:
        return f"the rate seen is the rate granted ({worst.delta:g}); no number of repetitions decides that"
    trials = 1.2 * math.log(len(e.samples) / e.alpha) / apart  # a little more than the bet needs
    what = "clients, each of which is one trial," if len(e.samples) == 1 < e.clients else "repetitions"
    return f"about {math.ceil(trials / 50) * 50} {what} would decide at this rate"


def _divergence(rate: float, delta: float) -> float:
    """KL divergence of Bernoulli(rate) from Bernoulli(delta), in nats."""
    parts = ((rate, delta), (1.0 - rate, 1.0 - delta))
    return math.fsum(p * math.log(p / q) for p, q in parts if p > 0.0)


def recipe(*, router: AnyRouter, **settings: object) -> str:
    """The call to repeat; the problem is the caller's."""
    shown = {name: value for name, value in settings.items() if value is not None}
    if settings.get("federation") is not None:
        shown = {name: value for name, value in shown.items() if name not in ("clients", "records")} | {"federation": ...}
    parts = [f"{name}={'...' if value is ... else repr(value)}" for name, value in shown.items()]
    named = getattr(router, "__qualname__", None) or repr(router)
    return f"assert_bound_holds(problem=..., router={named}, {', '.join(parts)})"
