"""What a trained network is to the rest of the package: a predictor in float64, and a place for a certificate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import FunctionEstimates, Prediction
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.networks import Architecture, Weights

CHUNK_NUMBERS = 4_000_000
"""Numbers held at once by one layer while predicting; bounds memory, changes no result."""


@dataclass(frozen=True, eq=False)
class NetworkPredictor:
    """Trained networks, evaluated in float64 whatever they were trained in.

    architectures: one where there is no axis of repetitions, else one a repetition; they differ in the scale of cost only.
    weights: arrays named and shaped as in `Architecture.shapes`, float64, after common leading axes (...,); the first of
    these is that of the repetitions when there are any.
    """

    architectures: tuple[Architecture, ...]
    weights: Weights

    @property
    def architecture(self) -> Architecture:
        """Names and shapes of the weights; its scale of cost is that of the first repetition."""
        return self.architectures[0]

    @property
    def leading(self) -> tuple[int, ...]:
        """The axes before those of one network."""
        return np.shape(self.weights["heads.bias"])[:-2]

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        embeddings = np.asarray(embeddings, dtype=np.float64)
        parts = [self._predict(embeddings[rows]) for rows in self._chunks(len(embeddings))]
        return np.concatenate([q for q, _ in parts], axis=-2), np.concatenate([c for _, c in parts], axis=-2)

    def repetition(self, t: int, /) -> NetworkPredictor:
        """The network of one repetition; the same one where there is no such axis."""
        if not self.leading:
            return self
        one = self.architectures[t] if len(self.architectures) > 1 else self.architecture
        return NetworkPredictor((one,), {name: value[t] for name, value in self.weights.items()})

    def _predict(self, embeddings: FloatArray) -> Prediction:
        if len(self.architectures) == 1:
            return self.architecture.predict(self.weights, embeddings)
        apart = [self.repetition(t).architecture for t in range(len(self.architectures))]
        pairs = [
            one.predict({name: value[t] for name, value in self.weights.items()}, embeddings) for t, one in enumerate(apart)
        ]
        return np.stack([q for q, _ in pairs]), np.stack([c for _, c in pairs])

    def _chunks(self, size: int) -> Iterator[slice]:
        widest = max((*self.architecture.hidden, 2 * self.architecture.models))
        step = max(1, CHUNK_NUMBERS // (widest * math.prod(self.leading)))
        yield from (slice(start, start + step) for start in range(0, max(size, 1), step))


class Certifier(Protocol):
    """Turns trained weights into estimates that a bound can be claimed of, with the class they come from and its price.

    It is called once for every training (each client, the federation, the pool) with a scale of cost fixed before the data.
    """

    def __call__(
        self, architecture: Architecture, weights: Weights, logs: Logs, labels: Labels, rng: np.random.Generator
    ) -> FunctionEstimates:
        """weights: float64 arrays as in `architecture.shapes`, with the leading axes of the labels (..., n). logs: the n
        records behind the training. rng: depends on seed, training and client only.
        """
