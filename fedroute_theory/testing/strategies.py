"""Hypothesis strategies for small finite problems and everything that is drawn from them.

Numbers come from coarse grids as often as from intervals, so that ties, duplicates, zeros and ends of ranges are common:
the places where a bound, a tie rule or a division goes wrong first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import LABEL_MODELS, CellStatistics, Federation, Labels, Logs, draw_logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.routers import EMPTY_CHOICES, KMeansRouter
from fedroute_theory.routers.kmeans import estimates_from
from fedroute_theory.theorems import Case

SEEDS = st.integers(0, 2**32 - 1)


def _unit() -> st.SearchStrategy[float]:
    """A number in [0, 1], often one of a few."""
    return st.one_of(st.sampled_from((0.0, 0.25, 0.5, 1.0)), st.integers(0, 1000).map(lambda k: k / 1000))


def _array(draw: st.DrawFn, elements: st.SearchStrategy[Any], *shape: int) -> FloatArray:
    size = int(np.prod(shape))
    return np.array(draw(st.lists(elements, min_size=size, max_size=size)), dtype=np.float64).reshape(shape)


def _distinct_count(points: FloatArray) -> int:
    return len(np.unique(points, axis=0))


@st.composite
def tabular_problems(
    draw: st.DrawFn,
    *,
    max_queries: int = 6,
    max_dimension: int = 2,
    min_models: int = 2,
    max_models: int = 4,
    duplicates: bool = True,
    lam: float | None = None,
) -> Tabular:
    """A finite problem with 1 to `max_queries` queries of 1 to `max_dimension` numbers on a coarse grid, and `min_models` to
    `max_models` models.

    Weights may be zero, utilities tied, costs all zero, the price zero or positive, `c_max` the largest cost or above it.
    duplicates: whether several queries may share an embedding (they are then one query to every policy). lam: the price, if it
    is not to be drawn.
    """
    models = draw(st.integers(min_models, max_models))
    dimension = draw(st.integers(1, max_dimension))
    queries = draw(st.integers(1, max_queries))
    points = _array(draw, st.integers(-4, 4), queries, dimension) / 2.0
    if not duplicates:
        points[:, 0] += np.arange(queries) * 0.125 if _distinct_count(points) < queries else 0.0
        points = np.unique(points, axis=0)
        queries = len(points)
    weights = _array(draw, st.integers(0, 4), queries)
    weights[draw(st.integers(0, queries - 1))] += 1.0
    free = draw(st.booleans())
    cost = (
        np.zeros((queries, models))
        if free
        else _array(draw, _unit(), queries, models) * draw(st.sampled_from((1e-3, 1.0, 2.0)))
    )
    price = draw(st.sampled_from((0.0, 0.5, 3.0))) if lam is None else lam
    tasks = draw(st.lists(st.integers(0, 2), min_size=queries, max_size=queries))
    return Tabular(
        points,
        weights,
        _array(draw, _unit(), queries, models),
        cost,
        price,
        task=np.array(tasks),
        c_max=float(cost.max()) * draw(st.sampled_from((1.0, 1.5))),
    )


@st.composite
def federations(
    draw: st.DrawFn,
    problem: Tabular,
    *,
    max_clients: int = 3,
    max_records: int = 12,
    holes: bool = True,
    by: str | None = None,
) -> Federation:
    """Laws of 1 to `max_clients` clients of 1 to `max_records` records over the problem's tasks or its single queries.

    problem: a finite one. holes: whether a client may leave a model unlogged, or a query or task alone. by: "task" or "query",
    if it is not to be drawn. Laws by task put no mass on a task without test mass, laws by query may.
    """
    clients = draw(st.integers(1, max_clients))
    records = np.array(draw(st.lists(st.integers(1, max_records), min_size=clients, max_size=clients)))
    least = 0 if holes else 1
    if (by or draw(st.sampled_from(("task", "query")))) == "query":
        size = problem.weights.size
        joint = _array(draw, st.integers(least, 3), clients, size, problem.n_models)
        for client in range(clients):
            joint[client, draw(st.integers(0, size - 1)), draw(st.integers(0, problem.n_models - 1))] += 1.0
        return explicit(joint / joint.sum(axis=(1, 2), keepdims=True), records)
    prior = problem.task_law()[1]
    live = np.flatnonzero(prior > 0)
    mixture = np.zeros((clients, prior.size))
    mixture[:, live] = _array(draw, st.integers(least, 3), clients, live.size)
    logging = _array(draw, st.integers(least, 3), clients, prior.size, problem.n_models)
    for client in range(clients):
        mixture[client, draw(st.sampled_from(live.tolist()))] += 1.0
        logging[client, :, draw(st.integers(0, problem.n_models - 1))] += 1.0
    return Federation(
        records, mixture / mixture.sum(axis=1, keepdims=True), logging / logging.sum(axis=2, keepdims=True), by="task"
    )


@st.composite
def logs(draw: st.DrawFn, problem: Tabular, federation: Federation, labels: str | None = None) -> Logs:
    """Records of every client, drawn from its law on the problem. labels: one of `LABEL_MODELS`, if it is not to be drawn."""
    kind = labels or draw(st.sampled_from(sorted(LABEL_MODELS)))
    return draw_logs(problem, federation, np.random.default_rng(draw(SEEDS)), kind)


@dataclass(frozen=True)
class TabulatedPolicy:
    """A policy given by its choice at every distinct embedding; `choices` maps the embedding to the model index."""

    choices: dict[tuple[float, ...], int]

    def __call__(self, embeddings: FloatArray) -> IntArray:
        """Model indices (n,) for embeddings (n, d)."""
        return np.array([self.choices[tuple(row)] for row in (np.asarray(embeddings) + 0.0).tolist()], dtype=np.int64)


@st.composite
def policies(draw: st.DrawFn, problem: Tabular) -> TabulatedPolicy:
    """Any policy for the problem: one model for each distinct embedding."""
    places = dict.fromkeys(tuple(row) for row in (problem.embeddings + 0.0).tolist())
    return TabulatedPolicy({place: draw(st.integers(0, problem.n_models - 1)) for place in places})


@st.composite
def cell_estimates(
    draw: st.DrawFn,
    logs: Logs,
    *,
    max_cells: int = 3,
    empty: str | None = None,
    c_max: float = 1.0,
    repeated: Labels | None = None,
) -> CellEstimates:
    """Cell means of the logs around 1 to `max_cells` centres that were drawn without looking at labels.

    empty: one of `EMPTY_CHOICES`, if it is not to be drawn. c_max: for its choice "mid-range". repeated: redrawn labels of
    the same records, which give the estimates a leading axis.
    """
    router = KMeansRouter(empty=empty or draw(st.sampled_from(sorted(EMPTY_CHOICES))), c_max=c_max)
    count = draw(st.integers(1, max_cells))
    centres = np.unique(_array(draw, st.integers(-9, 9), count, logs.embedding.shape[1]) / 4.0, axis=0)
    own = repeated or Labels(logs.quality, logs.cost)
    return estimates_from(router, centres, _statistics(logs, own, centres))


def _statistics(logs: Logs, labels: Labels, centres: FloatArray) -> CellStatistics:
    """Counts and sums by cell and model, record by record."""
    cells, distance = nearest_centre(logs.embedding, centres)
    leading, shape = labels.quality.shape[:-1], (len(centres), logs.n_models)
    counts = np.zeros(shape, dtype=np.int64)
    far, quality, cost = np.zeros(shape), np.zeros((*leading, *shape)), np.zeros((*leading, *shape))
    for record, place in enumerate(zip(cells.tolist(), logs.model.tolist(), strict=True)):
        counts[place] += 1
        far[place] += distance[record]
        quality[(..., *place)] += labels.quality[..., record]
        cost[(..., *place)] += labels.cost[..., record]
    return CellStatistics("all records", counts, quality, cost, far)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    labels: str | None = None,
    holes: bool = True,
    empty: str | None = None,
    duplicates: bool = True,
    max_queries: int = 6,
    max_records: int = 12,
) -> Case:
    """A problem, its clients, their logs, and one set of cell estimates from all of the logs (called "pooled").

    labels, holes, empty, duplicates, max_queries, max_records: as in the strategies of its parts.
    """
    problem = draw(tabular_problems(duplicates=duplicates, max_queries=max_queries))
    laws = draw(federations(problem, holes=holes, max_records=max_records))
    records = draw(logs(problem, laws, labels))
    estimates = draw(cell_estimates(records, empty=empty, c_max=problem.c_max))
    return Case(problem, laws, records, [("pooled", None, estimates)], draw(st.sampled_from((0.01, 0.05, 0.3))))


@st.composite
def error_bounds(draw: st.DrawFn, *, models: int | None = None, queries: int | None = None) -> FloatArray:
    """Non-negative bounds on |U - U_hat|: (models,), or (queries, models) where `queries` is given."""
    size = draw(st.integers(2, 5)) if models is None else models
    return _array(draw, _unit(), size) if queries is None else _array(draw, _unit(), queries, size)
