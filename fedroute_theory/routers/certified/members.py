"""Networks as predictors: the members of a class one by one, and their average, which is what routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import Prediction
from fedroute_theory.networks import Architecture

CHUNK = 200_000
"""Numbers held at once while many networks are evaluated at many queries: about what a processor keeps near."""


def widest(architecture: Architecture) -> int:
    """Numbers that the widest layer before the heads holds of one record."""
    return max(architecture.inputs, *architecture.hidden, 1)


def parts(architecture: Architecture, sets: int, together: int, queries: int) -> Iterator[tuple[slice, slice]]:
    """Sets of so many networks, and queries, to be evaluated together, such that no layer holds more than CHUNK numbers.

    Few networks at many queries rather than many at few: products of larger matrices are faster.
    """
    numbers = together * max(widest(architecture), 2 * architecture.models)
    rows = max(1, min(queries, CHUNK // numbers))
    step = max(1, CHUNK // (numbers * rows))
    for start in range(0, sets, step):
        yield from ((slice(start, start + step), slice(first, first + rows)) for first in range(0, queries, rows))


def averages(architecture: Architecture, flat: FloatArray, embeddings: FloatArray) -> Prediction:
    """(N, n, M) mean predictions of N sets of k networks, flat (N, k, P)."""
    quality = np.empty((len(flat), len(embeddings), architecture.models))
    cost = np.empty_like(quality)
    for some, rows in parts(architecture, len(flat), flat.shape[1], len(embeddings)):
        found = architecture.predict(architecture.unflatten(flat[some]), embeddings[rows])
        for mean, values in zip((quality, cost), found, strict=True):
            mean[some, rows] = values.mean(axis=1) if flat.shape[1] > 1 else values[:, 0]
    return quality, cost


@dataclass(frozen=True, eq=False)
class Members:
    """k networks of one architecture a repetition, each predicting for itself: (..., k, n, M).

    flat: (..., k, P) weights in the order of `architecture.shapes`.
    """

    architecture: Architecture
    flat: FloatArray

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        quality, cost = averages(self.architecture, self.flat.reshape(-1, 1, self.flat.shape[-1]), embeddings)
        shape = (*self.flat.shape[:-1], *quality.shape[1:])
        return quality.reshape(shape), cost.reshape(shape)

    def repetition(self, t: int, /) -> Members:
        return self if self.flat.ndim == 2 else replace(self, flat=self.flat[t])


@dataclass(frozen=True, eq=False)
class Average:
    """The average prediction of the members: (..., n, M). It is no network, and not the network of the average weights."""

    members: Members

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        flat = self.members.flat
        quality, cost = averages(self.members.architecture, flat.reshape(-1, *flat.shape[-2:]), embeddings)
        shape = (*flat.shape[:-2], *quality.shape[1:])
        return quality.reshape(shape), cost.reshape(shape)

    def repetition(self, t: int, /) -> Average:
        return replace(self, members=self.members.repetition(t))
