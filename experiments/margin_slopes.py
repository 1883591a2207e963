"""How the gap of a router falls with its error, by margin exponent: predicted against measured slopes.

    python experiments/margin_slopes.py [--json FILE]

Three estimators with a known error on the margin family (scale 1, two models), every expectation exact up to a fixed
quadrature: the worst error of a given root mean square (built as a router and read off the problem), independent normal
errors of standard deviation s, and the mean of n Bernoulli labels of each model at every query (binomial sums). Exponent 0 is
the limit of separated problems whose scale shrinks with the error. Prints Markdown: slopes of log gap in log s or log n by
least squares over the range, with the range of local slopes between neighbours.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import numpy as np
from scipy.stats import binom, norm

from fedroute_theory.problems import Margin
from fedroute_theory.theorems.margin_rate.families import staircase, worst_router
from fedroute_theory.theorems.margin_rate.formulas import l2_rate
from fedroute_theory.theorems.margin_rate.lines import worst_loss

EXPONENTS = (0.0, 0.5, 1.0, 2.0, 4.0)
ERRORS = np.geomspace(0.003, 0.1, 8)
RECORDS = np.array([64, 128, 256, 512, 1024, 2048, 4096])
STEPS = 4000


def margins_of(a: float, error: float) -> tuple[np.ndarray, np.ndarray]:
    """Margins up to nine errors and their mass in the family of scale 1: again such a family, of a smaller scale.

    Larger margins lose nothing that shows. Exponent 0: one margin, at the error.
    """
    reach = min(1.0, 9.0 * error)
    problem = Margin.make(exponent=a, scale=reach, strata=STEPS) if a else Margin.make(exponent=math.inf, scale=error)
    margin = problem.utility.max(axis=1) - problem.utility.min(axis=1)
    return margin, problem.weights * reach**a


def worst_case(a: float, t: float) -> tuple[float, float, float]:
    """(s, gap, l2 rate) of the attaining router at threshold t: built, and read off its problem."""
    if a == 0.0:
        worst = worst_router(np.array([t / 2.0]), np.array([t / 2.0]), np.ones(1))
        return worst.s, worst.gap, l2_rate(s=worst.s, a=0.0, t0=1.0).value
    # margins up to t are all that matters; their staircase, and the rest of the mass far away
    inside = t * staircase(a, 1.0, 2000)
    margin = np.append(inside, 1.0)
    mass = np.append(np.full(2000, t**a / 2000), 1.0 - t**a)
    worst = worst_router(margin, np.append(worst_loss(inside, np.asarray(t)), 0.0), mass)
    return worst.s, worst.gap, l2_rate(s=worst.s, a=a, t0=1.0).value


def normal_gap(a: float, s: float) -> float:
    """E[D Phi(-D / s)]."""
    margin, weights = margins_of(a, s)
    return float(weights @ (margin * norm.sf(margin / s)))


def labels_gap(a: float, n: int) -> float:
    """Expected gap of the larger of two means of n labels with qualities (1 +- D) / 2, a coin for ties."""
    margin, weights = margins_of(a, math.sqrt(0.5 / n))
    d = margin
    knots = np.unique(d) if d.size < 400 else np.linspace(0.0, float(d.max()), 400)  # exact at the knots, linear between
    x = np.arange(n + 1)
    wrong = []
    for value in knots:
        good, poor = binom.pmf(x, n, (1 + value) / 2), binom.pmf(x, n, (1 - value) / 2)
        wrong.append(float(good @ (1.0 - np.cumsum(poor) + 0.5 * poor)))
    return float(weights @ (d * np.interp(d, knots, wrong)))


def slope(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Least-squares slope of log y in log x, and the least and largest local slope."""
    local = np.diff(np.log(y)) / np.diff(np.log(x))
    return {
        "slope": float(np.polyfit(np.log(x), np.log(y), 1)[0]),
        "low": float(local.min()),
        "high": float(local.max()),
    }


def run() -> list[dict[str, Any]]:
    """One row an exponent and an estimator."""
    rows = []
    for a in EXPONENTS:
        worst = np.array([worst_case(a, float(t)) for t in ERRORS])
        l2 = (2 * a + 2) / (a + 2)
        table = (
            ("worst root mean square", "s", worst[:, 0], worst[:, 1], l2, l2),
            ("normal errors", "s", ERRORS, np.array([normal_gap(a, s) for s in ERRORS]), 1 + a, l2),
            ("labels", "n", RECORDS, np.array([labels_gap(a, int(n)) for n in RECORDS]), -(1 + a) / 2, -l2 / 2),
        )
        for name, variable, x, y, predicted, bound in table:
            row = {"exponent": a, "estimator": name, "in": variable, "predicted": predicted, "bound": bound, **slope(x, y)}
            if name == "worst root mean square":
                row["bound/gap"] = float((worst[:, 2] / worst[:, 1]).max())
            rows.append(row)
    return rows


def main() -> None:
    """Print the table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = run()
    print("| exponent a | estimator | slope in | predicted | of the l2 bound | measured | local slopes | bound / gap |")
    print("|---|---|---|---|---|---|---|---|")
    for r in rows:
        ratio = f"{r['bound/gap']:.4f}" if "bound/gap" in r else ""
        print(
            f"| {r['exponent']:g} | {r['estimator']} | log {r['in']} | {r['predicted']:.3f} | {r['bound']:.3f} "
            f"| {r['slope']:.3f} | {r['low']:.3f} to {r['high']:.3f} | {ratio} |"
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            file.write(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
