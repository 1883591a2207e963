"""How the gap of a router falls with its error, by margin exponent: predicted against measured slopes.

Three estimators with a known error on the margin family (scale 1, two models): the worst error of a given root mean square
(built as a router and read off the problem), independent normal errors of standard deviation s, and the mean of n Bernoulli
labels of each model at every query (binomial sums). Nothing is drawn: every expectation is exact up to a fixed quadrature.
Exponent 0 is the limit of separated problems whose scale shrinks with the error. The theorem's l2 rate is attained by the
worst error; estimators whose errors have thin tails are faster, and the table says by how much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

EXPONENTS = (0.0, 0.5, 1.0, 2.0, 4.0)
ESTIMATORS = {
    "worst root mean square": ("s", lambda a: (2.0 * a + 2.0) / (a + 2.0)),
    "normal errors": ("s", lambda a: 1.0 + a),
    "labels": ("n", lambda a: -(1.0 + a) / 2.0),
}
"""Estimator -> what its error is counted in, and the exponent that its gap should have (the first: of the l2 rate)."""


def cells(request: Request) -> list[dict[str, Any]]:
    points, steps = (16, 16_000) if request.full else (8, 4000)
    return grid(estimator=list(ESTIMATORS), exponent=list(EXPONENTS), points=[points], steps=[steps])


def compute(cell: Cell) -> dict[str, Any]:
    from fedroute_theory.theorems.margin_rate.formulas import l2_rate

    at = cell.params
    a, points = at["exponent"], at["points"]
    if at["estimator"] == "labels":
        x = [round(float(n)) for n in np.geomspace(64, 4096, points)]
        error = [math.sqrt(0.5 / n) for n in x]  # of the difference of two means, at most
        gap = [labels_gap(a, n, at["steps"]) for n in x]
    elif at["estimator"] == "normal errors":
        x = error = [float(s) for s in np.geomspace(0.003, 0.1, points)]
        gap = [normal_gap(a, s, at["steps"]) for s in x]
    else:
        found = [worst_case(a, float(t)) for t in np.geomspace(0.003, 0.1, points)]
        x = error = [s for s, _ in found]
        gap = [value for _, value in found]
    return {"x": x, "gap": gap, "bound": [l2_rate(s=s, a=a, t0=1.0).value for s in error]}


def margins_of(a: float, error: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Margins up to nine errors and their mass in the family of scale 1: again such a family, of a smaller scale.

    Larger margins lose nothing that shows. Exponent 0: one margin, at the error.
    """
    from fedroute_theory.problems import Margin

    reach = min(1.0, 9.0 * error)
    problem = Margin.make(exponent=a, scale=reach, strata=steps) if a else Margin.make(exponent=math.inf, scale=error)
    margin = problem.utility.max(axis=1) - problem.utility.min(axis=1)
    return margin, problem.weights * reach**a


def worst_case(a: float, t: float) -> tuple[float, float]:
    """(s, gap) of the attaining router at threshold t: built, and read off its problem."""
    from fedroute_theory.theorems.margin_rate.families import staircase, worst_router
    from fedroute_theory.theorems.margin_rate.lines import worst_loss

    if a == 0.0:
        worst = worst_router(np.array([t / 2.0]), np.array([t / 2.0]), np.ones(1))
        return worst.s, worst.gap
    inside = t * staircase(a, 1.0, 2000)  # margins up to t are all that matters; the rest of the mass is far away
    margin = np.append(inside, 1.0)
    mass = np.append(np.full(2000, t**a / 2000), 1.0 - t**a)
    worst = worst_router(margin, np.append(worst_loss(inside, np.asarray(t)), 0.0), mass)
    return worst.s, worst.gap


def normal_gap(a: float, s: float, steps: int) -> float:
    """E[D Phi(-D / s)]."""
    from scipy.stats import norm

    margin, weights = margins_of(a, s, steps)
    return float(weights @ (margin * norm.sf(margin / s)))


