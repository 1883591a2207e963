"""Two K-means routers of one client and of all, and what each knows of every query."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np

from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.selftest.cases.build import cell_means, table
from fedroute_theory.theorems import Case

SETTINGS: dict[str, tuple[int, Any, Any, str, bool, int]] = {
    "one weight": (0, 0.3, 0.3, "bernoulli", False, 3000),
    "a weight a model": (1, (0.2, 0.7, 0.5), (0.2, 0.7, 0.5), "bernoulli", False, 3000),
    "quality and cost apart": (2, (0.2, 0.7, 0.5), (0.6, 0.1, 0.9), "bernoulli", False, 3000),
    "exact labels": (3, 0.4, 0.4, "exact", False, 300),
    "an empty pair": (4, 0.3, 0.3, "bernoulli", True, 3000),
    "an empty pair, mixed": (4, 0.6, 0.6, "bernoulli", True, 3000),
    "few records": (5, 1.0, 1.0, "bernoulli", False, 60),
    "the federated side": (6, 0.0, 0.0, "bernoulli", False, 4000),
}


def mixture_case(setting: str) -> tuple[Case, MixtureEstimates]:
    """Three clients, the mixture of client 1."""
    seed, weight, cost_weight, labels, hole, size = SETTINGS[setting]
    rng = np.random.default_rng(seed)
    base = table(seed, queries=7, lam=0.4)
    smooth = 0.5 + 0.2 * np.sin(0.6 * base.embeddings + np.arange(3)), 0.5 + 0.2 * base.embeddings * np.arange(1, 4)
    problem = Tabular(base.embeddings, base.weights, *smooth, base.lam, c_max=base.c_max)
    row, model, client = rng.integers(0, 7, size), rng.integers(0, 3, size), rng.integers(0, 3, size)
    if hole:
        model = np.where((problem.embeddings[row, 0] < 0.5) & (model == 2) & (client == 1), 0, model)
    quality, cost = problem.quality[row, model], problem.cost[row, model]
    if labels == "bernoulli":
        quality = (rng.random(size) < quality).astype(float)
        cost = (rng.random(size) < cost / problem.c_max).astype(float) * problem.c_max
    logs = Logs(client, problem.embeddings[row], row, model, quality, cost, 3, 3, labels, "fixed")
    local = cell_means(problem, logs.of_client(1), np.array([[0.2], [0.7]]))
    federated = cell_means(problem, logs, np.array([[0.1], [0.5], [0.9]]))
    weights = np.broadcast_to(weight, 3).astype(float), np.broadcast_to(cost_weight, 3).astype(float)
    empty = "mixed" if setting == "an empty pair, mixed" else "other-side"
    mixture = MixtureEstimates(local, federated, *weights, empty=empty, label_free=True)
    return Case(problem, None, logs, [("mixture", 1, mixture)]), mixture


class Sides:
    """Both routers of one case, query by query."""

    def __init__(self, case: Case, mixture: MixtureEstimates) -> None:  # noqa: D107
        self.case, self.problem, self.mixture = case, case.problem, mixture
        self.slope = steepest_slope(case.problem, case.logs).value
        self.R, self.noisy = case.problem.label_range, case.logs.labels != "exact"
        self.sides: list[CellEstimates] = [mixture.local, mixture.federated]  # type: ignore[list-item]
        self.nu = case.problem.weights.tolist()
        self.cell = [[self.nearest(s, float(x)) for x in case.problem.embeddings[:, 0]] for s in (0, 1)]

    def nearest(self, side: int, x: float) -> int:
        """The cell of a point."""
        return min(range(self.sides[side].n_cells), key=lambda k: abs(x - self.sides[side].centres[k, 0]))

    def guess(self, side: int, x: int) -> list[float]:
        """Estimated utilities of one side."""
        k = self.cell[side][x]
        values: list[float] = (self.sides[side].quality[k] - self.problem.lam * self.sides[side].cost[k]).tolist()
        return values

    def share(self, x: int, m: int, cost: bool = False) -> float:
        """Weight of the local side; a side without records of the model leaves it to the other."""
        here, there = (self.sides[s].counts[self.cell[s][x], m] > 0 for s in (0, 1))
        if here != there and self.mixture.empty == "other-side":
            return 1.0 if here else 0.0
        return float((self.mixture.cost_weight if cost else self.mixture.quality_weight)[m])

    def mixed(self, x: int) -> list[float]:
        """U_mix."""
        result = []
        for m in range(3):
            q, c = ([s.quality[self.cell[i][x], m], s.cost[self.cell[i][x], m]] for i, s in enumerate(self.sides))
            u, v = self.share(x, m), self.share(x, m, cost=True)
            result.append(u * q[0] + (1 - u) * c[0] - self.problem.lam * (v * q[1] + (1 - v) * c[1]))
        return result

    def gap(self, values: list[list[float]]) -> float:
        """Of the greedy policy."""
        u = self.problem.utility
        return float(
            sum(w * (u[x].max() - u[x, r.index(max(r))]) for x, (w, r) in enumerate(zip(self.nu, values, strict=True)))
        )

    def error(self, side: int, x: int) -> list[float]:
        """U - U_hat."""
        return [float(a) - b for a, b in zip(self.problem.utility[x], self.guess(side, x), strict=True)]

    def bound(self, side: int, x: int, m: int, log_term: float | None) -> float:
        """b of one side: distances, and the width if there is a log term; what a fallback can be off by without records."""
        s, k = self.sides[side], self.cell[side][x]
        if s.counts[k, m] == 0:
            u = s.quality[k, m] - self.problem.lam * s.cost[k, m]
            return float(max(1.0 - u, u + self.problem.lam * self.problem.c_max))
        reach = abs(float(self.problem.embeddings[x, 0]) - s.centres[k, 0]) + s.distance[k, m]
        width = 0.0 if log_term is None else self.R * math.sqrt(log_term / 2.0 / s.counts[k, m])
        return float(self.slope * reach + width)

    def level(self, side: int, delta: float) -> float:
        """E top2(b), delta for this side alone."""
        log_term = math.log(2.0 * int((self.sides[side].counts > 0).sum()) / delta) if self.noisy else None
        return float(
            sum(
                w
                * max(self.bound(side, x, a, log_term) + self.bound(side, x, b, log_term) for a, b in permutations(range(3), 2))
                for x, w in enumerate(self.nu)
            )
        )

    def one_event(self) -> float:
        """The mixed means themselves: Hoeffding over single records of the union, counted one by one."""
        logs, rows = self.case.logs, []
        inside = [[self.nearest(s, float(x)) for x in logs.embedding[:, 0]] for s in (0, 1)]
        means, widths = set(), {}
        for x in range(7):
            k, c = self.cell[0][x], self.cell[1][x]
            for m in range(3):
                u = self.share(x, m)
                ours = [j for j in range(logs.size) if inside[1][j] == c and logs.model[j] == m]
                mine = [j for j in range(logs.size) if logs.client[j] == 1 and inside[0][j] == k and logs.model[j] == m]
                if (u > 0.0 and mine) or (u < 1.0 and ours):
                    means.add((k, c, m))
                if (k, c, m) not in widths:
                    part = {j: u / len(mine) for j in mine}
                    for j in ours:
                        part[j] = part.get(j, 0.0) + (1.0 - u) / len(ours)
                    widths[k, c, m] = sum(v * v for v in part.values())
        log_term = math.log(2.0 * len(means) / self.case.delta)
        for x in range(7):
            b = []
            for m in range(3):
                u = self.share(x, m)
                fixed = u * self.bound(0, x, m, None) + (1.0 - u) * self.bound(1, x, m, None)
                wide = self.R * math.sqrt(log_term / 2.0 * widths[self.cell[0][x], self.cell[1][x], m])
                b.append(fixed + wide * self.noisy)
            rows.append(min(self.R, max(p + q for p, q in permutations(b, 2))))
        return float(sum(w * r for w, r in zip(self.nu, rows, strict=True)))
