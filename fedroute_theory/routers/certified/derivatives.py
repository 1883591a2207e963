"""Derivatives of a network's predictions by its weights, in float64, on records: what Gauss-Newton steps are made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.networks import NORM_EPSILON, Architecture, Weights


def _gelu_slope(x: FloatArray, _: FloatArray) -> FloatArray:
    from scipy.special import erf

    slope: FloatArray = 0.5 * (1.0 + erf(x / math.sqrt(2.0))) + x * np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)
    return slope


SLOPES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "gelu": _gelu_slope,
    "relu": lambda x, _: (x > 0.0).astype(np.float64),
    "tanh": lambda _, value: 1.0 - value**2,
}
"""Derivative of each of networks.ACTIVATIONS, from where it is taken and the value there."""

Factors = dict[str, tuple[FloatArray | None, FloatArray]]
"""By array: (left (..., i, n) or None, right (..., 2, j, n)); the derivative is their outer product, or right alone."""


def factors(architecture: Architecture, weights: Weights, embeddings: FloatArray, model: int) -> tuple[FloatArray, Factors]:
    """Predictions (..., 2, n) of one model at embeddings (n, d), and their derivatives as outer products.

    The two predictions are the quality and the cost over c_max, as clipped; the derivative of a clipped cost is 0. Of the
    heads each prediction moves with its own column only, whose derivatives are meant. Records are the last axis throughout:
    loops and products run along them.
    """
    from scipy.special import expit

    from fedroute_theory.networks import ACTIVATIONS

    hidden, tape = np.ascontiguousarray(np.asarray(embeddings, dtype=np.float64).T), []
    for layer in range(len(architecture.hidden)):
        below = hidden
        hidden = np.matmul(np.swapaxes(weights[f"trunk{layer}.weight"], -1, -2), below)
        hidden += weights[f"trunk{layer}.bias"][..., None]
        spread = normal = None
        if architecture.layer_norm:
            centred = hidden - hidden.mean(axis=-2, keepdims=True)
            spread = np.sqrt((centred**2).mean(axis=-2, keepdims=True) + NORM_EPSILON)
            normal = centred / spread
            hidden = normal * weights[f"trunk{layer}.scale"][..., None] + weights[f"trunk{layer}.shift"][..., None]
        value = ACTIVATIONS[architecture.activation](hidden)
        tape.append((below, spread, normal, SLOPES[architecture.activation](hidden, value)))
        hidden = value

    heads = np.swapaxes(np.asarray(weights["heads.weight"])[..., model, :], -1, -2)  # (..., 2, H)
    raw = np.matmul(heads, hidden) + np.asarray(weights["heads.bias"])[..., model, :, None]
    quality = expit(raw[..., 0, :])
    top, ceiling = (architecture.c_max, 1.0) if architecture.c_max > 0.0 else (1.0, 0.0)  # c_max 0: every cost is clipped to 0
    cost = (architecture.cost_centre + architecture.cost_spread * raw[..., 1, :]) / top
    steepness = [quality * (1.0 - quality), architecture.cost_spread / top * ((cost > 0.0) & (cost < ceiling))]
    slope = np.stack(steepness, axis=-2)[..., None, :]  # (..., 2, 1, n)
    found: Factors = {"heads.weight": (hidden, slope), "heads.bias": (None, slope)}

    back = heads[..., None] * slope  # (..., 2, H, n)
    for layer in reversed(range(len(architecture.hidden))):
        below, spread, normal, steep = tape[layer]
        back = back * steep[..., None, :, :]
        if normal is not None and spread is not None:
            found |= {f"trunk{layer}.scale": (None, back * normal[..., None, :, :]), f"trunk{layer}.shift": (None, back)}
            back = back * weights[f"trunk{layer}.scale"][..., None, :, None]
            along = (back * normal[..., None, :, :]).mean(axis=-2, keepdims=True)
            back = (back - back.mean(axis=-2, keepdims=True) - normal[..., None, :, :] * along) / spread[..., None, :, :]
        found |= {f"trunk{layer}.weight": (below, back), f"trunk{layer}.bias": (None, back)}
        if layer > 0:
            back = np.matmul(weights[f"trunk{layer}.weight"][..., None, :, :], back)
    return np.stack([quality, np.clip(cost, 0.0, ceiling)], axis=-2), found


def jacobian(architecture: Architecture, weights: Weights, embeddings: FloatArray, model: int) -> tuple[FloatArray, FloatArray]:
    """Predictions (..., 2, n) of one model, and their derivatives (..., 2, p, n) by the p weights at `places` alone."""
    predicted, found = factors(architecture, weights, embeddings, model)
    pairs = [found[name] for name in architecture.shapes]
    sizes = [(1 if left is None else left.shape[-2]) * right.shape[-2] for left, right in pairs]
    lead, records = predicted.shape[:-1], predicted.shape[-1]
    whole, start = np.empty((*lead, sum(sizes), records)), 0
    for (left, right), size in zip(pairs, sizes, strict=True):
        part = whole[..., start : start + size, :]  # written where it belongs: the array is large
        if left is None:
            part[...] = right
        else:
            view = part.reshape(*lead, left.shape[-2], right.shape[-2], records)
            np.multiply(left[..., None, :, None, :], right[..., None, :, :], out=view)
        start += size
    return predicted, whole


def places(architecture: Architecture, model: int, output: int) -> tuple[slice, slice]:
    """Which weights, in the order of `architecture.shapes`, one output of one model depends on: trunk, own column of heads."""
    heads = sum(math.prod(shape) for name, shape in architecture.shapes.items() if name.startswith("heads"))
    trunk = architecture.n_parameters - heads
    column = slice(trunk + 2 * model + output, None, 2 * architecture.models)  # the bias is one more row of the heads
    return slice(0, trunk), column
