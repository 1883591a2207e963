"""The squared error of networks on one party's records, its Gauss-Newton model, and steps that lower it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, InputError, IntArray
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.networks import Architecture, Weights
from fedroute_theory.routers.certified.derivatives import factors, jacobian
from fedroute_theory.routers.certified.members import CHUNK, chunks

SHORTER = (1.0, 0.5, 0.25, 0.0625)
"""Lengths of a Gauss-Newton step that are tried, in order, until the objective falls."""


@dataclass(frozen=True, eq=False)
class Records:
    """What a certificate needs of the logs: queries, models, targets of quality and of cost over c_max.

    embedding: (n, d). model: (n,). target: (T, n, 2). cost_share: weight of the cost's squared error, quality has the rest.
    scale: records each one stands for (above 1 for a subsample).
    """

    architecture: Architecture
    embedding: FloatArray
    model: IntArray
    target: FloatArray
    cost_share: float
    scale: float = 1.0

    @property
    def size(self) -> int:
        """n, the number of records."""
        return int(self.model.size)

    @property
    def shares(self) -> FloatArray:
        """(2,) weights of quality and cost."""
        return np.array([1.0 - self.cost_share, self.cost_share])

    @property
    def counts(self) -> IntArray:
        """(M,) records of each model."""
        counted: IntArray = np.bincount(self.model, minlength=self.architecture.models).astype(np.int64)
        return counted

    @property
    def routable(self) -> BoolArray:
        """(M,) models with a record."""
        return self.counts > 0

    def some(self, rng: np.random.Generator, at_most: int) -> Records:
        """A random part of at most so many records, which stands for all of them."""
        if self.size <= at_most:
            return self
        rows = rng.choice(self.size, size=at_most, replace=False)
        part = replace(self, embedding=self.embedding[rows], model=self.model[rows], target=self.target[:, rows])
        return replace(part, scale=self.scale * self.size / at_most)

    def repetitions(self, chosen: BoolArray) -> Records:
        """The same records with the labels of some repetitions (T,)."""
        return replace(self, target=self.target[chosen])

    def better(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """(T, P) of two networks a repetition the one of less loss; the first of equals."""
        loss = self.loss(np.stack([first, second], axis=1))
        return np.where((loss[:, 1] < loss[:, 0])[:, None], second, first)

    def loss(self, flat: FloatArray) -> FloatArray:
        """(T, k) weighted sums of squared errors of networks (T, k, P)."""
        weights, total = self.architecture.unflatten(flat), np.zeros(flat.shape[:-1])
        for part in chunks(self.architecture, math.prod(flat.shape[:-1]), self.size):
            model = self.model[part]
            for output, values in enumerate(self.architecture.predict(weights, self.embedding[part])):
                top = (self.architecture.c_max or 1.0) if output else 1.0
                error = values[..., np.arange(model.size), model] / top - self.target[:, None, part, output]
                total += self.shares[output] * np.einsum("...n,...n->...", error, error)
        return self.scale * total

    def quadratic(self, flat: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gauss-Newton model of the loss of networks (T, P): loss(flat + v) is about loss + 2 g.v + v'Av.

        Returns g (T, P) and A (T, P, P).
        """
        repetitions, size = flat.shape
        weights, gradient, curvature = self.architecture.unflatten(flat), np.zeros_like(flat), np.zeros((*flat.shape, size))
        step = max(1, CHUNK // (2 * repetitions * size))
        for start in range(0, self.size, step):
            part = slice(start, start + step)
            predicted, slopes = jacobian(self.architecture, weights, self.embedding[part], self.model[part])
            error = (predicted - self.target[:, part]) * self.shares
            slopes = slopes.reshape(repetitions, -1, size)
            gradient += np.matmul(error.reshape(repetitions, 1, -1), slopes)[:, 0]
            slopes *= np.tile(np.sqrt(self.shares), slopes.shape[1] // 2)[:, None]
            curvature += np.matmul(np.swapaxes(slopes, 1, 2), slopes)
        return self.scale * gradient, self.scale * curvature

    def diagonal(self, flat: FloatArray) -> FloatArray:
        """(T, P) the diagonal of A alone, by products of squares: no derivative of a single record is held."""
        weights, total = self.architecture.unflatten(flat), np.zeros_like(flat)
        step = max(
            1,
            CHUNK
            // (2 * len(flat) * max(self.architecture.inputs, 2 * self.architecture.models, *self.architecture.hidden, 1)),
        )
        for start in range(0, self.size, step):
            part = slice(start, start + step)
            _, found = factors(self.architecture, weights, self.embedding[part], self.model[part])
            row = []
            for name in self.architecture.shapes:
                left, right = found[name]
                weighed = np.einsum("...noj,o->...nj", right**2, self.shares)
                squared = weighed.sum(axis=-2) if left is None else np.matmul(np.swapaxes(left**2, -1, -2), weighed)
                row.append(squared.reshape(len(flat), -1))
            total += np.concatenate(row, axis=-1)
        return self.scale * total


def gather(
    architecture: Architecture, weights: Weights, logs: Logs, labels: Labels, cost_share: float
) -> tuple[tuple[int, ...], FloatArray, Records]:
    """Leading axes, weights (T, P) and records of one training; one set of weights may serve all repetitions of the labels."""
    flat = architecture.flatten(weights)
    lead = flat.shape[:-1] or labels.quality.shape[:-1]
    if labels.quality.shape != (*lead, logs.size):
        raise InputError(f"The 'labels' parameter must have shape {(*lead, logs.size)}; got {labels.quality.shape}.")
    flat = np.broadcast_to(flat, (*lead, flat.shape[-1])).reshape(-1, flat.shape[-1])
    target = np.stack([labels.quality, labels.cost / (architecture.c_max or 1.0)], axis=-1).reshape(len(flat), logs.size, 2)
    return lead, flat, Records(architecture, logs.embedding, logs.model, target, cost_share)


def refined(records: Records, flat: FloatArray, rest: FloatArray, precision: FloatArray, steps: int) -> FloatArray:
    """Networks (T, P) after Gauss-Newton steps on loss + sum precision (weight - rest)^2 / 2; it never rises.

    rest, precision: broadcastable to (T, P).
    """

    def objective(candidate: FloatArray) -> FloatArray:
        loss: FloatArray = records.loss(candidate[:, None])[:, 0] + 0.5 * (precision * (candidate - rest) ** 2).sum(axis=-1)
        return loss

    best, value = flat.copy(), objective(flat)
    for _ in range(steps):
        gradient, curvature = records.quadratic(best)
        whole = 2.0 * curvature + np.eye(flat.shape[-1]) * precision[..., None, :]
        move = -np.linalg.solve(whole, (2.0 * gradient + precision * (best - rest))[..., None])[..., 0]
        open_, start = np.ones(len(flat), dtype=bool), best.copy()
        for length in SHORTER:
            candidate = np.where(open_[:, None], start + length * move, best)
            found = objective(candidate)
            falls = open_ & (found < value)
            best[falls], value[falls] = candidate[falls], found[falls]
            open_ &= ~falls
            if not open_.any():
                break
    return best
