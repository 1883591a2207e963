"""How often a run of the verification calls a true theorem violated: many runs with different seeds.

    python experiments/false_alarms.py [--runs 200] [--mode quick] [--skip SCENARIO ...] [--out FILE]

One line of JSON a run is added to FILE as soon as it is done; a second start goes on where the first one stopped. The families
and controls that do not depend on the seed are not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from fedroute_theory.theorems import registry
from fedroute_theory.verify import FALSE_ALARM, SCENARIOS, Verdict, shared
from fedroute_theory.verify.run import run_cell
from fedroute_theory.verify.scenarios import REPETITIONS

DELTA = 0.05


def one_run(seed: int, mode: str, skip: tuple[str, ...]) -> dict[str, Any]:
    """Verdicts of one run by number, the claims called violated by name, the claims left open, and the power."""
    slugs = tuple(registry())
    evidence = []
    for name, scenario in SCENARIOS.items():
        wanted = tuple(s for s in slugs if not scenario.theorems or s in scenario.theorems)
        for size in scenario.sizes[mode] if name not in skip else ():
            evidence += run_cell((name, size, seed, REPETITIONS[mode], DELTA, wanted))
    judged = shared(evidence, FALSE_ALARM)
    named = {v: [f"{e.theorem} {e.form} on {e.scenario} ({e.training})" for e in judged if e.verdict is v] for v in Verdict}
    return {
        "seed": seed,
        "mode": mode,
        "skipped": sorted(skip),
        "verdicts": dict(Counter(str(e.verdict) for e in judged)),
        "violated": named[Verdict.VIOLATED],
        "open": named[Verdict.INCONCLUSIVE],
        "randomised": sum(e.randomised for e in judged),
        "trials": sum(e.trials for e in judged),
        "power": max((e.power for e in judged if e.power is not None), default=None),
    }


def main() -> None:
    """Run, and say what was seen."""
    from scipy.stats import binomtest

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--mode", choices=tuple(REPETITIONS), default="quick")
    parser.add_argument("--skip", nargs="*", default=[], choices=tuple(SCENARIOS))
    parser.add_argument("--out", type=Path, default=Path("false_alarms.jsonl"))
    options = parser.parse_args()
    kept = options.out.read_text(encoding="utf-8").splitlines() if options.out.exists() else []
    runs = [json.loads(line) for line in kept]
    runs = [run for run in runs if run["mode"] == options.mode and run["skipped"] == sorted(options.skip)]
    done = {run["seed"] for run in runs}
    for seed in range(1, options.runs + 1):
        if seed not in done:
            runs.append(one_run(seed, options.mode, tuple(options.skip)))
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(runs[-1]) + "\n")
    alarms = sum(bool(run["violated"]) for run in runs)
    high = binomtest(alarms, len(runs)).proportion_ci(0.95, method="exact").high
    claims = sum(sum(run["verdicts"].values()) for run in runs)
    print(f"{len(runs)} runs ({options.mode}), {claims} claims, {sum(run['trials'] for run in runs)} trials")
    print(f"runs with a false alarm: {alarms}; the chance of one is at most {high:.3g} with confidence 0.975")
    print(f"claims left open: {dict(Counter(name for run in runs for name in run['open']))}")
    print(f"power: {min(run['power'] for run in runs):.3f} to {max(run['power'] for run in runs):.3f}")
    for run in runs:
        for name in run["violated"]:
            print(f"seed {run['seed']}: {name}")


if __name__ == "__main__":
    main()
