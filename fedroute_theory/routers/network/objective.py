"""The network and its loss in jax, differentiable; without dropout equal to the float64 evaluation of `networks`."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fedroute_theory.networks import NORM_EPSILON, Architecture
from fedroute_theory.routers.network.layers import PLAIN, PRODUCTS

Arrays = dict[str, jax.Array]
ACTIVATIONS = {"gelu": lambda x: jax.nn.gelu(x, approximate=False), "relu": jax.nn.relu, "tanh": jnp.tanh}
ALONE_FROM = 100_000
"""Networks with this many weights train one at a time: their matrix products fill the processor, and a party need not wait
for one with more records. Smaller ones train together, where sums made of products cost more than plain sums."""
GOLDEN = 0x9E3779B9  # 2^32 over the golden ratio: spreads consecutive counters over all 32 bits


class Batch(NamedTuple):
    """Records of one step: embeddings (B, d), model (B,), quality (B,), cost as a z-score (B,), weight (B,) of 0 or 1,
    teacher (B, M, 2) earlier quality and cost z-score to stay close to, or None."""

    embeddings: jax.Array
    model: jax.Array
    quality: jax.Array
    cost: jax.Array
    weight: jax.Array
    teacher: jax.Array | None = None


def scrambled(counter: jax.Array) -> jax.Array:
    """32-bit words that look random, from counters (the finaliser of MurmurHash3): elementwise, so that a batch of networks
    draws exactly what each would draw alone, at next to no cost."""
    word = counter ^ (counter >> 16)
    word = word * jnp.uint32(0x85EBCA6B)
    word = word ^ (word >> 13)
    word = word * jnp.uint32(0xC2B2AE35)
    mixed: jax.Array = word ^ (word >> 16)
    return mixed


def dropped(hidden: jax.Array, rate: float, noise: jax.Array) -> jax.Array:
    """Each entry is zero with probability `rate`, else divided by 1 - rate. noise: one 32-bit word, new at every use."""
    place = jax.lax.iota(jnp.uint32, math.prod(hidden.shape)).reshape(hidden.shape)
    keep = scrambled(scrambled(place * jnp.uint32(GOLDEN)) + noise) >= jnp.uint32(int(rate * 2**32))
    return jnp.where(keep, hidden / (1.0 - rate), 0.0)


def outputs(
    architecture: Architecture, weights: Arrays, embeddings: jax.Array, dropout: float = 0.0, noise: jax.Array | None = None
) -> jax.Array:
    """(B, M, 2) raw outputs of the heads at embeddings (B, d); dropout after each activation when noise is given."""
    affine, normalised = PRODUCTS if architecture.n_parameters >= ALONE_FROM else PLAIN
    hidden = embeddings
    for layer in range(len(architecture.hidden)):
        hidden = affine(hidden, weights[f"trunk{layer}.weight"], weights[f"trunk{layer}.bias"])
        if architecture.layer_norm:
            hidden = normalised(hidden, weights[f"trunk{layer}.scale"], weights[f"trunk{layer}.shift"], NORM_EPSILON)
        hidden = ACTIVATIONS[architecture.activation](hidden)
        if dropout > 0.0 and noise is not None:
            hidden = dropped(hidden, dropout, scrambled(noise + jnp.uint32(layer)))
    heads = weights["heads.weight"]
    raw = affine(hidden, heads.reshape(heads.shape[0], -1), weights["heads.bias"].reshape(-1))
    return raw.reshape(-1, architecture.models, 2)


def huber(error: jax.Array) -> jax.Array:
    """Half the square up to 1, linear beyond."""
    size = jnp.minimum(jnp.abs(error), 1.0)
    return size * (jnp.abs(error) - 0.5 * size)


def losses(raw: jax.Array, batch: Batch) -> jax.Array:
    """(B,) squared error of quality plus Huber loss of the cost z-score, at the model that was called."""
    models = raw.shape[-2]
    called = (batch.model[:, None] == jnp.arange(models, dtype=batch.model.dtype)).astype(raw.dtype)
    own = (raw * called[:, :, None]).sum(axis=-2)  # a product with zeros and ones: its gradient needs no scatter
    return (jax.nn.sigmoid(own[:, 0]) - batch.quality) ** 2 + huber(own[:, 1] - batch.cost)


def distillation(raw: jax.Array, batch: Batch) -> jax.Array:
    """(B,) the same two losses towards the teacher's outputs, averaged over all models."""
    if batch.teacher is None:
        return jnp.zeros(raw.shape[0], raw.dtype)
    quality, cost = batch.teacher[..., 0], batch.teacher[..., 1]
    return ((jax.nn.sigmoid(raw[..., 0]) - quality) ** 2 + huber(raw[..., 1] - cost)).mean(axis=-1)


def mean_loss(raw: jax.Array, batch: Batch, distil: float = 0.0) -> jax.Array:
    """Mean over the records of weight one; `distil` times the mean distillation is added."""
    each = losses(raw, batch)
    if distil > 0.0:
        each = each + distil * distillation(raw, batch)
    return (batch.weight * each).sum() / jnp.maximum(batch.weight.sum(), 1.0)
