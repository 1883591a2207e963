"""The best quality within a cost budget over all randomised policies, in rational arithmetic from both sides.

Problem: maximise sum_x nu_x sum_m p(m | x) q(x, m) subject to sum_x nu_x sum_m p(m | x) c(x, m) <= budget. For every price
lam >= 0 the value is at most lam budget + sum_x nu_x max_m (q - lam c) (Lagrange); the maximum is the optimal policy at lam.
Sweep: the optimal policy changes only at ratios (q - q') / (c - c') of two models at one query, so one price between every
two neighbouring ratios gives all policies that are optimal on an open set of prices: the vertices of the frontier. A mixture
of two neighbouring vertices meets the budget, and at the ratio between them both are optimal, so their mixture reaches the
Lagrange bound: equality, in fractions, hence the sweep's frontier is that of all randomised policies and the multipliers of
the budget are the break points. HiGHS solves the same program as a third route and must agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array, number
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "frontier-program"
Rows = list[list[Fraction]]


@dataclass(frozen=True)
class Vertex:
    """A policy of the sweep: expected cost and quality, choices (n,), optimal for prices in [price_low, price_high]."""

    cost: Fraction
    quality: Fraction
    choices: tuple[int, ...]
    price_low: Fraction
    price_high: Fraction | None


@dataclass(frozen=True)
class _Table:
    """Weights, qualities and costs as the rationals that the floats are; weights divided by their exact sum."""

    weights: list[Fraction]
    quality: Rows
    cost: Rows

    @classmethod
    def of(cls, inputs: Values) -> _Table:
        weights = [Fraction(float(w)) for w in np.asarray(inputs["weights"], float)]
        total = sum(weights, Fraction(0))
        tables = [[[Fraction(float(v)) for v in row] for row in np.asarray(inputs[key], float)] for key in ("quality", "cost")]
        return cls([w / total for w in weights], *tables)

    def mean(self, table: Rows, choices: Any) -> Fraction:
        """Expected entry of a table under a deterministic policy."""
        return sum((w * row[m] for w, row, m in zip(self.weights, table, choices, strict=True)), Fraction(0))

    def best(self, price: Fraction) -> tuple[int, ...]:
        """The optimal policy at a price, ties to the least cost."""
        return tuple(
            max(range(len(q)), key=lambda m, q=q, c=c: (q[m] - price * c[m], -c[m]))  # type: ignore[misc]
            for q, c in zip(self.quality, self.cost, strict=True)
        )


def sweep(weights: FloatArray, quality: FloatArray, cost: FloatArray) -> list[Vertex]:
    """All vertices of the frontier by increasing cost. weights: (n,). quality, cost: (n, M)."""
    return _sweep(_Table.of({"weights": weights, "quality": quality, "cost": cost}))


def _sweep(table: _Table) -> list[Vertex]:
    ratios = {Fraction(0)}
    for q, c in zip(table.quality, table.cost, strict=True):
        for a in range(len(q)):
            ratios |= {(q[a] - q[b]) / (c[a] - c[b]) for b in range(len(q)) if c[a] > c[b] and q[a] > q[b]}
    edges = sorted(ratios)
    prices = [(a + b) / 2 for a, b in pairwise(edges)] + [edges[-1] + 1]
    found: list[Vertex] = []
    for i in range(len(prices) - 1, -1, -1):  # from the highest price, so from the least cost
        choices = table.best(prices[i])
        cost, quality = table.mean(table.cost, choices), table.mean(table.quality, choices)
        high = edges[i + 1] if i + 1 < len(edges) else None
        if found and found[-1].cost == cost:
            found[-1] = Vertex(cost, quality, choices, edges[i], found[-1].price_high)
        else:
            found.append(Vertex(cost, quality, choices, edges[i], high))
    return found


def frontier_program(weights: FloatArray, quality: FloatArray, cost: FloatArray, budget: float) -> Certificate:
    """Certificate for the best expected quality with expected cost at most `budget`.

    weights: (n,) test law. quality, cost: (n, M), cost non-negative. InputError for a budget below the least cost.
    """
    nu = array("weights", weights, (None,), 0.0)
    q = array("quality", quality, (nu.size, None))
    inputs = {"weights": nu, "quality": q, "cost": array("cost", cost, q.shape, 0.0), "budget": number("budget", budget)}
    return PROGRAM.certify(inputs)


def _solve(inputs: Values) -> Certificate:
    table, budget = _Table.of(inputs), Fraction(float(inputs["budget"]))
    found = _sweep(table)
    if budget < found[0].cost:
        raise InputError(
            f"The 'budget' parameter must be at least the least cost {float(found[0].cost):g}; got {float(budget):g}."
        )
    below = max(i for i, v in enumerate(found) if v.cost <= budget)
    above = min(below + 1, len(found) - 1)
    step = found[above].cost - found[below].cost
    mix = (budget - found[below].cost) / step if step else Fraction(0)
    price = found[below].price_low if step else Fraction(0)
    witness = {"policies": [list(found[below].choices), list(found[above].choices)], "mix": str(mix)}
    multipliers = {"price": str(price)}
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    solved = linear_value(inputs)
    if abs(solved - primal.value) > 1e-8 * max(1.0, abs(solved)):
        raise solvers.SolverError(f"The sweep gives {primal.value:.12g} and {solvers.HIGHS} {solved:.12g} for one program.")
    how = f"rational sweep; {solvers.HIGHS} agrees"
    return Certificate(NAME, primal.value, dual.value, how, witness, inputs, multipliers)


def linear_value(inputs: Values) -> float:
    """The value by HiGHS over all randomised policies."""
    weights, quality, cost = (np.asarray(inputs[key], float) for key in ("weights", "quality", "cost"))
    nu, size, unit = weights / weights.sum(), quality.size, float(cost.max()) or 1.0
    rows = np.zeros((1 + len(nu), size))
    rows[0] = (nu[:, None] * (cost / unit)).ravel()
    rows[1:] = np.repeat(np.eye(len(nu)), quality.shape[1], axis=1)
    shift = quality.min() - 1.0  # qualities made positive, so that "at most one model" is "one model"
    gain = nu[:, None] * (quality - shift)
    # equality of every query's probabilities as two inequalities
    both = np.concatenate([rows, -rows[1:]])
    upper = np.concatenate([[min(float(inputs["budget"]) / unit, 1.0)], np.ones(len(nu)), -np.ones(len(nu))])
    return -solvers.linear(-gain.ravel(), both, upper, 0.0, 1.0).value + float(shift)


def exact_values(certificate: Certificate) -> tuple[Fraction, Fraction]:
    """(reached by the mixture, Lagrange bound) as fractions; equal when the certificate proves optimality exactly."""
    return _mixture(certificate.inputs, certificate.witness)[0], _bound(certificate.inputs, certificate.multipliers)


def _mixture(inputs: Values, witness: Values) -> tuple[Fraction, Fraction]:
    """Expected quality and cost of the stored mixture."""
    table, mix = _Table.of(inputs), Fraction(witness["mix"])
    shares = (1 - mix, mix)
    values = [
        sum((s * table.mean(part, p) for s, p in zip(shares, witness["policies"], strict=True)), Fraction(0))
        for part in (table.quality, table.cost)
    ]
    return values[0], values[1]


def _bound(inputs: Values, multipliers: Values) -> Fraction:
    table, price = _Table.of(inputs), Fraction(multipliers["price"])
    best = (
        w * max(a - price * b for a, b in zip(q, c, strict=True))
        for w, q, c in zip(table.weights, table.quality, table.cost, strict=True)
    )
    return price * Fraction(float(inputs["budget"])) + sum(best, Fraction(0))


def _primal(inputs: Values, witness: Values) -> Reached:
    quality, cost = _mixture(inputs, witness)
    mix = Fraction(witness["mix"])
    over = cost - Fraction(float(inputs["budget"]))
    size = max((v for row in _Table.of(inputs).cost for v in row), default=Fraction(0))
    excess = max(Fraction(0), over / size if size else over, -mix, mix - 1)
    return Reached(float(quality), float(excess))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    return Reached(float(_bound(inputs, multipliers)), max(0.0, -float(Fraction(multipliers["price"]))))


PROGRAM = Program("max", 1e-12, _solve, _primal, _dual)
