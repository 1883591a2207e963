"""What the frontier proof loses: signs and models of two errors for utilities, supporting lines for curves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.curves import envelope, height, sweep
from fedroute_theory.estimates import Estimates
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.frontier.claims import Parts, claims, losses, spreads, two_largest
from fedroute_theory.theorems.greedy_steps import TWO_LARGEST, greedy
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_PROOF = "frontier, proof"


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form of every training, at the first repetition; at the problem's own price where there is one price."""
    known = {(training, client): estimates.repetition(0) for training, client, estimates in case.trained}
    for claim, answer in judged(claims(case)):
        own = known[claim.training, claim.client]
        if claim.form in ("all-prices", "all-prices-spread"):
            yield Waterfall.of(claim, _at_own_price(case, own, claim.form == "all-prices"))
        else:
            yield Waterfall.of(claim, _curves(case, own, claim.form, answer))


def _at_own_price(case: Case, own: Estimates, wide: bool) -> list[Stage]:
    problem = case.problem
    fitted = own.predict(problem.embeddings)
    choice = greedy(problem, own.utility_at(problem.embeddings, problem.lam))
    stages = choice.to_oscillation()
    parts = two_largest(problem, fitted)
    if parts.left_out == 0.0:
        tight = spreads(problem, fitted)
        apart = f"osc is a seminorm: quality and cost apart ({_PROOF} 1)"
        stages.append(Stage("quality and cost apart", tight.a + problem.lam * tight.b, apart))
    if wide:
        stages.append(Stage("two largest errors", parts.a + problem.lam * parts.b, f"{TWO_LARGEST}; R for a model left out"))
    return stages


def _parts(case: Case, own: Estimates) -> Parts:
    fitted = own.predict(case.problem.embeddings)
    wide = two_largest(case.problem, fitted)
    return wide if wide.left_out else spreads(case.problem, fitted)


def _curves(case: Case, own: Estimates, form: str, answer: Bound) -> list[Stage]:
    problem = case.problem
    part = _parts(case, own)
    if form == "lowest-cost":
        why = f"the cheapest policy learned: cost errors at a price without end ({_PROOF} 3, Lowest cost)"
        return [Stage("errors of the cost", answer.value, why)]
    optimal = sweep(problem.quality, problem.cost, problem.quality, problem.cost, problem.weights)
    learned = sweep(*own.predict(problem.embeddings), problem.quality, problem.cost, problem.weights)
    prices, gaps = losses(problem, own, learned, optimal)
    excess = float((gaps - prices * part.b).max())
    why_line = f"supporting lines: the worst Subopt - lam b over all prices ({_PROOF} 3, Envelope)"
    why_all = f"Subopt <= a + lam b at every price, a from the errors of the quality ({_PROOF} 1)"
    if form == "envelope":
        return [Stage("supporting lines", max(excess, 0.0), why_line), Stage("errors of the quality", answer.value, why_all)]
    best = envelope(optimal.points)
    own_curve = envelope(learned.points)
    low = float(best[0, 0])
    high = max(float(best[-1, 0]), float(own_curve[-1, 0]), low + part.b)
    shifted = _shift_area(best, low + part.b, high, part.b)
    width = high - low - part.b
    return [
        Stage("supporting lines", max(excess, 0.0) * width + shifted, why_line),
        Stage("errors of the quality", part.a * width + shifted, why_all),
        Stage("rise of the curve", answer.value, f"the shift by b costs at most b (Q*(high) - Q*(lowest)) ({_PROOF} 4)"),
    ]


def _shift_area(best: FloatArray, start: float, high: float, shift: float) -> float:
    """Integral of Q*(cost) - Q*(cost - shift) over [start, high], exact."""
    knots = np.concatenate([[start, high], best[:, 0], best[:, 0] + shift])
    knots = np.unique(knots[(knots >= start) & (knots <= high)])
    return float(np.trapezoid(height(best, knots) - height(best, knots - shift), knots))
