"""The K-means router: client-local, federated in two passes, pooled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, choice, flag, integer, number
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Labels, Logs, Message
from fedroute_theory.routers.checks import checked_labels
from fedroute_theory.routers.clustering import Clustering, Lloyd, cluster, cluster_each, shareable
from fedroute_theory.routers.trained import Trained

EMPTY_CHOICES = {
    "exclude": "never routed to; a cell without any record falls back on the means over all cells",
    "pooled-mean": "the model's mean over all cells; a model without any record is never routed to",
    "mid-range": "the middle of the label range, 1/2 and c_max/2: the least worst-case error without evidence",
    "published": "quality 0, cost 1e6, as in the released experiments",
}

PUBLISHED_FALLBACK_COST = 1e6


@dataclass(frozen=True)
class KMeansRouter:
    """Hyperparameters of the K-means router.

    Numbers of centres: local_clusters (a client's own router), client_clusters (what a client sends in pass 1), clusters
    (the server's), pooled_clusters. init: "k-means++" or "published". restarts, iterations: of Lloyd's algorithm. empty:
    one of EMPTY_CHOICES. c_max: upper end of cost labels, at least the largest. stale_labels: local and pooled statistics use
    the assignment from before the last centre update, as in the released experiments.

    Defaults give every training the same number of centres; `KMeansRouter.published()` has the paper's own. Raises InputError
    for a value of another type or out of range.
    """

    local_clusters: int = 20
    client_clusters: int = 20
    clusters: int = 20
    pooled_clusters: int = 20
    init: str = "k-means++"
    restarts: int = 3
    iterations: int = 100
    empty: str = "exclude"
    c_max: float = 1.0
    stale_labels: bool = False

    def __post_init__(self) -> None:
        for name in ("local_clusters", "client_clusters", "clusters", "pooled_clusters", "restarts", "iterations"):
            integer(name, getattr(self, name), 1)
        choice("init", self.init, ("k-means++", "published"))
        choice("empty", self.empty, EMPTY_CHOICES)
        number("c_max", self.c_max, 0.0)
        flag("stale_labels", self.stale_labels)

    @classmethod
    def with_clusters(cls, clusters: int, **others: object) -> KMeansRouter:
        """The same number of centres everywhere. others: further fields by name."""
        return cls(clusters, clusters, clusters, clusters, **others)  # type: ignore[arg-type]

    @classmethod
    def published(cls) -> KMeansRouter:
        """The released experiments' choices: 8 / 15 / 20 / 30 centres, random starts, fallback 0 and 1e6, stale labels."""
        return cls(8, 15, 20, 30, "published", 3, 30, "published", stale_labels=True)


def train(router: KMeansRouter, logs: Logs, seed: int, labels: Labels | None = None) -> Trained[CellEstimates]:
    """Train local, federated and pooled on the same logs.

    labels: redrawn labels of the same records (T, D); the estimates then have a leading axis of T repetitions. Centres
    depend on queries and seed only, so they are found once. seed: in [0, 2^32).
    """
    federated, messages = train_federated(router, logs, seed, labels)
    local = train_local(router, logs, seed, labels)
    return Trained(router, local, federated, train_pooled(router, logs, seed, labels), messages, seed)


def train_local(router: KMeansRouter, logs: Logs, seed: int, labels: Labels | None = None) -> dict[int, CellEstimates]:
    """Each client alone on its own records, by client index; clients without records are absent. seed: in [0, 2^32)."""
    everyone = checked_labels(logs, labels, router.c_max)
    by_client = _rows_by_client(logs)
    found = cluster_each([logs.embedding[r] for r in by_client.values()], _lloyd(router, router.local_clusters, seed))
    return {
        client: _estimate(router, logs.take(rows), _of_rows(everyone, rows), own)
        for (client, rows), own in zip(by_client.items(), found, strict=True)
    }


def train_pooled(router: KMeansRouter, logs: Logs, seed: int, labels: Labels | None = None) -> CellEstimates:
    """All records in one place. seed: in [0, 2^32)."""
    everyone = checked_labels(logs, labels, router.c_max)
    return _estimate(router, logs, everyone, cluster(logs.embedding, _lloyd(router, router.pooled_clusters, seed)))


def train_federated(
    router: KMeansRouter, logs: Logs, seed: int, labels: Labels | None = None
) -> tuple[CellEstimates, tuple[Message, ...]]:
    """Two passes; returns the server's estimates and every message, in order.

    A centre that would be a single query is merged before it is sent. InputError when no client can send any. seed: in [0,
    2^32).
    """
    everyone = checked_labels(logs, labels, router.c_max)
    by_client = _rows_by_client(logs)
    found = cluster_each([logs.embedding[r] for r in by_client.values()], _lloyd(router, router.client_clusters, seed))
    first = []
    for (client, rows), clustering in zip(by_client.items(), found, strict=True):
        own = shareable(logs.embedding[rows], clustering)
        first.append(ClientCentres(f"client {client}", own.centres, own.mass.astype(np.int64), np.array([own.inertia])))
    sent, weights = np.concatenate([m.centres for m in first]), np.concatenate([m.counts for m in first])
    if len(sent) == 0:
        raise InputError("No client holds two distinct queries, so none can send a centre that is not itself a query.")
    merged = cluster(sent, _lloyd(router, router.clusters, seed), weights.astype(np.float64))
    broadcast = Broadcast("server", merged.centres)
    shape = (len(broadcast.centres), logs.n_models)
    second = []
    for client, rows in by_client.items():
        cells, distance = nearest_centre(logs.embedding[rows], broadcast.centres)
        own_labels = _of_rows(everyone, rows)
        second.append(cell_statistics(f"client {client}", cells, logs.model[rows], distance, own_labels, shape))
    return estimates_from(router, broadcast.centres, add_up(second)), (*first, broadcast, *second)


def _rows_by_client(logs: Logs) -> dict[int, IntArray]:
    return {int(i): np.flatnonzero(logs.client == i) for i in np.unique(logs.client)}


def _of_rows(labels: Labels, rows: IntArray) -> Labels:
    return Labels(labels.quality[..., rows], labels.cost[..., rows])


def _lloyd(router: KMeansRouter, clusters: int, seed: int) -> Lloyd:
    return Lloyd(clusters, router.init, router.restarts, router.iterations, integer("seed", seed, 0, 2**32 - 1))


def _estimate(router: KMeansRouter, logs: Logs, labels: Labels, found: Clustering) -> CellEstimates:
    """Estimates of one party that holds all these records."""
    cells, distance = nearest_centre(logs.embedding, found.centres)
    if router.stale_labels:
        cells, distance = found.labels, np.linalg.norm(logs.embedding - found.centres[found.labels], axis=1)
    shape = (len(found.centres), logs.n_models)
    sums = cell_statistics("all records", cells, logs.model, distance, labels, shape)
    return estimates_from(router, found.centres, sums)


def cell_statistics(
    sender: str, cells: IntArray, model: IntArray, distance: FloatArray, labels: Labels, shape: tuple[int, int]
) -> CellStatistics:
    """Counts and sums of quality, cost and distance by cell and model, `shape` = (K, M); labels may have a leading axis."""
    place, size = cells * shape[1] + model, shape[0] * shape[1]

    def sums(values: FloatArray) -> FloatArray:
        flat = values.reshape(-1, values.shape[-1])
        added = np.stack([np.bincount(place, row, size) for row in flat])
        return np.asarray(added.reshape(*values.shape[:-1], *shape), dtype=np.float64)

    counts = np.bincount(place, minlength=size).reshape(shape)
    return CellStatistics(sender, counts, sums(labels.quality), sums(labels.cost), sums(distance))


def add_up(parts: list[CellStatistics]) -> CellStatistics:
    """The server's sum of the clients' statistics."""
    return CellStatistics(
        "server",
        np.sum([p.counts for p in parts], axis=0),
        np.sum([p.quality for p in parts], axis=0),
        np.sum([p.cost for p in parts], axis=0),
        np.sum([p.distance for p in parts], axis=0),
    )


def estimates_from(router: KMeansRouter, centres: FloatArray, sums: CellStatistics) -> CellEstimates:
    """Divide sums by counts and fill the empty pairs by the router's named choice."""
    counts = sums.counts
    logged = counts > 0
    bare = ~logged.any(axis=1, keepdims=True)  # a cell no record fell into
    constant = {"mid-range": (0.5, router.c_max / 2.0), "published": (0.0, PUBLISHED_FALLBACK_COST)}
    if router.empty in constant:
        fallback = [np.full(counts.shape, value) for value in constant[router.empty]]
        routable = np.ones_like(logged)
    else:
        borrows = bare if router.empty == "exclude" else np.ones_like(bare)  # cells that use the means over all cells
        over_all_cells = [_ratio(v.sum(axis=-2), counts.sum(axis=0))[..., None, :] for v in (sums.quality, sums.cost)]
        fallback = [np.where(borrows, means, np.nan) for means in over_all_cells]
        routable = logged | (borrows & logged.any(axis=0))
    return CellEstimates(
        centres,
        np.where(logged, _ratio(sums.quality, counts), fallback[0]),
        np.where(logged, _ratio(sums.cost, counts), fallback[1]),
        counts,
        np.where(logged, _ratio(sums.distance, counts), 0.0),
        routable,
        router.empty,
    )


def _ratio(sums: FloatArray, counts: IntArray) -> FloatArray:
    """Means from sums (..., shape of counts), NaN where there is no record."""
    result: FloatArray = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=result, where=np.broadcast_to(counts > 0, sums.shape))
    return result
