"""The K-means bounds as pure functions of numbers and small arrays: the calculator's side of the theorem."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import C_MAX, DELTA, LAM, MOST, RANGE, Formula, Quantity
from fedroute_theory.theorems.kmeans_router.expected import expected_of
from fedroute_theory.theorems.kmeans_router.expected_kl import expected_kl_of
from fedroute_theory.theorems.kmeans_router.forms import pointwise_terms
from fedroute_theory.theorems.kmeans_router.widths import hoeffding, kl_interval


def three_terms(
    *,
    L: float,
    distance: float,
    mismatch: float,
    n_min: float,
    N: float,
    R: float,
    delta: float,
    hole_mass: float = 0.0,
) -> Bound:
    """2L E|x - c(x)| + 2L mismatch + 2R sqrt(log(2N/delta) / (2 n_min)) + R hole_mass."""
    return Bound(
        {
            "distance": 2.0 * L * distance,
            "mismatch": 2.0 * L * mismatch,
            "statistical": 2.0 * R * float(hoeffding(np.asarray(n_min), math.log(2.0 * N / delta))),
            "unlogged": R * hole_mass,
        },
        delta,
        trivial=R,
    )


def three_terms_all_lam(
    *,
    L: float,
    distance: float,
    mismatch: float,
    n_min: float,
    N: float,
    lam: float,
    c_max: float,
    delta: float,
    hole_mass: float = 0.0,
) -> Bound:
    """As three-terms with quality and cost intervals apart, log(4N/delta): one event for all lam at once."""
    return three_terms(
        L=L,
        distance=distance,
        mismatch=mismatch,
        n_min=n_min,
        N=2.0 * N,
        R=1.0 + lam * c_max,
        delta=delta,
        hole_mass=hole_mass,
    )


def _widths(counts: FloatArray, N: float, R: float, delta: float) -> FloatArray:
    """Hoeffding half-widths; R/2 for a pair without records, estimated at mid-range."""
    if (counts > 0).sum() > N:
        raise InputError(f"The 'N' parameter must be at least the number of non-empty pairs ({(counts > 0).sum()}); got {N:g}.")
    return np.where(counts > 0, R * hoeffding(counts, math.log(2.0 * N / delta)), R / 2.0)


def sharp_at(*, L: float, distance: float, radius: FloatArray, counts: FloatArray, N: float, R: float, delta: float) -> Bound:
    """The sharp form for one query at `distance` from its centre."""
    _same_length(radius=radius, counts=counts)
    logged = counts > 0
    parts = {
        "distance": np.where(logged, L * distance, 0.0),
        "records": np.where(logged, L * radius, 0.0),
        "statistical": np.where(logged, _widths(counts, N, R, delta), 0.0),
        "unlogged": np.where(logged, 0.0, R / 2.0),
    }
    rows = {name: (v[None], v[None]) for name, v in parts.items()}
    return Bound(pointwise_terms(rows, np.ones(1), R), delta, trivial=R)


def pairwise_at(*, L: float, record_distance: FloatArray, counts: FloatArray, N: float, R: float, delta: float) -> Bound:
    """The pairwise form for one query with the given mean distances to the records of each model."""
    _same_length(record_distance=record_distance, counts=counts)
    bound = sharp_at(L=L, distance=0.0, radius=record_distance, counts=counts, N=N, R=R, delta=delta)
    return Bound({name: value for name, value in bound.terms.items() if name != "distance"}, delta, trivial=R)


def policy_at(
    *,
    L: float,
    distance: float,
    radius: FloatArray,
    counts: FloatArray,
    estimate: FloatArray,
    chosen: int,
    N: float,
    lam: float,
    c_max: float,
    delta: float,
) -> Bound:
    """The policy form for one query."""
    _same_length(radius=radius, counts=counts, estimate=estimate)
    if chosen >= estimate.size:
        raise InputError(f"The 'chosen' parameter must be at most {estimate.size - 1}; got {chosen}.")
    low, R = -lam * c_max, 1.0 + lam * c_max
    logged = counts > 0
    b = np.where(logged, L * (distance + radius), 0.0) + _widths(counts, N, R, delta)
    high = np.where(logged, np.minimum(estimate + b, 1.0), 1.0)
    floor = np.where(logged, np.maximum(estimate - b, low), low)[chosen]
    rival = float(np.delete(high, chosen).max())
    return Bound({"best rival": rival - floor, "cap at zero": max(0.0, floor - rival)}, delta, trivial=R)


def spread_of(
    *,
    L: float,
    mass: FloatArray,
    spread: FloatArray,
    s: FloatArray,
    counts: FloatArray,
    N: float,
    R: float,
    delta: float,
) -> Bound:
    """sum_k nu_k (L spread_k + top2(s_k + w_k)), s the absolute mismatch by cell and model."""
    relative = relative_of(mass=mass, s=s, counts=counts, N=N, R=R, delta=delta)
    _same_length(mass=mass, spread=spread)
    return Bound({"distance": L * float(mass @ spread)} | dict(relative.terms), delta, trivial=R)


def relative_of(*, mass: FloatArray, s: FloatArray, counts: FloatArray, N: float, R: float, delta: float) -> Bound:
    """sum_k nu_k top2(s_k + w_k)."""
    if s.shape != counts.shape or s.shape[0] != mass.size:
        raise InputError(f"The 's' and 'counts' parameters must have shape ({mass.size}, M); got {s.shape} and {counts.shape}.")
    logged = counts > 0
    parts = {
        "mismatch": np.where(logged, s, 0.0),
        "statistical": np.where(logged, _widths(counts, N, R, delta), 0.0),
        "unlogged": np.where(logged, 0.0, R / 2.0),
    }
    return Bound(pointwise_terms({k: (v, v) for k, v in parts.items()}, mass, R), delta, trivial=R)


def hoeffding_width(*, n: float, N: float, R: float, delta: float) -> Bound:
    """R sqrt(log(2N/delta) / (2n))."""
    return Bound({"width": R * float(hoeffding(np.asarray(n), math.log(2.0 * N / delta)))}, delta)


def kl_upper(*, mean: float, n: float, N: float, R: float, delta: float) -> Bound:
    """Upper end minus estimate of the kl interval, R times the unit one; `mean` is the estimate scaled to [0, 1]."""
    _, high = kl_interval(np.asarray(mean), np.asarray(n), math.log(2.0 * N / delta))
    return Bound({"width": R * (float(high) - mean)}, delta)


def _same_length(**arrays: FloatArray) -> None:
    sizes = {name: values.size for name, values in arrays.items()}
    if min(sizes.values()) < 2 and "mass" not in sizes:
        short = min(sizes, key=lambda name: sizes[name])
        raise InputError(f"The '{short}' parameter must have at least two entries, one a model; got {sizes[short]}.")
    if len(set(sizes.values())) > 1:
        raise InputError(f"The parameters {', '.join(sizes)} must have one length; got {list(sizes.values())}.")


_L = Quantity("Lipschitz constant of every U(., m)", "utility / distance", 0.0)
_DISTANCE = Quantity("(expected) distance of a test query to its centre", "distance", 0.0)
_N = Quantity("number of non-empty (cell, model) pairs", "", 1.0, MOST, whole=True)
_COUNTS = Quantity("records of each model in the cell, 0 for none", "records", 0.0, whole=True, shape=(None,))
_COUNTS_KM = replace(_COUNTS, meaning="records by cell and model, 0 for none", shape=(None, None))
_RADIUS = Quantity("mean distance of the records to the centre, one a model", "distance", 0.0, shape=(None,))
_MASS = Quantity("test mass of each cell", "", 0.0, 1.0, shape=(None,), law=True)
_S = Quantity("mismatch |cell mean - mean over the records|, by cell and model", "utility", 0.0, shape=(None, None))
_THREE = {
    "L": _L,
    "distance": _DISTANCE,
    "mismatch": Quantity("sum_k nu_k max_m W1(test queries, records)", "distance", 0.0),
    "n_min": Quantity("least number of records of a non-empty pair", "records", 1.0, MOST, whole=True),
    "N": _N,
    "delta": DELTA,
    "hole_mass": Quantity("test mass of cells with an empty pair", "", 0.0, 1.0),
}
FORMS = {
    "three-terms": Formula(three_terms, _THREE | {"R": RANGE}),
    "three-terms-all-lam": Formula(three_terms_all_lam, _THREE | {"lam": LAM, "c_max": C_MAX}),
    "sharp": Formula(
        sharp_at,
        {"L": _L, "distance": _DISTANCE, "radius": _RADIUS, "counts": _COUNTS, "N": _N, "R": RANGE, "delta": DELTA},
    ),
    "policy": Formula(
        policy_at,
        {
            "L": _L,
            "distance": _DISTANCE,
            "radius": _RADIUS,
            "counts": _COUNTS,
            "estimate": Quantity("estimated utilities, one a model", "utility", shape=(None,)),
            "chosen": Quantity("index of the chosen model", "", 0.0, whole=True),
            "N": _N,
            "lam": LAM,
            "c_max": C_MAX,
            "delta": DELTA,
        },
    ),
    "pairwise": Formula(
        pairwise_at,
        {
            "L": _L,
            "record_distance": replace(_RADIUS, meaning="mean distance of the query to the records, one a model"),
            "counts": _COUNTS,
            "N": _N,
            "R": RANGE,
            "delta": DELTA,
        },
    ),
    "spread": Formula(
        spread_of,
        {
            "L": _L,
            "mass": _MASS,
            "spread": Quantity("E|x - x'| for test queries of each cell", "distance", 0.0, shape=(None,)),
            "s": _S,
            "counts": _COUNTS_KM,
            "N": _N,
            "R": RANGE,
            "delta": DELTA,
        },
    ),
    "relative": Formula(relative_of, {"mass": _MASS, "s": _S, "counts": _COUNTS_KM, "N": _N, "R": RANGE, "delta": DELTA}),
    "expected": Formula(expected_of, {"mass": _MASS, "s": _S, "counts": _COUNTS_KM, "R": RANGE}),
    "expected-kl": Formula(expected_kl_of, {"mass": _MASS, "s": _S, "counts": _COUNTS_KM, "R": RANGE}),
    "hoeffding-width": Formula(
        hoeffding_width, {"n": replace(_THREE["n_min"], meaning="records"), "N": _N, "R": RANGE, "delta": DELTA}
    ),
    "kl-width": Formula(
        kl_upper,
        {
            "mean": Quantity("estimate scaled to [0, 1]", "", 0.0, 1.0),
            "n": replace(_THREE["n_min"], meaning="records"),
            "N": _N,
            "R": RANGE,
            "delta": DELTA,
        },
    ),
}
