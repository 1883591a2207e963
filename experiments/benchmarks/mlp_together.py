"""256 small networks trained together, against the same networks one after the other in the same library.

One after the other in two ways: "one by one" calls the same compiled program for a whole training once for each network; "step
by step" is the ordinary training loop of the library, a compiled step (weights and optimiser state given up to it, records
gathered inside, the batches of a training put on the device beforehand) called from Python. All three take the same steps, and
end at the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from harness import Row, alternate, compared

RECORDS, INPUTS, WIDTH, MODELS, STEPS = 500, 8, 32, 3, 50


def trainings(networks: int, batch: int) -> dict[str, Callable[[], Any]]:
    """The three ways; each does the whole work at every call, and all end at the same weights."""
    import jax
    import jax.numpy as jnp
    import optax

    from fedroute_theory.networks import Architecture
    from fedroute_theory.routers.network.objective import GOLDEN, mean_loss, outputs, scrambled
    from fedroute_theory.routers.network.recipe import Plan, Recipe, Variants, on_device
    from fedroute_theory.routers.network.streams import Budget, initial_weights
    from fedroute_theory.routers.network.training import descend, gathered

    rng = np.random.default_rng(0)
    architecture = Architecture(INPUTS, (WIDTH,), MODELS)
    recipe = Recipe(architecture)
    labels = rng.random((2, RECORDS))
    data = on_device(recipe, rng.normal(size=(RECORDS, INPUTS)), rng.integers(0, MODELS, RECORDS), *labels)
    start = {name: value[None, None] for name, value in initial_weights(architecture, 0).items()}
    budget = Budget(batch, None, STEPS)
    everyone = [np.arange(RECORDS)] * networks
    plan = budget.plan(everyone, [np.random.default_rng(i) for i in range(networks)], budget.shape([RECORDS]))

    def run(chosen: slice) -> Any:
        part = Plan(plan.rows[chosen], plan.steps[chosen], plan.noise[chosen])
        one = np.ones((len(part.rows), 1))
        return jax.block_until_ready(
            descend(recipe, start, data, part, Variants(np.array([0]), 1e-3 * one, 0.5 * one, 0.3 * one))
        )

    def together() -> Any:
        return run(slice(0, networks))

    def apart() -> Any:
        return [run(slice(i, i + 1)) for i in range(networks)]

    adamw = optax.adamw(1e-3, weight_decay=recipe.weight_decay)
    rule = optax.flatten(optax.chain(optax.clip_by_global_norm(recipe.clip or np.inf), adamw))
    zero, centre, spread = jnp.int32(0), jnp.float32(0.5), jnp.float32(0.3)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(weights: Any, state: Any, rows: Any, noise: Any, s: Any) -> Any:
        part = gathered(data, rows[s], zero, centre, spread)
        word = scrambled(noise + s.astype(jnp.uint32) * jnp.uint32(GOLDEN))

        def loss(weights: Any) -> Any:
            return mean_loss(outputs(architecture, weights, part.embeddings, recipe.dropout, word), part, 0.0)

        updates, state = rule.update(jax.grad(loss)(weights), state, weights)
        return optax.apply_updates(weights, updates), state

    initial = {name: value[0, 0] for name, value in start.items()}
    numbers = [jnp.int32(s) for s in range(STEPS)]

    def stepwise() -> Any:
        trained = []
        for i in range(networks):
            weights = {name: jnp.array(value, jnp.float32) for name, value in initial.items()}
            state, rows, noise = rule.init(weights), jnp.asarray(plan.rows[i]), jnp.asarray(plan.noise[i])
            for s in numbers:
                weights, state = step(weights, state, rows, noise, s)
            trained.append(weights)
        return jax.block_until_ready(trained)

    ways = {"together": together, "one by one": apart, "step by step": stepwise}
    ends = [work() for work in ways.values()]
    for i in range(networks):  # the three do the same
        for name, value in ends[0].items():
            np.testing.assert_allclose(ends[1][i][name][0, 0], value[i, 0], atol=2e-4)
            np.testing.assert_allclose(ends[2][i][name], value[i, 0], atol=2e-4)
    return ways


def measure(quick: bool) -> list[Row]:
    networks, repetitions = (32, 3) if quick else (256, 7)
    rows = []
    for batch in (8,) if quick else (8, 32):
        ways = trainings(networks, batch)
        seconds = alternate(ways, repetitions)
        rows += [compared(f"{networks} networks, batch {batch}", way, "together", seconds) for way in ways if way != "together"]
    return rows
