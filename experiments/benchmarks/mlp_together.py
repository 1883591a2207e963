"""256 small networks trained together, beside the same networks one after the other in the same library.

    python experiments/benchmarks/mlp_together.py [--networks 256] [--repeats 5] [--out FILE]

One after the other in two ways: "one by one" calls the same compiled program for a whole training once for each network; "step
by step" is the ordinary training loop of the library, a compiled step (weights and optimiser state given up to it, records
gathered inside, the batches of a training put on the device beforehand) called from Python. All three take the same steps.
Measured in alternation; least and median of the repeats. Seconds for all networks.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from typing import Any

import numpy as np

RECORDS, INPUTS, WIDTH, MODELS, STEPS = 500, 8, 32, 3, 50


def measured(networks: int, batch: int, repeats: int) -> dict[str, Any]:
    """Seconds of each way, and ratios to training together."""
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
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            begun = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begun)
    ratios = {
        f"{name} / together": {"least": min(seconds[name]) / min(seconds["together"]), "median": _median_ratio(seconds, name)}
        for name in list(ways)[1:]
    }
    return {name: min(values) for name, values in seconds.items()} | ratios


def _median_ratio(seconds: dict[str, list[float]], name: str) -> float:
    return float(np.median(np.array(seconds[name]) / np.array(seconds["together"])))


def main() -> None:
    """Measure several batch sizes and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out")
    options = parser.parse_args()
    found = {f"batch {batch}": measured(options.networks, batch, options.repeats) for batch in (8, 32)}
    text = json.dumps(found, indent=1)
    print(text)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
