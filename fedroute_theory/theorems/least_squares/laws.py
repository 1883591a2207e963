"""The laws of the records on a problem's rows, and the conditional means of their labels, client by client."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.federation import Federation
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import Case


def joint_laws(laws: Federation, problem: RoutingProblem) -> FloatArray:
    """(N, n, M) chance that a record of client i is (row x, model m); rows without test mass count too."""
    laws.check_fits(problem)
    if laws.by == "query":
        return laws.mixture[:, :, None] * laws.logging
    joint: FloatArray = problem.weights[None, :, None] * laws.coverage(problem)
    return joint


def mean_law(case: Case, client: int | None) -> FloatArray:
    """(n, M) law of one record of a client, or of all records, on the rows of the case's problem."""
    laws = case.federation
    assert laws is not None
    joint = joint_laws(laws, case.problem)
    mean: FloatArray = np.tensordot(laws.shares, joint, axes=1) if client is None else joint[client]
    return mean


def truth_of(case: Case, client: int | None) -> RoutingProblem:
    """The problem a client's labels come from."""
    return case.truths[client] if case.truths and client is not None else case.problem


def record_means(case: Case, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Conditional means of quality and cost, (D', M) each, at the records `rows` (D',): those of their own client."""
    embedding = case.logs.embedding[rows]
    if not case.truths:
        return case.problem.truth(embedding)
    quality, cost = np.empty((2, rows.size, case.problem.n_models))
    for client in np.unique(case.logs.client[rows]):
        here = case.logs.client[rows] == client
        quality[here], cost[here] = truth_of(case, int(client)).truth(embedding[here])
    return quality, cost


def records_of(case: Case, client: int | None) -> IntArray:
    """Places of the records behind a training."""
    rows: IntArray = np.arange(case.logs.size) if client is None else np.flatnonzero(case.logs.client == client)
    return rows
