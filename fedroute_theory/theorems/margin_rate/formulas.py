"""The margin rates as pure functions of numbers and small arrays: the calculator's side of the theorem."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import LEAST_K2, RANGE, ROUNDING, Formula, Quantity
from fedroute_theory.theorems.margin_rate.lines import power_split, split, two_model_loss


def margin_line(*, osc: FloatArray, margin: FloatArray, mass: FloatArray) -> Bound:
    """E[osc e; D <= osc e]."""
    _same_size(mass, osc=osc, margin=margin)
    _check_margin(margin)
    return Bound({"spread where it passes the margin": float(mass @ np.where(margin <= osc, osc, 0.0))})


def sup_rate(*, eps: float, a: float, t0: float) -> Bound:
    """2 eps min(1, (2 eps / t0)^a)."""
    return Bound({"two sup errors within the margin": 2.0 * eps * min(1.0, 2.0 * eps / t0) ** a})


def l2_rate(*, s: float, a: float, t0: float) -> Bound:
    """min over t of s^2 / t + E phi_t(D); (a+2)/(a+1) ((1+a) kappa_a)^(1/(a+2)) s^((2a+2)/(a+2)) t0^(-a/(a+2)) while
    s^2 <= (1+a) kappa_a t0^2, kappa_a = (a + 2^-(a+1)) / ((a+1)(a+2)), and s from s = t0."""
    error, margin = (t0 * term for term in power_split(s / t0, a)) if s < t0 else (s / 2.0, s / 2.0)
    return Bound({"error": error, "margin": margin})


def l2_simple(*, s: float, a: float, t0: float) -> Bound:
    """min over t of s^2 / t + (t / 4) min(1, (t / t0)^a), weaker."""
    if s >= t0:
        return Bound({"error": s / 2.0, "margin": s / 2.0})
    unit = s / t0
    t = min(1.0, (4.0 * unit**2 / (1.0 + a)) ** (1.0 / (a + 2.0)))
    options = [(s * (unit / t) if t > 0.0 else 0.0, 0.25 * t0 * t ** (1.0 + a)), (s / 2.0, s / 2.0)]
    error, margin = min(options, key=sum)
    return Bound({"error": error, "margin": margin})


def separated(*, s: float, t0: float) -> Bound:
    """min(s, s^2 / t0) where no margin is below t0 (exponent infinity)."""
    return Bound({"error": s * min(1.0, s / t0)})


def l2_law(*, s: float, margin: FloatArray, mass: FloatArray, R: float) -> Bound:
    """min over t of s^2 / t + E phi_t(D) for a given law of the margin."""
    _same_size(mass, margin=margin)
    _check_margin(margin, R)
    error, lost = split(margin, mass, s**2, R)
    return Bound({"error": error, "margin": lost}, trivial=R)


def two_model(*, s: float, a: float, t0: float) -> Bound:
    """E[D; D <= u] with E[D^2; D <= u] = s^2 for the exact law P(D <= t) = min(1, (t / t0)^a), two models."""
    unit = min(1.0, (s / t0) * ((a + 2.0) / a) ** 0.5) if s < t0 else 1.0
    u = unit ** (2.0 / (a + 2.0))
    return Bound({"margins up to u": t0 * a / (a + 1.0) * u ** (a + 1.0)})


def two_model_law(*, s: float, margin: FloatArray, mass: FloatArray) -> Bound:
    """E[D; D <= u] with E[D^2; D <= u] = s^2 for a given law of the margin, two models."""
    _same_size(mass, margin=margin)
    _check_margin(margin)
    return Bound({"margins up to u": two_model_loss(margin, mass, s**2)})


def chained(*, eps: float, k2_sup: float, a: float, t0: float) -> Bound:
    """The l2 form with s^2 = eps^2 sup k2, eps the root mean squared error under the logging law."""
    return l2_rate(s=eps * float(np.sqrt(k2_sup)), a=a, t0=t0)


def joint(*, eps: float, margin: FloatArray, k2: FloatArray, mass: FloatArray, R: float) -> Bound:
    """min over theta of eps^2 / theta + E phi_{theta k2}(D), losses capped at R; k2 = 0 stands for no coverage."""
    _same_size(mass, margin=margin, k2=k2)
    _check_margin(margin, R)
    error, lost = split(margin, mass, eps**2, R, np.where(k2 > 0.0, k2, np.inf))
    return Bound({"error": error, "margin": lost}, trivial=R)


def _same_size(mass: FloatArray, **arrays: FloatArray) -> None:
    for name, values in arrays.items():
        if values.size != mass.size:
            raise InputError(f"The '{name}' parameter must have one entry a query ({mass.size}); got {values.size}.")


def _check_margin(margin: FloatArray, R: float = math.inf) -> None:
    """A margin is the distance to a strictly smaller utility within the range; infinite where there is none."""
    outside = margin[(margin <= 0.0) | (np.isfinite(margin) & (margin > R * (1.0 + ROUNDING)))]
    if outside.size:
        inside = f"lie in (0, R = {R:g}]" if math.isfinite(R) else "be positive"
        raise InputError(f"The 'margin' entries must {inside} or be Infinity; got {outside[0]:g}.")


_EPS = Quantity("bound on every |U - U_hat|", "utility", 0.0, 1e9)
_S = Quantity("root of E osc(e)^2, osc the spread of the errors over models", "utility", 0.0, 1e9)
_A = Quantity("margin exponent", "", 0.0, 1e6)
_T0 = Quantity("margin scale: P(0 < D <= t) <= (t / t0)^a", "utility", 0.0, 1e9, open_low=True)
_MARGIN = Quantity(
    "margin of each query: best utility minus the largest strictly smaller one, Infinity where all are equal",
    "utility", 0.0, shape=(None,), infinite=True,
)  # fmt: skip
_MASS = Quantity("test mass of each query", "", 0.0, shape=(None,), law=True)
_POWER = {"s": _S, "a": _A, "t0": _T0}
_RMS = Quantity("root mean squared error of U_hat under the logging law", "utility", 0.0, 1e9)

FORMS = {
    "l2": Formula(l2_rate, _POWER),
    "l2-simple": Formula(l2_simple, _POWER),
    "sup": Formula(sup_rate, {"eps": _EPS, "a": _A, "t0": _T0}),
    "separated": Formula(separated, {"s": _S, "t0": _T0}),
    "two-model": Formula(two_model, _POWER | {"a": Quantity("margin exponent", "", 0.0, 1e6, open_low=True)}),
    "margin": Formula(
        margin_line,
        {
            "osc": Quantity("spread max e - min e of the errors at each query", "utility", 0.0, shape=(None,)),
            "margin": _MARGIN,
            "mass": _MASS,
        },
    ),
    "law": Formula(l2_law, {"s": _S, "margin": _MARGIN, "mass": _MASS, "R": RANGE}),
    "two-model-law": Formula(two_model_law, {"s": _S, "margin": _MARGIN, "mass": _MASS}),
    "chained": Formula(
        chained,
        {
            "eps": _RMS,
            "k2_sup": Quantity("sup of max w + w'", "", LEAST_K2, 1e9, slack=ROUNDING),
            "a": _A,
            "t0": _T0,
        },
    ),
    "joint": Formula(
        joint,
        {
            "eps": _RMS,
            "margin": _MARGIN,
            "k2": Quantity("max over m != m' of w + w' at each query, 0 where a pair is not covered", "", 0.0, shape=(None,)),
            "mass": _MASS,
            "R": RANGE,
        },
    ),
}
