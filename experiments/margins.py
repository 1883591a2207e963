"""How the gap of a router falls with its error, by margin exponent: predicted against measured slopes.

Three estimators with a known error on the margin family (scale 1, two models): the worst error of a given root mean square
(built as a router and read off the problem), independent normal errors of standard deviation s, and the mean of n Bernoulli
labels of each model at every query (binomial sums). Nothing is drawn, and every expectation is exact to rounding: a law of 2000
margins, a closed form, and Gauss-Jacobi quadrature of a smooth integrand.
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
NODES = 64
"""Of the quadrature over margins up to nine errors; twice as many change no printed digit."""


def cells(request: Request) -> list[dict[str, Any]]:
    return grid(estimator=list(ESTIMATORS), exponent=list(EXPONENTS), points=[16 if request.full else 8])


def compute(cell: Cell) -> dict[str, Any]:
    from fedroute_theory.theorems.margin_rate.formulas import l2_rate

    at = cell.params
    a, points = at["exponent"], at["points"]
    if at["estimator"] == "labels":
        x = [round(float(n)) for n in np.geomspace(64, 4096, points)]
        error = [math.sqrt(0.5 / n) for n in x]  # of the difference of two means, at most
        gap = [labels_gap(a, n) for n in x]
    elif at["estimator"] == "normal errors":
        x = error = [float(s) for s in np.geomspace(0.003, 0.1, points)]
        gap = [normal_gap(a, s) for s in x]
    else:
        found = [worst_case(a, float(t)) for t in np.geomspace(0.003, 0.1, points)]
        x = error = [s for s, _ in found]
        gap = [value for _, value in found]
    return {"x": x, "gap": gap, "bound": [l2_rate(s=s, a=a, t0=1.0).value for s in error]}


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


def normal_gap(a: float, s: float) -> float:
    """E[D P(Z > D / s)] with Z standard normal and P(D <= t) = t^a on [0, 1]; exponent 0: one margin, at the error.

    By parts with p = a + 1 and u = 1 / s: a s^p / p (u^p P(Z > u) + E[Z^p; 0 < Z < u]).
    """
    from scipy.special import gamma, gammainc
    from scipy.stats import norm

    if a == 0.0:
        return float(s * norm.sf(1.0))
    p, u = a + 1.0, 1.0 / s
    moment = 2.0 ** (p / 2.0 - 1.0) * gamma((p + 1.0) / 2.0) / math.sqrt(math.pi) * gammainc((p + 1.0) / 2.0, u**2 / 2.0)
    return float(a * s**p / p * (u**p * norm.sf(u) + moment))


def labels_gap(a: float, n: int) -> float:
    """Expected gap of the larger of two means of n labels with qualities (1 +- D) / 2, a coin for ties.

    Margins above nine errors lose nothing that shows; exponent 0: one margin, at the error.
    """
    from scipy.special import roots_jacobi
    from scipy.stats import binom

    error = math.sqrt(0.5 / n)
    if a == 0.0:
        margin, weights = np.array([error]), np.array([error])
    else:  # E[D f(D)] = a times the integral of t^a f(t), t = reach (1 + v) / 2
        reach = min(1.0, 9.0 * error)
        nodes, jacobi = roots_jacobi(NODES, 0.0, a)
        margin, weights = reach * (1.0 + nodes) / 2.0, a * (reach / 2.0) ** (a + 1.0) * jacobi
    x = np.arange(n + 1)
    good, poor = (binom.pmf(x, n, (1.0 + sign * margin[:, None]) / 2.0) for sign in (1.0, -1.0))
    wrong = (good * (1.0 - np.cumsum(poor, axis=1) + 0.5 * poor)).sum(axis=1)
    return float(weights @ wrong)


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
            Column("bound/gap, least", 3), Column("bound/gap, largest", 3),
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
    title="Rates under a margin: slopes measured and predicted", version=2, cells=cells, compute=compute, present=present,
    seconds=1.0,
)  # fmt: skip
