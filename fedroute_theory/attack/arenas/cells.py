"""Arenas of a K-means router: queries, records and centres on a line or in a plane; noise-free or Bernoulli labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values, failing, from_claims
from fedroute_theory.attack.arenas.tables import EDGE
from fedroute_theory.certify.enumeration import conclusion_failure
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import CellStatistics, Labels, Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.routers import EMPTY_CHOICES, KMeansRouter
from fedroute_theory.routers.kmeans import estimates_from
from fedroute_theory.theorems import Case, Theorem

EMPTY = tuple(EMPTY_CHOICES)
SIZES = {"queries": (1, 5), "models": (2, 3), "dimension": (1, 2), "records": (1, 8), "cells": (1, 2)}
PARTS = (
    Part("points", ("queries", "dimension")),
    Part("weights", ("queries",)),
    Part("quality", ("queries", "models")),
    Part("cost", ("queries", "models")),
    Part("lam", high=2.0),
    Part("record_query", ("records",), 0, "queries", whole=True),
    Part("record_model", ("records",), 0, "models", whole=True),
    Part("centres", ("cells", "dimension")),
    Part("empty", (), 0, len(EMPTY) - 1, whole=True),
)
DELTA = Part("delta", low=0.01, high=0.9)


def problem_of(values: Values) -> Tabular:
    """The queries and their truth."""
    return Tabular(values["points"], values["weights"], values["quality"], values["cost"], values["lam"])


def logs_of(problem: Tabular, query: IntArray, model: IntArray, labels: str, client: IntArray | None = None) -> Logs:
    """Records with labels equal to their means; for other kinds of labels the means are redrawn or enumerated."""
    quality, cost = (table[np.arange(query.size), model] for table in problem.truth(problem.embeddings[query]))
    who = np.zeros(query.size, dtype=np.int64) if client is None else client
    clients = int(who.max()) + 1
    return Logs(who, problem.embeddings[query], query, model, quality, cost, clients, problem.n_models, labels, "fixed")


def cell_means(logs: Logs, centres: FloatArray, empty: str, c_max: float, labels: Labels | None = None) -> CellEstimates:
    """What the router estimates around given centres. labels: redrawn ones (T, D), for estimates with that leading axis."""
    cell, distance = nearest_centre(logs.embedding, centres)
    place, shape = cell * logs.n_models + logs.model, (len(centres), logs.n_models)

    def sums(values: FloatArray) -> FloatArray:
        return np.bincount(place, values, shape[0] * shape[1]).reshape(shape).astype(np.float64)

    counts = sums(np.ones(logs.size)).astype(np.int64)
    drawn = (logs.quality, logs.cost) if labels is None else (labels.quality, labels.cost)
    quality, cost = (sums(v) if v.ndim == 1 else np.stack([sums(one) for one in v]) for v in drawn)
    statistics = CellStatistics("all", counts, quality, cost, sums(distance))
    return estimates_from(KMeansRouter(empty=empty, c_max=c_max), centres, statistics)


def _exact(theorem: Theorem, values: Values) -> list[Attempt]:
    problem = problem_of(values)
    logs = logs_of(problem, values["record_query"], values["record_model"], "exact")
    own = cell_means(logs, values["centres"], EMPTY[values["empty"]], problem.c_max)
    return from_claims(theorem, Case(problem, None, logs, [("pooled", None, own)]))


def _coins(theorem: Theorem, values: Values) -> list[Attempt]:
    """Exact probabilities of failure of the event, by convolution, and of the conclusion, by enumeration."""
    problem = problem_of(values)
    logs = logs_of(problem, values["record_query"], values["record_model"], "bernoulli-quality")
    drawn = replace(logs, quality=np.round(logs.quality))
    own = cell_means(drawn, values["centres"], EMPTY[values["empty"]], problem.c_max)
    found = from_claims(theorem, Case(problem, None, drawn, [("pooled", None, own)], values["delta"]))
    if theorem.slug == "kmeans-router":
        chances = conclusion_failure(problem, drawn, own, values["delta"])
        found += [failing(form, chance, values["delta"]) for form, (_, chance) in chances.items() if form != "expected"
                  and not form.startswith("event")]  # fmt: skip
    return found


def _mixture(theorem: Theorem, values: Values) -> list[Attempt]:
    """A client's own cells mixed with those of all records, noise-free."""
    problem = problem_of(values)
    logs = logs_of(problem, values["record_query"], values["record_model"], "exact", values["record_client"])
    mine = cell_means(logs.of_client(0), values["centres"], EMPTY[values["empty"]], problem.c_max)
    ours = cell_means(logs, values["other_centres"], EMPTY[values["empty"]], problem.c_max)
    share = np.full(problem.n_models, values["share"])
    both = MixtureEstimates(mine, ours, share, share, label_free=True)
    return from_claims(theorem, Case(problem, None, logs, [("mixture", 0, both)]))


