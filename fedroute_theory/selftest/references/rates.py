"""margin-rate and fedavg-convergence: integrals by quadrature, minima by search, roots by bracketing."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

from fedroute_theory.selftest.references.base import Expected, Reference, total

Numbers = list[float]


def loss_at(D: float, t: float, cap: float = math.inf) -> float:
    """max of 0 and z - z^2 / t over z in [D, cap]."""
    if min(t, cap) < D:
        return 0.0
    z = min(max(t / 2.0, D), cap)
    return max(0.0, z - z * z / t) if math.isfinite(t) else cap


def least(objective: Callable[[float], float], low: float, high: float) -> float:
    """Minimiser on a logarithmic grid, refined."""
    grid = np.geomspace(low, high, 401)
    values = [objective(float(t)) for t in grid]
    i = int(np.argmin(values))
    a, b = math.log(grid[max(0, i - 1)]), math.log(grid[min(400, i + 1)])
    found = minimize_scalar(lambda x: objective(math.exp(x)), bounds=(a, b), method="bounded", options={"xatol": 1e-11})
    return math.exp(float(found.x)) if found.fun < values[i] else float(grid[i])


@lru_cache(maxsize=4096)
def power_loss(t: float, a: float) -> float:
    """E phi_t(D) for P(D <= r) = min(1, r^a), by quadrature in the distribution's own scale."""
    top = min(1.0, t)
    points = [p for p in (t / 2.0,) if p < top]
    value = sum(
        quad(lambda r: loss_at(r, t) * a * r ** (a - 1.0), u, v, epsabs=1e-13)[0]
        for u, v in zip([0.0, *points], [*points, top], strict=True)
    )
    return float(value)


@lru_cache(maxsize=64)
def l2_terms(s: float, a: float, t0: float) -> tuple[float, float]:
    """(error, margin) at the best t."""
    if s >= t0:
        return s / 2.0, s / 2.0
    unit = s / t0
    t = least(lambda t: unit**2 / t + power_loss(t, a), unit / 4.0, 4.0)
    return t0 * unit**2 / t, t0 * power_loss(t, a)


def l2(*, s: float, a: float, t0: float) -> Expected:
    """The best t."""
    error, margin = l2_terms(s, a, t0)
    return Expected({"error": error, "margin": margin})


def l2_simple(*, s: float, a: float, t0: float) -> Expected:
    """min over t of s^2 / t + (t / 4) min(1, (t / t0)^a)."""

    def objective(t: float) -> float:
        return float(s * s / t + t / 4.0 * min(1.0, (t / t0) ** a))

    t = least(objective, 0.01 * s, 100.0 * max(s, t0))
    return Expected({"error": s * s / t, "margin": objective(t) - s * s / t})


def sup(*, eps: float, a: float, t0: float) -> Expected:
    """2 eps times the mass of margins up to 2 eps."""
    return total(2.0 * eps * min(1.0, (2.0 * eps / t0) ** a))


def law(*, s: float, margin: Numbers, mass: Numbers, R: float) -> Expected:
    """The best t for a list of margins."""
    return joint(eps=s, margin=margin, k2=[1.0] * len(margin), mass=mass, R=R)


def joint(*, eps: float, margin: Numbers, k2: Numbers, mass: Numbers, R: float) -> Expected:
    """The best theta for margins and coverage; without coverage the whole range is lost."""
    rows = [(m / sum(mass), d, k if k > 0.0 else math.inf) for m, d, k in zip(mass, margin, k2, strict=True) if m > 0.0]

    def lost(theta: float) -> float:
        return sum(p * loss_at(d, theta * k, R) for p, d, k in rows)

    t = least(lambda t: eps * eps / t + lost(t), 1e-4, 1e5)
    return total(min(eps * eps / t + lost(t), lost(math.inf)), R)


