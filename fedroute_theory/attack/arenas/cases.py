"""The arena of a theorem that has none of its own: any small case with cell estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values, certain
from fedroute_theory.attack.arenas.cells import EMPTY, cell_means
from fedroute_theory.attack.arenas.chances import by_chance, by_labels
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Case, Theorem
from fedroute_theory.theorems.least_squares.laws import joint_laws

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

LABELS = ("exact", "bernoulli-quality", "bernoulli")
REACH = 4.0
"""Embeddings and centres lie within it."""


def values_of(case: Case) -> Values:
    """The numbers of a drawn case, from which `case_of` builds it again."""
    problem, logs, laws = case.problem, case.logs, case.federation
    estimates = case.trained[0][2]
    assert laws is not None
    assert isinstance(estimates, CellEstimates)
    n, d = problem.embeddings.shape
    return {
        "queries": n, "models": problem.n_models, "dimension": d, "clients": laws.n_clients, "records": logs.size,
        "cells": estimates.n_cells, "points": problem.embeddings, "weights": problem.weights, "quality": problem.quality,
        "cost": problem.cost, "lam": problem.lam, "c_max": problem.c_max, "law": joint_laws(laws, problem),
        "record_client": logs.client, "record_query": logs.query, "record_model": logs.model, "quality_label": logs.quality,
        "cost_label": logs.cost, "labels": LABELS.index(logs.labels), "centres": estimates.centres,
        "empty": EMPTY.index(estimates.empty), "delta": case.delta,
    }  # fmt: skip


def case_of(values: Values) -> Case:
    """The case of these numbers. Labels without noise, exact costs and coins that are no coins are those of the truth.

    InputError for a client without records or a law, and for a record that its client's law never logs.
    """
    problem = Tabular(
        values["points"], values["weights"], values["quality"], values["cost"], values["lam"],
        c_max=max(values["c_max"], float(values["cost"].max())),
    )  # fmt: skip
    query, model, client = values["record_query"], values["record_model"], values["record_client"]
    records = np.bincount(client, minlength=values["clients"])
    if records.min() < 1:
        raise InputError(f"Every client must hold a record; client {int(records.argmin())} is empty.")
    law = values["law"]
    total = law.sum(axis=(1, 2), keepdims=True)
    if (total <= 0.0).any():
        raise InputError("The 'law' parameter must have a positive sum for every client.")
    never = law[client, query, model] <= 0.0
    if never.any():
        raise InputError(f"Every record must be one that its client logs; record {int(never.argmax())} has probability 0.")
    kind = LABELS[values["labels"]]
    truth = problem.truth(problem.embeddings[query])
    quality, cost = truth[0][np.arange(query.size), model], truth[1][np.arange(query.size), model]
    if kind != "exact":
        quality = _coins(values["quality_label"], quality)
    if kind == "bernoulli":
        cost = problem.c_max * _coins(values["cost_label"], cost, problem.c_max)
    logs = Logs(
        client, problem.embeddings[query], query, model, quality, cost, values["clients"], problem.n_models, kind, "fixed"
    )
    own = cell_means(logs, values["centres"], EMPTY[values["empty"]], problem.c_max)
    return Case(problem, explicit(law / total, records), logs, [("pooled", None, own)], values["delta"])


def _coins(drawn: FloatArray, mean: FloatArray, top: float = 1.0) -> FloatArray:
    """1 where a number is in the upper half of [0, top] and 0 elsewhere, but never what has no chance with this mean."""
    coins: FloatArray = (((drawn > 0.5 * top) & (mean > 0.0)) | ((mean >= top) & (top > 0.0))).astype(np.float64)
    return coins


def judge(theorem: Theorem, values: Values) -> list[Attempt]:
    """Every certain claim about the case, and every other by how often it fails when the labels are drawn anew."""
    case = case_of(values)
    made = list(theorem.claims(case))
    found = certain(made)
    if any(map(by_labels, made)):
        centres, empty, c_max = values["centres"], EMPTY[values["empty"]], case.problem.c_max
        found += by_chance(theorem, case, lambda logs, labels: cell_means(logs, centres, empty, c_max, labels))
    return found


def _drawn() -> SearchStrategy[Values]:
    from fedroute_theory.testing.strategies import cases

    return cases().map(values_of)


_TABLE = ("queries", "models")
CASES = Arena(
    "cases",
    {"queries": (1, 6), "models": (2, 4), "dimension": (1, 2), "clients": (1, 3), "records": (1, 36), "cells": (1, 3)},
    (
        Part("points", ("queries", "dimension"), -REACH, REACH), Part("weights", ("queries",)), Part("quality", _TABLE),
        Part("cost", _TABLE, high=2.0), Part("lam", high=3.0), Part("c_max", high=3.0), Part("law", ("clients", *_TABLE)),
        Part("record_client", ("records",), 0, "clients", whole=True),
        Part("record_query", ("records",), 0, "queries", whole=True),
        Part("record_model", ("records",), 0, "models", whole=True),
        Part("quality_label", ("records",)), Part("cost_label", ("records",), high=3.0),
        Part("labels", (), 0, len(LABELS) - 1, whole=True), Part("centres", ("cells", "dimension"), -REACH, REACH),
        Part("empty", (), 0, len(EMPTY) - 1, whole=True), Part("delta", low=0.001, high=0.9),
    ),
    judge,
    strategy=_drawn,
)  # fmt: skip
