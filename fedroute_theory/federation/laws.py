"""Query laws and logging laws of the clients, and the coverage they give to a test law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory._validate import (
    FloatArray,
    InputError,
    IntArray,
    choice,
    generator,
    instance,
    integer,
    law,
    number,
    settle,
)
from fedroute_theory.problem import RoutingProblem


@dataclass(frozen=True, eq=False)
class Federation:
    """The laws of N clients' records.

    Client i draws a component t from `mixture[i]` (T,), a query from the problem's test law given t, and a model from
    `logging[i, t]` (M,): before any label is seen. Components are the problem's tasks or its single queries (`by`).

    records: (N,) records of each client, D_i >= 1. mixture: (N, T). logging: (N, T, M). by: "task" or "query".

    InputError for laws that are none, other shapes, and a client without a record.
    """

    records: IntArray
    mixture: FloatArray
    logging: FloatArray
    by: str = "task"

    def __post_init__(self) -> None:
        counts = np.asarray(self.records)
        if counts.ndim != 1 or counts.size == 0 or not np.issubdtype(counts.dtype, np.integer):
            raise InputError(f"The 'records' parameter must be a vector of integers, one a client; got {self.records}.")
        if counts.min() < 1:
            raise InputError(f"Every client must hold at least one record; client {int(counts.argmin())} is empty.")
        settle(self, records=counts.astype(np.int64), mixture=law("mixture", self.mixture, (counts.size, None)))
        settle(self, logging=law("logging", self.logging, (*self.mixture.shape, None)))
        choice("by", self.by, ("task", "query"))

    @property
    def n_clients(self) -> int:
        """N, the number of clients."""
        return int(self.records.size)

    @property
    def shares(self) -> FloatArray:
        """(N,) p_i = D_i / D."""
        shares: FloatArray = self.records / self.records.sum()
        return shares

    def coverage(self, problem: RoutingProblem) -> FloatArray:
        """d rho_i(., m) / d nu at the problem's queries, (N, n, M): the reciprocal of w_i(x, m)."""
        self.check_fits(problem)
        if self.by == "query":
            mass = problem.weights
            ratio = np.divide(self.mixture, mass, out=np.zeros_like(self.mixture), where=mass > 0)
            return ratio[:, :, None] * self.logging
        posterior, prior = problem.task_law()
        ratio = np.divide(self.mixture, prior, out=np.zeros_like(self.mixture), where=prior > 0)
        result: FloatArray = np.einsum("xt,it,itm->ixm", posterior, ratio, self.logging, optimize=True)
        return result

    def pooled_coverage(self, problem: RoutingProblem) -> FloatArray:
        """d rho_bar(., m) / d nu at the problem's queries, (n, M), rho_bar = sum_i (D_i / D) rho_i."""
        pooled: FloatArray = np.tensordot(self.shares, self.coverage(problem), axes=1)
        return pooled

    def check_fits(self, problem: RoutingProblem) -> None:
        """InputError when the laws speak of other models, tasks or queries than the problem has."""
        components = problem.n_tasks if self.by == "task" else problem.weights.size
        expected = (self.n_clients, components, problem.n_models)
        if self.logging.shape != expected:
            raise InputError(
                f"The federation must fit the problem: logging laws of shape {expected}; got {self.logging.shape}."
            )


def _records(records: Any, clients: int) -> IntArray:
    if np.ndim(records) == 0:
        return np.full(clients, integer("records", records, 1), dtype=np.int64)
    return np.asarray(records)


def dirichlet(
    problem: RoutingProblem,
    rng: np.random.Generator,
    *,
    clients: int = 10,
    records: int | IntArray = 1000,
    task_alpha: float = 0.6,
    model_alpha: float = 0.45,
) -> Federation:
    """Heterogeneous clients: each task's mass is spread over clients by Dirichlet(task_alpha), each client logs models by its
    own Dirichlet(model_alpha).

    Small concentrations give disjoint clients. clients: N >= 1. records: of each client, one number or (N,). task_alpha,
    model_alpha: positive. A client whose share of every task underflows to zero keeps the test law's tasks. InputError for
    values out of range.
    """
    instance("problem", problem, RoutingProblem, "be a RoutingProblem")
    generator("rng", rng)
    n = integer("clients", clients, 1)
    prior = problem.task_law()[1]
    spread = rng.dirichlet(np.full(n, number("task_alpha", task_alpha, 0.0, open_low=True)), size=prior.size)
    mixture = spread.T * prior[None, :]
    mixture[mixture.sum(axis=1) <= 1e-12] = prior
    logging = rng.dirichlet(np.full(problem.n_models, number("model_alpha", model_alpha, 0.0, open_low=True)), size=n)
    return Federation(
        _records(records, n),
        mixture / mixture.sum(axis=1, keepdims=True),
        np.repeat(logging[:, None, :], prior.size, axis=1),
    )


def uniform_logging(
    problem: RoutingProblem,
    *,
    clients: int = 10,
    records: int | IntArray = 1000,
    mixture: FloatArray | None = None,
) -> Federation:
    """Every client tries every model equally often; its tasks follow `mixture` (N, T), default the test law's.

    clients: N >= 1. records: of each client, one number or (N,). InputError for values out of range and mixtures that are no
    laws.
    """
    n = integer("clients", clients, 1)
    prior = problem.task_law()[1]
    tasks = np.tile(prior, (n, 1)) if mixture is None else np.asarray(mixture)
    return Federation(_records(records, n), tasks, np.full((n, prior.size, problem.n_models), 1.0 / problem.n_models))


def explicit(rho: FloatArray, records: IntArray) -> Federation:
    """Any joint laws on a finite problem.

    rho: (N, n, M), rho[i, x, m] the chance that a record of client i is (x, m). records: (N,) records of each client, at least
    1. InputError for another shape and for what is no law.
    """
    joint = np.asarray(rho, dtype=np.float64)
    if joint.ndim != 3:
        raise InputError(f"The 'rho' parameter must have shape (clients, queries, models); got shape {joint.shape}.")
    flat = law("rho", joint.reshape(joint.shape[0], -1), (joint.shape[0], None)).reshape(joint.shape)
    mixture = flat.sum(axis=2)
    uniform = np.full_like(flat, 1.0 / joint.shape[2])
    logging = np.divide(flat, mixture[:, :, None], out=uniform, where=mixture[:, :, None] > 0)
    return Federation(np.asarray(records), mixture, logging, by="query")
