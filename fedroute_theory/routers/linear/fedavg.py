"""FedAvg on the clients' least-squares losses: gradient steps on quadratics, so that everything about it can be computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, integer, number
from fedroute_theory.routers.linear.statistics import HeadStatistics


@dataclass(frozen=True)
class FedAvg:
    """FedAvg on linear heads: every client takes `local_steps` full-batch gradient steps a round, the server averages by record
    counts.

    Client i's loss is F_i = (1 / (2 D_i)) sum over its records of (quality error)^2 + (cost error / c_max)^2, plus ridge
    |theta|^2 / (2 D) for all; theta has 2 M p entries and starts at zero. Local and pooled training take rounds * local_steps
    gradient steps.

    rounds, local_steps: at least 1. step: the step size, positive, which must be below 2 / L, L the largest curvature of any
    client. noise: standard deviation of the normal noise added to every entry of every local gradient, so that sigma^2 = 2 M p
    noise^2 exactly (noise^2 for each coordinate that some record shows: the rest has no part in F). InputError for values out
    of range.
    """

    rounds: int
    local_steps: int
    step: float
    noise: float = 0.0

    def __post_init__(self) -> None:
        integer("rounds", self.rounds, 1)
        integer("local_steps", self.local_steps, 1)
        number("step", self.step, 0.0, open_low=True)
        number("noise", self.noise, 0.0)


@dataclass(frozen=True, eq=False)
class HeadLosses:
    """The clients' losses F_i(theta) = theta . A_i theta / 2 - b_i . theta + constant, model by model.

    curvature: (N, M, p, p) A_i. linear: (..., N, M, p, 2) b_i, cost in units of c_max. shares: (N,) p_i = D_i / D.
    """

    curvature: FloatArray
    linear: FloatArray
    shares: FloatArray

    @property
    def smoothness(self) -> float:
        """L, the largest eigenvalue of any A_i."""
        return float(np.linalg.eigvalsh(self.curvature).max())

    def pooled(self) -> HeadLosses:
        """F = sum_i p_i F_i as the loss of one client."""
        curvature = np.tensordot(self.shares, self.curvature, axes=1)[None]
        linear = np.einsum("i,...imkl->...mkl", self.shares, self.linear)[..., None, :, :, :]
        return HeadLosses(curvature, linear, np.ones(1))


def head_losses(parts: Sequence[HeadStatistics], c_max: float, ridge: float) -> HeadLosses:
    """The losses of clients with these statistics."""
    records = np.array([p.counts.sum() for p in parts], dtype=np.float64)
    gram, moments = np.stack([p.gram for p in parts]), np.stack([p.moments for p in parts], axis=-4)
    penalty = ridge / records.sum() * np.eye(gram.shape[-1])
    unit = np.array([1.0, c_max or 1.0])
    return HeadLosses(
        gram / records[:, None, None, None] + penalty,
        moments / records[:, None, None, None] / unit,
        records / records.sum(),
    )


def check_step(losses: HeadLosses, how: FedAvg) -> None:
    """InputError where the step is so long that gradient steps on some client's loss diverge."""
    if how.step * losses.smoothness >= 2.0:
        raise InputError(f"The 'step' parameter must lie below 2 / L = {2.0 / losses.smoothness:.6g}; got {how.step:g}.")


def descend(
    losses: HeadLosses, how: FedAvg, rng: np.random.Generator, start: FloatArray | None = None
) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray]]]:
    """The server's last heads (..., M, p, 2), and what travelled of the first repetition: of every round the server's heads
    (M, p, 2) and those that came back (N, M, p, 2).

    Raises InputError where the step is so long that gradient steps on some client's loss diverge.
    """
    check_step(losses, how)
    contraction = np.eye(losses.curvature.shape[-1]) - how.step * losses.curvature
    moved = how.step * losses.linear
    server = np.zeros(losses.linear[..., 0, :, :, :].shape) if start is None else start
    sent: list[tuple[FloatArray, FloatArray]] = []
    for _ in range(how.rounds):
        broadcast = server
        local = np.broadcast_to(server[..., None, :, :, :], losses.linear.shape)
        for _ in range(how.local_steps):
            local = contraction @ local + moved
            if how.noise > 0.0:
                local = local - how.step * how.noise * rng.normal(size=local.shape)
        sent.append((_first(broadcast, 3), _first(local, 4)))
        server = np.einsum("i,...imkl->...mkl", losses.shares, local)
    return server, sent


def _first(heads: FloatArray, axes: int) -> FloatArray:
    first: FloatArray = heads.reshape(-1, *heads.shape[-axes:])[0]
    return first
