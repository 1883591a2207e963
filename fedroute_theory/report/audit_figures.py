"""Figures of an audit: accuracy-cost frontiers on one cost axis, and the bound by term beside the gap.

Object API of matplotlib only, no state kept; the same report gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.audit.report import AuditReport
from fedroute_theory.audit.rows import RouterRow
from fedroute_theory.curves import envelope, height
from fedroute_theory.report.drawing import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TERM_COLOURS = {"mismatch": SKY, "unlogged": ORANGE, "statistical": GREEN}
TERM_LABELS = {
    "mismatch": "bound: mismatch (few records, or unlike the test queries)",
    "unlogged": "bound: unlogged (pairs without a record)",
    "statistical": "bound: statistical (label noise)",
}
_LOG_SPAN = 10.0


def frontier_figure(report: AuditReport, *, cost_unit: str = "unit of the table") -> Figure:
    """Upper concave envelopes on the global test queries, over the common range of cost.

    cost_unit: of the table's costs, for the axis ("USD" for RouterBench).
    """
    figure = _figure(8.4, 4.6)
    axes = figure.add_subplot()
    law = report.everywhere
    flat = law.high <= law.low
    spread = max(law.low, law.high) * 0.05 or 1.0
    low, high = (law.low - spread, law.high + spread) if flat else (law.low, law.high)
    logarithmic = low > 0 and high / low > _LOG_SPAN
    grid = np.geomspace(low, high, 600) if logarithmic else np.linspace(low, high, 600)

    def line(points: FloatArray, label: str, **style: object) -> None:
        axes.plot(grid, height(envelope(np.vstack([points, law.anchor])), grid), label=label, **style)  # type: ignore[arg-type]

    line(report.reference("oracle").frontier, "oracle (hindsight, not learnable)", color=BLACK, ls=":", lw=1.4)
    if "best cell policy" in report.named_references:
        line(report.reference("best cell policy").frontier, "best cell policy (hindsight)", color=GREEN, ls="-.", lw=1.4)
    line(report.reference("best single model").frontier, "best single model (hindsight)", color=BLACK, lw=1.4)
    for place, row in enumerate(report.locals("global")):
        line(row.curve, f"{len(report.clients)} local routers" if place == 0 else "_", color=SKY, lw=0.9, alpha=0.9, zorder=1.5)
    for place, row in enumerate(report.mixtures("global")):
        label = f"{len(report.clients)} mixtures of local and federated" if place == 0 else "_"
        line(row.curve, label, color=VERMILION, lw=0.9, alpha=0.9, zorder=1.6)
    pooled, federated = report.router("pooled", "global"), report.router("federated", "global")
    line(pooled.curve, "pooled router", color=ORANGE, lw=2.0, ls="--")
    line(federated.curve, "federated router", color=BLUE, lw=2.2)
    axes.plot(*federated.curve.T, ".", color=BLUE, ms=5, label="federated router, as measured")
    problem = law.problem
    axes.plot(
        problem.cost.mean(axis=0), problem.quality.mean(axis=0), "o", ms=4.5, color=BLACK, mfc="white",
        label="single models", zorder=4, clip_on=False,
    )  # fmt: skip
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xlabel(f"mean cost per query ({cost_unit})")
    axes.set_ylabel("mean quality (0 to 1)")
    setup = f"{report.settings.router_name} router, {report.settings.protocol} protocol"
    axes.set_title(f"{report.settings.name}, all {law.size:,} test queries: {setup}")
    axes.grid(alpha=0.25, lw=0.5)
    _legend(axes)
    return figure


def terms_figure(report: AuditReport) -> Figure:
    """Gap and bound by term at the headline price: every router on the global test, local beside federated on own tests.

    Left bar of a pair: the gap, approximation and estimation. Right bar: what the theorem promises, approximation and the
    terms of the bound on the estimation gap; absent where the theorem does not apply.
    """
    figure = _figure(9.0, 6.8)
    upper, lower = figure.subplots(2, 1)
    settings = report.settings
    everywhere = [*report.locals("global"), report.router("federated", "global"), report.router("pooled", "global")]
    _bars(upper, everywhere, report.headline, [row.name for row in everywhere])
    setup = f"{settings.router_name} router, {settings.protocol} protocol, lam = {report.headline}"
    upper.set_title(f"{settings.name}, {setup}: all test queries")
    own: list[RouterRow] = []
    for row in report.clients:
        own += [report.router("local", "own", row.client), report.router("federated", "own", row.client)]
    labels = [f"{'alone' if row.training == 'local' else 'fed.'}\n{row.client}" for row in own]
    _bars(lower, own, report.headline, labels)
    lower.set_title("each client's own test queries: the client alone, then federated")
    for axes in (upper, lower):
        axes.set_ylabel("utility (units of quality)")
        axes.grid(axis="y", alpha=0.25, lw=0.5)
        axes.set_axisbelow(True)
    named = dict(zip(*reversed(_drawn(upper, lower)), strict=True))
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def _drawn(*panels: Axes) -> tuple[list[Artist], list[str]]:
    """Handles and labels of all panels."""
    handles: list[Artist] = []
    labels: list[str] = []
    for axes in panels:
        own, names = axes.get_legend_handles_labels()
        handles, labels = [*handles, *own], [*labels, *names]
    return handles, labels


def folded(terms: dict[str, float]) -> dict[str, float]:
    """The terms with the range cap (negative) taken off the others in proportion; they still add up to the bound."""
    named = {name: max(0.0, value) for name, value in terms.items() if name != "range cap"}
    total, bound = sum(named.values()), sum(terms.values())
    return {name: value * bound / total if total > 0 else 0.0 for name, value in named.items()}


def _bars(axes: Axes, rows: list[RouterRow], headline: str, labels: list[str]) -> None:
    width = 0.38
    x = np.arange(len(rows), dtype=np.float64)
    split = bool(rows) and bool(rows[0].approximation)
    approximation = np.array([row.approximation[headline] if split else 0.0 for row in rows])
    estimation = np.array([(row.estimation if split else row.suboptimality)[headline] for row in rows])
    bounded = np.array([bool(row.bound) for row in rows], dtype=bool)
    style = {"width": width, "edgecolor": "white", "linewidth": 0.4}
    grey, below, above = "#999999", "gap: approximation (cells too coarse)", "gap: estimation (too little evidence)"
    if split:
        axes.bar(x - width / 2, approximation, color=grey, label=below, **style)  # type: ignore[arg-type]
    else:
        above = "gap to the oracle (hindsight)"
    axes.bar(x - width / 2, estimation, bottom=approximation, color=VERMILION, label=above, **style)  # type: ignore[arg-type]
    bottom = np.where(bounded, approximation, 0.0)
    axes.bar(x + width / 2, bottom, color=grey, alpha=0.55, **style)  # type: ignore[arg-type]
    terms = [folded(row.terms.get(headline, {})) for row in rows]
    for name, colour in TERM_COLOURS.items():
        part = np.array([own.get(name, 0.0) for own in terms])
        if part.any():
            axes.bar(x + width / 2, part, bottom=bottom, color=colour, label=TERM_LABELS[name], **style)  # type: ignore[arg-type]
            bottom = bottom + part
    for place in x[~bounded]:
        axes.text(place + width / 2, 0.0, " no bound", rotation=90, va="bottom", ha="center", fontsize=6.5)
    axes.set_xticks(x, labels, fontsize=7.5)
    axes.set_xlim(-0.7, len(rows) - 0.3)
    axes.set_ylim(0.0, 1.06 * max([1e-3, *bottom, *(approximation + estimation)]))


def _figure(width: float, height_inches: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height_inches), dpi=150, layout="constrained")


def _legend(axes: Axes) -> None:
    """To the right of the axes, where it covers no data."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False, fontsize=8)
