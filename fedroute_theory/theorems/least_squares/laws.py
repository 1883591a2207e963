"""The laws of the records on a problem's rows, and the conditional means of their labels, client by client."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.federation import Federation, Logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.bound import Measurement
from fedroute_theory.theorems.case import Case


def joint_laws(laws: Federation, problem: RoutingProblem) -> FloatArray:
    """(N, n, M) chance that a record of client i is (row x, model m); rows without test mass count too."""
    laws.check_fits(problem)
    if laws.by == "query":
        return laws.mixture[:, :, None] * laws.logging
    joint: FloatArray = problem.weights[None, :, None] * laws.coverage(problem)
    return joint


def laws_of(case: Case) -> FloatArray:
    """`joint_laws` on the rows of the case's problem."""
    laws = case.federation
    assert laws is not None
    return case.once("joint laws", lambda: joint_laws(laws, case.problem))


def mean_law(case: Case, client: int | None) -> FloatArray:
    """(n, M) law of one record of a client, or of all records, on the rows of the case's problem."""
    laws, joint = case.federation, laws_of(case)
    assert laws is not None
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


def impossible_records(laws: Federation, problem: RoutingProblem, logs: Logs) -> IntArray:
    """Places of the records that their client's law gives probability 0.

    On a finite problem by (query, model), queries with one embedding taken together; on a continuous law only by models that
    the client logs in none of its tasks, since the logs do not say the task of a record.
    """
    if not isinstance(problem, Tabular):
        laws.check_fits(problem)
        logged: BoolArray = np.any((laws.mixture[:, :, None] > 0.0) & (laws.logging > 0.0), axis=1)
        return np.flatnonzero(~logged[logs.client, logs.model])
    both = np.concatenate([problem.embeddings, logs.embedding])
    place = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    row, record = place[: len(problem.embeddings)], place[len(problem.embeddings) :]
    possible = np.zeros((int(place.max()) + 1, laws.n_clients, problem.n_models))
    np.maximum.at(possible, row, joint_laws(laws, problem).transpose(1, 0, 2))
    return np.flatnonzero(possible[record, logs.client, logs.model] <= 0.0)


def known_laws(case: Case, client: int | None, problem: RoutingProblem, who: str) -> Measurement:
    """Counts, and records that cannot be: all that logs can show against the laws that a federation states."""
    name, laws = "records from known laws", case.federation
    if laws is None:
        return Measurement(name, False, how="no federation states the laws", where=who)
    if not np.array_equal(problem.embeddings, case.problem.embeddings):
        return Measurement(name, False, how="the laws speak of other queries than the client's", where=who)
    if not np.array_equal(np.bincount(case.logs.client, minlength=laws.n_clients), laws.records):
        return Measurement(name, False, how="record counts of the logs against those of the federation", where=who)
    rows = records_of(case, client)
    own = case.logs.take(rows)
    wrong = impossible_records(laws, case.problem, own)
    how = "counts as the federation states; records of probability 0 under its laws"
    if wrong.size:
        first = wrong[0]
        model = case.problem.models[own.model[first]]
        who = f"{who}: record {rows[first]} (client {own.client[first]}, model {model})"
    return Measurement(name, not wrong.size, float(wrong.size), how=how, where=who, limit=0.0)
