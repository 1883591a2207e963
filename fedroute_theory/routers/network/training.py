"""Gradient steps of many networks at once: one compiled program for all parties, repetitions and learning rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network.objective import (
    ALONE_FROM,
    GOLDEN,
    Arrays,
    Batch,
    losses,
    mean_loss,
    outputs,
    scrambled,
)
from fedroute_theory.routers.network.recipe import Data, Plan, Recipe, Variants, placed

TOGETHER_BYTES = 64 * 2**20
"""Weights and optimiser state of smaller networks trained in one call; beyond it the call is split, which bounds memory."""


def descend(
    recipe: Recipe, start: Mapping[str, Any], data: Data, plan: Plan, variants: Variants,
    trainable: Mapping[str, Any] | None = None,
) -> Arrays:  # fmt: skip
    """Train A x V networks; returns their weights, arrays with leading axes (A, V).

    start: weights with leading axes (A or 1, V or 1). trainable: by name, 0 where a weight must not move and 1 elsewhere,
    broadcast against that weight (heads.weight is (H, M, 2), heads.bias (M, 2)); None: all move. Parties of few records
    next to others of many only wait: steps beyond their own change nothing.
    """
    streams, versions = plan.rows.shape[0], variants.repetition.size
    bytes_each = 4 * recipe.architecture.n_parameters * np.dtype(recipe.dtype).itemsize
    alone = recipe.architecture.n_parameters >= ALONE_FROM
    fitting = 1 if alone else max(1, TOGETHER_BYTES // bytes_each)
    program = _compiled(alone)
    width = min(versions, fitting)
    depth = min(streams, max(1, fitting // width))
    with recipe.precision():
        free = None if trainable is None else {k: jnp.asarray(v, recipe.dtype) for k, v in trainable.items()}
        strips = []
        for a in range(0, streams, depth):
            tiles = []
            for v in range(0, versions, width):
                here = _tile(recipe, start, plan, variants, _places(a, depth, streams), _places(v, width, versions))
                tiles.append(program(recipe, data, free, *here))
            strips.append(_joined(tiles, 1, versions))
        return _joined(strips, 0, streams)


def _places(first: int, length: int, total: int) -> IntArray:
    """`length` consecutive places; beyond the end the last is repeated, so that every call has one shape."""
    return np.minimum(np.arange(first, first + length), total - 1)


def _joined(parts: list[Arrays], axis: int, total: int) -> Arrays:
    if len(parts) == 1:
        return parts[0]
    return {
        name: jax.lax.slice_in_dim(jnp.concatenate([p[name] for p in parts], axis), 0, total, axis=axis) for name in parts[0]
    }


def _tile(
    recipe: Recipe, start: Mapping[str, Any], plan: Plan, variants: Variants, a: IntArray, v: IntArray
) -> tuple[Any, ...]:
    def chosen(value: Any) -> jax.Array:
        rows = value if value.shape[0] in (1, a.size) else value[a]  # all of them are in their order
        columns = rows if rows.shape[1] in (1, v.size) else rows[:, v]
        return placed(columns, recipe.dtype, (a.size, v.size, *columns.shape[2:]))

    scales = [
        placed(np.broadcast_to(x, (len(plan.rows), variants.repetition.size))[np.ix_(a, v)], recipe.dtype)
        for x in (variants.rate, variants.centre, variants.spread)
    ]
    steps = plan.steps[a]
    return (
        {name: chosen(value) for name, value in start.items()},
        placed(plan.rows[a], "int32"),
        placed(steps, "int32"),
        placed(plan.noise[a], "uint32"),
        placed(variants.repetition[v], "int32"),
        *scales,
        placed(steps.max(), "int32"),
    )


def _optimiser(recipe: Recipe, rate: jax.Array) -> optax.GradientTransformation:
    rules = {
        "adamw": lambda: optax.adamw(rate, weight_decay=recipe.weight_decay),
        "adam": lambda: optax.adam(rate),
        "sgd": lambda: optax.sgd(rate),
    }
    rule = rules[recipe.optimiser]()
    rule = rule if recipe.clip is None else optax.chain(optax.clip_by_global_norm(recipe.clip), rule)
    small = recipe.architecture.n_parameters < ALONE_FROM
    return optax.flatten(rule) if small else rule  # one short loop over all weights, or long ones over each array


def gathered(data: Data, rows: jax.Array, repetition: jax.Array, centre: jax.Array, spread: jax.Array) -> Batch:
    """Records `rows` (B,), -1 for none, with the labels of one repetition."""
    real = rows >= 0
    safe = jnp.maximum(rows, 0)
    cost = (data.cost[repetition, safe] - centre) / spread
    teacher = None if data.teacher is None else data.teacher[repetition, safe]
    weight = real.astype(cost.dtype)
    return Batch(data.embeddings[safe], data.model[safe], data.quality[repetition, safe], cost, weight, teacher)


@cache
def _compiled(alone: bool) -> Callable[..., Arrays]:
    """The program for networks of one size class; many small products are left to the library one by one, not fused."""
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}
    if alone:
        return jax.jit(_single, static_argnums=0)
    if not _known(options):
        return jax.jit(_program, static_argnums=0)
    return jax.jit(_program, static_argnums=0, compiler_options=options)


def _known(options: dict[str, Any]) -> bool:
    """Whether this version of the compiler has these options."""
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(np.float32(0.0)).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _program(
    recipe: Recipe, data: Data, trainable: Arrays | None, start: Arrays, rows: jax.Array, steps: jax.Array,
    noise: jax.Array, repetition: jax.Array, rate: jax.Array, centre: jax.Array, spread: jax.Array, longest: jax.Array,
) -> Arrays:  # fmt: skip
    """(A, V) networks; `longest` is the largest of the steps."""

    def one(weights: Arrays, rows: jax.Array, steps: jax.Array, *rest: jax.Array) -> Arrays:
        return _descended(recipe, data, trainable, weights, rows, longest, steps, *rest)

    versions = jax.vmap(one, in_axes=(0, None, None, None, 0, 0, 0, 0))
    trained: Arrays = jax.vmap(versions, in_axes=(0, 0, 0, 0, None, 0, 0, 0))(
        start, rows, steps, noise, repetition, rate, centre, spread
    )
    return trained


def _single(
    recipe: Recipe, data: Data, trainable: Arrays | None, start: Arrays, rows: jax.Array, steps: jax.Array,
    noise: jax.Array, repetition: jax.Array, rate: jax.Array, centre: jax.Array, spread: jax.Array, longest: jax.Array,
) -> Arrays:  # fmt: skip
    """The same for A = V = 1, where nobody waits; without the two axes the compiler's products and loops are faster."""
    del steps  # there is one, the longest
    weights = {name: value[0, 0] for name, value in start.items()}
    own = (noise[0], repetition[0], rate[0, 0], centre[0, 0], spread[0, 0])
    trained = _descended(recipe, data, trainable, weights, rows[0], longest, None, *own)
    return {name: value[None, None] for name, value in trained.items()}