def margin_line(*, osc: Numbers, margin: Numbers, mass: Numbers) -> Expected:
    """Query by query."""
    return total(sum(p * o for p, o, d in zip(mass, osc, margin, strict=True) if d <= o) / sum(mass))


def two_model(*, s: float, a: float, t0: float) -> Expected:
    """Moments of the power law up to u by quadrature, u by bracketing."""

    def moment(u: float, k: float) -> float:
        return float(quad(lambda r: r**k * a * r ** (a - 1.0), 0.0, u, epsabs=1e-14)[0])

    unit = s / t0
    u = 1.0 if moment(1.0, 2.0) <= unit**2 else brentq(lambda u: moment(u, 2.0) - unit**2, 0.0, 1.0, xtol=1e-14)
    return total(t0 * moment(u, 1.0))


def two_model_law(*, s: float, margin: Numbers, mass: Numbers) -> Expected:
    """The smallest margins first, the last one in part."""
    left, value = s * s, 0.0
    for d, p in sorted(zip(margin, mass, strict=True)):
        share = min(p / sum(mass), left / (d * d)) if d > 0.0 else p / sum(mass)
        left, value = left - share * d * d, value + share * d
    return total(value)


def chained(*, eps: float, k2_sup: float, a: float, t0: float) -> Expected:
    """l2 at the root of eps^2 sup k2."""
    return l2(s=(eps * eps * k2_sup) ** 0.5, a=a, t0=t0)


_POWERS = [{"s": s, "a": a, "t0": 0.6} for s, a in ((0.05, 1.0), (0.2, 1.0), (0.2, 0.4), (0.45, 2.0), (0.59, 1.0), (0.7, 1.0))]
_D = {"margin": [0.05, 0.1, 0.3, 0.7, 0.2], "mass": [0.1, 0.2, 0.3, 0.15, 0.25]}
_NEAR = _D | {"margin": [0.05, 0.1, 0.2, 0.25, math.inf]}  # none above the range R = 0.25
_K = {"k2": [4.0, 9.0, 5.0, 12.0, 0.0]}
MARGIN = {
    "l2": Reference(l2, _POWERS, 1e-7),
    "l2-simple": Reference(l2_simple, [*_POWERS, {"s": 0.58, "a": 4.0, "t0": 0.6}], 1e-7),
    "sup": Reference(sup, [{"eps": 0.1, "a": 1.5, "t0": 0.6}, {"eps": 0.4, "a": 1.5, "t0": 0.6}]),
    "separated": Reference(
        lambda *, s, t0: total(min(s, s * s / t0)), [{"s": 0.1, "t0": 0.6}, {"s": 0.7, "t0": 0.6}]
    ),
    "two-model": Reference(two_model, [*_POWERS, {"s": 0.36, "a": 1.0, "t0": 0.6}], 1e-8),
    "margin": Reference(margin_line, [_D | {"osc": [0.06, 0.08, 0.4, 0.6, 0.2]}]),
    "law": Reference(
        law, [*(_D | {"s": s, "R": 1.0} for s in (0.05, 0.2, 0.6, 2.0)), _NEAR | {"s": 0.2, "R": 0.25}], 1e-7
    ),
    "two-model-law": Reference(two_model_law, [_D | {"s": s} for s in (0.02, 0.1, 0.2, 0.3, 0.9)]),
    "chained": Reference(chained, [{"eps": 0.05, "k2_sup": 6.0, "a": 1.2, "t0": 0.5}], 1e-7),
    "joint": Reference(
        joint, [*(_D | _K | {"eps": e, "R": 1.0} for e in (0.02, 0.06, 0.5)), _NEAR | _K | {"eps": 0.06, "R": 0.25}], 1e-7
    ),
}  # fmt: skip


def drifts(eta: float, tau: int, L: float) -> tuple[float, float, float]:
    """nu, phi, psi, step by step."""
    g = 1.0 + eta * L
    powers = [g**k for k in range(tau)]
    nu, phi = sum(p * p for p in powers) / tau, sum(p - 1.0 for p in powers) / tau
    psi = eta * L * sum(math.sqrt(sum(p * p for p in powers[:k])) for k in range(tau)) / tau
    return nu, phi, psi


