"""Verdicts as tables: one row a scenario, size and training; one column a form."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fedroute_theory.report.text import TextTable, figure
from fedroute_theory.theorems.bound import ranked
from fedroute_theory.verify import Evidence, Verdict, Verification
from fedroute_theory.verify.evidence import NO_GAP

EXACT_FORMS = ("event", "conclusion")
"""Forms whose gap is an exact failure probability, listed apart."""


def bound_tables(verification: Verification) -> list[TextTable]:
    """For each theorem its bounds beside the gaps; of several widths the least bound is shown."""
    slugs = list(dict.fromkeys(e.theorem for e in verification.results))
    return [_bounds_of(slug, [e for e in verification.results if e.theorem == slug]) for slug in slugs]


def _bounds_of(slug: str, evidence: Sequence[Evidence]) -> TextTable:
    shown = [e for e in evidence if e.form.split("/")[0] not in EXACT_FORMS]
    forms = list(dict.fromkeys(e.form.split("/")[0] for e in shown))
    groups: dict[tuple[str, str, int], list[Evidence]] = {}
    for e in shown:
        groups.setdefault((e.scenario, e.training, e.n), []).append(e)
    rows = []
    for (scenario, training, n), group in groups.items():
        least = {form: _least([e for e in group if e.form.split("/")[0] == form]) for form in forms}
        main = next((e.gap for e in group if e.gap is not None), None)
        best = min(
            (e for e in least.values() if e is not None and e.bound is not None and _same(e.gap, main)),
            key=lambda e: ranked(e.bound or 0.0),
            default=None,
        )
        blame = "-" if best is None else best.largest_term + (" (vacuous)" if best.vacuous else "")
        ratio = figure(best.ratio) if best is not None else "-"
        cells = [_cell(least[form], main) for form in forms]
        verdicts = {e.verdict for e in group}
        worst = next(v for v in _SEVERITY if v in verdicts)
        rows.append((scenario, training, str(n), figure(main), *cells, ratio, blame, str(worst)))
    headers = ("scenario", "training", "n", "gap", *forms, "bound/gap", "largest term", "verdict")
    return TextTable(slug, headers, tuple(rows))


_SEVERITY = (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.HOLDS, Verdict.NOT_APPLICABLE)


def _least(evidence: Sequence[Evidence]) -> Evidence | None:
    answered = [e for e in evidence if e.bound is not None]
    return min(answered, key=lambda e: ranked(e.bound or 0.0)) if answered else None


def _same(gap: float | None, other: float | None) -> bool:
    """Whether two gaps are the same up to rounding."""
    return gap == other or (gap is not None and other is not None and math.isclose(gap, other, rel_tol=1e-9, abs_tol=1e-12))


def _cell(evidence: Evidence | None, main: float | None) -> str:
    if evidence is None:
        return "n/a"
    other = "" if _same(evidence.gap, main) else f" (gap {figure(evidence.gap)})"
    bound = 0.0 if evidence.bound is not None and abs(evidence.bound) <= NO_GAP else evidence.bound
    return figure(bound) + ("*" if evidence.vacuous else "") + other


def exact_table(verification: Verification) -> TextTable:
    """The largest exact failure probability of every event and conclusion, beside delta."""
    groups: dict[tuple[str, str], list[Evidence]] = {}
    for e in verification.results:
        if e.form.split("/")[0] in EXACT_FORMS:
            groups.setdefault((e.theorem, e.form), []).append(e)
    rows = []
    for (slug, form), group in groups.items():
        worst = max(group, key=lambda e: e.gap or 0.0)
        verdicts = {e.verdict for e in group}
        verdict = next(v for v in _SEVERITY if v in verdicts)
        rows.append((slug, form, figure(worst.gap), figure(worst.bound), str(len(group)), worst.scenario, str(verdict)))
    headers = ("theorem", "form", "worst exact probability", "delta", "cases", "worst scenario", "verdict")
    return TextTable("Exact failure probabilities", headers, tuple(rows))


def extremal_table(verification: Verification) -> TextTable:
    """The families in which bound / gap is known."""
    rows = [
        (slug, e.form, e.name, f"{e.measured:.6f}", f"{e.ratio:.6f}", "reproduced" if e.reproduced else "MISSED")
        for slug, e in verification.extremal
    ]
    headers = ("theorem", "form", "family", "bound/gap", "predicted", "outcome")
    return TextTable("Extremal families", headers, tuple(rows))


def control_table(verification: Verification) -> TextTable:
    """Wrong statements and broken assumptions, and whether they were caught."""
    rows = [(slug, c.name, "caught" if c.caught else "NOT CAUGHT", c.how, c.evidence) for slug, c in verification.controls]
    return TextTable("Negative controls", ("theorem", "wrong on purpose", "outcome", "how", "evidence"), tuple(rows))


def tables(verification: Verification) -> list[TextTable]:
    """All tables of a run that have rows."""
    whole = [exact_table(verification), extremal_table(verification), control_table(verification)]
    return [table for table in [*bound_tables(verification), *whole] if table.rows]


def _outside_scenarios(verification: Verification) -> str:
    """What families and wrong statements came to, or that there were none to look at."""
    families, controls = verification.extremal, verification.controls
    if not families and not controls:
        return "no extremal family and no wrong statement was looked at: no theorem has a bound on what was asked for"
    return (
        f"{sum(e.reproduced for _, e in families)} of {len(families)} extremal families "
        f"reproduced, {sum(c.caught for _, c in controls)} of {len(controls)} wrong statements caught"
    )


def summary(verification: Verification) -> str:
    """What the run found, in a few lines."""
    counts = {verdict: sum(e.verdict is verdict for e in verification.results) for verdict in Verdict}
    vacuous = sum(e.vacuous for e in verification.results)
    lines = [
        ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count or verdict is Verdict.VIOLATED)
        + f" of {len(verification.results)} claims "
        f"({vacuous} of the bounds vacuous, marked *; of several widths a cell shows the least)",
        _outside_scenarios(verification),
    ]
    if verification.randomised:
        lines.append(
            f"seed {verification.seed}; {verification.randomised} claims may fail with probability {verification.delta:g} and "
            "rest on trials: the chance that a true one is called "
            f"{Verdict.VIOLATED} is at most {verification.chance:g} in all"
        )
    if verification.power is not None:
        if math.isfinite(verification.power):
            rate = f"a violation rate of {verification.power:.3f} or more"
            lines.append(f"{rate} would have been caught with probability 0.9 in every one{_but(verification)}")
        else:
            lines.append("in some of them no violation rate would have been caught with probability 0.9: too few trials")
    return "\n".join([*lines, *verification.failures])


def _but(verification: Verification) -> str:
    """Claims that trials on one draw of the records can confirm but not refute."""
    given = sum(e.randomised and e.power is None for e in verification.results)
    return f" but {given} whose trials share the records, which they can confirm and not refute" if given else ""
