"""Loss and gradient of the network written out by hand in float64 numpy, apart from the package's own code."""

import math
from types import SimpleNamespace

import numpy as np
import pytest


def erf(x):
    return np.vectorize(math.erf)(x)


ACTIVATIONS = {
    "gelu": (
        lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        lambda x: 0.5 * (1 + erf(x / math.sqrt(2))) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
}


def forward(architecture, weights, x):
    """Raw outputs (n, M, 2) and what the way back needs."""
    activation, _ = ACTIVATIONS[architecture.activation]
    kept = []
    for layer in range(len(architecture.hidden)):
        before = x
        linear = x @ weights[f"trunk{layer}.weight"] + weights[f"trunk{layer}.bias"]
        unit, deviation = linear, None
        if architecture.layer_norm:
            deviation = np.sqrt(linear.var(axis=1, keepdims=True) + 1e-5)
            unit = (linear - linear.mean(axis=1, keepdims=True)) / deviation
        point = unit
        if architecture.layer_norm:
            point = unit * weights[f"trunk{layer}.scale"] + weights[f"trunk{layer}.shift"]
        kept.append((before, unit, deviation, point))
        x = activation(point)
    raw = np.einsum("nh,hmo->nmo", x, weights["heads.weight"]) + weights["heads.bias"]
    return raw, x, kept


def loss_and_gradient(architecture, weights, x, model, quality, cost):
    """Mean loss over the records and its gradient by name; cost as a z-score."""
    weights = {name: np.asarray(value, dtype=float) for name, value in weights.items()}
    raw, features, kept = forward(architecture, weights, np.asarray(x, dtype=float))
    n, rows = len(model), np.arange(len(model))
    q = 1 / (1 + np.exp(-raw[rows, model, 0]))
    error = raw[rows, model, 1] - cost
    huber = np.where(np.abs(error) <= 1, error**2 / 2, np.abs(error) - 0.5)
    loss = float(((q - quality) ** 2 + huber).mean())
    back = np.zeros_like(raw)
    back[rows, model, 0] = 2 * (q - quality) * q * (1 - q) / n
    back[rows, model, 1] = np.clip(error, -1, 1) / n
    found = {"heads.weight": np.einsum("nh,nmo->hmo", features, back), "heads.bias": back.sum(axis=0)}
    way = np.einsum("nmo,hmo->nh", back, weights["heads.weight"])
    for layer in reversed(range(len(architecture.hidden))):
        before, unit, deviation, point = kept[layer]
        way = way * ACTIVATIONS[architecture.activation][1](point)
        if architecture.layer_norm:
            found[f"trunk{layer}.scale"] = (way * unit).sum(axis=0)
            found[f"trunk{layer}.shift"] = way.sum(axis=0)
            way = way * weights[f"trunk{layer}.scale"]
            along = unit * (way * unit).mean(axis=1, keepdims=True)
            way = (way - way.mean(axis=1, keepdims=True) - along) / deviation
        found[f"trunk{layer}.weight"] = before.T @ way
        found[f"trunk{layer}.bias"] = way.sum(axis=0)
        way = way @ weights[f"trunk{layer}.weight"].T
    return loss, found


def descended(architecture, weights, records, rate, steps):
    """Plain gradient descent on the mean loss over all records (x, model, quality, cost)."""
    for _ in range(steps):
        _, gradient = loss_and_gradient(architecture, weights, *records)
        weights = {name: value - rate * gradient[name] for name, value in weights.items()}
    return weights


@pytest.fixture
def by_hand():
    return SimpleNamespace(forward=forward, loss_and_gradient=loss_and_gradient, descended=descended)