def labels_gap(a: float, n: int, steps: int) -> float:
    """Expected gap of the larger of two means of n labels with qualities (1 +- D) / 2, a coin for ties."""
    from scipy.stats import binom

    d, weights = margins_of(a, math.sqrt(0.5 / n), steps)
    knots = np.unique(d) if d.size < 400 else np.linspace(0.0, float(d.max()), 400)  # exact at the knots, linear between
    x = np.arange(n + 1)
    wrong = []
    for value in knots:
        good, poor = binom.pmf(x, n, (1 + value) / 2), binom.pmf(x, n, (1 - value) / 2)
        wrong.append(float(good @ (1.0 - np.cumsum(poor) + 0.5 * poor)))
    return float(weights @ (d * np.interp(d, knots, wrong)))


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [table(done), figure(done)]


def table(done: Sequence[Done]) -> ResultTable:
    lines, below, pairs = [], 0, 0
    for a in dict.fromkeys(d.params["exponent"] for d in done):
        for d in done:
            if d.params["exponent"] != a:
                continue
            variable, predicted = ESTIMATORS[d.params["estimator"]]
            x, gap, bound = (d.result[name] for name in ("x", "gap", "bound"))
            local = np.diff(np.log(gap)) / np.diff(np.log(x))
            ratio = [b / g for b, g in zip(bound, gap, strict=True)]
            below += sum(r < 1.0 - 1e-9 for r in ratio)
            pairs += len(ratio)
            fits = (intervals.exponent(x, gap), predicted(a), intervals.exponent(x, bound))
            ends = (float(local.min()), float(local.max()), min(ratio), max(ratio))
            lines.append((d.params["estimator"], a, variable, *fits, *ends))
    return ResultTable(
        "margins",
        "Slopes of the gap under a margin: measured and predicted",
        (
            Column("estimator"), Column("margin exponent a"), Column("power of"), Column("measured"), Column("predicted"),
            Column("of the l2 bound"), Column("local slope, least", 3), Column("local slope, largest", 3),
            Column("bound/gap, least", 5), Column("bound/gap, largest", 5),
        ),
        tuple(lines),
        "Exponent of the exact gap in the error's root mean square s (or in the n labels of each model), fitted in logarithms; "
        "95% Student intervals show the distance from a pure power law, since nothing is drawn. Predicted: (2a+2)/(a+2), the "
        "theorem's l2 rate, for the worst error of a given root mean square; 1+a for normal errors; -(1+a)/2 for means of n "
        "labels. Local slopes are those between neighbouring sizes. The bound is the l2 form at the same s (labels: s^2 = "
        f"1/(2n), their largest variance). Bounds below the gap: {below} of {pairs}.",
    )  # fmt: skip


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    axis = {"s": "s, root mean square of the error", "n": "n, labels of each model"}
    for estimator, (variable, _) in ESTIMATORS.items():
        own = [d for d in done if d.params["estimator"] == estimator]
        colours = dict(zip(EXPONENTS, ("#000000", "#E69F00", "#009E73", "#0072B2", "#D55E00"), strict=True))
        series = []
        for d in own:
            a, x = d.params["exponent"], tuple(d.result["x"])
            series.append(Series(f"a = {a:g}", x, tuple(d.result["gap"]), colour=colours[a]))
            series.append(Series(f"_l2 bound {a:g}", x, tuple(d.result["bound"]), style="dashed", colour=colours[a]))
        if own:
            label = "" if panels else "exact gap (line), l2 bound (dashed)"
            panels.append(Panel(axis[variable], label, tuple(series), estimator, log_x=True, log_y=True))
    return Plot(
        "margins_figure", "The gap under a margin of exponent a: exact gap and l2 bound", tuple(panels),
        "Exact gap, and the theorem's l2 rate dashed in the same colour, against the size of the error for five margin "
        "exponents: worst error, normal errors, and means of labels.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Rates under a margin: slopes measured and predicted", version=1, cells=cells, compute=compute, present=present,
    seconds=1.0,
)  # fmt: skip
