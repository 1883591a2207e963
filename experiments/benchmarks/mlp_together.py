"""256 small networks trained together, beside the same networks one after the other in the same library.

    python experiments/benchmarks/mlp_together.py [--networks 256] [--repeats 3] [--out FILE]

One after the other, fairly: the same compiled program for one network, called once for each. Beside it, named as such: a
Python loop that calls a compiled single step. Measured in alternation; the best of each counts. Seconds for all networks.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

RECORDS, INPUTS, WIDTH, MODELS, STEPS = 500, 8, 32, 3, 50
LOOPED = 4  # networks actually trained by the Python loop; its time is proportional to their number


def measured(networks: int, batch: int, repeats: int) -> dict[str, float]:
    """Seconds of each way, and ratios to training together."""
    import jax

    from fedroute_theory.networks import Architecture
    from fedroute_theory.routers.network.streams import Budget, initial_weights
    from fedroute_theory.routers.network.training import Plan, Recipe, Variants, descend, on_device

    rng = np.random.default_rng(0)
    architecture = Architecture(INPUTS, (WIDTH,), MODELS)
    recipe = Recipe(architecture)
    labels = rng.random((2, RECORDS))
    data = on_device(recipe, rng.normal(size=(RECORDS, INPUTS)), rng.integers(0, MODELS, RECORDS), *labels)
    start = {name: value[None, None] for name, value in initial_weights(architecture, 0).items()}
    budget = Budget(batch, None, STEPS)
    everyone = [np.arange(RECORDS)] * networks
    plan = budget.plan(everyone, [np.random.default_rng(i) for i in range(networks)], budget.shape([RECORDS]))

    def run(chosen: slice, steps: slice) -> Any:
        part = Plan(plan.rows[chosen, steps], np.minimum(plan.steps[chosen], steps.stop - steps.start), plan.noise[chosen])
        one = np.ones((len(part.rows), 1))
        return jax.block_until_ready(
            descend(recipe, start, data, part, Variants(np.array([0]), 1e-3 * one, 0.5 * one, 0.3 * one))
        )

    def together() -> None:
        run(slice(0, networks), slice(0, STEPS))

    def apart() -> None:
        for i in range(networks):
            run(slice(i, i + 1), slice(0, STEPS))

    def looped() -> None:
        for i in range(LOOPED):
            for step in range(STEPS):
                run(slice(i, i + 1), slice(step, step + 1))

    ways = {"together": (together, 1.0), "one by one": (apart, 1.0), "python loop of steps": (looped, networks / LOOPED)}
    best = dict.fromkeys(ways, np.inf)
    for work, _ in ways.values():
        work()
    for _ in range(repeats):
        for name, (work, factor) in ways.items():
            begun = time.perf_counter()
            work()
            best[name] = min(best[name], factor * (time.perf_counter() - begun))
    return best | {f"{name} / together": best[name] / best["together"] for name in list(ways)[1:]}


def main() -> None:
    """Measure several batch sizes and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
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
