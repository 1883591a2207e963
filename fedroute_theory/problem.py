"""RoutingProblem: a law of queries with known quality and cost, hence a known optimum and an exact gap for any policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, function, indices, number, reject, settle

Policy = Callable[[FloatArray], IntArray]
"""A policy maps embeddings (n, d) to model indices (n,)."""


@dataclass(frozen=True)
class Gap:
    """A suboptimality in utility units; the truth lies within `value` +- `error` (error 0.0: exact up to rounding)."""

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class CellPolicy:
    """The best policy that is constant on given cells.

    models: (K,) best model of each cell. value: its expected utility. pointwise: (K, M) expected utility of each model
    given the cell (zero where the cell has no mass). mass: (K,) probability of each cell.
    """

    models: IntArray
    value: float
    pointwise: FloatArray
    mass: FloatArray


@dataclass(frozen=True)
class OracleGap:
    """Oracle gap = approximation (best cell policy against the oracle) + estimation (policy against best cell policy).

    All three in utility units; they call for different cures: more cells, or more evidence.
    """

    approximation: float
    estimation: float

    @property
    def total(self) -> float:
        """The suboptimality that the two parts add up to."""
        return self.approximation + self.estimation


@dataclass(frozen=True, eq=False)
class RoutingProblem:
    """A routing problem whose optimal policy is known.

    Attributes
    ----------
    embeddings : (n, d) float, the queries at which expectations under the test law nu are taken.
    weights : (n,) non-negative, normalised to sum to one: the test law on those queries.
    quality : (n, M) expected quality q(x, m), in [0, 1].
    cost : (n, M) expected cost c(x, m), non-negative, in the user's unit of cost.
    lam : price of one unit of cost in units of quality, at least 0. Utility is U = q - lam c.
    task : (n,) task index of each query (default: one task).
    c_max : upper end of the cost labels, default the largest cost in the table.
    models : names, default m0, m1, ...

    Raises InputError (a ValueError) for NaN, quality outside [0, 1], negative cost, weights that are negative or all
    zero, fewer than two models, or a cost above `c_max`.

    Families whose query law is finite give exact gaps. Families with a continuous law take expectations on a seeded
    sample of it and say how far the sample may be from the law (`Gap.error`).
    """

    embeddings: FloatArray
    weights: FloatArray
    quality: FloatArray
    cost: FloatArray
    lam: float = 0.0
    _: dataclasses.KW_ONLY
    task: IntArray = None  # type: ignore[assignment]
    c_max: float = None  # type: ignore[assignment]
    models: tuple[str, ...] = ()
    utility: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        settle(self, embeddings=array("embeddings", self.embeddings, (None, None)))
        size = self.embeddings.shape[0]
        weights = array("weights", self.weights, (size,), low=0.0)
        if weights.sum() <= 0:
            raise reject("weights", "have a positive sum", f"{weights.sum():g}")
        settle(self, weights=array("weights", weights / weights.sum(), (size,)))
        settle(self, quality=array("quality", self.quality, (size, None), low=0.0, high=1.0))
        settle(self, cost=array("cost", self.cost, self.quality.shape, low=0.0))
        if self.n_models < 2:
            raise reject("quality", "have at least two models (columns)", self.n_models)
        task = np.zeros(size, np.int64) if self.task is None else self.task
        settle(self, lam=number("lam", self.lam, low=0.0), task=indices("task", task, size, None))
        top = float(self.cost.max())
        settle(self, c_max=number("c_max", top if self.c_max is None else self.c_max, low=0.0))
        if self.c_max < top:
            raise reject("c_max", f"be at least the largest cost ({top:g})", self.c_max)
        names = tuple(self.models) or tuple(f"m{m}" for m in range(self.n_models))
        if len(names) != self.n_models or len(set(names)) != len(names):
            raise reject("models", f"be {self.n_models} distinct names", names)
        utility = self.quality - self.lam * self.cost
        utility.setflags(write=False)
        settle(self, models=names, utility=utility)

    # --- sizes and ranges -------------------------------------------------------------------------------------------

    @property
    def n_models(self) -> int:
        """M, the number of models."""
        return int(self.quality.shape[1])

    @property
    def n_tasks(self) -> int:
        """Number of tasks (one more than the largest task index)."""
        return int(self.task.max()) + 1

    @property
    def low(self) -> float:
        """Least possible utility label, -lam c_max."""
        return -self.lam * self.c_max

    @property
    def high(self) -> float:
        """Largest possible utility label, 1."""
        return 1.0

    @property
    def label_range(self) -> float:
        """R = 1 + lam c_max, the range of one utility label."""
        return self.high - self.low

    # --- truth ------------------------------------------------------------------------------------------------------

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected quality (n, M) and cost (n, M) at the given embeddings (n, d).

        Raises InputError where an embedding lies outside the support of the problem.
        """
        raise NotImplementedError  # each family knows its own truth

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        """One query for each entry of `component` (D,), from the test law given that component.

        by: "task" (component is a task index) or "query" (component is a row). Returns embeddings (D, d) and the row
        of each query (-1 where the law is continuous).
        """
        raise NotImplementedError

    def task_law(self) -> tuple[FloatArray, FloatArray]:
        """The mixture behind the test law: P(task | query) (n, T) and P(task) (T,)."""
        posterior = np.zeros((self.weights.size, self.n_tasks))
        posterior[np.arange(self.weights.size), self.task] = 1.0
        return posterior, np.bincount(self.task, self.weights, self.n_tasks).astype(np.float64)

    @property
    def optimum(self) -> FloatArray:
        """(n,) utility of the optimal policy at each query."""
        best: FloatArray = self.utility.max(axis=1)
        return best

    def mean(self, pointwise: FloatArray) -> float:
        """Expectation under the test law of values `pointwise` (n,) at the queries."""
        return float(self.weights @ pointwise)

    def optimal_policy(self, embeddings: FloatArray) -> IntArray:
        """The optimal policy: model indices (n,) for embeddings (n, d), ties to the lowest index."""
        quality, cost = self.truth(embeddings)
        choice: IntArray = np.argmax(quality - self.lam * cost, axis=1)
        return choice

    # --- gaps -------------------------------------------------------------------------------------------------------

    def decisions(self, policy: Policy) -> IntArray:
        """The policy's model index at every query (n,).

        Raises InputError for what is no function, and when the policy does not answer with one valid model index a query.
        """
        function("policy", policy, "be a function from embeddings (n, d) to model indices (n,)")
        return indices("policy", policy(self.embeddings), self.weights.size, self.n_models)

    def value(self, policy: Policy) -> float:
        """Expected utility of a policy."""
        chosen = self.utility[np.arange(self.weights.size), self.decisions(policy)]
        return float(self.weights @ chosen)

    def suboptimality(self, policy: Policy) -> Gap:
        """E_nu[U(x, pi*(x)) - U(x, pi(x))] in utility units, with the error of the integration (0.0: exact)."""
        chosen = self.utility[np.arange(self.weights.size), self.decisions(policy)]
        return self.gap_of(self.optimum - chosen)

    def gap_of(self, pointwise: FloatArray) -> Gap:
        """The gap whose integrand takes the values `pointwise` (n,) at the queries."""
        return Gap(self.mean(pointwise))

    def best_on_cells(self, cells: IntArray, n_cells: int | None = None) -> CellPolicy:
        """The best policy constant on a partition.

        cells: (n,) cell index of every query. n_cells: K, default one more than the largest index. InputError for other shapes
        and indices out of range.
        """
        cells = indices("cells", cells, self.weights.size, n_cells)
        count = n_cells or int(cells.max()) + 1
        mass = np.bincount(cells, self.weights, count)
        sums = np.stack([np.bincount(cells, self.weights * column, count) for column in self.utility.T], axis=1)
        pointwise = np.divide(sums, mass[:, None], out=np.zeros_like(sums), where=mass[:, None] > 0)
        best: IntArray = np.argmax(sums, axis=1)
        return CellPolicy(best, float(sums.max(axis=1).sum()), pointwise, np.asarray(mass, dtype=np.float64))

    def split_gap(self, policy: Policy, cells: IntArray) -> OracleGap:
        """Split the gap of a policy at the best policy constant on the given cells (n,)."""
        best = self.best_on_cells(cells).value
        return OracleGap(float(self.weights @ self.optimum) - best, best - self.value(policy))

    # --- the same problem, seen otherwise ---------------------------------------------------------------------------

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated again (a new `lam`, other `weights`).

        changes: fields by name. InputError as for a new problem.
        """
        return dataclasses.replace(self, **changes)

    def relabelled(self, order: IntArray) -> Self:
        """The same problem with its models in another order (a permutation of 0..M-1)."""
        if sorted(np.asarray(order).tolist()) != list(range(self.n_models)):
            raise InputError(f"The 'order' parameter must be a permutation of 0..{self.n_models - 1}; got {order}.")
        names = tuple(self.models[m] for m in order)
        return self.replace(quality=self.quality[:, order], cost=self.cost[:, order], models=names)