def _from_geometry() -> Iterator[Values]:
    """The worst utilities of the mixed-integer program on every geometry of the bracket table."""
    from fedroute_theory.certify.bracket_clusters import geometries

    for geometry in geometries().values():
        found = geometry.worst().witness
        utility = np.clip(np.array(found["utility"]), 0.0, 1.0)
        cells = nearest_centre(geometry.points, geometry.centres)[0]
        for x, k in enumerate(cells.tolist()):  # ties go to the worst choice
            utility[x, int(found["chosen"][k])] += EDGE
        span = max(1.0, float(geometry.points.max()), float(geometry.centres.max()))
        n, d = geometry.points.shape
        yield {
            "queries": n, "models": geometry.models, "dimension": d, "records": geometry.record_point.size,
            "cells": len(geometry.centres), "points": geometry.points / span,
            "weights": geometry.weights / geometry.weights.max(),
            "quality": np.minimum(utility, 1.0), "cost": np.zeros_like(utility), "lam": 0.0,
            "record_query": geometry.record_point, "record_model": geometry.record_model, "centres": geometry.centres / span,
            "empty": 0,
        }  # fmt: skip


def _two_points() -> Iterator[Values]:
    """Train at 0, test at 1, centre between; one cell of fair coins."""
    base: Values = {
        "queries": 2, "models": 2, "dimension": 1, "records": 2, "cells": 1, "points": np.array([[0.0], [1.0]]),
        "weights": np.array([0.0, 1.0]), "quality": np.array([[0.5, 0.5], [0.25, 0.75]]), "cost": np.zeros((2, 2)), "lam": 0.0,
        "record_query": np.array([0, 0]), "record_model": np.array([0, 1]), "centres": np.array([[0.5]]), "empty": 0,
    }  # fmt: skip
    yield base


def _coin_seeds() -> Iterator[Values]:
    for n, delta in ((4, 0.5), (8, 0.1)):
        for base in _two_points():
            model = np.arange(n) % 2
            yield base | {
                "records": n, "record_query": np.ones(n, dtype=np.int64), "record_model": model, "delta": delta,
                "quality": np.array([[0.5, 0.5], [0.45, 0.55]]),
            }  # fmt: skip


def _mixture_seeds() -> Iterator[Values]:
    for base in _two_points():
        kept = {k: v for k, v in base.items() if k != "delta"}
        yield kept | {
            "share": 0.5, "other_centres": base["centres"], "record_client": np.zeros(2, dtype=np.int64), "clients": 1
        }  # fmt: skip


def _exact_seeds() -> Iterator[Values]:
    yield from _two_points()
    yield from _from_geometry()


NOISE_FREE = Arena("noise-free-cells", SIZES, PARTS, _exact, witnesses=_exact_seeds)
COINS = Arena("coin-cells", SIZES | {"records": (1, 12)}, (*PARTS, DELTA), _coins, witnesses=_coin_seeds)
MIXTURE = Arena(
    "mixed-cells",
    SIZES | {"clients": (1, 2)},
    (
        *PARTS, Part("share"), Part("other_centres", ("cells", "dimension")),
        Part("record_client", ("records",), 0, "clients", whole=True),
    ),
    _mixture,
    witnesses=_mixture_seeds,
)  # fmt: skip
