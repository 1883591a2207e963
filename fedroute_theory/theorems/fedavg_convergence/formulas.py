"""The forms of the FedAvg bound as pure functions of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fedroute_theory._validate import InputError
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import Formula, Quantity

EXPLICIT = (8 / 5, 21 / 20, 6 / 5, 3 / 2)
"""Constants of the four terms where eta tau L beta <= 1/4."""

TWO_SETS = ((42 / 19, 28 / 19, 24 / 19, 32 / 19), (56 / 31, 56 / 31, 48 / 31, 64 / 31))
"""The constants of the textbook proof, with Young parameters 3 and 1; never below EXPLICIT."""

STEP_LIMIT = 1 / 4
"""Largest eta tau L beta of the forms with fixed constants."""

TERMS = ("initial gap", "noise", "local noise drift", "heterogeneity drift")


@dataclass(frozen=True)
class Growth:
    """What tau local steps do at worst. step: s = eta tau L. noise: nu, drift: phi, noise_drift: psi (see the proof)."""

    step: float
    noise: float
    drift: float
    noise_drift: float

    def margin(self, beta: float) -> float:
        """Slope at infinity of the descent of one round in |grad F|^2; the sharp form needs it positive."""
        pulled = self.drift * beta
        return 2.0 - self.step - 2.0 * abs(1.0 - self.step) * pulled - self.step * pulled**2


def growth(eta: float, tau: int, L: float) -> Growth:
    """nu = mean (1+x)^{2k}, phi = mean ((1+x)^k - 1), psi = mean of x sqrt(sum_{j<k} (1+x)^{2j}), over k < tau, x = eta L.

    Largest tau handled is 10^7; infinite where (1+x)^{2 tau} overflows.
    """
    import numpy as np

    x = eta * L
    if tau > 10_000_000:
        raise InputError(f"The 'tau' parameter must be at most 10000000; got {tau}.")
    if 2 * tau * math.log1p(x) > 700.0:
        return Growth(tau * x, math.inf, math.inf, math.inf)
    k = np.arange(tau)
    grown = np.expm1(k * math.log1p(x))
    sums = np.concatenate([[0.0], np.cumsum((1.0 + grown) ** 2)])
    return Growth(tau * x, float(sums[-1]) / tau, float(grown.mean()), x * float(np.sqrt(sums[:-1]).mean()))


def _check_step(limit_holds: bool, eta: float, tau: float, L: float, beta: float, needed: str) -> None:
    if not limit_holds:
        raise InputError(
            f"The 'eta' parameter must be small enough that {needed}; got {eta} (eta tau L beta {eta * tau * L * beta:.4g})."
        )


def _four(factors: tuple[float, float, float, float], parts: tuple[float, float, float, float], notes: str = "") -> Bound:
    return Bound({name: f * p for name, f, p in zip(TERMS, factors, parts, strict=True)}, notes=notes)


def _parts(
    gap: float, eta: float, tau: float, T: float, L: float, sigma: float, A: float, N: float, kappa: float
) -> tuple[float, float, float, float]:
    """The four terms with constants 1."""
    x = eta * L
    return gap / (eta * tau * T), x * A * sigma**2 / N, x**2 * (tau - 1) * sigma**2, x**2 * tau * (tau - 1) * kappa**2


def sharp(
    *, gap: float, eta: float, tau: int, T: int, L: float, sigma: float, A: float, N: int, beta: float, kappa: float
) -> Bound:
    """The root y of (2-s) y - 2|1-s| sqrt(y) e(y) - s e(y)^2 = 2 gap/(eta tau T) + eta L nu A sigma^2/N (see statement)."""
    check_concentration(A, N)
    g = growth(eta, tau, L)
    _check_step(
        math.isfinite(g.noise) and g.margin(beta) > 0.0, eta, tau, L, beta, "2 - s - 2|1-s| phi beta - s (phi beta)^2 > 0"
    )
    start, noise = 2.0 * gap / (eta * tau * T), eta * L * g.noise * A * sigma**2 / N
    y = _root(g, start + noise, sigma, beta, kappa)
    return _linear(g, start, noise, sigma, beta, kappa, *_multipliers(g, y, sigma, beta, kappa))


def _root(g: Growth, given: float, sigma: float, beta: float, kappa: float) -> float:
    def descent(y: float) -> float:
        e = g.drift * math.hypot(beta * math.sqrt(y), kappa) + g.noise_drift * sigma
        return (2.0 - g.step) * y - 2.0 * abs(1.0 - g.step) * math.sqrt(y) * e - g.step * e**2

    high = given + kappa**2 + sigma**2
    if high == 0.0:
        return 0.0
    while descent(high) < given:
        high *= 2.0
    low = 0.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if descent(middle) < given else (low, middle)
        if high - low <= 1e-13 * high:
            break
    return high


def _multipliers(g: Growth, y: float, sigma: float, beta: float, kappa: float) -> tuple[float, float]:
    """The Young parameters mu and c that are tight at y; 0 stands for a part that is absent."""
    pulled, shaken = g.drift * math.hypot(beta * math.sqrt(y), kappa), g.noise_drift * sigma
    mu = (pulled + shaken) / math.sqrt(y) if y > 0.0 else 0.0
    return mu, shaken / pulled if pulled > 0.0 else math.inf


def _linear(g: Growth, start: float, noise: float, sigma: float, beta: float, kappa: float, mu: float, c: float) -> Bound:
    """The bound with four terms for given Young parameters; any positive ones are valid where the slope is positive."""
    if mu == 0.0:  # no drift at all
        return Bound(dict(zip(TERMS, (start / (2.0 - g.step), noise / (2.0 - g.step), 0.0, 0.0), strict=True)))
    weight = g.step + abs(1.0 - g.step) / mu
    pulled = (1.0 + c) * g.drift**2 if math.isfinite(c) else 0.0
    shaken = (1.0 + 1.0 / c) * (g.noise_drift * sigma) ** 2 if c > 0.0 else 0.0
    slope = 2.0 - g.step - abs(1.0 - g.step) * mu - weight * pulled * beta**2
    values = (start, noise, weight * shaken, weight * pulled * kappa**2)
    return Bound({name: v / slope for name, v in zip(TERMS, values, strict=True)})


def explicit(
    *, gap: float, eta: float, tau: int, T: int, L: float, sigma: float, A: float, N: int, beta: float, kappa: float
) -> Bound:
    """8/5 gap/(eta tau T) + 21/20 eta L A s^2/N + 6/5 eta^2 L^2 (tau-1) s^2 + 3/2 eta^2 L^2 tau (tau-1) kappa^2, s = sigma."""
    check_concentration(A, N)
    _check_step(eta * tau * L * beta <= STEP_LIMIT, eta, tau, L, beta, "eta tau L <= 1/(4 beta)")
    return _four(EXPLICIT, _parts(gap, eta, tau, T, L, sigma, A, N, kappa))


def two_sets(
    *, gap: float, eta: float, tau: int, T: int, L: float, sigma: float, A: float, N: int, beta: float, kappa: float
) -> Bound:
    """The same four terms with the lesser of the constants (42, 28, 24, 32)/19 and (56, 56, 48, 64)/31; weaker."""
    check_concentration(A, N)
    _check_step(eta * tau * L * beta <= STEP_LIMIT, eta, tau, L, beta, "eta tau L <= 1/(4 beta)")
    parts = _parts(gap, eta, tau, T, L, sigma, A, N, kappa)
    return min((_four(constants, parts) for constants in TWO_SETS), key=lambda bound: bound.value)


def published_step(
    *, gap: float, tau: int, T: int, L: float, sigma: float, A: float, N: int, beta: float, kappa: float
) -> Bound:
    """explicit at eta = sqrt(N/(tau T)): (8/5 gap + 21/20 L A sigma^2)/sqrt(N tau T) and drifts of order N/T."""
    check_concentration(A, N)
    eta = math.sqrt(N / (tau * T))
    least = 16.0 * beta**2 * L**2 * N * tau
    if least > T:
        raise InputError(f"The 'T' parameter must be at least 16 beta^2 L^2 N tau = {least:g}; got {T}.")
    return _four(EXPLICIT, _parts(gap, eta, tau, T, L, sigma, A, N, kappa))


def check_concentration(A: float, N: int) -> None:
    """A = N sum p_i^2 lies in [1, N]."""
    if A > N * (1.0 + 1e-12):
        raise InputError(f"The 'A' parameter must be at most N = {N}; got {A}.")


_STEP = {"eta": Quantity("step size", "parameter per gradient", 0.0, open_low=True)}
_REST = {
    "gap": Quantity("F(theta_0) - inf F", "loss", 0.0),
    "tau": Quantity("local steps a round", "", 1.0, 1e7, whole=True),
    "T": Quantity("rounds", "", 1.0, whole=True),
    "L": Quantity("Lipschitz constant of every client's gradient", "gradient per parameter", 0.0, open_low=True),
    "sigma": Quantity("standard deviation of one stochastic gradient (root of its total variance)", "gradient", 0.0),
    "A": Quantity("concentration of the shares, N sum p_i^2 in [1, N]", "", 1.0),
    "N": Quantity("clients", "", 1.0, whole=True),
    "beta": Quantity("dissimilarity, factor of |grad F|", "", 1.0),
    "kappa": Quantity("dissimilarity where grad F vanishes", "gradient", 0.0),
}
FORMS = {
    "sharp": Formula(sharp, _STEP | _REST),
    "explicit": Formula(explicit, _STEP | _REST),
    "two-sets": Formula(two_sets, _STEP | _REST),
    "published-step": Formula(published_step, _REST),
}
