"""Training the published network, as a share of the machine's float32 matrix-product rate.

27,368 records, 768 inputs, 512-512, 11 models, AdamW, clipping, dropout. Only products are counted, in two ways: those that are
done (the first layer needs no gradient of its input), and 6 P per record. The limit is the faster of numpy and jax, in every
repetition: at a large square product, or at the products of one step, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Row, alternate, compared

RECORDS, INPUTS, WIDTH, MODELS, SQUARE = 27_368, 768, 512, 11, 2048

Shapes = list[tuple[int, int, int]]


def products(batch: int) -> Shapes:
    """(rows, inner, columns) of the products of one step that are done: forward, gradient of weights, gradient of inputs."""
    found = []
    for layer, (inner, outer) in enumerate([(INPUTS, WIDTH), (WIDTH, WIDTH), (WIDTH, 2 * MODELS)]):
        found += [(batch, inner, outer), (inner, batch, outer)]
        if layer > 0:
            found.append((batch, outer, inner))
    return found


def operations(shapes: Shapes) -> float:
    """Multiplications and additions, in 10^9."""
    return 2e-9 * sum(a * b * c for a, b, c in shapes)


def multiplications(shapes: Shapes, times: int) -> dict[str, Callable[[], object]]:
    """All the products, `times` times, in each library."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    pairs = [(rng.random((a, b), dtype=np.float32), rng.random((b, c), dtype=np.float32)) for a, b, c in shapes]
    held = [(jnp.asarray(x), jnp.asarray(y)) for x, y in pairs]
    multiply = jax.jit(jnp.matmul)
    return {
        "numpy": lambda: [x @ y for _ in range(times) for x, y in pairs],
        "jax": lambda: [multiply(x, y).block_until_ready() for _ in range(times) for x, y in held],
    }


def training(batch: int, steps: int) -> tuple[Callable[[], object], float]:
    """The package's own training program, and 6 P of all its steps in 10^9 operations."""
    import jax

    from fedroute_theory.networks import Architecture
    from fedroute_theory.routers.network.recipe import Recipe, Variants, on_device
    from fedroute_theory.routers.network.streams import Budget, initial_weights
    from fedroute_theory.routers.network.training import descend

    rng = np.random.default_rng(0)
    architecture = Architecture(INPUTS, (WIDTH, WIDTH), MODELS)
    recipe, one = Recipe(architecture), np.ones((1, 1))
    labels = rng.random((2, RECORDS))
    data = on_device(recipe, rng.normal(size=(RECORDS, INPUTS)), rng.integers(0, MODELS, RECORDS), *labels)
    start = {name: value[None, None] for name, value in initial_weights(architecture, 0).items()}
    budget = Budget(batch, None, steps)
    plan = budget.plan([np.arange(RECORDS)], [rng], budget.shape([RECORDS]))
    variants = Variants(np.array([0]), 1e-3 * one, 0.5 * one, 0.3 * one)
    usual = 6e-9 * architecture.n_parameters * float((plan.rows >= 0).sum())
    return lambda: jax.block_until_ready(descend(recipe, start, data, plan, variants)), usual


def shares(batch: int, steps: int, repetitions: int) -> list[Row]:
    """The training's rate by either count, against either limit."""
    train, usual = training(batch, steps)
    shapes, square = products(batch), [(SQUARE, SQUARE, SQUARE)]
    limits = {"square product": (square, 4), "products of a step": (shapes, 8)}
    works: dict[str, Callable[[], Any]] = {"training": train}
    for limit, (these, times) in limits.items():
        works |= {f"{limit}, {library}": work for library, work in multiplications(these, times).items()}
    seconds = alternate(works, repetitions)
    rates = {
        "training": [operations(shapes) * steps / s for s in seconds["training"]],
        "training by 6 P": [usual / s for s in seconds["training"]],
    }
    for limit, (these, times) in limits.items():
        fastest = map(min, seconds[f"{limit}, numpy"], seconds[f"{limit}, jax"])
        rates[limit] = [operations(these) * times / s for s in fastest]
    pairs = [("training", limit) for limit in limits] + [("training by 6 P", "square product")]
    return [compared(f"batch {batch}", what, against, rates, each="GFLOP/s") for what, against in pairs]


def measure(quick: bool) -> list[Row]:
    batches, steps, repetitions = ((128,), 20, 3) if quick else ((128, 512, 1024), 60, 7)
    return [row for batch in batches for row in shares(batch, steps, repetitions)]
