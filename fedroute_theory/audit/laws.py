"""Test laws of an audit (all test rows, or one client's) and what the cells of a router look like under them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.audit.areas import area, area_published
from fedroute_theory.problems import Table


@dataclass(frozen=True, eq=False)
class QueryLaw:
    """Equal weights on some rows of the table.

    test: "global" (all test rows of all clients) or "own" (those of `client`). rows: (n,) rows of the table. problem: the
    table restricted to these rows, its price left at zero. low, high: mean cost of the cheapest and of the dearest single
    model, the common range of areas. anchor: (cost, quality) of the cheapest single model (the best of them on a tie).
    """

    test: str
    client: int | None
    rows: IntArray
    problem: Table
    low: float
    high: float
    anchor: FloatArray

    @classmethod
    def on(cls, table: Table, rows: IntArray, *, test: str, client: int | None = None) -> QueryLaw:
        """The law on the given rows, in the table's order."""
        rows = np.sort(rows)
        problem = table.replace(
            embeddings=table.embeddings[rows],
            weights=np.ones(rows.size),
            quality=table.quality[rows],
            cost=table.cost[rows],
            task=table.task[rows],
            lam=0.0,
        )
        cost, quality = problem.cost.mean(axis=0), problem.quality.mean(axis=0)
        cheapest = np.lexsort((-quality, cost))[0]
        anchor = np.array([cost[cheapest], quality[cheapest]])
        return cls(test, client, rows, problem, float(cost.min()), float(cost.max()), anchor)

    @property
    def size(self) -> int:
        """Number of test queries."""
        return int(self.rows.size)

    def area(self, curve: FloatArray) -> float:
        """Area under the envelope of a curve (S, 2) on this law's common cost range, in [0, 1]."""
        return area(curve, self.anchor, self.low, self.high)

    def areas(self, curve: FloatArray) -> tuple[float, float]:
        """The area on the common range, and the published one on the curve's own range."""
        return self.area(curve), area_published(curve)

    def oracle(self, lam: float) -> tuple[float, float, float]:
        """Utility, cost and quality of the best model query by query, in hindsight."""
        utility = self.problem.quality - lam * self.problem.cost
        best = utility.argmax(axis=1)
        rows = np.arange(self.size)
        value, cost, quality = (float(v[rows, best].mean()) for v in (utility, self.problem.cost, self.problem.quality))
        return value, cost, quality


@dataclass(frozen=True, eq=False)
class CellSums:
    """quality, cost: (K, M) sums over a law's queries in each cell, divided by their number; mass: (K,)."""

    quality: FloatArray
    cost: FloatArray
    mass: FloatArray

    @classmethod
    def of(cls, law: QueryLaw, cells: IntArray, n_cells: int) -> CellSums:
        """cells: (n,) the cell of each query of the law."""
        shape = (n_cells, law.problem.n_models)
        quality, cost = np.zeros(shape), np.zeros(shape)
        np.add.at(quality, cells, law.problem.quality / law.size)
        np.add.at(cost, cells, law.problem.cost / law.size)
        return cls(quality, cost, np.bincount(cells, minlength=n_cells) / law.size)

    def best(self, lams: FloatArray) -> FloatArray:
        """(S,) utility of the best policy constant on the cells, chosen with the test outcomes."""
        utility = self.quality - lams[:, None, None] * self.cost
        value: FloatArray = utility.max(axis=2).sum(axis=1)
        return value

    def choices(self, lams: FloatArray) -> IntArray:
        """(S, K) models of that policy, ties to the lowest index."""
        chosen: IntArray = (self.quality - lams[:, None, None] * self.cost).argmax(axis=2)
        return chosen

    def curve(self, choices: IntArray) -> FloatArray:
        """(S, 2) mean cost and mean quality of policies that choose by cell, choices (S, K)."""
        cells = np.arange(choices.shape[1])
        return np.stack([self.cost[cells, choices].sum(axis=1), self.quality[cells, choices].sum(axis=1)], axis=1)
