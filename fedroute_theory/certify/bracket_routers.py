"""The instances of the bracket table for networks, mixtures and clients that disagree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations, product

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage
from fedroute_theory.certify import solvers
from fedroute_theory.certify.bracket_instances import Row, enclosure
from fedroute_theory.certify.client_worst_case import client_worst_case
from fedroute_theory.certify.coverage_worst_case import coverage_worst_case
from fedroute_theory.certify.mixture_worst_case import mixture_worst_case
from fedroute_theory.certify.network_quantile import network_quantile, pooled
from fedroute_theory.theorems import theorem
from fedroute_theory.theorems.least_squares.constants import SHARP

POINTS = np.array(list(product((0.0, 1.0), (0, 1))))
"""Two queries, two models."""

NU = np.array([0.5, 0.3, 0.2])
RATIO = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.4], [0.3, 0.25, 0.15]])
PAIR = np.array([1.0, 2.0]) / 3.0
UNEVEN = np.array([[1.0 / 30.0, 1.0 / 30.0], [0.3, 0.3]])
"""Test laws and densities of the records: three models, and two queries with k2 = 60 and 20/3."""


def linear_networks(grid: FloatArray) -> FloatArray:
    """(F, 4) all 1/2 + w_m (x - 1/2) with one weight of the grid a model."""
    query, model = POINTS[:, 0], POINTS[:, 1].astype(int)
    weights = np.array(list(product(grid, repeat=2)))
    values: FloatArray = 0.5 + weights[:, model] * (query - 0.5)
    return values


def gaps_of(functions: FloatArray, truth: FloatArray) -> FloatArray:
    """(F,) suboptimality of the router that follows each function, queries equally likely, ties to the worse model."""
    table, right = functions.reshape(-1, 2, 2), truth.reshape(2, 2)
    tied = table >= table.max(axis=2, keepdims=True)
    return np.where(tied, right.max(axis=1)[:, None] - right, 0.0).max(axis=2).mean(axis=1)  # type: ignore[no-any-return]


def networks() -> Iterator[Row]:
    """Constant B of c n (squared error, or Subopt^2 / K2) <= S + B against log(|F| / delta); then the step by coverage."""
    law = np.full((1, 4), 0.25)
    signs = np.array(list(product((0.0, 1.0), repeat=4)))
    linear = linear_networks(np.array([-0.6, -0.2, 0.2, 0.6]))
    # K2 = 8: every density is 1/2
    for name, functions, truth in (
        ("16 networks, two 2-bit weights, 8 records", linear, linear[6]),
        ("all 16 functions 1/2 +- 1/2, 8 records", signs, np.full(4, 0.5)),
    ):
        sides = {"squared error": ((functions - truth) ** 2).mean(axis=1), "conclusion": gaps_of(functions, truth) ** 2 / 8.0}
        for delta in (0.05, 0.001):
            for side, left in sides.items():
                if left.any():
                    found = network_quantile(functions, truth[None], law, left, np.array([8]), SHARP, delta)
                    bound = math.log(len(functions) / delta)
                    yield f"utility, {side}", f"{name}, delta {delta:g}", None, found.primal, bound, found.name
    one, delta = np.ones((1, 1)), 2.64e-4
    found = network_quantile(one, 0.5 * one, one, np.array([0.25]), np.array([64]), SHARP, delta)
    name = f"the function 1 against 64 fair coins, delta {delta:g}"
    yield "utility, squared error", name, None, found.primal, math.log(1.0 / delta), found.name
    forms, size = theorem("mlp-router").forms, math.log(16)
    for form, name, nu, ratio, n in (
        ("utility", "three models, 16 networks, 5000 records, S = 0", NU, RATIO, 5000.0),
        ("utility", "k2 = 60 and 20/3, 16 networks, 800 records, S = 0", PAIR, UNEVEN, 800.0),
    ):
        k2 = coverage(ratio, nu).k2
        level = theorem("least-squares").forms["random-design"](S=0.0, log_class=size, delta=0.05, n=n, R=1.0).value
        worst = coverage_worst_case(nu, nu[:, None] * ratio, math.sqrt(level), 1.0)
        bound = forms[form](K2=k2, S=0.0, log_class=size, n=n, R=1.0, delta=0.05).value
        yield f"{form}, coverage", name, *enclosure(worst), bound, worst.name


def mixtures() -> Iterator[Row]:
    """Levels of both sides on the mean or at every query; error bounds by model; a range that binds."""
    forms = theorem("mixture-router").forms
    local, federated = np.array([0.1, 0.9, 0.4]), np.array([0.1, 0.3, 0.6])
    rows = [
        ("constant", "u = 0.3, levels 0.2 and 0.4", np.full(3, 0.3), 0.2, 0.4),
        ("constant", "u = 0.5, levels 0.9 and 1.3", np.full(3, 0.5), 0.9, 1.3),
        ("harmonic", "levels 0.2 and 0.3", np.full(3, 0.6), 0.2, 0.3),
        ("smaller", "levels 0.2 and 0.3", np.ones(3), 0.2, 0.3),
    ]
    for form, name, share, mine, ours in rows:
        worst = mixture_worst_case(NU, share, np.array([mine]), np.array([ours]))
        rest = {"u": float(share[0])} if form == "constant" else {"delta": 0.05}
        bound = forms[form](B_loc=mine, B_fed=ours, **rest).value
        yield form, name, *enclosure(worst), bound, worst.name
    worst = mixture_worst_case(NU, federated / (local + federated), local, federated)
    bound = forms["pointwise"](mass=NU, B_loc=local, B_fed=federated).value
    yield "pointwise", "three queries", *enclosure(worst), bound, worst.name
    u, b_loc, b_fed = np.array([0.2, 0.5, 0.9]), np.array([0.3, 0.2, 0.1]), np.array([0.1, 0.4, 0.2])
    exact = boxes_worst_case(u, b_loc, b_fed)
    yield "per-model", "three models", None, exact, forms["per-model"](u=u, b_loc=b_loc, b_fed=b_fed).value, "linear programs"


def boxes_worst_case(u: FloatArray, b_loc: FloatArray, b_fed: FloatArray) -> float:
    """Largest loss over U, U_loc, U_fed in [0, 1] with |U - U_loc| <= b_loc, |U - U_fed| <= b_fed, weights by model."""
    size, worst = u.size, 0.0
    for best, chosen in permutations(range(size), 2):
        rows, upper = [], []
        for m in range(size):
            for side, bound in ((1, b_loc), (2, b_fed)):
                for sign in (1.0, -1.0):
                    row = np.zeros((3, size))
                    row[0, m], row[side, m] = sign, -sign
                    rows.append(row.ravel())
                    upper.append(float(bound[m]))
            lead = np.zeros((3, size))
            lead[1:, m] += u[m], 1.0 - u[m]
            lead[1:, chosen] -= u[chosen], 1.0 - u[chosen]
            rows.append(lead.ravel())
            upper.append(0.0)
        cost = np.zeros(3 * size)
        cost[best], cost[chosen] = -1.0, 1.0
        worst = max(worst, -solvers.linear(cost, np.array(rows), np.array(upper), 0.0, 1.0).value)
    return worst


def clients() -> Iterator[Row]:
    """A client's loss for given pooled error and bias; constant B of the pooled squared error where clients disagree."""
    forms, transfer = theorem("client-heterogeneity").forms, theorem("coverage-transfer").forms
    for name, nu, ratio, eps, bias in (
        ("three models, bias 0.1", NU, RATIO, 0.05, 0.1),
        ("two queries, k2 = 60 and 20/3, bias 0.2", PAIR, UNEVEN, 0.12, 0.2),
    ):
        worst = client_worst_case(nu, nu[:, None] * ratio, eps, bias)
        measured = coverage(ratio, nu)
        bases = {
            "plain": transfer["plain"](eps=eps, K2=measured.k2).value,
            "range-aware": transfer["range-aware"](eps=eps, mass=nu, k2=measured.pointwise, R=1.0).value,
        }
        for base, value in bases.items():
            bound = forms["pooled-bias"](base=value, bias=bias).value
            yield f"pooled-bias, {base}", name, *enclosure(worst), bound, worst.name
    functions = np.array(list(product((0.0, 0.25, 0.5, 0.75, 1.0), repeat=2)))
    truths, laws, records = np.array([[1.0, 0.0], [0.0, 1.0]]), np.full((2, 2), 0.5), np.array([5, 5])
    truth, law = pooled(truths, laws, records)
    for delta in (0.05, 0.001):
        left = (functions - truth) ** 2 @ law
        found = network_quantile(functions, truths, laws, left, records, SHARP, delta)
        name = f"2 clients of opposite truths, 5 records each, 25 functions, delta {delta:g}"
        yield "client, squared error", name, None, found.primal, math.log(len(functions) / delta), found.name
