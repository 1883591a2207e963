"""FedAvg on linear heads as the theorem on its convergence reads it: everything exact."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, integer
from fedroute_theory.assumptions.quadratic import Quadratics, joint_dissimilarity
from fedroute_theory.federation import Logs
from fedroute_theory.federation.descent import Descent, Measured
from fedroute_theory.routers.checks import checked_labels
from fedroute_theory.routers.linear.fedavg import HeadLosses, check_step
from fedroute_theory.routers.linear.router import LinearRouter, by_client, losses_of

SHOWN = 1e-11
"""Directions of a head whose mean curvature is at most this share of its largest count as not shown by any record."""


def descent_of(router: LinearRouter, logs: Logs, seed: int) -> Descent:
    """What FedAvg from zero does to the heads on these logs, cost in units of c_max; expectations are over its noise.

    The clients' losses are quadratics in separate heads, so every number is exact and none depends on the seed. F does not
    change along directions that no record shows (all of the heads of a model without records, when there is no ridge): noise
    moves the heads along them, but no gradient has a part there. They are left out, and so is their noise in sigma^2.

    seed: in [0, 2^32). Raises InputError for a router whose solver is not FedAvg, for a step of at least
    2 / L, and for costs above c_max.
    """
    integer("seed", seed, 0, 2**32 - 1)
    how = router.solver
    if how is None:
        raise InputError("The 'solver' parameter must be FedAvg for heads that descend; got None, the exact solution.")
    losses = losses_of(router, list(by_client(router, logs, checked_labels(logs, None, router.c_max)).values()))
    check_step(losses, how)
    parts = quadratics_of(losses, how.noise)
    averages = [part.averaged(np.zeros(part.centre.shape[1]), how.step, how.local_steps, how.rounds)[-1] for part in parts]
    gap = sum(part.initial_gap(np.zeros(part.centre.shape[1])) for part in parts)
    shown = sum(part.centre.shape[1] for part in parts)
    return Descent(
        shares=losses.shares, local_steps=how.local_steps, rounds=how.rounds, step_size=how.step,
        squared_gradient=Measured(float(sum(averages)), how="exact recursion"),
        initial_gap=Measured(float(gap), how="closed form"),
        smoothness=Measured(max(part.smoothness for part in parts), how="largest eigenvalue of any client's Gram matrix"),
        noise=Measured(sum(part.sigma2 for part in parts), how=f"noise^2 in each of {shown} coordinates of the heads"),
        dissimilarity=joint_dissimilarity(parts),
        sampling="independent noise" if how.noise > 0.0 else "full batch",
    )  # fmt: skip


def quadratics_of(losses: HeadLosses, noise: float) -> list[Quadratics]:
    """One for every head with records, quality and cost of model after model, in the directions that records show.

    losses: of all clients, linear (N, M, p, 2). noise: standard deviation of the noise in every coordinate.
    """
    found = []
    for curvature, linear in zip(np.moveaxis(losses.curvature, 1, 0), np.moveaxis(losses.linear, 1, 0), strict=True):
        value, vector = np.linalg.eigh(np.tensordot(losses.shares, curvature, axes=1))
        shown = vector[:, value > SHOWN * np.linalg.eigvalsh(curvature).max()]
        if shown.shape[1] == 0:
            continue
        own = shown.T @ curvature @ shown
        own = 0.5 * (own + own.mT)
        centre = _centres(own, shown.T @ linear)
        spread = np.broadcast_to(noise**2 * np.eye(shown.shape[1]), own.shape)
        found += [Quadratics(losses.shares, own, centre[..., label], spread) for label in range(linear.shape[-1])]
    return found


def _centres(curvature: FloatArray, linear: FloatArray) -> FloatArray:
    """(N, r, 2) a_i with A_i a_i = b_i, of least norm: b_i lies in the range of A_i."""
    centres: FloatArray = np.linalg.pinv(curvature, rcond=linear.shape[1] * np.finfo(np.float64).eps, hermitian=True) @ linear
    return centres
