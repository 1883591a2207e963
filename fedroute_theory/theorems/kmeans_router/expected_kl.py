"""The expected form with Chernoff's (kl) exponents: the worst chances of two pairs in place of Hoeffding's worst ranges."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.kmeans_router.expected import IN_EXPECTATION, cell_loss, expected_of, rival_loss

_STEPS = 48
"""Times that the interval of log theta loses a third; every theta is valid."""

_BELOW, _ABOVE = 4.0, 3.0
"""That interval runs from e^-4 to e^3 times 2 / sqrt(h), the multiplier of the normal law."""

_FLOORS = 16
"""Values of c that are tried where there are several rivals; every one is valid."""


def rival_loss_kl(
    shift: FloatArray, n_best: FloatArray, n_rival: FloatArray, R: float, floor: FloatArray | float = 0.0
) -> FloatArray:
    """sup over D in [floor, R] and chances q - p = (D - shift) / R of (D - floor) P: what one rival can cost above `floor`.

    P = min over theta of (1 - p + p e^{theta/n'})^{n'} (1 - q + q e^{-theta/n})^n is Chernoff's bound for "the rival's mean
    is at least the best one's". For q >= p it is exp(-min_z [n kl(z, q) + n' kl(z, p)]), by Pinsker at most
    exp(-2 (q - p)^2 / h); its least exponent over p is the price of not knowing the means. For each theta the supremum over
    (D, p) has a closed form, so a search over theta that stops early errs upwards. n_best, n_rival: n and n', positive and
    finite. All shapes broadcast.
    """
    best, rival = np.asarray(n_best, dtype=np.float64), np.asarray(n_rival, dtype=np.float64)
    top = np.asarray(1.0 - np.asarray(floor) / R)
    lead = (shift - np.asarray(floor)) / R

    def at(log_theta: FloatArray) -> FloatArray:
        theta = np.exp(log_theta)
        a, b = np.expm1(theta / rival), -np.expm1(-theta / best)
        ends = 1.0 / a + 1.0 / b + lead
        free = ends / (best + rival + 1.0)  # D - floor where the derivatives in D and p vanish, in units of R
        held = (free <= 0.0) | (free > top)
        inverse = np.where(held, (ends - top) / (best + rival), free)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(top) * held + np.log(free) * ~held if held.any() else np.log(free)
            logs = logs + rival * np.log(rival * a * inverse) + best * np.log(best * b * inverse)
        value: FloatArray = np.where(inverse > 0.0, logs, np.inf)  # no such chances: leave it to Hoeffding
        return value

    low = np.log(2.0 / np.sqrt(1.0 / best + 1.0 / rival)) - _BELOW + 0.0 * lead
    high = low + _BELOW + _ABOVE
    for _ in range(_STEPS):
        left, right = low + (high - low) / 3.0, high - (high - low) / 3.0
        falls = at(left) > at(right)
        low, high = np.where(falls, left, low), np.where(falls, high, right)
    with np.errstate(over="ignore"):
        result: FloatArray = R * np.minimum(np.exp(at(0.5 * (low + high))), np.maximum(top, 0.0))
    return result


def cell_loss_kl(shift: FloatArray, n_best: FloatArray, n_rival: FloatArray, R: float) -> FloatArray:
    """(...,) c + sum over rivals of the lesser of both losses above c, least over some c; never above `cell_loss`.

    shift, n_rival: (..., rivals). n_best: the same with a last axis of 1.
    """
    h = 1.0 / n_best + 1.0 / n_rival
    best = cell_loss(shift, h, R)
    # A loss is never below c, so only values of c below the best bound so far can help.
    for share in np.arange(_FLOORS if shift.shape[-1] > 1 else 1) / _FLOORS:
        c = (share * best)[..., None]
        each = np.minimum(rival_loss(shift, h, R, c), rival_loss_kl(shift, n_best, n_rival, R, c))
        best = np.minimum(best, c[..., 0] + each.sum(axis=-1))
    return best


def expected_kl_of(*, mass: FloatArray, s: FloatArray, counts: FloatArray, R: float) -> Bound:
    """sum_k nu_k max over best m of (loss to all rivals), Chernoff's chances at the worst means; an empty pair can cost R."""
    plain = expected_of(mass=mass, s=s, counts=counts, R=R)
    full = (counts > 0).all(axis=1)
    models = counts.shape[1]
    rivals = np.array([[m for m in range(models) if m != b] for b in range(models)])

    def value(s: FloatArray) -> float:
        n = counts[full]
        return float(mass[full] @ cell_loss_kl(s[full][:, :, None] + s[full][:, rivals], n[:, :, None], n[:, rivals], R).max(1))

    noise = value(np.zeros_like(s)) if full.any() else 0.0
    total = value(s) if full.any() else 0.0
    noise = min(noise, total)  # the values of c that are tried differ
    terms = {"statistical": noise, "mismatch": total - noise, "unlogged": plain.terms["unlogged"]}
    return Bound(terms, trivial=R, notes=IN_EXPECTATION)
