"""frontier: spreads and largest errors model by model, the two ends of both curves, and heights on a fine grid."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.curves import envelope, height, sweep
from fedroute_theory.selftest.cases.build import a_cell_a_query, differ, no_logs, numbers, table
from fedroute_theory.theorems import Case, theorem

GRID = 4001


def frontier() -> list[str]:
    """Every form, with all models and with one left out."""
    found = []
    for seed, out in ((0, ()), (1, ((1, 2),)), (2, ())):
        problem = table(seed)
        rng = np.random.default_rng(seed)
        wide = 0.4 if seed == 2 else 0.05
        quality = problem.quality + rng.normal(0.0, wide, problem.quality.shape)
        cost = np.abs(problem.cost + rng.normal(0.0, wide, problem.cost.shape))
        estimates = a_cell_a_query(problem, quality, out)
        kept = estimates.routable
        fitted = np.where(kept, quality, np.nan), np.where(kept, cost, np.nan)
        estimates = replace(estimates, quality=fitted[0], cost=fitted[1])
        parts = {"all-prices": (0.0, 0.0), "all-prices-spread": (0.0, 0.0)}
        for x, w in enumerate(problem.weights.tolist()):
            q, c = (problem.quality - quality)[x].tolist(), (problem.cost - cost)[x].tolist()
            sizes = (
                [abs(v) if kept[x, m] else 1.0 for m, v in enumerate(q)],
                [abs(v) if kept[x, m] else problem.c_max for m, v in enumerate(c)],
            )
            top = [max(a + b for a, b in permutations(s, 2)) for s in sizes]
            a, b = parts["all-prices"]
            parts["all-prices"] = a + w * top[0], b + w * top[1]
            a, b = parts["all-prices-spread"]
            parts["all-prices-spread"] = a + w * (max(q) - min(q)), b + w * (max(c) - min(c))
        a, b = parts["all-prices" if out else "all-prices-spread"]
        case = Case(problem, None, no_logs(problem), [("pooled", None, estimates)])
        claimed = numbers(theorem("frontier").claims(case))
        known = {form: parts[form][0] + problem.lam * parts[form][1] for form in parts if not (out and "spread" in form)}
        best = envelope(sweep(problem.quality, problem.cost, problem.quality, problem.cost, problem.weights).points)
        points = sweep(*fitted, problem.quality, problem.cost, problem.weights).points
        own = envelope(points)
        cheap, dear = _ends(problem.weights, problem.quality, problem.cost)
        good = max(points.tolist(), key=lambda p: (p[1], -p[0]))
        high = max(dear[0], good[0], cheap[0] + b)
        known["area"] = a * (high - cheap[0] - b) + b * (dear[1] - cheap[1])
        known |= {"envelope": a, "lowest-cost": b}
        named = {k.split(" ")[2]: v for k, v in claimed.items() if k.count(" ") == 2}
        found += differ(named, known)
        axis = np.linspace(cheap[0] + b, high + b, GRID)
        missed = height(best, axis - b) - height(own, axis)
        if not -1e-12 <= claimed["pooled None envelope gap"] - missed.max() <= 2e-3:
            found.append(f"envelope gap {claimed['pooled None envelope gap']}, on the grid {missed.max()}")
        if claimed["pooled None envelope trivial"] != 1.0 or claimed["pooled None all-prices trivial"] != problem.label_range:
            found.append("vacuous at the wrong value")
        found += [f"gap above bound: {k}" for k, v in named.items() if claimed[f"pooled None {k} gap"] > v + 1e-9]
    return found


def _ends(weights: FloatArray, quality: FloatArray, cost: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """(cost, quality) of the cheapest policy and of the best one, ties for the better or the cheaper model."""
    cheap = dear = (0.0, 0.0)
    for w, q, c in zip(weights.tolist(), quality.tolist(), cost.tolist(), strict=True):
        pairs = list(zip(c, q, strict=True))
        low, high = min(pairs, key=lambda p: (p[0], -p[1])), min(pairs, key=lambda p: (-p[1], p[0]))
        cheap = cheap[0] + w * low[0], cheap[1] + w * low[1]
        dear = dear[0] + w * high[0], dear[1] + w * high[1]
    return cheap, dear
