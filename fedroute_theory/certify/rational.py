"""Finite problems in rational arithmetic: floats are read as the rationals they are, nothing is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray, reject
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Table


def rationals(name: str, values: Any) -> list[Fraction]:
    """Whole numbers, finite floats, Fractions or "p/q" strings as fractions; InputError naming the first other entry."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise reject(name, "be a list of rational numbers", repr(values)[:40])
    found = []
    for value in values:
        try:
            found.append(Fraction(value))
        except (TypeError, ValueError, ArithmeticError):
            raise reject(name, "hold rational numbers", repr(value)[:40]) from None
    return found


def rational_rows(name: str, values: Any) -> list[list[Fraction]]:
    """At least one row of rational numbers, all of one length of at least 1; InputError for any other."""
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
        raise reject(name, "be a list of rows", repr(values)[:40])
    rows = [rationals(name, row) for row in values]
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise reject(name, "hold rows of one length, at least one", f"lengths {[len(row) for row in rows]}")
    return rows


def suboptimality(problem: RoutingProblem, decisions: IntArray) -> Fraction:
    """The exact gap of model choices `decisions` (n,) against the best model, query by query.

    Rows with one embedding are one query, but in an evaluation table, whose rows are the queries. Weights are used as stored
    (divided by their exact sum), utilities as q - lam c of the stored numbers.
    """
    lam, rows_are_queries = Fraction(problem.lam), isinstance(problem, Table)
    possible: dict[object, list[Fraction]] = {}  # for each query: weight times utility of every model
    total, reached = Fraction(0), Fraction(0)
    for x, chosen in enumerate(decisions.tolist()):
        weight = Fraction(float(problem.weights[x]))
        pairs = zip(problem.quality[x], problem.cost[x], strict=True)
        value = [weight * (Fraction(float(q)) - lam * Fraction(float(c))) for q, c in pairs]
        query = x if rows_are_queries else tuple((problem.embeddings[x] + 0.0).tolist())
        known = possible.get(query, [Fraction(0)] * len(value))
        possible[query] = [a + b for a, b in zip(known, value, strict=True)]
        total, reached = total + weight, reached + value[chosen]
    return (sum((max(values) for values in possible.values()), Fraction(0)) - reached) / total


def coverage_k2(ratio: FloatArray, weights: FloatArray) -> Fraction | None:
    """K2 over all ordered pairs of models, as a fraction; None where infinite.

    ratio: (n, M) d rho(., m) / d nu. weights: (n,) the test law.
    """
    result = Fraction(0)
    for row, weight in zip(ratio.tolist(), weights.tolist(), strict=True):
        if weight > 0:
            if sum(r <= 0 for r in row) > 0:
                return None
            result += Fraction(weight) * max(1 / Fraction(a) + 1 / Fraction(b) for a, b in permutations(row, 2))
    return result
