"""The mathematics of the margin rate: what a query can lose at a price per squared error, and the best price."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray

_STEPS = 200


def worst_loss(margin: FloatArray, t: FloatArray, cap: float = np.inf) -> FloatArray:
    """argmax of z - z^2 / t over z in [margin, cap]: clip(t / 2, margin, cap), zero where that is not worth it."""
    with np.errstate(invalid="ignore"):
        z = np.clip(t / 2.0, margin, np.maximum(cap, margin))
    worth = (margin <= t) & (margin <= cap)
    return np.where(worth, z, 0.0)


def loss_at(margin: FloatArray, t: FloatArray, cap: float = np.inf) -> FloatArray:
    """phi_t(margin) = max over z in {0} or [margin, cap] of z - z^2 / t; without a cap t/4, margin (1 - margin/t), then 0.

    t may be infinite where the cap is finite: the loss is then the cap.
    """
    z = worst_loss(margin, t, cap)
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(z > 0.0, z**2 / t, 0.0)
    return z - paid


def split(
    margin: FloatArray, weights: FloatArray, squared: float, cap: float, k2: FloatArray | None = None
) -> tuple[float, float]:
    """The two terms of min over theta of squared / theta + E phi_{theta k2}(D): (error, margin).

    margin, weights: (n,); margins may be infinite. squared: E osc^2, or eps^2 with k2 (n,) the coverage integrand (infinite
    without coverage). cap: largest possible loss. The objective is convex in 1 / theta with slope squared - E[z^2 / k2]; any
    theta gives a bound, so rounding in the search does no harm.
    """
    live = (weights > 0) & (margin <= cap)
    d, mass = margin[live], weights[live]
    k = np.ones(d.size) if k2 is None else k2[live]
    if d.size == 0:
        return 0.0, 0.0
    finite = np.isfinite(k)

    def spent(theta: float) -> float:
        return float(mass[finite] @ (worst_loss(d[finite], theta * k[finite], cap) ** 2 / k[finite]))

    top = 2.0 * cap / float(k[finite].min()) if finite.any() else 0.0
    if not finite.any() or spent(top) <= squared:  # every query may lose all it can
        return 0.0, cap * float(mass.sum())
    if squared == 0.0:
        return 0.0, cap * float(mass[~finite].sum())
    low, high = math.log(top) - 80.0, math.log(top)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if spent(math.exp(middle)) <= squared else (low, middle)
        if high - low <= 1e-15 * abs(high):
            break
    options = [(squared / theta, float(mass @ loss_at(d, theta * k, cap))) for theta in (math.exp(low), math.exp(high))]
    return min(options, key=sum)


def two_model_loss(margin: FloatArray, weights: FloatArray, squared: float) -> float:
    """sup of E[D 1_A] over events A (split queries allowed) with E[D^2 1_A] <= squared: the smallest margins first."""
    live = np.isfinite(margin) & (weights > 0)
    order = np.argsort(margin[live], kind="stable")
    d, mass = margin[live][order], weights[live][order]
    spent = np.cumsum(mass * d**2)
    whole = int(np.searchsorted(spent, squared, side="right"))
    total = float(mass[:whole] @ d[:whole])
    if whole < d.size:
        total += (squared - (float(spent[whole - 1]) if whole else 0.0)) / float(d[whole])
    return total


def kappa(a: float) -> float:
    """Integral of (2u - 1) u^a over [1/2, 1] = (a + 2^-(a+1)) / ((a + 1)(a + 2))."""
    return float((a + 2.0 ** -(a + 1.0)) / ((a + 1.0) * (a + 2.0)))


def power_loss(t: float, a: float) -> float:
    """E phi_t(D) for the law P(D <= r) = min(1, r^a): kappa t^(1+a) up to t = 1, t / 4 from t = 2."""
    if t <= 1.0:
        return kappa(a) * float(t ** (1.0 + a))
    if t >= 2.0:
        return t / 4.0
    low = t / 2.0
    inner = 2.0 * (1.0 - low ** (a + 2.0)) / ((a + 2.0) * t) - (1.0 - low ** (a + 1.0)) / (a + 1.0)
    return float(inner + 1.0 - 1.0 / t)


def power_split(s: float, a: float) -> tuple[float, float]:
    """The two terms (error, margin) of min over t of s^2 / t + E phi_t(D) for the power law with scale 1.

    Up to s^2 = (1 + a) kappa the best t is (s^2 / ((1 + a) kappa))^(1/(a+2)) <= 1; from s = 1 the bound is s; between, a search
    in 1 / t, in which the objective is convex.
    """
    if s >= 1.0:
        return s / 2.0, s / 2.0
    edge = (1.0 + a) * kappa(a)
    if s**2 <= edge:
        t = (s**2 / edge) ** (1.0 / (a + 2.0))
        return (s**2 / t if t > 0.0 else 0.0), power_loss(t, a)
    low, high = 0.5, 1.0
    for _ in range(_STEPS):
        first, second = low + (high - low) / 3.0, high - (high - low) / 3.0
        if s**2 * first + power_loss(1.0 / first, a) <= s**2 * second + power_loss(1.0 / second, a):
            high = second
        else:
            low = first
    mu = 0.5 * (low + high)
    return s**2 * mu, power_loss(1.0 / mu, a)
