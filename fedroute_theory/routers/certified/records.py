"""The squared error of networks on one party's records, its Gauss-Newton model, and steps that lower it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, InputError, IntArray
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.networks import Architecture, Weights
from fedroute_theory.routers.certified.derivatives import factors, jacobian, places
from fedroute_theory.routers.certified.members import CHUNK, parts, widest

DAMPINGS = (0.0, 0.03, 0.3, 3.0, 30.0)
"""Multiples of the curvature's diagonal added to it, tried in order until the objective falls."""

LEAST_FALL = 0.01
"""A network's steps end when its objective falls by less: nats, so nothing that a bound would show."""

PART = 20_000
"""Records that stand for all of them where only speed of descent or the shape of a law is at stake, at most."""

LAST_STEPS = 2
"""Steps on all records after those on a part."""


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

    def repetitions(self, chosen: BoolArray | IntArray) -> Records:
        """The same records with the labels of some repetitions, by mask (T,) or index."""
        return replace(self, target=self.target[chosen])

    def better(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """(T, P) of two networks a repetition the one of less loss; the first of equals."""
        loss = self.loss(np.stack([first, second], axis=1))
        return np.where((loss[:, 1] < loss[:, 0])[:, None], second, first)

    def loss(self, flat: FloatArray) -> FloatArray:
        """(T, k) weighted sums of squared errors of networks (T, k, P)."""
        total = np.zeros(flat.shape[:-1])
        for model in np.flatnonzero(self.counts).tolist():
            own = np.flatnonzero(self.model == model)
            for some, part in parts(self.architecture, len(flat), flat.shape[1], own.size):
                weights, rows = self.architecture.unflatten(flat[some]), own[part]
                found = self.architecture.predict_model(weights, self.embedding[rows], model)
                for output, values in enumerate(found):
                    top = (self.architecture.c_max or 1.0) if output else 1.0
                    error = values / top - self.target[some, None, rows, output]
                    total[some] += self.shares[output] * np.einsum("tkn,tkn->tk", error, error)
        return self.scale * total

    def quadratic(self, flat: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gauss-Newton model of the loss of networks (T, P): loss(flat + v) is about loss + 2 g.v + v'Av.

        Returns g (T, P) and A (T, P, P), which are made of the p weights that one output of one model depends on.
        """
        gradient, curvature = np.zeros_like(flat), np.zeros((*flat.shape, flat.shape[-1]))
        trunk = places(self.architecture, 0, 0)[0].stop
        halves = slice(0, trunk), slice(trunk, None)
        for model in np.flatnonzero(self.counts).tolist():
            for networks, rows in self._parts(model, len(flat), 2 * (trunk + widest(self.architecture))):
                weights = self.architecture.unflatten(flat[networks])
                predicted, slopes = jacobian(self.architecture, weights, self.embedding[rows], model)  # (t, 2, n), (t, 2, p, n)
                error = predicted - np.swapaxes(self.target[networks, rows], 1, 2)
                slope = np.matmul(slopes, error[..., None])[..., 0]
                square = np.matmul(slopes, np.swapaxes(slopes, 2, 3))
                for output, share in enumerate(self.shares):
                    own = tuple(zip(places(self.architecture, model, output), halves, strict=True))
                    for place, here in own:
                        gradient[networks, place] += share * slope[:, output, here]
                        for across, there in own:
                            curvature[networks, place, across] += share * square[:, output, here, there]
        return self.scale * gradient, self.scale * curvature

    def diagonal(self, flat: FloatArray) -> FloatArray:
        """(T, P) the diagonal of A alone, by products of squares: no derivative of a single record is held."""
        total, shapes = np.zeros_like(flat), self.architecture.shapes
        for model in np.flatnonzero(self.counts).tolist():
            for networks, rows in self._parts(model, len(flat), 2 * widest(self.architecture)):
                weights = self.architecture.unflatten(flat[networks])
                _, found = factors(self.architecture, weights, self.embedding[rows], model)
                for output, share in enumerate(self.shares):
                    row = []
                    for left, right in (found[name] for name in shapes):
                        square = right[..., output, :, :] ** 2
                        summed = square.sum(axis=-1) if left is None else np.matmul(left**2, np.swapaxes(square, -1, -2))
                        row.append(summed.reshape(len(square), -1))
                    trunk, column = places(self.architecture, model, output)
                    whole = share * np.concatenate(row, axis=-1)
                    total[networks, trunk] += whole[:, : trunk.stop]
                    total[networks, column] += whole[:, trunk.stop :]
        return self.scale * total

    def _parts(self, model: int, repetitions: int, numbers: int) -> Iterator[tuple[slice, IntArray]]:
        """Repetitions and records of one model to be looked at together, so many numbers for each: at most CHUNK in all."""
        rows = np.flatnonzero(self.model == model)
        most = max(1, CHUNK // numbers)
        for chosen in np.split(rows, range(most, rows.size, most)):
            step = max(1, most // chosen.size)
            yield from ((slice(start, start + step), chosen) for start in range(0, repetitions, step))


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


def refined(
    records: Records, flat: FloatArray, rest: FloatArray, precision: FloatArray, steps: int, rng: np.random.Generator
) -> FloatArray:
    """Networks (T, P) after damped Gauss-Newton steps on loss + sum precision (weight - rest)^2 / 2.

    Above PART records the steps are made on a random part of them, and up to LAST_STEPS more on all; those never raise the
    objective. rest, precision: broadcastable to (T, P).
    """
    if records.size > PART:
        flat = _descended(records.some(rng, PART), flat, rest, precision, steps)
        steps = min(steps, LAST_STEPS)
    return _descended(records, flat, rest, precision, steps)


def _descended(records: Records, flat: FloatArray, rest: FloatArray, precision: FloatArray, steps: int) -> FloatArray:
    """Every network stops by its own progress, so that repetitions do not depend on one another."""
    best, still = flat.copy(), np.arange(len(flat))
    precision, rest = (np.broadcast_to(values, flat.shape) for values in (precision, rest))

    def objective(candidate: FloatArray, rows: IntArray) -> FloatArray:
        pull = 0.5 * (precision[rows] * (candidate - rest[rows]) ** 2).sum(axis=-1)
        value: FloatArray = records.repetitions(rows).loss(candidate[:, None])[:, 0] + pull
        return value

    reached = objective(best, still)
    for _ in range(steps):
        part, present = records.repetitions(still), best[still]
        gradient, curvature = part.quadratic(present)
        slope = 2.0 * gradient + precision[still] * (present - rest[still])
        curvature *= 2.0
        diagonals(curvature)[...] += precision[still]
        fallen = np.zeros(len(still))
        for damping in DAMPINGS:
            stuck = np.flatnonzero(fallen == 0.0)
            if stuck.size == 0:
                break
            damped = curvature[stuck]
            diagonals(damped)[...] *= 1.0 + damping
            move = np.linalg.solve(damped, slope[stuck][..., None])[..., 0]
            value = objective(present[stuck] - move, still[stuck])
            found = reached[still[stuck]] - value
            falls = found > 0.0
            best[still[stuck[falls]]], reached[still[stuck[falls]]] = (present[stuck] - move)[falls], value[falls]
            fallen[stuck[falls]] = found[falls]
        still = still[fallen >= LEAST_FALL]
        if still.size == 0:
            break
    return best


def diagonals(matrices: FloatArray) -> FloatArray:
    """(..., P) the diagonals of (..., P, P), a view to be written to."""
    view: FloatArray = np.einsum("...pp->...p", matrices)
    return view
