"""The network class of the MLP router, evaluated in float64: a shared trunk and one two-output head per model.

Plain numpy, no training. Problems whose truth is a network and certificates about a network use this evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, choice, integer, number

Weights = Mapping[str, FloatArray]
"""Arrays by name, as in `Architecture.shapes`; all may share leading axes (repetitions, members of an average)."""

NORM_EPSILON = 1e-5
"""Added to the variance in layer normalisation."""


def _gelu(x: FloatArray) -> FloatArray:
    from scipy.special import erf

    result: FloatArray = 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))
    return result


def _relu(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0.0)


ACTIVATIONS: dict[str, Callable[[FloatArray], FloatArray]] = {"gelu": _gelu, "relu": _relu, "tanh": np.tanh}
"""By name; "gelu" is the exact one, by the error function."""


@dataclass(frozen=True)
class Architecture:
    """Trunk: for each hidden width Linear, optional LayerNorm, activation. Heads: for each model one linear map to two numbers.

    inputs: d. hidden: widths, one a layer (none: the heads read the embedding). models: M. activation: one of ACTIVATIONS.
    layer_norm: whether. cost_centre, cost_spread: predicted cost is cost_centre + cost_spread * second output, clipped to
    [0, c_max]; predicted quality is the logistic function of the first output.
    """

    inputs: int
    hidden: tuple[int, ...]
    models: int
    activation: str = "gelu"
    layer_norm: bool = True
    cost_centre: float = 0.5
    cost_spread: float = 0.5
    c_max: float = 1.0

    def __post_init__(self) -> None:
        integer("inputs", self.inputs, 1)
        integer("models", self.models, 2)
        for width in self.hidden:
            integer("hidden", width, 1)
        choice("activation", self.activation, ACTIVATIONS)
        for name in ("cost_centre", "cost_spread", "c_max"):
            number(name, getattr(self, name), 0.0)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every array of weights, in a fixed order."""
        found: dict[str, tuple[int, ...]] = {}
        width = self.inputs
        for layer, wider in enumerate(self.hidden):
            found |= {f"trunk{layer}.weight": (width, wider), f"trunk{layer}.bias": (wider,)}
            if self.layer_norm:
                found |= {f"trunk{layer}.scale": (wider,), f"trunk{layer}.shift": (wider,)}
            width = wider
        return found | {"heads.weight": (width, self.models, 2), "heads.bias": (self.models, 2)}

    @cached_property
    def n_parameters(self) -> int:
        """P, the number of weights."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def flatten(self, weights: Weights) -> FloatArray:
        """(..., P) all weights in the order of `shapes`."""
        parts = []
        for name, shape in self.shapes.items():
            value = np.asarray(weights[name], dtype=np.float64)
            parts.append(value.reshape(*value.shape[: value.ndim - len(shape)], -1))
        return np.concatenate(parts, axis=-1)

    def unflatten(self, flat: FloatArray) -> dict[str, FloatArray]:
        """The inverse of `flatten`."""
        if flat.shape[-1] != self.n_parameters:
            raise InputError(f"The 'flat' parameter must have {self.n_parameters} entries; got {flat.shape[-1]}.")
        found, start = {}, 0
        for name, shape in self.shapes.items():
            size = math.prod(shape)
            found[name] = flat[..., start : start + size].reshape(*flat.shape[:-1], *shape)
            start += size
        return found

    def trunk(self, weights: Weights, embeddings: FloatArray) -> FloatArray:
        """(..., n, H) features before the heads at embeddings (n, d)."""
        hidden = np.asarray(embeddings, dtype=np.float64)
        for layer in range(len(self.hidden)):
            hidden = np.matmul(hidden, weights[f"trunk{layer}.weight"])
            hidden += weights[f"trunk{layer}.bias"][..., None, :]  # in place: these arrays are large, and new ones cost more
            if self.layer_norm:
                centred = hidden - hidden.mean(axis=-1, keepdims=True)
                hidden = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
                hidden = hidden * weights[f"trunk{layer}.scale"][..., None, :] + weights[f"trunk{layer}.shift"][..., None, :]
            hidden = ACTIVATIONS[self.activation](hidden)
        return hidden

    def outputs(self, weights: Weights, embeddings: FloatArray) -> FloatArray:
        """(..., n, M, 2) raw outputs of the heads."""
        weight = np.asarray(weights["heads.weight"])
        flat = weight.reshape(*weight.shape[:-2], 2 * self.models)
        raw = np.matmul(self.trunk(weights, embeddings), flat)
        result: FloatArray = raw.reshape(*raw.shape[:-1], self.models, 2)
        result += np.asarray(weights["heads.bias"])[..., None, :, :]
        return result

    def predict(self, weights: Weights, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Quality in [0, 1] and cost in [0, c_max], both (..., n, M), at embeddings (n, d), in float64."""
        return self._ranged(self.outputs(weights, embeddings))

    def predict_model(self, weights: Weights, embeddings: FloatArray, model: int) -> tuple[FloatArray, FloatArray]:
        """The column of one model of `predict`, (..., n) each."""
        raw = np.matmul(self.trunk(weights, embeddings), np.asarray(weights["heads.weight"])[..., model, :])
        raw += np.asarray(weights["heads.bias"])[..., None, model, :]
        return self._ranged(raw)

    def _ranged(self, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Quality and cost from the outputs of the heads (..., 2)."""
        from scipy.special import expit

        quality: FloatArray = expit(raw[..., 0])
        cost: FloatArray = self.cost_spread * raw[..., 1]
        cost += self.cost_centre
        return quality, np.clip(cost, 0.0, self.c_max, out=cost)


@dataclass(frozen=True)
class Grid:
    """2^bits equally spaced values a weight may take: centre - reach, ..., centre + reach.

    The centre is 1 for the scales of layer normalisation and 0 for all other weights. bits: at least 1, at most 32. reach:
    positive. A class of networks on a grid is fixed before the data only if bits and reach are.
    """

    bits: int
    reach: float

    def __post_init__(self) -> None:
        integer("bits", self.bits, 1, 32)
        number("reach", self.reach, 0.0, open_low=True)

    @property
    def step(self) -> float:
        """Distance of neighbouring values."""
        return 2.0 * self.reach / (float(2**self.bits) - 1.0)

    def log_size(self, architecture: Architecture) -> float:
        """P bits log 2: log of the number of networks on the grid."""
        return architecture.n_parameters * self.bits * math.log(2.0)

    def place(self, architecture: Architecture, flat: FloatArray) -> FloatArray:
        """(..., P) whole numbers 0 to 2^bits - 1: the nearest grid value of every weight."""
        inside = (flat - rest_point(architecture) + self.reach) / self.step
        return np.clip(np.rint(inside), 0, 2**self.bits - 1)

    def value(self, architecture: Architecture, place: FloatArray) -> FloatArray:
        """(..., P) weights at given places."""
        centre = rest_point(architecture)
        moved: FloatArray = centre + (place * self.step - self.reach)
        return moved

    def nearest(self, architecture: Architecture, flat: FloatArray) -> FloatArray:
        """(..., P) every weight rounded to the grid; those outside go to its ends."""
        return self.value(architecture, self.place(architecture, flat))


def rest_point(architecture: Architecture) -> FloatArray:
    """(P,) 1 for the scales of layer normalisation, 0 for all other weights."""
    sizes = {name: math.prod(shape) for name, shape in architecture.shapes.items()}
    return np.concatenate([np.full(size, float(name.endswith(".scale"))) for name, size in sizes.items()])
