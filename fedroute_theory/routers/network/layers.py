"""Two layers, twice: plainly, and with derivatives written by hand in which every sum over rows or columns is a product with
ones. On wide layers that runs at the speed of matrix products; in a batch of narrow ones the plain form is faster."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def _over_columns(x: jax.Array) -> jax.Array:
    """(B, 1) sums over the last axis of x (B, H)."""
    return (x @ jnp.ones(x.shape[1], x.dtype))[:, None]


def _over_rows(x: jax.Array) -> jax.Array:
    """(H,) sums over the first axis of x (B, H)."""
    return jnp.ones(x.shape[0], x.dtype) @ x


@jax.custom_vjp
def affine(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    """x @ weight + bias, (B, O), of x (B, I), weight (I, O), bias (O,); differentiated in reverse only."""
    return x @ weight + bias


def _affine_forward(x: jax.Array, weight: jax.Array, bias: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return x @ weight + bias, (x, weight)


def _affine_backward(kept: tuple[jax.Array, jax.Array], slope: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, weight = kept
    return slope @ weight.T, x.T @ slope, _over_rows(slope)


affine.defvjp(_affine_forward, _affine_backward)


@jax.custom_vjp
def normalised(x: jax.Array, scale: jax.Array, shift: jax.Array, epsilon: float) -> jax.Array:
    """Layer normalisation of x (B, H): each row minus its mean, over the root of its variance plus epsilon, times scale (H,)
    plus shift (H,); differentiated in reverse only, not in epsilon."""
    return _normalised_forward(x, scale, shift, epsilon)[0]


def _normalised_forward(
    x: jax.Array, scale: jax.Array, shift: jax.Array, epsilon: float
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
    width = x.shape[1]
    centred = x - _over_columns(x) / width
    factor = jax.lax.rsqrt(_over_columns(centred**2) / width + epsilon)
    unit = centred * factor
    return unit * scale + shift, (unit, factor, scale)


def _normalised_backward(
    kept: tuple[jax.Array, jax.Array, jax.Array], slope: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, None]:
    unit, factor, scale = kept
    width, inner, along = unit.shape[1], slope * scale, slope * unit
    back = factor * (inner - _over_columns(inner) / width - unit * (_over_columns(along * scale) / width))
    return back, _over_rows(along), _over_rows(slope), None


normalised.defvjp(_normalised_forward, _normalised_backward)


def _plainly_affine(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    return x @ weight + bias


def _plainly_normalised(x: jax.Array, scale: jax.Array, shift: jax.Array, epsilon: float) -> jax.Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon) * scale + shift


PLAIN = (_plainly_affine, _plainly_normalised)
PRODUCTS = (affine, normalised)
"""The pair (affine, normalised) of either kind; equal up to rounding."""
