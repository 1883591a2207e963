"""Quadratic clients, for which everything FedAvg's theorem assumes and bounds is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, integer, law, number, settle
from fedroute_theory.federation.descent import Descent, Dissimilarity, Measured

_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class Quadratics:
    """F_i(theta) = 1/2 (theta - a_i)' H_i (theta - a_i), F = sum p_i F_i, gradients with additive noise of covariance C_i.

    shares: (N,) p_i. curvature: (N, P, P) symmetric H_i, of any sign as long as sum p_i H_i is positive definite. centre: (N,
    P) a_i. noise: (N, P, P) positive semidefinite C_i. InputError for matrices of other shapes or kinds, and shares that are no
    law.
    """

    shares: FloatArray
    curvature: FloatArray
    centre: FloatArray
    noise: FloatArray

    def __post_init__(self) -> None:
        settle(self, shares=law("shares", self.shares, (None,)), centre=array("centre", self.centre, (None, None)))
        n, p = self.shares.size, self.centre.shape[1]
        for name in ("curvature", "noise"):
            value = array(name, getattr(self, name), (n, p, p))
            if np.abs(value - np.swapaxes(value, 1, 2)).max() > 1e-12 * max(1.0, np.abs(value).max()):
                raise InputError(f"The '{name}' parameter must hold symmetric matrices; got {value[0].tolist()} first.")
            settle(self, **{name: value})
        if self.centre.shape[0] != n:
            raise InputError(f"The 'centre' parameter must have one row a client ({n}); got {self.centre.shape[0]}.")
        lowest = float(np.linalg.eigvalsh(self.mean_curvature)[0])
        if lowest <= 1e-12 * self.smoothness:
            raise InputError(f"The mean curvature must be positive definite; got smallest eigenvalue {lowest:g}.")
        least = float(np.linalg.eigvalsh(self.noise).min())
        if least < -1e-12 * max(1.0, float(np.abs(self.noise).max())):
            raise InputError(f"The 'noise' parameter must hold positive semidefinite matrices; got eigenvalue {least:g}.")

    @classmethod
    def generate(
        cls, rng: np.random.Generator, *, clients: int = 8, dimension: int = 3, spread: float = 1.0, sigma: float = 1.0,
        concentration: float = 10.0, curvature_spread: float = 0.3,
    ) -> Self:  # fmt: skip
        """Random clients: H_i around a common matrix with eigenvalues in [0.2, 1], centres of scale `spread`, tr C_i = sigma^2.

        clients: N >= 1. dimension: P >= 1. concentration: of the Dirichlet law of the shares (large: equal). curvature_spread:
        how far the H_i differ. InputError for values out of range.
        """
        n, p = integer("clients", clients, 1), integer("dimension", dimension, 1)
        shares = rng.dirichlet(np.full(n, number("concentration", concentration, 0.0, open_low=True)))
        basis = np.linalg.qr(rng.normal(size=(p, p)))[0]
        common = (basis * rng.uniform(0.2, 1.0, p)) @ basis.T
        factor = rng.normal(size=(n, p, p)) / np.sqrt(p)
        own = common + number("curvature_spread", curvature_spread, 0.0) * np.einsum("nij,nkj->nik", factor, factor)
        noise = np.broadcast_to(np.eye(p) * number("sigma", sigma, 0.0) ** 2 / p, (n, p, p))
        return cls(shares, own, rng.normal(size=(n, p)) * number("spread", spread, 0.0), noise)

    @property
    def mean_curvature(self) -> FloatArray:
        """(P, P) H = sum p_i H_i."""
        mean: FloatArray = np.tensordot(self.shares, self.curvature, axes=1)
        return mean

    @property
    def smoothness(self) -> float:
        """L, the largest absolute eigenvalue of any H_i."""
        return float(np.abs(np.linalg.eigvalsh(self.curvature)).max())

    @property
    def sigma2(self) -> float:
        """Largest total variance tr C_i of a client's gradient."""
        return float(np.trace(self.noise, axis1=1, axis2=2).max())

    @property
    def minimiser(self) -> FloatArray:
        """(P,) where F is least."""
        pull = np.einsum("n,nij,nj->i", self.shares, self.curvature, self.centre)
        return np.asarray(np.linalg.solve(self.mean_curvature, pull))

    def initial_gap(self, start: FloatArray) -> float:
        """F(start) - inf F."""
        away = np.asarray(start) - self.minimiser
        return max(0.0, 0.5 * float(away @ self.mean_curvature @ away))  # rounding may go below

    @property
    def levels(self) -> tuple[FloatArray, FloatArray]:
        """(P,) ascending eigenvalues of H^{-1} (sum p_i H_i^2) H^{-1}, which beta^2 must exceed, and (P, P) eigenvectors."""
        inverse = np.linalg.inv(self.mean_curvature)
        second = np.einsum("n,nij,njk->ik", self.shares, self.curvature, self.curvature)
        level, basis = np.linalg.eigh(inverse @ second @ inverse)
        return level, basis

    def least_kappa2(self, beta: FloatArray) -> FloatArray:
        """(G,) least kappa^2 for every beta (G,), beta^2 above the levels.

        kappa^2(beta) = sum p_i |g_i|^2 + u' (beta^2 H^2 - sum p_i H_i^2)^{-1} u, g_i the client gradients at the minimiser and
        u = sum p_i H_i g_i; finite where beta^2 exceeds every generalised eigenvalue (or u has no part along it).
        """
        level, basis = self.levels
        gradient = np.einsum("nij,nj->ni", self.curvature, self.minimiser - self.centre)
        mixed = np.einsum("n,nij,nj->i", self.shares, self.curvature, gradient)
        pull = basis.T @ np.linalg.solve(self.mean_curvature, mixed)
        floor = float(self.shares @ (gradient**2).sum(axis=1))
        still = np.abs(pull) <= _ROUNDING * np.sqrt(floor) + 1e-300
        kappa2: FloatArray = floor + (np.where(still, 0.0, pull**2) / (beta[:, None] ** 2 - level)).sum(axis=1)
        return kappa2

    def dissimilarity(self, points: int = 60) -> Dissimilarity:
        """The curve beta -> least kappa^2, in closed form at `points` values of beta up to 1000 times the least one."""
        return joint_dissimilarity([self], points)

    def averaged(self, start: FloatArray, eta: float, tau: int, rounds: int) -> FloatArray:
        """(rounds,) averages over t < T of E|grad F(theta_t)|^2 for T = 1 .. rounds, exact; theta_0 = start.

        The mean and the covariance of theta_t follow linear recursions, solved in the eigenbasis of the server's map. eta: step
        size. tau: steps of a client in a round.
        """
        identity = np.eye(self.centre.shape[1])
        one = identity - eta * self.curvature
        power, spread = np.broadcast_to(identity, one.shape), np.zeros_like(one)
        for _ in range(tau):
            spread = one @ spread @ one + eta**2 * self.noise
            power = one @ power
        whole = np.tensordot(self.shares, power, axes=1)
        shift = np.einsum("n,nij,nj->i", self.shares, identity - power, self.centre)
        rate, basis = np.linalg.eigh(0.5 * (whole + whole.T))
        added = basis.T @ np.tensordot(self.shares**2, spread, axes=1) @ basis
        square = basis.T @ self.mean_curvature @ self.mean_curvature @ basis
        with np.errstate(over="ignore", invalid="ignore"):
            powers = rate ** np.arange(rounds)[:, None]
            sums = np.cumsum(np.vstack([np.zeros_like(rate), powers[:-1]]), axis=0)
            away = powers * (basis.T @ start - basis.T @ self.minimiser)
            away = away + sums * (basis.T @ (whole @ self.minimiser + shift - self.minimiser))
            pairs = powers[:, :, None] * powers[:, None, :]
            kept = np.cumsum(np.concatenate([np.zeros_like(pairs[:1]), pairs[:-1]]), axis=0)
            value = np.einsum("ti,ij,tj->t", away, square, away) + np.einsum("ij,tij->t", square * added, kept)
            averages: FloatArray = np.cumsum(value) / np.arange(1, rounds + 1)
        return averages

    def descent(self, start: FloatArray, eta: float, tau: int, rounds: int) -> Descent:
        """What FedAvg does from `start` in `rounds` rounds of tau steps of size eta, with all that the theorem reads exact."""
        average = float(self.averaged(start, eta, tau, rounds)[-1])
        return Descent(
            shares=self.shares, local_steps=tau, rounds=rounds, step_size=eta,
            squared_gradient=Measured(average, how="exact recursion"),
            initial_gap=Measured(self.initial_gap(start), how="closed form"),
            smoothness=Measured(self.smoothness, how="largest eigenvalue"),
            noise=Measured(self.sigma2, how="largest trace"),
            dissimilarity=self.dissimilarity(), sampling="independent noise",
        )  # fmt: skip


