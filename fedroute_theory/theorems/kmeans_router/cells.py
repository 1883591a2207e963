"""The label-free geometry behind the K-means bounds: test mass, distances, realised means and mismatch, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.assumptions import transport_cost, transport_is_exact
from fedroute_theory.distances import between, nearest_centre
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import CellPolicy, RoutingProblem

EXACT_PAIRWISE = 20_000
"""Largest number of test queries in a cell whose mean pairwise distance is taken over all pairs."""


@dataclass(frozen=True, eq=False)
class CellGeometry:
    """Test queries and records in the cells of one router's centres. Nothing here depends on a label."""

    problem: RoutingProblem
    logs: Logs
    estimates: CellEstimates

    @cached_property
    def _assigned(self) -> tuple[IntArray, FloatArray]:
        return nearest_centre(self.problem.embeddings, self.estimates.centres)

    @property
    def cell(self) -> IntArray:
        """(n,) cell of each test query."""
        return self._assigned[0]

    @property
    def distance(self) -> FloatArray:
        """(n,) distance of each test query to its centre."""
        return self._assigned[1]

    @cached_property
    def record_cell(self) -> IntArray:
        """(D,) cell of each record."""
        return nearest_centre(self.logs.embedding, self.estimates.centres)[0]

    @cached_property
    def recounted(self) -> IntArray:
        """(K, M) records by nearest centre and model, counted afresh from the logs."""
        shape = self.estimates.counts.shape
        place = self.record_cell * shape[1] + self.logs.model
        counts: IntArray = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
        return counts

    @cached_property
    def misplaced(self) -> int:
        """Number of pairs whose count or mean distance is not that of the records nearest to the centre."""
        far = np.linalg.norm(self.logs.embedding - self.estimates.centres[self.record_cell], axis=1)
        place = self.record_cell * self.logs.n_models + self.logs.model
        sums = np.bincount(place, far, self.recounted.size).reshape(self.recounted.shape)
        off = np.abs(sums - self.estimates.distance * self.estimates.counts) > 1e-8 * (1.0 + sums)
        return int(((self.recounted != self.estimates.counts) | off).sum())

    @cached_property
    def by_cell(self) -> CellPolicy:
        """Mass and mean utilities of the cells under the test law, and the best policy constant on them."""
        return self.problem.best_on_cells(self.cell, self.estimates.n_cells)

    @cached_property
    def query_rows(self) -> list[IntArray]:
        """For each cell the test queries with positive mass."""
        live = self.problem.weights > 0
        return [np.flatnonzero(live & (self.cell == k)) for k in range(self.estimates.n_cells)]

    @cached_property
    def record_rows(self) -> list[IntArray]:
        """For each cell its records."""
        return [np.flatnonzero(self.record_cell == k) for k in range(self.estimates.n_cells)]

    @cached_property
    def realised_mean(self) -> FloatArray:
        """(K, M) mean of U(x_j, m) over the realised records of each pair; zero where there is none."""
        quality, cost = self.problem.truth(self.logs.embedding)
        rows = np.arange(self.logs.size)
        utility = (quality - self.problem.lam * cost)[rows, self.logs.model]
        place = self.record_cell * self.logs.n_models + self.logs.model
        sums = np.bincount(place, utility, self.recounted.size).reshape(self.recounted.shape)
        return np.divide(sums, self.recounted, out=np.zeros_like(sums), where=self.recounted > 0)

    @cached_property
    def record_distance(self) -> FloatArray:
        """(n, M) mean distance of each test query to the records of its cell and each model; zero where there is none."""
        result = np.zeros(self.problem.utility.shape)
        for queries, records in zip(self.query_rows, self.record_rows, strict=True):
            if queries.size and records.size:
                indicator = np.zeros((records.size, self.logs.n_models))
                indicator[np.arange(records.size), self.logs.model[records]] = 1.0
                indicator /= np.maximum(indicator.sum(axis=0), 1.0)
                targets = self.logs.embedding[records]
                for start in range(0, queries.size, 1024):
                    part = queries[start : start + 1024]
                    result[part] = between(self.problem.embeddings[part], targets) @ indicator
        return result

    @cached_property
    def query_spread(self) -> FloatArray:
        """(K,) E|x - x'| for independent test queries of a cell; sqrt(E|x - x'|^2), which is above, in very large cells."""
        result = np.zeros(self.estimates.n_cells)
        for k, rows in enumerate(self.query_rows):
            if rows.size:
                law = self.problem.weights[rows] / self.problem.weights[rows].sum()
                points = self.problem.embeddings[rows]
                if rows.size > EXACT_PAIRWISE:
                    result[k] = np.sqrt(2.0 * law @ ((points - law @ points) ** 2).sum(axis=1))
                    continue
                for start in range(0, rows.size, 1024):
                    part = slice(start, start + 1024)
                    result[k] += law[part] @ (between(points[part], points) @ law)
        return result

    @cached_property
    def mismatch(self) -> FloatArray:
        """(K,) max over logged models of W1(test queries, records of the pair), or of a coupling's cost above it.

        Exact in one dimension and for small pairs; otherwise the cost of the independent coupling.
        """
        result = np.zeros(self.estimates.n_cells)
        for k, (rows, records) in enumerate(zip(self.query_rows, self.record_rows, strict=True)):
            weights = self.problem.weights[rows]
            for m in np.unique(self.logs.model[records]) if rows.size else ():
                own = records[self.logs.model[records] == m]
                if transport_is_exact(self.problem.embeddings.shape[1], rows.size, own.size):
                    cost = transport_cost(self.problem.embeddings[rows], weights, self.logs.embedding[own])
                else:
                    cost = float(weights @ self.record_distance[rows, m] / weights.sum())
                result[k] = max(result[k], cost)
        return result


@dataclass(frozen=True, eq=False)
class PairIntervals:
    """How far the mean utility of each pair's records may lie from its estimate: estimate - down <= mean <= estimate + up.

    estimate, up, down: (T, K, M). A pair without records has the estimate of the chosen model: as a rival it can be worth at
    most the top of the range, and only if it is itself chosen does its lower end matter (down is minus infinity where it
    never is). This is greedy-decomposition with models left out; it holds for every fallback.
    """

    estimate: FloatArray
    up: FloatArray
    down: FloatArray
    logged: BoolArray

    @classmethod
    def around(cls, problem: RoutingProblem, estimates: CellEstimates, up: FloatArray, down: FloatArray) -> PairIntervals:
        """Complete the widths of logged pairs (broadcastable to (T, K, M)) by those of empty pairs."""
        utility = estimates.utility(problem.lam)
        utility = utility if utility.ndim == 3 else utility[None]
        logged, best = estimates.logged, utility.max(axis=-1, keepdims=True)
        best = np.where(np.isfinite(best), best, problem.low)  # no model may be chosen at all: nothing is known
        eligible = estimates.routable & (utility >= best)
        return cls(
            np.where(logged, utility, best),
            np.where(logged, up, problem.high - best),
            np.where(logged, down, np.where(eligible, best - problem.low, -np.inf)),
            logged,
        )
