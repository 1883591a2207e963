"""Finite problems in rational arithmetic: floats are read as the rationals they are, nothing is rounded."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.problem import RoutingProblem


def suboptimality(problem: RoutingProblem, decisions: IntArray) -> Fraction:
    """The exact gap of the given model choices (n,) against the best model query by query.

    Weights are used as stored (divided by their exact sum), utilities as q - lam c of the stored numbers.
    """
    lam = Fraction(problem.lam)
    total, lost = Fraction(0), Fraction(0)
    for x, chosen in enumerate(decisions.tolist()):
        weight = Fraction(float(problem.weights[x]))
        utility = [
            Fraction(float(q)) - lam * Fraction(float(c)) for q, c in zip(problem.quality[x], problem.cost[x], strict=True)
        ]
        total += weight
        lost += weight * (max(utility) - utility[chosen])
    return lost / total


def coverage_k2(ratio: FloatArray, weights: FloatArray) -> Fraction | None:
    """K2 from d rho(., m) / d nu (n, M) and the test law (n,), over all ordered pairs of models; None where infinite."""
    result = Fraction(0)
    for row, weight in zip(ratio.tolist(), weights.tolist(), strict=True):
        if weight > 0:
            if sum(r <= 0 for r in row) > 0:
                return None
            result += Fraction(weight) * max(1 / Fraction(a) + 1 / Fraction(b) for a, b in permutations(row, 2))
    return result
