"""From excess empirical risk and a class to suboptimality: the forms of the calculator."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.coverage_transfer.formulas import range_aware as transfer_range_aware
from fedroute_theory.theorems.formula import C_MAX, DELTA, LAM, LEAST_K2, MOST, RANGE, ROUNDING, Formula, Quantity
from fedroute_theory.theorems.least_squares.constants import PAC_ETAS
from fedroute_theory.theorems.least_squares.formulas import LOG_CLASS, LOG_RATIO, RECORDS, blame, random_level


def root_error(
    *, S_q: float, S_c: float, complexity: float, n: float, lam: float, c_max: float, delta: float, free_eta: bool = True
) -> dict[str, float]:
    """sqrt(r_q) + lam c_max sqrt(r_c), a bound on the root mean squared error of the utility, by what is to blame.

    r_q and r_c are the random-design levels of least-squares at delta / 2 each. S_c: of costs divided by c_max.
    """
    log_delta = math.log(2.0 / delta)
    grid = 0.0 if free_eta else math.log(len(PAC_ETAS))
    found: dict[str, float] = {}
    for label, excess, weight in (("quality", S_q, 1.0), ("cost", S_c, lam * c_max)):
        level, eta = random_level(*_scalars(excess, complexity + log_delta), n, free_eta=free_eta)
        root = weight * math.sqrt(float(level))
        for name, share in blame(float(eta) * excess, complexity + grid, log_delta).items():
            found[f"{name} ({label})"] = root * share
    return found


def utility_root_error(
    *, S: float, complexity: float, n: float, R: float, delta: float, free_eta: bool = True
) -> dict[str, float]:
    """R sqrt(r): the same from one event about the labels q - lam c of one lam, S in squared utility units."""
    log_delta = math.log(1.0 / delta)
    grid = 0.0 if free_eta else math.log(len(PAC_ETAS))
    level, eta = random_level(*_scalars(S / R**2, complexity + log_delta), n, free_eta=free_eta)
    shares = blame(float(eta) * S / R**2, complexity + grid, log_delta)
    return {name: R * math.sqrt(float(level)) * share for name, share in shares.items()}


def _scalars(excess: float, log_term: float) -> tuple[FloatArray, FloatArray]:
    return np.asarray(excess, dtype=np.float64), np.asarray(log_term, dtype=np.float64)


def scaled(terms: dict[str, float], factor: float) -> dict[str, float]:
    """All terms times one factor."""
    return {name: factor * value for name, value in terms.items()}


def finite_class(
    *, K2: float, S_q: float, S_c: float, log_class: float, n: float, lam: float, c_max: float, delta: float
) -> Bound:
    """sqrt(K2) (sqrt(r_q) + lam c_max sqrt(r_c)), r the random-design level of least-squares with log|F| + log(2/delta)."""
    root = root_error(S_q=S_q, S_c=S_c, complexity=log_class, n=n, lam=lam, c_max=c_max, delta=delta)
    return Bound(scaled(root, math.sqrt(K2)), delta=delta, trivial=1.0 + lam * c_max)


def network(
    *,
    K2: float,
    S_q: float,
    S_c: float,
    P: float,
    bits: float,
    n: float,
    lam: float,
    c_max: float,
    delta: float,
    choices: float = 1.0,
) -> Bound:
    """The same with log|F| = P bits log 2 + log(choices): P weights of so many bits, `choices` made after the data."""
    size = P * bits * math.log(2.0) + math.log(choices)
    return finite_class(K2=K2, S_q=S_q, S_c=S_c, log_class=size, n=n, lam=lam, c_max=c_max, delta=delta)


def pac_bayes(
    *, K2: float, S_q: float, S_c: float, log_ratio: float, n: float, lam: float, c_max: float, delta: float
) -> Bound:
    """The same for the router that averages k draws from G: S_q, S_c and log_ratio = log dG/dP are means over the draws."""
    root = root_error(
        S_q=S_q, S_c=S_c, complexity=log_ratio, n=n, lam=lam, c_max=c_max, delta=delta, free_eta=False
    )  # fmt: skip
    return Bound(scaled(root, math.sqrt(K2)), delta=delta, trivial=1.0 + lam * c_max)


def utility(*, K2: float, S: float, log_class: float, n: float, R: float, delta: float) -> Bound:
    """sqrt(K2) R sqrt(r) for one lam fixed beforehand, r with S / R^2 and log|F| + log(1/delta): no log 2, one event."""
    root = utility_root_error(S=S, complexity=log_class, n=n, R=R, delta=delta)
    return Bound(scaled(root, math.sqrt(K2)), delta=delta, trivial=R)


def range_aware(
    *,
    mass: FloatArray,
    k2: FloatArray,
    S_q: float,
    S_c: float,
    log_class: float,
    n: float,
    lam: float,
    c_max: float,
    delta: float,
) -> Bound:
    """E_nu min(R, mu k2), the range-aware form of coverage-transfer at eps = sqrt(r_q) + lam c_max sqrt(r_c)."""
    root = root_error(S_q=S_q, S_c=S_c, complexity=log_class, n=n, lam=lam, c_max=c_max, delta=delta)
    eps = math.fsum(root.values())
    moved = transfer_range_aware(eps=eps, mass=mass, k2=k2, R=1.0 + lam * c_max)
    return Bound(split_holes(root, moved.value, moved.terms["holes"]), delta=delta, trivial=1.0 + lam * c_max)


def split_holes(root: dict[str, float], value: float, holes: float) -> dict[str, float]:
    """Terms of a range-aware value: the holes, and the rest in the proportions of the root error."""
    total = math.fsum(root.values())
    return {"holes": holes} | scaled(root, (value - holes) / total if total > 0.0 else 0.0)


K2 = Quantity("coverage K2 of the records' law, or K2(pi_hat) of the router", "", LEAST_K2, slack=ROUNDING)
S_Q = Quantity("excess empirical risk of the quality", "squared quality")
S_C = Quantity("excess empirical risk of the cost divided by c_max", "")
_LABELS = {"n": RECORDS, "lam": LAM, "c_max": C_MAX, "delta": DELTA}
_RISKS = {"S_q": S_Q, "S_c": S_C}
FORMS = {
    "finite-class": Formula(finite_class, {"K2": K2, **_RISKS, "log_class": LOG_CLASS, **_LABELS}),
    "network": Formula(
        network,
        {
            "K2": K2,
            **_RISKS,
            "P": Quantity("number of weights", "", 1.0, MOST, whole=True),
            "bits": Quantity("bits of each weight", "bits", 0.0, MOST, whole=True),
            **_LABELS,
            "choices": Quantity(
                "number of choices (grids, ranges, architectures) made after the data", "", 1.0, MOST, whole=True
            ),
        },
    ),
    "pac-bayes": Formula(pac_bayes, {"K2": K2, **_RISKS, "log_ratio": LOG_RATIO, **_LABELS}),
    "utility": Formula(
        utility,
        {
            "K2": K2,
            "S": Quantity("excess empirical risk of the utility labels q - lam c", "squared utility"),
            "log_class": LOG_CLASS,
            "n": RECORDS,
            "R": RANGE,
            "delta": DELTA,
        },
    ),
    "range-aware": Formula(
        range_aware,
        {
            "mass": Quantity("test mass of each query", "", 0.0, shape=(None,), law=True),
            "k2": Quantity("max over m != m' of w + w' at each query, 0 where a pair is not covered", "", 0.0, shape=(None,)),
            **_RISKS,
            "log_class": LOG_CLASS,
            **_LABELS,
        },
    ),
}