def sharp(
    *, gap: float, eta: float, tau: int, T: int, L: float, sigma: float, A: float, N: int, beta: float, kappa: float
) -> Expected:
    """The root of the descent inequality, and the terms at the Young parameters that are tight there."""
    nu, phi, psi = drifts(eta, tau, L)
    s, given = eta * tau * L, 2.0 * gap / (eta * tau * T) + eta * L * nu * A * sigma**2 / N

    def left(y: float) -> float:
        e = phi * math.sqrt(beta**2 * y + kappa**2) + psi * sigma
        return (2.0 - s) * y - 2.0 * abs(1.0 - s) * math.sqrt(y) * e - s * e * e

    if given == 0.0 and (kappa == 0.0 or tau == 1) and sigma == 0.0:
        return total(0.0)
    grid = np.geomspace(1e-12, 1e9, 4000)
    above = int(np.argmax([left(float(y)) > given for y in grid]))
    return total(brentq(lambda y: left(y) - given, float(grid[above - 1]), float(grid[above]), xtol=1e-15, rtol=1e-13))


def four(constants: tuple[float, float, float, float]) -> Callable[..., Expected]:
    """The four terms with the given constants."""

    def value(
        *, gap: float, tau: int, T: int, L: float, sigma: float, A: float, N: int, beta: float, kappa: float,
        eta: float | None = None,
    ) -> Expected:  # fmt: skip
        del beta
        step = math.sqrt(N / (tau * T)) if eta is None else eta
        square = (step * L) ** 2 * (tau - 1)
        parts = gap / (step * tau * T), step * L * A * sigma**2 / N, square * sigma**2, square * tau * kappa**2
        names = ("initial gap", "noise", "local noise drift", "heterogeneity drift")
        return Expected({k: c * p for k, c, p in zip(names, constants, parts, strict=True)})

    return value


def lesser(**given: float) -> Expected:
    """Both textbook sets."""
    both = [four((42 / 19, 28 / 19, 24 / 19, 32 / 19)), four((56 / 31, 56 / 31, 48 / 31, 64 / 31))]
    return min((f(**given) for f in both), key=lambda e: e.value)


_RUN = {"gap": 2.0, "eta": 0.01, "tau": 4, "T": 50, "L": 3.0, "sigma": 1.5, "A": 1.3, "N": 5, "beta": 1.5, "kappa": 0.7}
_STEP = {"gap": 2.0, "tau": 3, "T": 5000, "L": 1.2, "sigma": 1.5, "A": 1.3, "N": 5, "beta": 1.5, "kappa": 0.7}
_RUNS = [_RUN, _RUN | {"sigma": 6.0, "gap": 0.1}, _RUN | {"kappa": 9.0, "gap": 0.1}, _RUN | {"gap": 60.0}]
FEDAVG = {
    "sharp": Reference(
        sharp,
        [*_RUNS, _RUN | {"tau": 1, "eta": 0.2}, _RUN | {"sigma": 0.0}, _RUN | {"kappa": 0.0}, _RUN | {"gap": 0.0},
         _RUN | {"tau": 1, "eta": 0.5}, _RUN | {"sigma": 0.0, "kappa": 0.0}, _RUN | {"sigma": 0.0, "kappa": 0.0, "gap": 0.0},
         _RUN | {"eta": 0.02, "tau": 6}],
        1e-8,
    ),
    "explicit": Reference(four((8 / 5, 21 / 20, 6 / 5, 3 / 2)), _RUNS),
    "two-sets": Reference(lesser, _RUNS),
    "published-step": Reference(four((8 / 5, 21 / 20, 6 / 5, 3 / 2)), [_STEP]),
}  # fmt: skip
