"""Waterfalls as tables: step by step for one form, and one line a form."""

from __future__ import annotations

import math

from fedroute_theory.report.text import TextTable, figure
from fedroute_theory.theorems.waterfall import Step, Waterfall
from fedroute_theory.verify.explained import Explained, is_rounding, loses


def table(found: Explained, waterfall: Waterfall) -> str:
    """Every step of one form: value, slack added, factor over the value before, share of the total slack, why."""
    header = ("step", "value", "slack", "factor", "share", "why")
    rows = [("gap", figure(waterfall.gap), "", "", "", "exact" if waterfall.kind != "lower" else "upper end of the bracket")]
    for step in waterfall.steps:
        rows.append(
            (
                step.name,
                figure(step.value),
                change(step.slack, waterfall),
                _factor(step.factor),
                part(step, waterfall),
                step.why,
            )
        )
    title = f"{found.theorem} ({waterfall.form}) on {found.place}"
    lines = [TextTable(title, header, tuple(rows), waterfall.note).plain(), f"  {verdict(waterfall)}"]
    if waterfall.vacuous:
        lines.append(f"  The bound is {vacuous(waterfall)}; more records (--records) make it smaller.")
    return "\n".join(lines)


def vacuous(waterfall: Waterfall) -> str:
    """Beside what a bound is too large to say anything; empty for one that does."""
    return f"vacuous: at least the utility range {figure(waterfall.trivial)}" if waterfall.vacuous else ""


def verdict(waterfall: Waterfall) -> str:
    """Which step loses most, in one sentence."""
    if not loses(waterfall):
        return "No step loses anything: gap and bound are equal, up to rounding."
    worst = waterfall.worst
    return (
        f"Loses most: {worst.name}, {worst.slack:.4g} of {waterfall.total:.4g} ({share(worst.share)}), "
        f"from gap {waterfall.gap:.4g} to {'lower ' if waterfall.kind == 'lower' else ''}bound {waterfall.bound:.4g}."
    )


def overview(found: Explained) -> str:
    """One line a form: which step loses most; below, the forms that do not apply."""
    header = ("form", "gap", "bound", "bound/gap", "steps", "loses most", "share")
    rows = tuple(
        (
            w.form,
            figure(w.gap),
            figure(w.bound) + ("*" if w.vacuous else ""),
            _factor(w.bound / w.gap if w.gap else math.inf),
            str(len(w.steps)),
            w.worst.name if loses(w) else "-",
            part(w.worst, w),
        )
        for w in found.waterfalls
    )
    empty = next((f"* {vacuous(w)}" for w in found.waterfalls if w.vacuous), "")
    parts = [TextTable(f"{found.theorem} on {found.place}", header, rows, empty).plain()] if rows else []
    return "\n".join([*parts, *refusals(found)])


def refusals(found: Explained, form: str | None = None) -> list[str]:
    """One line for each form (or for `form` alone) that does not apply: which assumption fails and by how much."""
    return [f"{found.theorem} ({name}) on {found.place}: {why}" for name, why in found.refused if form in (None, name)]


def change(slack: float, waterfall: Waterfall, digits: int = 4) -> str:
    """A slack with its sign; 0 where it is rounding, as verify allows for it."""
    return "0" if is_rounding(slack, waterfall) else f"{slack:+.{digits}g}"


def share(value: float) -> str:
    """A share of the slack in percent, - where there is none."""
    return "-" if math.isnan(value) else f"{100.0 * value + 0.0:.1f}%".replace("-0.0%", "0.0%")


def part(step: Step, waterfall: Waterfall) -> str:
    """The share of one step, - where all of the slack is rounding."""
    return "-" if is_rounding(waterfall.total, waterfall) else share(step.share)


def _factor(value: float) -> str:
    return "-" if math.isnan(value) or math.isinf(value) else f"x {value:.3g}"
