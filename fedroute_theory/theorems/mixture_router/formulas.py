"""The mixture bounds as pure functions of numbers and small arrays: the calculator's side of the theorem."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import DELTA, MOST, RANGE, Formula, Quantity
from fedroute_theory.theorems.kmeans_router.widths import hoeffding

HARMONIC_FACTOR = 2.0
"""The harmonic mean of two levels is HARMONIC_FACTOR B B' / (B + B'), and less than HARMONIC_FACTOR times the smaller."""


def harmonic_weight(local: FloatArray, federated: FloatArray) -> FloatArray:
    """Weight B_fed / (B_loc + B_fed) of the local side, at which both sides contribute equally.

    Levels may be infinite (nothing is known of that side): weight 0 or 1; 1/2 where both are 0 or both infinite.
    """
    total = local + federated
    usable = np.isfinite(total) & (total > 0.0)
    ratio = np.divide(federated, total, out=np.full(np.shape(total), 0.5), where=usable)
    one_sided = np.where(np.isinf(local) & np.isfinite(federated), 0.0, ratio)
    result: FloatArray = np.where(np.isinf(federated) & np.isfinite(local), 1.0, one_sided)
    return result


def mixed_widths(
    weight: FloatArray,
    n_loc: FloatArray | IntArray,
    n_fed: FloatArray | IntArray,
    shared: FloatArray | IntArray,
    log_term: float,
    label_range: float,
) -> FloatArray:
    """R sqrt(log_term / 2 (u^2 / n_loc + (1 - u)^2 / n_fed + 2 u (1 - u) shared / (n_loc n_fed))).

    Hoeffding (1963), theorem 2, for the weighted sum u * local mean + (1 - u) * federated mean, in which a record of both
    counts once with both weights. A side with n = 0 is left out.
    """
    mine = np.divide(weight, n_loc, out=np.zeros(np.shape(weight)), where=n_loc > 0)
    ours = np.divide(1.0 - weight, n_fed, out=np.zeros(np.shape(weight)), where=n_fed > 0)
    squares = n_loc * mine**2 + n_fed * ours**2 + 2.0 * shared * mine * ours
    width: FloatArray = label_range * hoeffding(np.ones(1), log_term) * np.sqrt(squares)
    return width


def _half(local: FloatArray, federated: FloatArray) -> FloatArray:
    """B_loc B_fed / (B_loc + B_fed), what each side contributes at the harmonic weight (1 - u would lose digits)."""
    least, most = np.minimum(local, federated), np.maximum(local, federated)
    half: FloatArray = least / (1.0 + np.divide(least, most, out=np.zeros(np.shape(most)), where=most > 0.0))
    return half


def constant(*, u: float, B_loc: float, B_fed: float) -> Bound:
    """u B_loc + (1 - u) B_fed."""
    return Bound({"local": u * B_loc, "federated": (1.0 - u) * B_fed})


def harmonic(*, B_loc: float, B_fed: float, delta: float) -> Bound:
    """2 B_loc B_fed / (B_loc + B_fed), at weight B_fed / (B_loc + B_fed); each level may fail with probability delta / 2."""
    u, half = float(harmonic_weight(np.asarray(B_loc), np.asarray(B_fed))), float(_half(np.asarray(B_loc), np.asarray(B_fed)))
    return Bound({"local": half, "federated": half}, delta, notes=f"weight of the local side {u:.6g}")


def smaller(*, B_loc: float, B_fed: float, delta: float) -> Bound:
    """min(B_loc, B_fed) for the side with the smaller level; each level may fail with probability delta / 2."""
    return Bound({"smaller level": min(B_loc, B_fed)}, delta)


def pointwise(*, mass: FloatArray, B_loc: FloatArray, B_fed: FloatArray) -> Bound:
    """sum_x nu(x) 2 B_loc(x) B_fed(x) / (B_loc(x) + B_fed(x)): a weight a query, never above the harmonic mean of the sums."""
    if not mass.size == B_loc.size == B_fed.size:
        raise InputError(
            f"The 'B_loc' and 'B_fed' parameters must have one entry a query ({mass.size}); got {B_loc.size} and {B_fed.size}."
        )
    half = float(mass @ _half(B_loc, B_fed))
    return Bound({"local": half, "federated": half})


def per_model(*, u: FloatArray, b_loc: FloatArray, b_fed: FloatArray) -> Bound:
    """top2(u b_loc + (1 - u) b_fed): the sum of the two largest mixed error bounds, weights model by model."""
    if not u.size == b_loc.size == b_fed.size:
        raise InputError(
            f"The 'b_loc' and 'b_fed' parameters must have one entry a model ({u.size} in 'u'); "
            f"got {b_loc.size} and {b_fed.size}."
        )
    if u.size < 2:
        raise InputError(f"The 'u' parameter must have at least two entries, one a model; got {u.size}.")
    b = np.sort(u * b_loc + (1.0 - u) * b_fed)[::-1]
    return Bound({"largest error": float(b[0]), "second largest error": float(b[1])})


def disagreement(*, u: float, B_loc: float, B_fed: float, apart: float) -> Bound:
    """u B_loc + (1 - u) B_fed + E osc(U_u - U_mix): any router that stays close to the constant mixture U_u."""
    return Bound({**constant(u=u, B_loc=B_loc, B_fed=B_fed).terms, "distance to the constant mixture": apart})


def weighted_width(*, n_loc: float, n_fed: float, shared: float, u: float, N: float, R: float, delta: float) -> Bound:
    """R sqrt(log(2N/delta)/2 (u^2/n_loc + (1-u)^2/n_fed + 2u(1-u) shared/(n_loc n_fed))): label-free weights."""
    if shared > min(n_loc, n_fed):
        raise InputError(f"The 'shared' parameter must be at most the records of either side; got {shared:g}.")
    weight, mine, ours, both = (np.array([v]) for v in (u, n_loc, n_fed, shared))
    return Bound({"width": float(mixed_widths(weight, mine, ours, both, math.log(2.0 * N / delta), R)[0])}, delta)


_U = Quantity("weight of the local side", "", 0.0, 1.0)
_LOC = Quantity("level of the local side: a bound on E osc(U - U_loc)", "utility", 0.0)
_FED = replace(_LOC, meaning="level of the federated side: a bound on E osc(U - U_fed)")
_PAIR = {"B_loc": _LOC, "B_fed": _FED}
_MASS = Quantity("test mass of each query", "", 0.0, 1.0, shape=(None,), law=True)
_COUNT = Quantity("records behind the local mean", "records", 1.0, whole=True)
FORMS = {
    "constant": Formula(constant, {"u": _U, **_PAIR}),
    "harmonic": Formula(harmonic, {**_PAIR, "delta": DELTA}),
    "smaller": Formula(smaller, {**_PAIR, "delta": DELTA}),
    "pointwise": Formula(
        pointwise,
        {
            "mass": _MASS,
            "B_loc": replace(_LOC, meaning="bound on osc(U - U_loc) at each query", shape=(None,)),
            "B_fed": replace(_FED, meaning="bound on osc(U - U_fed) at each query", shape=(None,)),
        },
    ),
    "per-model": Formula(
        per_model,
        {
            "u": replace(_U, meaning="weight of the local side, one a model", shape=(None,)),
            "b_loc": Quantity("bounds on |U - U_loc|, one a model", "utility", 0.0, shape=(None,)),
            "b_fed": Quantity("bounds on |U - U_fed|, one a model", "utility", 0.0, shape=(None,)),
        },
    ),
    "disagreement": Formula(
        disagreement,
        {
            "u": replace(_U, meaning="weight of the local side in the constant mixture U_u"),
            **_PAIR,
            "apart": Quantity("E osc(U_u - U_mix), which needs no truth", "utility", 0.0),
        },
    ),
    "weighted-width": Formula(
        weighted_width,
        {
            "n_loc": _COUNT,
            "n_fed": replace(_COUNT, meaning="records behind the federated mean"),
            "shared": Quantity("records behind both means", "records", 0.0, whole=True),
            "u": _U,
            "N": Quantity("number of mixed means", "", 1.0, MOST, whole=True),
            "R": RANGE,
            "delta": DELTA,
        },
    ),
}
