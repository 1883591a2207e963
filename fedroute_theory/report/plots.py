"""A figure as data: panels of series with bands, drawn one way; the same values give the same bytes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal

from fedroute_theory._validate import InputError
from fedroute_theory.intervals import Interval
from fedroute_theory.report.drawing import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION
from fedroute_theory.report.result_tables import file_stem, latex_text
from fedroute_theory.report.stacks import Stack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Numbers = tuple[float | None, ...]

COLOURS = {"local": SKY, "federated": BLUE, "pooled": BLACK}
"""Trainings look the same in every figure; other series take the rest in turn."""

_OTHERS = (VERMILION, GREEN, ORANGE, "#CC79A7", BLUE, SKY, BLACK)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Series:
    """Points of one label: y at x, with an optional band from low to high; None where there is no value.

    style: "line" joins the points, "dashed" joins them without markers (a prediction or a bound), "points" does not join them.
    colour: one of the package's, default by label. marker: matplotlib's, default in turn; a dashed series has one only where
    it is named, and hollow. In a panel with categories, x counts them from 0.
    """

    label: str
    x: tuple[float, ...]
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    style: Literal["line", "dashed", "points"] = "line"
    colour: str | None = None
    marker: str = ""

    def __post_init__(self) -> None:
        """Every part has one entry a point."""
        for part in (self.y, self.low, self.high):
            if part is not None and len(part) != len(self.x):
                raise InputError(f"Series '{self.label}' has {len(part)} values for {len(self.x)} points.")

    @classmethod
    def of(
        cls,
        label: str,
        x: Sequence[float],
        found: Sequence[Interval | None],
        style: Literal["line", "dashed", "points"] = "line",
        colour: str | None = None,
    ) -> Series:
        """Estimates at x with their limits as the band; None where there is no estimate, no band where a limit is infinite."""
        y, low, high = (
            tuple(None if f is None or not math.isfinite(getattr(f, part)) else getattr(f, part) for f in found)
            for part in ("value", "low", "high")
        )
        return cls(label, tuple(map(float, x)), y, low, high, style, colour)


@dataclass(frozen=True)
class Panel:
    """One pair of axes. categories: names of the places 0, 1, ... on the x axis, instead of numbers."""

    x_label: str
    y_label: str
    series: tuple[Series, ...]
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plot:
    """Panels side by side under one title. name: of its files; alt: what a reader who does not see it must know."""

    name: str
    title: str
    panels: tuple[Panel | Stack, ...]
    alt: str

    def __post_init__(self) -> None:
        """The name is that of files."""
        file_stem(self.name)

    def figure(self) -> Figure:
        """Drawn with matplotlib's object API; no state kept."""
        from matplotlib.figure import Figure

        wide = [panel.height for panel in self.panels if isinstance(panel, Stack)]
        columns = 1 if wide else min(3, len(self.panels))
        lines = math.ceil(len(self.panels) / columns)
        size = (10.0, 0.6 + sum(wide) + 3.2 * (lines - len(wide))) if wide else (1.6 + 3.6 * columns, 0.6 + 3.2 * lines)
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        figure.suptitle(textwrap.fill(self.title, 120 if wide else 62 * columns), fontsize=10)
        plain = []
        for place, panel in enumerate(self.panels, 1):
            axes = figure.add_subplot(lines, columns, place)
            if isinstance(panel, Stack):
                panel.draw(axes)
            else:
                _draw(axes, panel)
                plain.append(axes)
        _legends(figure, plain)
        return figure

    def latex(self) -> str:
        """A figure environment that includes NAME.pdf; needs graphicx."""
        return "\n".join(
            [
                r"\begin{figure}[htbp]", r"\centering", rf"\includegraphics[width=\linewidth]{{{self.name}.pdf}}",
                rf"\caption{{{latex_text(self.title)}. {latex_text(self.alt)}}}", rf"\label{{fig:{self.name}}}",
                r"\end{figure}", "",
            ]
        )  # fmt: skip


