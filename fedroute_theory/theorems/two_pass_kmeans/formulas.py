"""The bounds of federated K-means as pure functions of numbers and small arrays: the calculator's side of the theorem."""

from __future__ import annotations

import math

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import Formula, Quantity

EXACT_SOLVERS_FACTOR = 5.0
"""The factor of (c) for alpha = beta = 1."""


def certificate(*, inertias: FloatArray, weighted_inertia: float) -> Bound:
    """(b): sum of the clients' inertias plus the weighted inertia of their centres."""
    return Bound({"within local cells": float(inertias.sum()), "between local centres": weighted_inertia})


def approximation(*, alpha: float, beta: float, optimum: float = 1.0) -> Bound:
    """(c): alpha OPT + beta (1 + sqrt(alpha))^2 OPT."""
    return Bound(
        {"within local cells": alpha * optimum, "between local centres": beta * (1.0 + math.sqrt(alpha)) ** 2 * optimum}
    )


def own_ratio(*, inertia: float, weighted_inertia: float) -> Bound:
    """(d): (W + F) / max(W, (sqrt(F) - sqrt(W))_+^2), for exact solvers; 1 when both vanish."""
    optimum = max(inertia, max(0.0, math.sqrt(weighted_inertia) - math.sqrt(inertia)) ** 2)
    if optimum == 0.0:
        return Bound({"nothing to lose": 1.0})
    return Bound(
        {"within local cells": inertia / optimum, "between local centres": weighted_inertia / optimum},
        trivial=EXACT_SOLVERS_FACTOR,
    )


def pooled_mean(*, counts: FloatArray, means: FloatArray) -> Bound:
    """(a): the count-weighted mean of client means of one cell and model."""
    if counts.size != means.size or counts.sum() <= 0:
        raise InputError(f"The 'counts' parameter must be {means.size} counts, not all zero; got {counts.tolist()}.")
    shares = counts / counts.sum()
    return Bound({f"client {i}": float(v) for i, v in enumerate(shares * means)}, kind="identity")


_FACTOR = "the solver's inertia divided by the optimal one"
FORMS = {
    "approximation": Formula(
        approximation,
        {
            "alpha": Quantity("worst local approximation factor: " + _FACTOR, "", 1.0),
            "beta": Quantity("server approximation factor: " + _FACTOR, "", 1.0),
            "optimum": Quantity("OPT_K of all records", "squared distance", 0.0),
        },
    ),
    "certificate": Formula(
        certificate,
        {
            "inertias": Quantity("W_i of each client", "squared distance", 0.0, shape=(None,)),
            "weighted_inertia": Quantity("phi_w(B; C)", "squared distance", 0.0),
        },
    ),
    "own-ratio": Formula(
        own_ratio,
        {
            "inertia": Quantity("W, the sum of the clients' inertias", "squared distance", 0.0),
            "weighted_inertia": Quantity("F = phi_w(B; C)", "squared distance", 0.0),
        },
    ),
    "means": Formula(
        pooled_mean,
        {
            "counts": Quantity("records of the pair, by client", "records", 0.0, whole=True, shape=(None,)),
            "means": Quantity("mean label of the pair, by client", "label", shape=(None,)),
        },
    ),
}
