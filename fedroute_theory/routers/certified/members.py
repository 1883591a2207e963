"""Networks as predictors: the members of a class one by one, and their average, which is what routes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import Prediction
from fedroute_theory.networks import Architecture

CHUNK = 250_000
"""Numbers held at once while many networks are evaluated at many queries: about what a processor keeps near."""


def chunks(architecture: Architecture, networks: int, queries: int) -> list[slice]:
    """Slices of the queries such that no layer of all networks holds more than CHUNK numbers."""
    widest = max(architecture.inputs, 2 * architecture.models, *architecture.hidden, 1)
    size = max(1, CHUNK // max(1, networks * widest))
    return [slice(start, start + size) for start in range(0, queries, size)] or [slice(0, 0)]


@dataclass(frozen=True, eq=False)
class Members:
    """k networks of one architecture a repetition, each predicting for itself: (..., k, n, M).

    flat: (..., k, P) weights in the order of `architecture.shapes`.
    """

    architecture: Architecture
    flat: FloatArray

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        weights = self.architecture.unflatten(self.flat)
        parts = chunks(self.architecture, math.prod(self.flat.shape[:-1]), len(embeddings))
        found = [self.architecture.predict(weights, embeddings[part]) for part in parts]
        quality, cost = (np.concatenate(values, axis=-2) for values in zip(*found, strict=True))
        return quality, cost

    def repetition(self, t: int, /) -> Members:
        return self if self.flat.ndim == 2 else replace(self, flat=self.flat[t])


@dataclass(frozen=True, eq=False)
class Average:
    """The average prediction of the members: (..., n, M). It is no network, and not the network of the average weights."""

    members: Members

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        parts = chunks(self.members.architecture, math.prod(self.members.flat.shape[:-1]), len(embeddings))
        found = [[value.mean(axis=-3) for value in self.members(embeddings[part])] for part in parts]
        quality, cost = (np.concatenate(values, axis=-2) for values in zip(*found, strict=True))
        return quality, cost

    def repetition(self, t: int, /) -> Average:
        return replace(self, members=self.members.repetition(t))