def _draw(axes: Axes, panel: Panel) -> None:
    others, markers = count(), count()
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    floor = _floor(panel)
    for series in panel.series:
        colour = series.colour or COLOURS.get(series.label) or _OTHERS[next(others) % len(_OTHERS)]
        hollow = series.style == "dashed"
        marker = series.marker or ("" if hollow else _MARKERS[next(markers) % len(_MARKERS)])
        lines = {"line": "-", "dashed": "--", "points": ""}[series.style]
        y = [_shown(v, panel.log_y) for v in series.y]
        inside = "none" if hollow else colour
        axes.plot(series.x, y, color=colour, marker=marker, mfc=inside, ls=lines, lw=1.3, ms=4, label=series.label)
        if series.low is not None and series.high is not None:
            low = [_shown(v if v is None else max(v, floor), panel.log_y) for v in series.low]  # a band may end at the edge
            high = [_shown(v, panel.log_y) for v in series.high]
            if series.style == "points":
                axes.vlines(series.x, low, high, color=colour, lw=1.0)
            else:
                axes.fill_between(series.x, low, high, color=colour, alpha=0.15, lw=0)
    if panel.categories:
        axes.set_xticks(range(len(panel.categories)), panel.categories, rotation=30, ha="right", fontsize=8)
    whole = _whole_ticks(panel)
    if whole:
        axes.set_xticks(whole, [f"{x:g}" for x in whole])
        axes.set_xticks([], minor=True)
    elif panel.log_x:
        _thin(axes.xaxis)
    if panel.log_y:
        _thin(axes.yaxis)
        axes.set_ylim(bottom=max(floor, axes.get_ylim()[0]))
    axes.set_xlabel(panel.x_label, fontsize=9)
    axes.set_ylabel(panel.y_label, fontsize=9)
    axes.set_title(textwrap.fill(panel.title, 48), fontsize=9)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.25, lw=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _legends(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend below all panels where it is the same for several, so that it hides no data; else each its own."""
    lines = [[line for line in axes.lines if not str(line.get_label()).startswith("_")] for axes in panels]
    looks = [[(x.get_label(), x.get_color(), x.get_marker(), x.get_linestyle()) for x in own] for own in lines]
    if len(panels) > 1 and looks[0] and all(look == looks[0] for look in looks):
        figure.legend(handles=lines[0], loc="outside lower center", ncols=min(6, len(lines[0])), fontsize=8, frameon=False)
        return
    for axes, own in zip(panels, lines, strict=True):
        if own:
            axes.legend(handles=own, fontsize=7, frameon=False)


def _whole_ticks(panel: Panel) -> list[float]:
    """The x values themselves on a logarithmic axis where they are few short whole numbers (2, 4, 8, ...); else none."""
    found = sorted({x for series in panel.series for x in series.x})
    short = len(found) <= 8 and sum(len(f"{x:g}") for x in found) <= 20
    return found if panel.log_x and short and all(float(x).is_integer() for x in found) else []


def _floor(panel: Panel) -> float:
    """Where a logarithmic y axis ends below, also when a band goes on: half of the least positive value; no end: -infinity."""
    found = [y for series in panel.series for y in series.y if y is not None and y > 0.0]
    return 0.5 * min(found) if panel.log_y and found else -math.inf


def _thin(axis: Axis) -> None:
    """Labels of a logarithmic axis that do not overlap: 1, 2 and 5 over less than two decades, else powers of ten."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if high / low < 100.0:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(math.inf, math.inf)))
    axis.set_minor_formatter(NullFormatter())


def _shown(value: float | None, logarithmic: bool) -> float:
    """A number to draw; nothing is drawn for None, nor on a logarithmic axis for what is not positive."""
    return math.nan if value is None or (logarithmic and value <= 0.0) else value
