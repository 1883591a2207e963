"""The page's figures, drawn from documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory.report.drawing import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION
from fedroute_theory.report.page.shapes import Json
from fedroute_theory.report.page.svg import inline
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.size_figures import size_plot
from fedroute_theory.report.waterfall_figure import waterfall_figure
from fedroute_theory.report.waterfall_tables import vacuous, verdict
from fedroute_theory.theorems.waterfall import Stage, Waterfall
from fedroute_theory.verify.sizes import Point

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOGARITHMIC_FROM = 10.0

_LINES = {"federated": (BLUE, "s"), "pooled": (ORANGE, "^"), "local": (SKY, ""), "mixture": (GREEN, "")}
_REFERENCES = ((BLACK, "o"), (VERMILION, "x"), (GREEN, "D"), ("#999999", "v"))
_HINDSIGHT = ("oracle", "best single model", "best cell policy")

_MARKED = 8
"""Markers of a line with many corners, about."""


def points(document: Json) -> tuple[Point, ...]:
    """The points of a `sizes` document."""
    return tuple(Point(**(p | {"range": _infinite(p["range"])})) for p in document["points"])


def waterfall(document: Json, entry: Json) -> Waterfall:
    """One waterfall of an `explain` document."""
    stages = [Stage("gap", _number(entry["gap"])), *(Stage(s["name"], _number(s["value"]), s["why"]) for s in entry["steps"])]
    who = document.get("client")
    trivial = _infinite(entry["utility range"])
    return Waterfall(entry["form"], document["training"], who, 0, tuple(stages), entry["kind"], entry["note"], trivial)


def sizes_figure(document: Json, name: str) -> str:
    """Bound and gap against records."""
    plot = size_plot(document["theorem"], document["scenario"], points(document))
    return inline(_beside(plot), name, f"Bound and gap against records: {plot.title}", plot.alt)


def slack_figure(document: Json, found: Waterfall, place: str, name: str) -> str:
    """The waterfall of one form; none where a stage is no finite number."""
    if not all(math.isfinite(stage.value) for stage in found.stages):
        return ""
    title = f"{document['theorem']} ({found.form}): {place}"
    said = "; ".join(filter(None, (verdict(found), vacuous(found))))
    return inline(waterfall_figure(found, title), name, f"Slack waterfall: {title}", said)


def ratio_figure(claims: Sequence[Json], name: str) -> str:
    """How loose: least, median and largest bound/gap of every theorem; nothing without a ratio."""
    slugs = list(dict.fromkeys(c["theorem"] for c in claims))
    if not slugs:
        return ""
    ratios = {slug: sorted(c["ratio"] for c in claims if c["theorem"] == slug) for slug in slugs}
    slugs.sort(key=lambda slug: ratios[slug][0])
    x = tuple(map(float, range(len(slugs))))
    low, high = (tuple(ratios[slug][end] for slug in slugs) for end in (0, -1))
    middle = tuple(ratios[slug][len(ratios[slug]) // 2] for slug in slugs)
    spread = Series("median, and range from least to largest", x, middle, low, high, style="points", colour=BLUE)
    tight = Series("1: bound and gap are equal", (x[0] - 0.4, x[-1] + 0.4), (1.0, 1.0), style="dashed", colour=VERMILION)
    panel = Panel("", "bound / gap", (spread, tight), log_y=True, categories=tuple(slugs))
    said = "; ".join(f"{slug} {ratios[slug][0]:.3g} to {ratios[slug][-1]:.3g}" for slug in slugs)
    title = "How loose: bound over exact gap, by theorem"
    plot = Plot("ratios", title, (panel,), f"Bounds that are not vacuous, logarithmic axis. {said}.")
    return inline(_beside(plot), name, title, plot.alt)


def frontier_figure(document: Json, name: str) -> str:
    """Accuracy against cost of every router and reference, on one range of cost."""
    lines = document["frontiers"]
    costs = [x for line in lines for x, _ in line["points"]]
    low, high = min(costs), max(costs)
    wide = low > 0.0 and high / low > _LOGARITHMIC_FROM
    seen: dict[str, int] = {}
    series = []
    for line in lines:
        training = line["training"]
        seen[training] = seen.get(training, 0) + 1
        x, y = (tuple(map(float, part)) for part in zip(*[*line["points"], (high, line["points"][-1][1])], strict=True))
        if training in _LINES:
            colour, marker = _LINES[training]
            label = {"local": "local routers", "mixture": "mixtures"}.get(training, line["name"])
            hidden = "_" if seen[training] > 1 else ""
            style: Any = "line" if marker else "dashed"
            series.append(Series(hidden + label, x, y, style=style, colour=colour, marker=marker))
        else:
            colour, marker = _REFERENCES[(seen[training] - 1) % len(_REFERENCES)]
            label = line["name"] + (" (hindsight)" if line["name"] in _HINDSIGHT else "")
            series.append(Series(label, x, y, style="dashed", colour=colour, marker=marker))
    table, areas = document["table"], document["summary"]["auc_global"]
    panel = Panel("mean cost of a query (cost unit of the table)", "mean quality (0 to 1)", tuple(series), log_x=wide)
    title = f"{table['name']}: accuracy against cost, {table['test_queries']:,} test queries"
    said = "; ".join(f"{who} {area:.4f}" for who, area in areas.items() if area is not None)
    plot = Plot("frontier", title, (panel,), f"Upper concave envelopes. Areas under them: {said}.")
    return inline(_beside(plot), name, title, plot.alt)


def _beside(plot: Plot) -> Figure:
    """The drawing of one panel as wide as the page, with the legend beside the axes, where it hides no data."""
    drawn = plot.figure()
    drawn.set_size_inches(9.2, 4.2)
    for axes in drawn.axes:
        for line in axes.lines:
            line.set_markevery(max(1, np.size(line.get_xdata()) // _MARKED))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False, fontsize=8)
    return drawn


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _infinite(value: float | None) -> float:
    return math.inf if value is None else value
