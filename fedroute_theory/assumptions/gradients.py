"""Smoothness, gradient noise and dissimilarity of clients at given parameters; jax-free: gradients are handed in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fedroute_theory._validate import FloatArray, array, integer, law
from fedroute_theory.federation.descent import Dissimilarity, Measured

ALONG_TRAJECTORY = "the largest seen along the trajectory, not an upper bound"


def smoothness_along(
    gradient: Callable[[FloatArray], FloatArray],
    hessian_vector: Callable[[FloatArray, FloatArray], FloatArray],
    points: FloatArray,
    rng: np.random.Generator,
    iterations: int = 30,
) -> Measured:
    """The steepest change of the gradient that was seen: a lower estimate of L.

    gradient(theta), hessian_vector(theta, v) -> (P,). points: (n, P). The largest of |H v| / |v| after power iterations at
    every point, and of |gradient difference| / |distance| between successive points. InputError for points of another shape and
    fewer than one of `iterations`.
    """
    path = array("points", points, (None, None))
    steps = integer("iterations", iterations, 1)
    best = 0.0
    for theta in path:
        direction = rng.normal(size=theta.size)
        for _ in range(steps):
            direction = direction / np.linalg.norm(direction)
            direction = np.asarray(hessian_vector(theta, direction), dtype=np.float64)
            size = float(np.linalg.norm(direction))
            best = max(best, size)
            if size == 0.0:
                break
    gradients = np.stack([np.asarray(gradient(theta), dtype=np.float64) for theta in path])
    rise, run = np.linalg.norm(np.diff(gradients, axis=0), axis=1), np.linalg.norm(np.diff(path, axis=0), axis=1)
    best = max(best, float((rise[run > 0] / run[run > 0]).max(initial=0.0)))
    return Measured(best, certain=False, how=ALONG_TRAJECTORY)


def sampling_variance(gradients: FloatArray, batch: int = 1) -> FloatArray:
    """Exact total variance of the mean gradient of `batch` records drawn with replacement, at every point.

    gradients: (..., D, P) of single records -> (...). At other points it can be larger: no sigma^2 for all parameters.
    InputError for a batch below 1.
    """
    given = np.asarray(gradients, dtype=np.float64)
    variance: FloatArray = given.var(axis=-2).sum(axis=-1) / integer("batch", batch, 1)
    return variance


def dissimilarity_along(gradients: FloatArray, shares: FloatArray, beta: FloatArray) -> Dissimilarity:
    """The least kappa^2 for each beta at the given points only.

    gradients: (n, N, P), of N clients at n points. shares: (N,). beta: (G,). InputError for other shapes, shares that are no
    law, and beta below 1.
    """
    given = array("gradients", gradients, (None, None, None))
    p, levels = law("shares", shares, (given.shape[1],)), array("beta", beta, (None,), 1.0)
    spread = (given**2).sum(axis=2) @ p
    mean = (np.einsum("n,tnp->tp", p, given) ** 2).sum(axis=1)
    kappa2 = np.maximum(0.0, (spread - levels[:, None] ** 2 * mean).max(axis=1))
    return Dissimilarity(levels, kappa2, False, ALONG_TRAJECTORY)
