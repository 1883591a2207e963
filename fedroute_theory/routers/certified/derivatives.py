"""Derivatives of a network's predictions by its weights, in float64, on records: what Gauss-Newton steps are made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.networks import NORM_EPSILON, Architecture, Weights


def _gelu_slope(x: FloatArray) -> FloatArray:
    from scipy.special import erf

    slope: FloatArray = 0.5 * (1.0 + erf(x / math.sqrt(2.0))) + x * np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)
    return slope


SLOPES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "gelu": _gelu_slope,
    "relu": lambda x: (x > 0.0).astype(np.float64),
    "tanh": lambda x: 1.0 - np.tanh(x) ** 2,
}
"""Derivative of each of networks.ACTIVATIONS."""

Factors = dict[str, tuple[FloatArray | None, FloatArray]]
"""By array: (left (..., n, i) or None, right (..., n, 2, j)); the derivative is their outer product, or right alone."""


def factors(
    architecture: Architecture, weights: Weights, embeddings: FloatArray, model: IntArray
) -> tuple[FloatArray, Factors]:
    """Predictions (..., n, 2) of the models (n,) at embeddings (n, d), and their derivatives as outer products.

    The two predictions are the quality and the cost over c_max, as clipped; the derivative of a clipped cost is 0.
    """
    from scipy.special import expit

    from fedroute_theory.networks import ACTIVATIONS

    hidden, tape = np.asarray(embeddings, dtype=np.float64), []
    for layer in range(len(architecture.hidden)):
        below = hidden
        hidden = np.matmul(below, weights[f"trunk{layer}.weight"]) + weights[f"trunk{layer}.bias"][..., None, :]
        spread = normal = None
        if architecture.layer_norm:
            centred = hidden - hidden.mean(axis=-1, keepdims=True)
            spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
            normal = centred / spread
            hidden = normal * weights[f"trunk{layer}.scale"][..., None, :] + weights[f"trunk{layer}.shift"][..., None, :]
        tape.append((below, spread, normal, SLOPES[architecture.activation](hidden)))
        hidden = ACTIVATIONS[architecture.activation](hidden)

    heads = np.moveaxis(np.asarray(weights["heads.weight"]), -2, -3)[..., model, :, :]  # (..., n, H, 2)
    raw = np.einsum("...nh,...nho->...no", hidden, heads) + np.asarray(weights["heads.bias"])[..., model, :]
    quality = expit(raw[..., 0])
    top, ceiling = (architecture.c_max, 1.0) if architecture.c_max > 0.0 else (1.0, 0.0)  # c_max 0: every cost is clipped to 0
    cost = (architecture.cost_centre + architecture.cost_spread * raw[..., 1]) / top
    slope = np.stack([quality * (1.0 - quality), architecture.cost_spread / top * ((cost > 0.0) & (cost < ceiling))], axis=-1)
    chosen = np.zeros((*raw.shape, architecture.models, 2))
    for output in range(2):
        chosen[..., np.arange(len(model)), output, model, output] = slope[..., output]
    at_heads = chosen.reshape(*raw.shape, 2 * architecture.models)
    found: Factors = {"heads.weight": (hidden, at_heads), "heads.bias": (None, at_heads)}

    back = np.swapaxes(heads * slope[..., None, :], -1, -2)  # (..., n, 2, H)
    for layer in reversed(range(len(architecture.hidden))):
        below, spread, normal, steep = tape[layer]
        back = back * steep[..., None, :]
        if normal is not None and spread is not None:
            found |= {f"trunk{layer}.scale": (None, back * normal[..., None, :]), f"trunk{layer}.shift": (None, back)}
            back = back * weights[f"trunk{layer}.scale"][..., None, None, :]
            along = (back * normal[..., None, :]).mean(axis=-1, keepdims=True)
            back = (back - back.mean(axis=-1, keepdims=True) - normal[..., None, :] * along) / spread[..., None, :]
        found |= {f"trunk{layer}.weight": (below, back), f"trunk{layer}.bias": (None, back)}
        back = np.matmul(back, np.swapaxes(weights[f"trunk{layer}.weight"], -1, -2)[..., None, :, :])
    return np.stack([quality, np.clip(cost, 0.0, ceiling)], axis=-1), found


def jacobian(
    architecture: Architecture, weights: Weights, embeddings: FloatArray, model: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Predictions (..., n, 2) and their derivatives (..., n, 2, P), weights in the order of `architecture.shapes`."""
    predicted, found = factors(architecture, weights, embeddings, model)
    parts = []
    for name in architecture.shapes:
        left, right = found[name]
        whole = right if left is None else left[..., None, :, None] * right[..., None, :]
        parts.append(whole.reshape(*right.shape[:-1], -1))
    return predicted, np.concatenate(parts, axis=-1)
