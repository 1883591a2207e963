"""Linear heads on frozen features: the fitted functions, with the features open to whoever checks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from fedroute_theory._validate import FloatArray, array, choice, integer, number, settle
from fedroute_theory.estimates.base import Prediction
from fedroute_theory.networks import ACTIVATIONS, Architecture, Weights

RANK_TOLERANCE = 1e-6
"""Singular values of a design below this share of the largest count as zero: such features are dependent on its records."""


class FeatureMap(Protocol):
    """Features chosen before the data: a fixed function of the embedding."""

    def __call__(self, embeddings: FloatArray, /) -> FloatArray:
        """(n, p) features of embeddings (n, d); every family here has the constant 1 first."""


def _with_intercept(features: FloatArray) -> FloatArray:
    return np.concatenate([np.ones((len(features), 1)), features], axis=1)


@dataclass(frozen=True)
class AffineFeatures:
    """The embedding with an intercept: p = 1 + d."""

    def __call__(self, embeddings: FloatArray) -> FloatArray:
        return _with_intercept(np.asarray(embeddings, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class TrunkFeatures:
    """What the heads of a given network read, with an intercept: p = 1 + the last width.

    network: the frozen weights, arrays as in `architecture.shapes`; those of the heads are not looked at.
    """

    architecture: Architecture
    network: Weights

    def __call__(self, embeddings: FloatArray) -> FloatArray:
        return _with_intercept(self.architecture.trunk(self.network, embeddings))


@dataclass(frozen=True, eq=False)
class RandomFeatures:
    """activation(x . weight + shift) with an intercept: p = 1 + width. weight: (d, width). shift: (width,). InputError for
    other shapes and an unknown activation.
    """

    weight: FloatArray
    shift: FloatArray
    activation: str = "tanh"

    def __post_init__(self) -> None:
        settle(self, weight=array("weight", self.weight, (None, None)))
        settle(self, shift=array("shift", self.shift, (self.weight.shape[1],)))
        choice("activation", self.activation, ACTIVATIONS)

    @classmethod
    def draw(cls, rng: np.random.Generator, inputs: int, width: int, scale: float = 1.0, activation: str = "tanh") -> Self:
        """Normal weights of standard deviation `scale` and standard normal shifts.

        inputs: d >= 1. width: at least 1. scale: positive. InputError for values out of range.
        """
        d, p = integer("inputs", inputs, 1), integer("width", width, 1)
        return cls(number("scale", scale, 0.0, open_low=True) * rng.normal(size=(d, p)), rng.normal(size=p), activation)

    def __call__(self, embeddings: FloatArray) -> FloatArray:
        hidden = np.asarray(embeddings, dtype=np.float64) @ self.weight + self.shift
        return _with_intercept(ACTIVATIONS[self.activation](hidden))


@dataclass(frozen=True, eq=False)
class LinearPredictor:
    """features(x) . weight, clipped to [0, 1] for quality and [0, c_max] for cost.

    weight: (..., p, M, 2) heads of every model, quality and cost (in units of cost); NaN for a model that no record speaks of.
    ridge: penalty that the heads were fitted with (0.0: plain least squares).
    """

    features: FeatureMap
    weight: FloatArray
    c_max: float = 1.0
    ridge: float = 0.0

    def unclipped(self, embeddings: FloatArray) -> Prediction:
        """Quality and cost (..., n, M) as the heads give them."""
        p, models = self.weight.shape[-3:-1]
        raw = np.matmul(self.features(embeddings), self.weight.reshape(*self.weight.shape[:-3], p, 2 * models))
        raw = raw.reshape(*raw.shape[:-1], models, 2)
        return raw[..., 0], raw[..., 1]

    def __call__(self, embeddings: FloatArray) -> Prediction:
        quality, cost = self.unclipped(embeddings)
        return np.clip(quality, 0.0, 1.0), np.clip(cost, 0.0, self.c_max)

    @property
    def repetitions(self) -> int | None:
        """Length of the leading axis of the heads, None without one."""
        return int(self.weight.shape[0]) if self.weight.ndim == 4 else None

    def repetition(self, t: int) -> LinearPredictor:
        """The heads of one repetition."""
        return self if self.weight.ndim == 3 else replace(self, weight=self.weight[t])


def independent(singular_values: Sequence[float] | FloatArray) -> FloatArray:
    """1.0 for the directions of a design that count as independent, 0.0 for the others, from its singular values."""
    values = np.asarray(singular_values, dtype=np.float64)
    largest = values.max(axis=-1, keepdims=True, initial=0.0)
    kept: FloatArray = ((values > RANK_TOLERANCE * largest) & (values > 0.0)).astype(np.float64)
    return kept
