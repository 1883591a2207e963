"""The instances of the bracket table that need no cells: rows (form, instance, lower, exact, upper, how) of each theorem."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.assumptions import coverage
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate
from fedroute_theory.certify.coverage_worst_case import coverage_worst_case
from fedroute_theory.certify.frontier_program import exact_values, frontier_program, sweep
from fedroute_theory.certify.least_squares import least_squares
from fedroute_theory.certify.margin_worst_case import margin_worst_case
from fedroute_theory.certify.minimax_game import minimax_game, worst_risk
from fedroute_theory.certify.rational_bounds import pooling_sides
from fedroute_theory.problems import Tabular, voronoi
from fedroute_theory.theorems import theorem
from fedroute_theory.theorems.kmeans_router.widths import kl_interval

Row = tuple[str, str, float | None, float, float, str]
"""(form, instance, lower, exact, upper, how); lower None where the worst case has one route only."""

DELTAS = np.geomspace(1e-4, 0.5, 40)
"""Failure probabilities tried for an expected-loss bound; each is fixed before the data."""


def enclosure(found: Certificate) -> tuple[float, float]:
    """What the witness reaches, and the dual value; InputError without one."""
    if found.dual is None:
        raise InputError(f"The certificate '{found.name}' must have a dual value; it has none: {found.reason}.")
    return found.primal, found.dual


def greedy() -> Iterator[Row]:
    """Three models with error bounds b: the worst case by linear programming."""
    b = np.array([0.3, 0.2, 0.1])
    worst = greedy_worst_case(b)
    value = theorem("greedy-decomposition").forms["top2"](b=b).value
    yield "top2", "b = (0.3, 0.2, 0.1)", None, worst, value, "linear programs"
    tied = np.array([-0.3, 0.3])  # utilities 0.2 and 0.8, estimates tied at 0.5, the worse one chosen
    yield (
        "oscillation",
        "two tied models",
        None,
        0.6,
        theorem("greedy-decomposition").forms["oscillation"](errors=tied).value,
        "by hand",
    )


def greedy_worst_case(b: FloatArray) -> float:
    """Largest loss of a greedy choice over U, U_hat in [0, 1] with |U - U_hat| <= b, one program an ordered pair of models."""
    size, worst = b.size, 0.0
    for best, chosen in permutations(range(size), 2):
        rows, upper = [], []
        for m in range(size):
            for sign in (1.0, -1.0):
                row = np.zeros(2 * size)
                row[m], row[size + m] = sign, -sign
                rows.append(row)
                upper.append(float(b[m]))
            row = np.zeros(2 * size)
            row[size + m] += 1.0
            row[size + chosen] -= 1.0
            rows.append(row)
            upper.append(0.0)
        cost = np.zeros(2 * size)
        cost[best], cost[chosen] = -1.0, 1.0
        worst = max(worst, -solvers.linear(cost, np.array(rows), np.array(upper), 0.0, 1.0).value)
    return worst


def transfer() -> Iterator[Row]:
    """The plain form where the range does not bind, the range-aware form where it does."""
    forms = theorem("coverage-transfer").forms
    nu = np.array([0.5, 0.3, 0.2])
    ratio = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.4], [0.3, 0.25, 0.15]])
    pair = np.array([1.0, 2.0]) / 3.0
    uneven = np.array([[1.0 / 30.0, 1.0 / 30.0], [0.3, 0.3]])
    for name, law, r, eps in (("three models", nu, ratio, 0.05), ("two queries, k2 = 60 and 20/3", pair, uneven, 0.12)):
        measured = coverage(r, law)
        for form, label_range in (("plain", None), ("range-aware", 1.0)):
            found = coverage_worst_case(law, law[:, None] * r, eps, label_range)
            if label_range is None:
                bound = forms["plain"](eps=eps, K2=measured.k2).value
            else:
                bound = forms["range-aware"](eps=eps, mass=law, k2=measured.pointwise, R=1.0).value
            yield form, name, *enclosure(found), bound, found.name


def margins() -> Iterator[Row]:
    """Eight margins, with and without a coverage integrand."""
    forms = theorem("margin-rate").forms
    margin, mass = np.linspace(0.05, 0.75, 8), np.full(8, 0.125)
    k2 = np.linspace(4.0, 12.0, 8)
    bounds = {
        "law": forms["law"](s=0.1, margin=margin, mass=mass, R=1.0),
        "two-model-law": forms["two-model-law"](s=0.1, margin=margin, mass=mass),
        "joint": forms["joint"](eps=0.03, margin=margin, k2=k2, mass=mass, R=1.0),
    }
    worst = {
        "law": margin_worst_case(mass, margin, 0.1),
        "two-model-law": margin_worst_case(mass, margin, 0.1, two_models=True),
        "joint": margin_worst_case(mass, margin, 0.03, k2=k2),
    }
    for form, found in worst.items():
        yield form, "eight margins", *enclosure(found), bounds[form].value, found.name


def squares() -> Iterator[Row]:
    """Constant B of sum (f - f*)^2 <= 2 (S + B): exact quantile against log(|F| / delta)."""
    half = np.full(14, 0.5)
    signs = (np.arange(2**10)[:, None] >> np.arange(10) & 1).astype(np.float64)
    cases = [("one function 1/2 + 0.3, 14 records", half[None] + 0.3, half, d) for d in (0.05, 1e-3)]
    cases += [("all 2^10 functions 1/2 +- 1/2, 10 records", signs, half[:10], 0.05)]
    for name, functions, truth, delta in cases:
        found = least_squares(functions, truth, delta)
        bound = math.log(len(functions) / delta)
        yield "fixed-design", f"{name}, delta {delta:g}", None, found.primal, bound, found.name


def pooling() -> Iterator[Row]:
    """Two clients with opposite habits, and two with the same law: K2(rho_bar) / D in fractions."""
    problem = Tabular(np.array([[0.0], [1.0]]), np.ones(2), np.zeros((2, 2)), np.zeros((2, 2)))
    other = np.array([[0.75, 0.25], [0.25, 0.75]])
    for name, ratios in {"opposite habits": [other, other[:, ::-1]], "one law": [other, other]}.items():
        exact, bound = pooling_sides(problem, ratios, [100, 300])
        k2 = np.array([coverage(r, problem.weights).k2 for r in ratios])
        formula = theorem("pooling").forms["effective-size"](K2=k2, records=np.array([100.0, 300.0])).value
        assert abs(formula - float(bound)) <= 1e-12
        yield "effective-size", name, None, float(exact), formula, "fractions"


def minimax() -> Iterator[Row]:
    """The lower bound, the game's value and upper bounds on the worst expected loss, two models, equal or unequal counts."""
    forms = theorem("minimax-lower").forms
    problem = voronoi(np.random.default_rng(0), sites=4, per_site=1, models=2)
    cases = {f"voronoi, 4 cells, {n} records a pair": (problem.weights, n, n) for n in (1, 10, 20)}
    cases |= {"one cell, 1 and 10 records": (np.ones(1), 1, 10)}
    for name, (mass, n_a, n_b) in cases.items():
        game = minimax_game(n_a, n_b)
        counts = np.tile([float(n_a), float(n_b)], (mass.size, 1))
        lower = forms["cells"](mass=mass, counts=counts).value
        expected = theorem("kmeans-router").forms["expected"](mass=mass, s=0.0 * counts, counts=counts, R=1.0).value
        chernoff = theorem("kmeans-router").forms["expected-kl"](mass=mass, s=0.0 * counts, counts=counts, R=1.0).value
        rule = np.arange(n_b + 1)[None] / n_b - np.arange(n_a + 1)[:, None] / n_a
        greedy_risk = worst_risk(n_a, n_b, 0.5 + 0.5 * np.sign(rule), 64)
        uppers = {
            "relative/kl + delta R": kl_expected_loss(mass, n_a, n_b),
            "kmeans-router, expected": expected,
            "kmeans-router, expected-kl": chernoff,
            "greedy router, exact": greedy_risk,
        }
        for form, upper in uppers.items():
            yield form, name, lower, enclosure(game)[1], upper, game.name


