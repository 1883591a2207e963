"""Cases by hand on which bounds are attained: a constant that is too small by a factor of two or less fails on one of them."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Federation, Logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.testing.conformance.examples import Example
from fedroute_theory.theorems import Case

DELTA = 0.05


def extremal_cases() -> list[Example]:
    """Two models whose estimates are tied, and each is wrong by a quarter, one up and one down: ties cost half of the range.

    beyond the records: no noise, all records at 0, the test query at 1; errors are as large as the slopes allow. even coins:
    one query, four records a model of which two say 1; two clients of one law, one with seven of the eight records.
    """
    return [Example("beyond the records", 2, _beyond()), Example("even coins", 8, _coins())]


def _beyond() -> Case:
    quality = np.array([[0.5, 0.5], [0.25, 0.75]])
    problem = Tabular(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]), quality, np.zeros((2, 2)), 0.0, c_max=1.0)
    laws = explicit(np.array([[[0.5, 0.5], [0.0, 0.0]]]), np.array([2]))
    return _case(problem, laws, np.zeros(2, dtype=np.int64), np.array([0, 1]), np.full(2, 0.5), "exact", centre=0.5)


def _coins() -> Case:
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.25, 0.75]]), np.zeros((1, 2)), 0.0, c_max=1.0)
    laws = explicit(np.full((2, 1, 2), 0.5), np.array([7, 1]))
    client, model, label = np.array([0] * 7 + [1]), np.arange(8) % 2, np.array([0.0, 0.0, 1.0, 1.0] * 2)
    return _case(problem, laws, client, model, label, "bernoulli-quality", centre=0.0)


def _case(
    problem: Tabular, laws: Federation, client: IntArray, model: IntArray, label: FloatArray, kind: str, centre: float
) -> Case:
    query, cost = np.zeros(model.size, dtype=np.int64), np.zeros(model.size)
    at = problem.embeddings[query]
    logs = Logs(client, at, query, model, label, cost, laws.n_clients, 2, kind, "fixed")
    counts = np.bincount(model, minlength=2)
    means = np.bincount(model, label, 2) / counts
    far = np.full((1, 2), abs(float(at[0, 0]) - centre))
    own = CellEstimates(
        np.array([[centre]]), means[None], np.zeros((1, 2)), counts[None], far, np.ones((1, 2), dtype=bool), label_free=True
    )
    return Case(problem, laws, logs, [("pooled", None, own)], DELTA)