def _descended(
    recipe: Recipe, data: Data, trainable: Arrays | None, start: Arrays, rows: jax.Array, longest: jax.Array,
    steps: jax.Array | None, noise: jax.Array, repetition: jax.Array, rate: jax.Array, centre: jax.Array, spread: jax.Array,
) -> Arrays:  # fmt: skip
    """One network after `longest` steps, of which those from `steps` on change nothing; None: all count."""
    rule = _optimiser(recipe, rate)

    def loss(weights: Arrays, batch: Batch, word: jax.Array) -> jax.Array:
        raw = outputs(recipe.architecture, weights, batch.embeddings, recipe.dropout, word)
        return mean_loss(raw, batch, recipe.distil)

    def step(s: jax.Array, carried: tuple[Arrays, Any]) -> tuple[Arrays, Any]:
        weights, state = carried
        batch = gathered(data, rows[s % rows.shape[0]], repetition, centre, spread)
        word = scrambled(noise + s.astype(jnp.uint32) * jnp.uint32(GOLDEN))
        gradient = _masked(jax.grad(loss)(weights, batch, word), trainable)
        updates, after = rule.update(gradient, state, weights)
        moved: tuple[Arrays, Any] = (optax.apply_updates(weights, _masked(updates, trainable)), after)
        if steps is None:
            return moved
        going = s < steps
        kept: tuple[Arrays, Any] = jax.tree.map(lambda new, old: jnp.where(going, new, old), moved, carried)
        return kept

    finished: tuple[Arrays, Any] = jax.lax.fori_loop(0, longest, step, (start, rule.init(start)))
    return finished[0]


def _masked(tree: Arrays, mask: Arrays | None) -> Arrays:
    return tree if mask is None else {name: value * mask[name] if name in mask else value for name, value in tree.items()}


def loss_sums(recipe: Recipe, weights: Mapping[str, Any], data: Data, rows: IntArray, variants: Variants) -> FloatArray:
    """(A, V) sums of the loss, without dropout or distillation, over the records rows (A, B), -1 for none.

    weights: leading axes (A or 1, V).
    """
    streams, versions = rows.shape[0], variants.repetition.size
    with recipe.precision():
        found = np.empty((streams, versions))
        scales = [np.broadcast_to(x, (streams, versions)) for x in (variants.centre, variants.spread)]
        for a in range(streams):
            here = {name: jnp.asarray(value[a if value.shape[0] > 1 else 0], recipe.dtype) for name, value in weights.items()}
            centre, spread = (jnp.asarray(x[a], recipe.dtype) for x in scales)
            repetition = jnp.asarray(variants.repetition, "int32")
            found[a] = _loss_sum(recipe.architecture, here, data, jnp.asarray(rows[a], "int32"), repetition, centre, spread)
        return found


@partial(jax.jit, static_argnums=0)
def _loss_sum(
    architecture: Architecture, weights: Arrays, data: Data, rows: jax.Array, repetition: jax.Array, centre: jax.Array,
    spread: jax.Array,
) -> jax.Array:  # fmt: skip
    def one(weights: Arrays, repetition: jax.Array, centre: jax.Array, spread: jax.Array) -> jax.Array:
        batch = gathered(data, rows, repetition, centre, spread)
        return (batch.weight * losses(outputs(architecture, weights, batch.embeddings), batch)).sum()

    total: jax.Array = jax.vmap(one)(weights, repetition, centre, spread)
    return total