def kl_expected_loss(mass: FloatArray, n_a: int, n_b: int) -> float:
    """sum_k nu_k min(1, largest up + down) + delta with kl widths, no mismatch, the best delta: bounds E Subopt for all tables.

    With the rival estimated at most as high as the chosen model, the policy form is largest where both estimates meet; the
    maximum is taken over all values that either mean can have.
    """
    best = math.inf
    for delta in DELTAS:
        level = math.log(2.0 * 2.0 * mass.size / delta)
        counts = np.array([n_a, n_b])
        means = np.union1d(np.arange(n_a + 1) / n_a, np.arange(n_b + 1) / n_b)
        low, high = kl_interval(np.stack([means, means], axis=1), counts, level)
        width = float(np.maximum(high[:, 0] - low[:, 1], high[:, 1] - low[:, 0]).max())
        best = min(best, 1.0, float(mass.sum()) * min(1.0, width) + delta)
    return best


def frontier() -> Iterator[Row]:
    """The theorem's sweep of pi* against all randomised policies; its all-prices bound against the worst errors."""
    from fedroute_theory.curves import envelope, height
    from fedroute_theory.curves import sweep as follow

    rng = np.random.default_rng(0)
    weights, quality, cost = rng.dirichlet(np.ones(5)), rng.uniform(size=(5, 4)), rng.uniform(size=(5, 4))
    curve = envelope(follow(quality, cost, quality, cost, weights).points)
    vertices = sweep(weights, quality, cost)
    middle = float((vertices[1].cost + vertices[2].cost) / 2)
    for name, budget in (("a vertex", float(vertices[2].cost)), ("between two vertices", middle)):
        found = frontier_program(weights, quality, cost, budget)
        theirs = float(height(curve, np.array([budget]))[0])
        yield (
            "vertices of Q*",
            f"five queries, four models, {name}",
            found.primal,
            float(exact_values(found)[1]),
            theirs,
            found.name,
        )
    alpha, beta, lam = np.array([0.2, 0.1, 0.05]), np.array([0.05, 0.1, 0.2]), 0.5
    worst = greedy_worst_case(alpha + lam * beta)
    bound = theorem("frontier").forms["pointwise"](quality_error=alpha, cost_error=beta, lam=lam, c_max=1.0).value
    yield "pointwise", "errors (0.2, 0.1, 0.05) and (0.05, 0.1, 0.2), lam 0.5", None, worst, bound, "linear programs"
