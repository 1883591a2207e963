"""Logs: what the clients recorded, as typed columns; drawing them from a federation; redrawing their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, choice, generator, indices, instance, settle
from fedroute_theory.federation.laws import Federation
from fedroute_theory.problem import RoutingProblem

if TYPE_CHECKING:
    import polars as pl

LABEL_MODELS = {
    "bernoulli": "quality Bernoulli(q), cost c_max Bernoulli(c / c_max): the widest labels the assumptions allow",
    "bernoulli-quality": "quality Bernoulli(q), cost exactly c",
    "exact": "labels equal their means (noise-free), as in a table whose rows are the truth",
}

ADAPTIVITY = {
    "fixed": "query and model of every record were chosen before its label was seen",
    "adaptive": "logging stopped or switched model after seeing labels",
    "unknown": "the logs do not say how they were collected",
}


@dataclass(frozen=True, eq=False)
class Logs:
    """Records of all clients, column by column.

    client: (D,) client index. embedding: (D, d). query: (D,) row of the problem, -1 where its law is continuous. model:
    (D,) the one model called. quality: (D,) in [0, 1]. cost: (D,) non-negative. n_clients, n_models: sizes. labels: one
    of LABEL_MODELS or "unknown". adaptivity: one of ADAPTIVITY.

    Raises InputError for NaN, values out of range, an unknown model or client.
    """

    client: IntArray
    embedding: FloatArray
    query: IntArray
    model: IntArray
    quality: FloatArray
    cost: FloatArray
    n_clients: int
    n_models: int
    labels: str = "unknown"
    adaptivity: str = "unknown"

    def __post_init__(self) -> None:
        size = len(self.client)
        if size == 0:
            raise InputError("The logs hold no record.")
        settle(
            self,
            client=indices("client", self.client, size, self.n_clients),
            embedding=array("embedding", self.embedding, (size, None)),
            query=_rows(self.query, size),
            model=indices("model", self.model, size, self.n_models),
            quality=array("quality", self.quality, (size,), 0.0, 1.0),
            cost=array("cost", self.cost, (size,), 0.0),
        )
        choice("labels", self.labels, (*LABEL_MODELS, "unknown"))
        choice("adaptivity", self.adaptivity, tuple(ADAPTIVITY))

    @property
    def size(self) -> int:
        """D, the number of records."""
        return int(self.client.size)

    def of_client(self, client: int) -> Logs:
        """The records of one client (kept under its own index). InputError when it has none."""
        rows = np.flatnonzero(self.client == client)
        if rows.size == 0:
            raise InputError(f"Client {client} has no record.")
        return self.take(rows)

    def take(self, rows: IntArray) -> Logs:
        """The records at the places `rows`."""
        columns = ("client", "embedding", "query", "model", "quality", "cost")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def frame(self) -> pl.DataFrame:
        """The columns as a polars frame (embedding as a fixed-size array column)."""
        import polars as pl

        embedding = pl.Series("embedding", np.asarray(self.embedding), dtype=pl.Array(pl.Float64, self.embedding.shape[1]))
        columns = {name: np.asarray(getattr(self, name)) for name in ("client", "query", "model", "quality", "cost")}
        return pl.DataFrame(columns).with_columns(embedding)


def _rows(query: IntArray, size: int) -> IntArray:
    rows = np.asarray(query, dtype=np.int64)
    if rows.shape != (size,) or rows.min() < -1:
        raise InputError(f"The 'query' parameter must have shape ({size},) and entries of at least -1; got shape {rows.shape}.")
    return rows


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of the same records, redrawn: quality (T, D) and cost (T, D) for T trials."""

    quality: FloatArray
    cost: FloatArray


def draw_labels(
    quality: FloatArray, cost: FloatArray, c_max: float, rng: np.random.Generator, labels: str, trials: int
) -> Labels:
    """Independent labels for records with given means.

    quality: (D,) in [0, 1]. cost: (D,) in [0, c_max]. labels: one of LABEL_MODELS, else InputError. trials: T, how many draws
    of all D.
    """
    choice("labels", labels, LABEL_MODELS)
    shape = (trials, quality.size)

    def coins(chances: FloatArray) -> FloatArray:
        return (rng.random(shape) < chances).astype(np.float64)

    drawn = np.broadcast_to(quality, shape) if labels == "exact" else coins(quality)
    if labels == "bernoulli" and c_max > 0:
        return Labels(drawn, c_max * coins(cost / c_max))
    return Labels(drawn, np.broadcast_to(cost, shape))


def draw_logs(problem: RoutingProblem, federation: Federation, rng: np.random.Generator, labels: str = "bernoulli") -> Logs:
    """Draw every client's records from its law: query and model first, labels afterwards.

    labels: one of LABEL_MODELS. InputError for a federation that does not fit the problem, and for what is no problem, no
    federation or no generator.
    """
    instance("problem", problem, RoutingProblem, "be a RoutingProblem")
    instance("federation", federation, Federation, "be a Federation")
    generator("rng", rng)
    federation.check_fits(problem)
    client = np.repeat(np.arange(federation.n_clients), federation.records)
    component = np.concatenate(
        [rng.choice(law.size, size=n, p=law) for n, law in zip(federation.records, federation.mixture, strict=True)]
    )
    embedding, query = problem.draw(rng, component, federation.by)
    steps = np.cumsum(federation.logging[client, component], axis=1)
    model = np.minimum((rng.random((client.size, 1)) > steps).sum(axis=1), problem.n_models - 1)
    mean_quality, mean_cost = (truth[np.arange(client.size), model] for truth in problem.truth(embedding))
    drawn = draw_labels(mean_quality, mean_cost, problem.c_max, rng, labels, 1)
    return Logs(
        client, embedding, query, model, drawn.quality[0], drawn.cost[0],
        federation.n_clients, problem.n_models, labels, "fixed",
    )  # fmt: skip
