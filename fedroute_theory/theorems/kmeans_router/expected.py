"""The expected loss of a K-means router to the best policy constant on cells: no failure probability, no union over pairs."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, InputError, IntArray
from fedroute_theory.theorems.bound import Bound

HOEFFDING_EXPONENT = 2.0
"""P(difference of two means off by t) <= exp(-HOEFFDING_EXPONENT t^2 / (R^2 h)), h = 1/n + 1/n'."""

_NARROWINGS = 60


def rival_loss(shift: FloatArray, h: FloatArray, R: float, floor: FloatArray | float = 0.0) -> FloatArray:
    """sup over D in [floor, R] of (D - floor) exp(-2 max(0, D - shift)^2 / (R^2 h)): what one rival can cost above `floor`.

    D: by how much the rival is worse. shift: by how much its records make it look better. h: 1/n + 1/n'; infinite where
    nothing is known, 0 without noise. At most max(0, shift) + (R/2) sqrt(h/e), which is the value at shift = floor = 0.
    """
    s, top = shift - floor, R - floor
    spread = R**2 * h
    lead = np.minimum(top, 0.5 * (s + np.sqrt(s**2 + spread)))
    over = np.maximum(0.0, lead - s)
    noisy = spread > 0
    exponent = np.divide(HOEFFDING_EXPONENT * over**2, spread, out=np.zeros(np.broadcast(lead, spread).shape), where=noisy)
    value: FloatArray = np.where(noisy, lead * np.exp(-exponent), np.clip(s, 0.0, top))
    return value


def cell_loss(shift: FloatArray, h: FloatArray, R: float) -> FloatArray:
    """(...,) least over c in [0, R] of c + sum over rivals of `rival_loss` above c; shift, h: (..., rivals).

    Every c is valid, as a loss is at most c plus its excess over c; c = 0 is the plain sum, c = R the range. The value is
    convex in c, so a ternary search comes close to the least.
    """

    def at(c: FloatArray) -> FloatArray:
        total: FloatArray = c + rival_loss(shift, h, R, c[..., None]).sum(axis=-1)
        return total

    low = np.zeros(shift.shape[:-1])
    high = np.full_like(low, R)
    best = np.minimum(at(low), at(high))
    if shift.shape[-1] == 1:
        return best  # a single rival: c = 0 is the least
    for _ in range(_NARROWINGS):
        left, right = low + (high - low) / 3.0, high - (high - low) / 3.0
        falls = at(left) > at(right)
        low, high = np.where(falls, left, low), np.where(falls, high, right)
    return np.minimum(best, at(0.5 * (low + high)))


def by_best(up: FloatArray, down: FloatArray, variance: FloatArray, eligible: BoolArray, R: float) -> FloatArray:
    """(K, M) bound on the expected loss in cell k if model m is its best.

    up, down: (K, M) how far a pair's true mean may lie above and below what its estimate centres on. variance: 1/n, infinite
    where nothing is known, 0 without noise. eligible: whether the router may choose the model: others are no rivals, and
    where the best is one of them the loss is the range.
    """
    models = up.shape[1]
    rivals = np.array([[m for m in range(models) if m != b] for b in range(models)])
    shift = up[:, :, None] + down[:, rivals]
    h = variance[:, :, None] + variance[:, rivals]
    # A rival that is never chosen costs nothing: a shift of -inf, written as one far below any gap and free of noise.
    known = eligible[:, rivals]
    loss = cell_loss(np.where(known, shift, -R), np.where(known, h, 0.0), R)
    return np.where(eligible, loss, R)


def expected_of(*, mass: FloatArray, s: FloatArray, counts: FloatArray, R: float) -> Bound:
    """sum_k nu_k max over best m of (loss to all rivals), in expectation over labels; an empty pair can cost R."""
    if s.shape != counts.shape or s.shape[0] != mass.size:
        raise InputError(f"The 's' and 'counts' parameters must have shape ({mass.size}, M); got {s.shape} and {counts.shape}.")
    if s.shape[1] < 2:
        raise InputError(f"The 'counts' parameter must have at least two models (columns); got {s.shape[1]}.")
    logged = counts > 0
    variance = np.divide(1.0, counts, out=np.full(counts.shape, np.inf), where=logged)
    shift = np.where(logged, s, 0.0)
    return Bound(expected_terms(shift, shift, variance, np.ones_like(logged), mass, R), trivial=R, notes=IN_EXPECTATION)


IN_EXPECTATION = "in expectation over the labels, given the records"


def expected_terms(
    up: FloatArray, down: FloatArray, variance: FloatArray, eligible: BoolArray, mass: FloatArray, R: float,
    best: IntArray | None = None,
) -> dict[str, float]:  # fmt: skip
    """Terms of sum_k nu_k (loss if `best` is the best of each cell; the worst case where it is not given)."""

    def value(up: FloatArray, down: FloatArray, variance: FloatArray) -> float:
        table = by_best(up, down, variance, eligible, R)
        return float(mass @ (table.max(axis=1) if best is None else table[np.arange(len(table)), best]))

    nothing, known = np.zeros_like(up), np.isfinite(variance)
    total, noise = value(up, down, variance), value(nothing, nothing, variance)
    unlogged = value(nothing, nothing, np.where(known, 0.0, variance))
    return {"statistical": noise - unlogged, "mismatch": total - noise, "unlogged": unlogged}