def joint_dissimilarity(parts: Sequence[Quadratics], points: int = 60) -> Dissimilarity:
    """The curve of a sum of quadratics in separate parameters (one for all parts: beta is shared, and kappa^2 adds up).

    The inequality is on sums over all parameters, and each part may be at its own worst point.
    """
    least = float(np.sqrt(max(1.0, *(part.levels[0][-1] for part in parts))))
    beta = least * (1.0 + np.concatenate([[_ROUNDING], np.geomspace(1e-6, 1e3, points - 1)]))
    kappa2 = np.sum([part.least_kappa2(beta) for part in parts], axis=0)
    return Dissimilarity(beta, kappa2, True, "closed form on a grid of beta")


def sampled_clients(quadratics: Quadratics, start: FloatArray, eta: float, tau: int, rounds: int, subsets: IntArray) -> float:
    """Average of E|grad F|^2 without noise when each round draws one row of `subsets` (S, m) evenly, shares rescaled; exact."""
    identity = np.eye(quadratics.centre.shape[1])
    power = np.stack([np.linalg.matrix_power(identity - eta * h, tau) for h in quadratics.curvature])
    shift = np.einsum("nij,nj->ni", identity - power, quadratics.centre)
    weights = quadratics.shares[subsets]
    weights = weights / weights.sum(axis=1, keepdims=True)
    maps, moves = np.einsum("sm,smij->sij", weights, power[subsets]), np.einsum("sm,smi->si", weights, shift[subsets])
    target, curvature = quadratics.minimiser, quadratics.mean_curvature
    moves = moves + maps @ target - target  # coordinates relative to the minimiser
    mean, total = np.asarray(start) - target, 0.0
    second = np.outer(mean, mean)
    for _ in range(rounds):
        total += float(np.trace(curvature @ second @ curvature))
        cross = np.einsum("sij,j,sk->ik", maps, mean, moves) / len(maps)
        squares = np.einsum("si,sj->ij", moves, moves) / len(maps)
        second = np.einsum("sij,jk,slk->il", maps, second, maps) / len(maps) + cross + cross.T + squares
        mean = maps.mean(axis=0) @ mean + moves.mean(axis=0)
    return total / rounds
