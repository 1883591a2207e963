"""Finite query sets: optimum, gap of any policy and every expectation exact (also in rational arithmetic, `certify`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, generator, integer
from fedroute_theory.problem import RoutingProblem


def _keys(embeddings: FloatArray) -> np.ndarray[Any, Any]:
    """One comparable key a row; equal rows have equal keys (0.0 and -0.0 are the same number)."""
    rows = np.ascontiguousarray(embeddings + 0.0)
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()


@dataclass(frozen=True, eq=False)
class Tabular(RoutingProblem):
    """A finite set of queries, each a row: everything is exact.

    `Tabular(embeddings (n, d), weights (n,), quality (n, M), cost (n, M), lam)`. A policy sees embeddings only, so rows
    with the same embedding are one query with the weighted mean of their utilities: the optimum is the best policy that
    a policy can be.
    """

    @cached_property
    def _distinct(self) -> tuple[np.ndarray[Any, Any], IntArray]:
        """Sorted distinct keys, and for each row the place of its key."""
        keys, inverse = np.unique(_keys(self.embeddings), return_inverse=True)
        return keys, inverse

    def _merged(self, values: FloatArray) -> FloatArray:
        """Mean of `values` (n, M) over each distinct embedding, by weight (plain mean where the weight is zero)."""
        keys, inverse = self._distinct
        if keys.size == inverse.size:
            merged = np.empty_like(values)
            merged[inverse] = values
            return merged
        mass = np.bincount(inverse, self.weights, keys.size)
        weights = np.where(mass[inverse] > 0, self.weights, 1.0)
        total = np.bincount(inverse, weights, keys.size)
        sums = [np.bincount(inverse, weights * column, keys.size) for column in values.T]
        return np.stack(sums, axis=1) / total[:, None]

    def _rows(self, embeddings: FloatArray) -> IntArray:
        """For each embedding its place among the distinct ones; InputError for one that is no query of the problem."""
        given = np.asarray(embeddings, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != self.embeddings.shape[1]:
            raise InputError(
                f"The 'embeddings' parameter must have shape (any, {self.embeddings.shape[1]}); got shape {given.shape}."
            )
        keys, wanted = self._distinct[0], _keys(given)
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        unknown = np.flatnonzero(keys[place] != wanted)
        if unknown.size:
            raise InputError(
                f"The 'embeddings' rows must be queries of the problem; row {unknown[0]} is none of its "
                f"{keys.size} distinct queries."
            )
        return place

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        place = self._rows(embeddings)
        return self._merged(self.quality)[place], self._merged(self.cost)[place]

    @property
    def optimum(self) -> FloatArray:
        best: FloatArray = self._merged(self.utility).max(axis=1)[self._distinct[1]]
        return best

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        if by == "query":
            row = np.asarray(component, dtype=np.int64)
        else:
            row = np.empty(len(component), dtype=np.int64)
            for task in np.unique(component):
                members = np.flatnonzero((self.task == task) & (self.weights > 0))
                if members.size == 0:
                    raise InputError(f"The 'task' parameter must name a task with test mass; got task {task}.")
                where = np.flatnonzero(component == task)
                chances = self.weights[members] / self.weights[members].sum()
                row[where] = rng.choice(members, size=where.size, p=chances)
        return self.embeddings[row], row

    @classmethod
    def generate(
        cls,
        rng: np.random.Generator,
        *,
        queries: int = 60,
        dimension: int = 2,
        models: int = 4,
        tasks: int = 5,
        lam: float = 0.0,
    ) -> Self:
        """A random finite problem: uniform queries in the unit cube, Dirichlet weights, uniform quality and cost.

        queries: n >= 1. dimension: d >= 1. models: M >= 2. tasks: at least 1, in turn over the queries. lam: price, at least 0.
        c_max is 1. InputError for values out of range.
        """
        generator("rng", rng)
        size = integer("queries", queries, 1)
        return cls(
            rng.uniform(size=(size, integer("dimension", dimension, 1))),
            rng.dirichlet(np.full(size, 2.0)),
            rng.uniform(size=(size, integer("models", models, 2))),
            rng.uniform(size=(size, models)),
            lam,
            task=np.arange(size) % min(size, integer("tasks", tasks, 1)),
            c_max=1.0,
        )
