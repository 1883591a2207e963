"""The instances of the bracket table for what training does: least-squares heads on coins, FedAvg without gradient noise."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from fedroute_theory.certify.bracket_instances import Row, enclosure
from fedroute_theory.certify.gradient_descent import gradient_descent
from fedroute_theory.certify.linear_heads import linear_heads
from fedroute_theory.theorems import theorem


def heads() -> Iterator[Row]:
    """A line through Bernoulli labels, every outcome: identities for the mean, the high-probability form for a quantile."""
    forms = theorem("linear-heads").forms
    for name, chances in (
        ("line, 6 fair coins", [Fraction(1, 2)] * 6),
        ("line, 6 coins of unequal chances off the line", [Fraction(k, 10) for k in (1, 9, 3, 4, 5, 8)]),
    ):
        found = linear_heads([[1, k] for k in range(6)], chances)
        design, f = np.vander(np.arange(6.0), 2), np.array(chances, dtype=float)
        hat = design @ np.linalg.pinv(design)
        bias = float(((f - hat @ f) ** 2).mean())
        bounds = {"leverages": forms["leverages"](h=np.diag(hat), s2=f * (1.0 - f), bias=bias).value}
        if set(chances) == {Fraction(1, 2)}:  # the largest variances that labels in [0, 1] can have
            bounds["bernoulli"] = forms["bernoulli"](p=2, n=6, R=1.0, bias=bias).value
        for form, bound in bounds.items():
            yield form, name, None, found.primal, bound, found.name
    for delta in (0.05, 0.01):
        found = linear_heads([[1, k] for k in range(9)], [Fraction(1, 2)] * 9, delta)
        bound = forms["high-probability"](p=2, n=9, delta=delta, R=1.0, bias=0.0).value
        yield "high-probability", f"line, 9 fair coins, delta {delta:g}", None, found.primal, bound, found.name


def quadratic_value(eta: float, steps: int, every: int) -> float:
    """Mean squared gradient on theta^2 / 2 from a gap of 1: gradients shrink by 1 - eta a step."""
    return float(2.0 * np.mean((1.0 - eta) ** (2.0 * np.arange(0, steps, every))))


def descent() -> Iterator[Row]:
    """No gradient noise, L = gap = 1: all smooth functions by a semidefinite program, the quadratic from below."""
    forms = theorem("fedavg-convergence").forms
    for eta, rounds, local in (
        (1.0, 4, 1),
        (0.5, 2, 1),
        (0.5, 8, 1),
        (0.25, 8, 1),
        (0.25, 2, 2),
        (0.125, 4, 2),
        (0.0625, 2, 4),
    ):
        worst = gradient_descent(eta, rounds * local, every=local)
        name = f"eta L = {eta:g}, {rounds} rounds of {local} step{'s' if local > 1 else ''}, no noise"
        numbers = {"gap": 1.0, "eta": eta, "tau": local, "T": rounds, "L": 1.0, "sigma": 0.0, "A": 1.0, "N": 1}
        for form in ("sharp", "explicit") if eta * local <= 0.25 else ("sharp",):
            bound = forms[form](**numbers, beta=1.0, kappa=0.0).value
            yield form, name, quadratic_value(eta, rounds * local, local), enclosure(worst)[1], bound, worst.name
