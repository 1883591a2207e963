"""Gap and bound against the number of records, as a figure and as the table that says the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from fedroute_theory._validate import InputError
from fedroute_theory.report.drawing import BLACK, BLUE, GREEN, SKY, VERMILION
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.text import TextTable, figure
from fedroute_theory.verify.sizes import Point

UNITS: Mapping[str, str] = {
    "pooling": "K2 per record",
    "fedavg-convergence": "squared gradient",
    "two-pass-kmeans": "squared distance",
    "linear-heads": "squared error",
    "least-squares": "squared error",
}
"""Of gap and bound, where it is not that of the utility."""

_LOOKS = {"local": (SKY, "o"), "federated": (BLUE, "s"), "pooled": (BLACK, "^"), "mixture": (GREEN, "D")}
_OTHER = (VERMILION, "v")


def unit_of(slug: str) -> str:
    """The unit of a theorem's gaps and bounds."""
    return UNITS.get(slug, "utility")


def size_plot(slug: str, scenario: str, points: Sequence[Point]) -> Plot:
    """Both axes logarithmic; a training has one colour and one marker, a gap a line, a bound dashes.

    Dashes without markers are the utility range, at or above which a bound says nothing. Raises InputError where
    there are no points.
    """
    if not points:
        raise InputError(f"There is nothing to draw of '{slug}': no points.")
    trainings = list(dict.fromkeys(p.training for p in points))
    gap = "upper end of the gap" if _below(points) else "exact gap"
    series = []
    for training in trainings:
        own = [p for p in points if p.training == training]
        colour, marker = _LOOKS.get(training, _OTHER)
        x = tuple(float(p.records) for p in own)
        gaps, bounds = (tuple(map(_number, values)) for values in zip(*((p.gap, p.bound) for p in own), strict=True))
        series.append(Series(f"{training}: {gap}", x, gaps, colour=colour, marker=marker))
        series.append(Series(f"{training}: bound", x, bounds, style="dashed", colour=colour, marker=marker))
    sizes = sorted({p.records for p in points})
    top = max(p.range for p in points)
    if math.isfinite(top):
        ends = (float(sizes[0]), float(sizes[-1]))
        series.append(Series("utility range: a bound here says nothing", ends, (top, top), style="dashed", colour=VERMILION))
    panel = Panel("records of all clients", f"gap and bound ({unit_of(slug)})", tuple(series), log_x=True, log_y=True)
    title = f"{slug} ({points[0].form}) on {scenario}"
    name = re.sub(r"[^a-z0-9]+", "_", slug.lower()).strip("_")  # a slug may be any text
    return Plot(f"{name}_sizes".lstrip("_"), title, (panel,), _alt(slug, points, trainings, gap))


def size_table(slug: str, scenario: str, points: Sequence[Point]) -> TextTable:
    """The numbers of the figure; a vacuous bound is called so."""
    rows = tuple(
        (
            p.training,
            str(p.records),
            figure(p.gap),
            figure(p.bound),
            figure(p.bound / p.gap) if p.gap > 0.0 else "-",
            "vacuous" if p.vacuous else "",
        )
        for p in points
    )
    form = f" ({points[0].form})" if points else ""
    note = f"{unit_of(slug)}; local: means over the clients that the theorem applies to; one draw of the logs a size."
    return TextTable(f"{slug}{form} on {scenario}", ("training", "records", "gap", "bound", "bound/gap", "says"), rows, note)


def _below(points: Sequence[Point]) -> bool:
    return points[0].kind == "lower"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _alt(slug: str, points: Sequence[Point], trainings: Sequence[str], gap: str) -> str:
    """What a reader who does not see it must know: both ends of every training, and what is vacuous."""
    said = []
    for training in trainings:
        own = [p for p in points if p.training == training]
        first, last = own[0], own[-1]
        said.append(
            f"{training}: bound {first.bound:.3g} and {gap} {first.gap:.3g} at {first.records} records, "
            f"{last.bound:.3g} and {last.gap:.3g} at {last.records}"
        )
    empty = [f"{p.training} at {p.records}" for p in points if p.vacuous]
    vacuous = f" Vacuous bounds: {', '.join(empty)}." if empty else ""
    return f"Logarithmic axes, in the unit of {unit_of(slug)}. {'; '.join(said)}.{vacuous}"
