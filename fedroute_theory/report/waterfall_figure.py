"""The waterfall as a figure: gap, what every step adds, bound. Object API of matplotlib only, no state kept."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from fedroute_theory.report.drawing import BLACK, BLUE, ORANGE, SKY, VERMILION
from fedroute_theory.report.waterfall_tables import change, part
from fedroute_theory.theorems.waterfall import Waterfall
from fedroute_theory.verify.explained import loses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOG_FROM = 50.0
"""Ratio of bound and gap from which the axis is logarithmic."""

_ROOM = 0.30
"""Part of the axis kept free for the numbers to the right of the longest bar."""


def waterfall_figure(waterfall: Waterfall, title: str, *, log: bool | None = None) -> Figure:
    """Horizontal bars from top to bottom: gap, one floating bar a step with its slack, bound. A bar to infinity is cut.

    log: logarithmic axis; None: where gap and bound are more than LOG_FROM apart. Linear unless every stage is positive.
    """
    from matplotlib.figure import Figure

    steps = waterfall.steps
    figure = Figure(figsize=(8.6, 1.5 + 0.42 * (len(steps) + 2)), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    logarithmic = _logarithmic(waterfall, log)
    low, high = _limits(waterfall, logarithmic)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    start, cut = low if logarithmic else 0.0, low + (1.0 - 0.5 * _ROOM) * (high - low)

    def shown(value: float) -> float:
        return min(max(value, low), cut) if math.isinf(value) else value

    worst = waterfall.worst.name if loses(waterfall) else ""
    _bar(axes, 0, (start, shown(waterfall.gap)), BLACK, f"{waterfall.gap:.4g}")
    before = waterfall.gap
    for row, step in enumerate(steps, 1):
        added = "0" if step.value == before else change(step.value - before, waterfall, 3)
        falls = step.slack < 0.0 and added != "0"
        colour = ORANGE if falls else VERMILION if step.name == worst else SKY
        share = part(step, waterfall)
        text = added + ("" if share == "-" else f" ({share})")
        _bar(axes, row, (shown(before), shown(step.value)), colour, text)
        axes.plot([shown(before)] * 2, [row - 1, row], color=BLACK, lw=0.6, zorder=1)
        before = step.value
    last = len(steps) + 1
    axes.plot([shown(before)] * 2, [last - 1, last], color=BLACK, lw=0.6, zorder=1)
    _bar(axes, last, (start, shown(waterfall.bound)), BLUE, f"{waterfall.bound:.4g}")
    ends = ("upper end", "lower bound") if waterfall.kind == "lower" else ("exact gap", "bound")
    axes.set_yticks(range(last + 1), [ends[0], *(step.name for step in steps), ends[1]])
    axes.set_ylim(last + 0.6, -0.6)
    axes.set_xlabel("value of each stage, in the unit of the bound" + (" (logarithmic)" if logarithmic else ""))
    axes.set_title(textwrap.fill(title, 100), fontsize=9.5)
    axes.grid(axis="x", alpha=0.25, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _logarithmic(waterfall: Waterfall, log: bool | None) -> bool:
    values = [stage.value for stage in waterfall.stages]
    if min(values) <= 0.0 or not math.isfinite(max(values)):
        return False
    return max(values) / min(values) > LOG_FROM if log is None else log


def _limits(waterfall: Waterfall, logarithmic: bool) -> tuple[float, float]:
    values = [stage.value for stage in waterfall.stages if math.isfinite(stage.value)] or [0.0]
    top, least = max(values), min(values)
    if logarithmic:
        low = least / (top / least) ** 0.08
        return low, low * (top / low) ** (1.0 / (1.0 - _ROOM))
    return min(0.0, least), (top if top > 0.0 else 1.0) / (1.0 - _ROOM)


def _bar(axes: Axes, row: int, ends: tuple[float, float], colour: str, text: str) -> None:
    """One bar between two values; a line where it has no width; its number to the right."""
    left, right = min(ends), max(ends)
    axes.barh(row, right - left, left=left, height=0.62, color=colour, edgecolor=colour, linewidth=0.8, zorder=2)
    axes.annotate(text, (right, row), xytext=(4, 0), textcoords="offset points", va="center", ha="left", fontsize=8)
