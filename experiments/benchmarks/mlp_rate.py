"""Training the published network, as a share of the machine's float32 matrix-product rate measured in the same run.

    python experiments/benchmarks/mlp_rate.py [--repeats 3] [--steps 60] [--out FILE]

27,368 records, 768 inputs, 512-512, 11 models, AdamW, clipping, dropout. Only products are counted, in two ways: 6 P per
record, and what is done (the first layer needs no gradient of its input). Rates in GFLOP/s: a square product in numpy and in
jax, and the products of one step one after the other. Every repeat measures all of them anew; the best of each counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

RECORDS, INPUTS, WIDTH, MODELS, SQUARE = 27_368, 768, 512, 11, 2048


def seconds(work: Callable[[], Any], times: int) -> float:
    """Least time of several runs, after one that does not count."""
    work()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def products(batch: int) -> list[tuple[int, int, int]]:
    """(rows, inner, columns) of the products of one step that are done: forward, gradient of weights, gradient of inputs."""
    found = []
    for layer, (inner, outer) in enumerate([(INPUTS, WIDTH), (WIDTH, WIDTH), (WIDTH, 2 * MODELS)]):
        found += [(batch, inner, outer), (inner, batch, outer)]
        if layer > 0:
            found.append((batch, outer, inner))
    return found


def product_rates(batch: int) -> dict[str, float]:
    """GFLOP/s of a large square product and of the step's own shapes, in numpy and in jax."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    multiply = jax.jit(jnp.matmul)

    def rate(shapes: list[tuple[int, int, int]], through: str) -> float:
        pairs = [(rng.random((a, b), dtype=np.float32), rng.random((b, c), dtype=np.float32)) for a, b, c in shapes]
        if through == "jax":
            pairs = [(jnp.asarray(x), jnp.asarray(y)) for x, y in pairs]
            taken = sum(seconds(lambda x=x, y=y: multiply(x, y).block_until_ready(), 8) for x, y in pairs)
        else:
            taken = sum(seconds(lambda x=x, y=y: x @ y, 8) for x, y in pairs)
        return 2.0 * sum(a * b * c for a, b, c in shapes) / taken / 1e9

    square = [(SQUARE, SQUARE, SQUARE)]
    return {f"{name} {through}": rate(shapes, through) for name, shapes in (("square", square), ("shapes", products(batch)))
            for through in ("numpy", "jax")}  # fmt: skip


def training_rates(batch: int, steps: int) -> dict[str, float]:
    """Seconds a step of the package's own training program, and GFLOP/s by both counts."""
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
    taken = seconds(lambda: jax.block_until_ready(descend(recipe, start, data, plan, variants)), 3)
    done = 2.0 * sum(a * b * c for a, b, c in products(batch)) * steps
    return {
        "milliseconds a step": 1e3 * taken / steps,
        "counted 6P": 6.0 * architecture.n_parameters * (plan.rows >= 0).sum() / taken / 1e9,
        "counted as done": done / taken / 1e9,
    }


def main() -> None:
    """Measure in pairs, keep the best of each, and print shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out")
    options = parser.parse_args()
    found = {}
    for batch in (128, 512, 1024):
        rounds = [(product_rates(batch), training_rates(batch, options.steps)) for _ in range(options.repeats)]
        machine = {name: max(r[0][name] for r in rounds) for name in rounds[0][0]}
        training = {name: (min if "step" in name else max)(r[1][name] for r in rounds) for name in rounds[0][1]}
        shares = {
            f"{count} / {name}": training[count] / rate
            for count in ("counted 6P", "counted as done")
            for name, rate in machine.items()
        }
        found[f"batch {batch}"] = {"machine": machine, "training": training, "share": shares}
    text = json.dumps(found, indent=1)
    print(text)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
