"""What holds at every price at once, checked exactly over the whole sweep of prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.curves import Sweep, area_between, deficits, envelope, sweep
from fedroute_theory.estimates import Estimates
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.frontier.formulas import all_prices, area_deficit


@dataclass(frozen=True)
class Parts:
    """Subopt <= a + price x b at every price. left_out: test mass where some model has no estimate."""

    a: float
    b: float
    left_out: float = 0.0


def two_largest(problem: RoutingProblem, fitted: tuple[FloatArray, FloatArray]) -> Parts:
    """a = E top2(|q - q_hat|), b = E top2(|c - c_hat|); a model left out counts as 1 and c_max."""
    closed = ~(np.isfinite(fitted[0]) & np.isfinite(fitted[1]))
    pairs = ((problem.quality, fitted[0], 1.0), (problem.cost, fitted[1], problem.c_max))
    sizes = [np.where(closed, top, np.abs(truth - np.where(closed, 0.0, own))) for truth, own, top in pairs]
    a, b = (problem.mean(np.sort(size, axis=1)[:, -2:].sum(axis=1)) for size in sizes)
    return Parts(a, b, float(problem.weights @ closed.any(axis=1)))


def spreads(problem: RoutingProblem, fitted: tuple[FloatArray, FloatArray]) -> Parts:
    """a = E osc(q - q_hat), b = E osc(c - c_hat): never larger, if every model has an estimate wherever there is test mass."""
    live = problem.weights > 0
    pairs = ((problem.quality, fitted[0]), (problem.cost, fitted[1]))
    a, b = (float(problem.weights[live] @ np.ptp((truth - own)[live], axis=1)) for truth, own in pairs)
    return Parts(a, b)


def losses(problem: RoutingProblem, estimates: Estimates, fitted: Sweep, optimal: Sweep) -> tuple[FloatArray, FloatArray]:
    """(L,) prices and (L,) gaps that decide the statement for every price: the problem's own first.

    Between two breaks of the fitted router the gap is convex in the price, so both ends of every interval suffice, with the
    router of either side; at price zero also the router's own tie rule.
    """
    own = [problem.lam] if problem.lam == 0.0 else [problem.lam, 0.0]
    rows = np.arange(problem.weights.size)
    first = []
    for price in own:
        chosen = estimates.utility_at(problem.embeddings, price).argmax(axis=1)
        utility = problem.quality - price * problem.cost
        first.append(problem.mean(utility.max(axis=1) - utility[rows, chosen]))
    prices = np.concatenate([fitted.price, fitted.price, [0.0]])
    points = np.concatenate([fitted.points[:-1], fitted.points[1:], fitted.points[-1:]])
    gaps = optimal.value(prices) - (points[:, 1] - prices * points[:, 0])
    return np.concatenate([own, prices]), np.concatenate([first, gaps])


def claims(case: Case) -> Iterable[Claim]:
    """Gap at every price, envelope at every bend, area and lowest cost, with the true errors of every training."""
    problem = case.problem
    optimal = sweep(problem.quality, problem.cost, problem.quality, problem.cost, problem.weights)
    best = envelope(optimal.points)
    rows = np.arange(problem.weights.size)
    for training, client, estimates in case.trained:
        own = estimates.repetition(0)
        fitted = own.predict(problem.embeddings)
        learned = sweep(*fitted, problem.quality, problem.cost, problem.weights)
        wide = two_largest(problem, fitted)
        measured = Measurement(
            "an estimate for every model",
            wide.left_out == 0.0,
            wide.left_out,
            how="test mass where a model is left out",
            limit=0.0,
        )
        prices, gaps = losses(problem, own, learned, optimal)
        chosen = own.utility_at(problem.embeddings, problem.lam).argmax(axis=1)
        gap = problem.gap_of(problem.optimum - problem.utility[rows, chosen])
        parts = {"all-prices": wide, "all-prices-spread": spreads(problem, fitted) if measured.holds else None}
        for form, part in parts.items():
            answer: Answer
            if part is None:
                answer = NotApplicable(measured.name, f"none on test mass {wide.left_out:.3g}")
                yield Claim(form, training, client, own.n, answer, gap.value, gap.error, assumptions=(measured,))
                continue
            answer = all_prices(a=part.a, b=part.b, lam=problem.lam, c_max=problem.c_max)
            yield Claim(
                form, training, client, own.n, answer, gap.value, gap.error, part.a + prices * part.b, gaps, (measured,)
            )
        tightest = parts["all-prices-spread"] or wide
        for form, (bound, value) in _curves(best, learned, tightest).items():
            yield Claim(form, training, client, own.n, bound, value, assumptions=(measured,))


def _curves(best: FloatArray, learned: Sweep, part: Parts) -> dict[str, tuple[Bound, float]]:
    """The statements about curves: (bound, what it bounds)."""
    own = envelope(learned.points)
    low, high = float(best[0, 0]), max(float(best[-1, 0]), float(own[-1, 0]), float(best[0, 0]) + part.b)
    start = low + part.b
    rise = float(best[-1, 1] - best[0, 1])
    area = area_deficit(a=part.a, b=part.b, width=high - start, rise=rise)
    return {
        "envelope": (Bound({"quality": part.a}, trivial=1.0), float(deficits(best, own, part.b).max())),
        "area": (area, area_between(best, own, start, high)),
        "lowest-cost": (Bound({"cost": part.b}), float(learned.points[0, 0]) - low),
    }
