"""The calculator: what a client pays for its own bias, and from how many records it is better off alone."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import C_MAX, DELTA, LAM, LEAST_K2, ROUNDING, Formula, Quantity
from fedroute_theory.theorems.least_squares.constants import BEST
from fedroute_theory.theorems.least_squares.formulas import LOG_CLASS
from fedroute_theory.theorems.mlp_router import formulas


def pooled_bias(*, base: float, bias: float) -> Bound:
    """bound(rho_bar, D) + E_nu osc h_j."""
    return Bound({"pooled router": base, "client's own bias": bias})


def client(
    *, K2: float, S_q: float, S_c: float, log_class: float, n: float, lam: float, c_max: float, delta: float, bias: float
) -> Bound:
    """sqrt(K2) (sqrt(r_q) + lam c_max sqrt(r_c)) + E_nu osc h_j; K2 and records of all clients, S against f_pool."""
    base = formulas.finite_class(K2=K2, S_q=S_q, S_c=S_c, log_class=log_class, n=n, lam=lam, c_max=c_max, delta=delta)
    return Bound(dict(base.terms) | {"client's own bias": bias}, delta=delta, trivial=1.0 + lam * c_max)


def alone_from(*, federated: float, K2: float, log_class: float, lam: float, c_max: float, delta: float) -> Bound:
    """Records above which a client's own bound at S = 0 is below `federated`: L / -log(1 - c v), v = (federated / R)^2 / K2."""
    v = (federated / (1.0 + lam * c_max)) ** 2 / K2
    if BEST * v >= 1.0:  # even one record gives a smaller bound
        return Bound({"records": 0.0}, kind="comparison")
    return Bound({"records": (log_class + math.log(2.0 / delta)) / -math.log1p(-BEST * v)}, kind="comparison")


def bias_of(*, mass: FloatArray, own: FloatArray, pool: FloatArray) -> Bound:
    """E_nu osc h_j for utilities (n, M) of the client and of the pool at queries of the given test mass (n,)."""
    if own.shape != pool.shape or own.shape[0] != mass.size:
        raise InputError(
            f"The 'own' and 'pool' parameters must have one row for each entry of 'mass' ({mass.size}) and one shape; "
            f"got {own.shape} and {pool.shape}."
        )
    return Bound({"bias": float(mass @ np.ptp(own - pool, axis=1))}, kind="identity")


_BIAS = Quantity("E_nu osc h_j of the client", "utility", 0.0)
_UTILITIES = (None, None)
FORMS = {
    "client": Formula(client, dict(formulas.FORMS["finite-class"].quantities) | {"bias": _BIAS}),
    "pooled-bias": Formula(pooled_bias, {"base": Quantity("bound of the pooled router", "utility", 0.0), "bias": _BIAS}),
    "bias": Formula(
        bias_of,
        {
            "mass": Quantity("test mass of each query", "", 0.0, shape=(None,), law=True),
            "own": Quantity("the client's utility of each model at each query", "utility", shape=_UTILITIES),
            "pool": Quantity("the pooled utility of each model at each query", "utility", shape=_UTILITIES),
        },
    ),
    "alone-from": Formula(
        alone_from,
        {
            "federated": Quantity("the client's federated bound, bias included", "utility", 0.0, open_low=True),
            "K2": Quantity("K2 of the client's own records", "", LEAST_K2, slack=ROUNDING),
            "log_class": LOG_CLASS,
            "lam": LAM,
            "c_max": C_MAX,
            "delta": DELTA,
        },
    ),
}
