"""The K-means router: client-local, federated in two passes, pooled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, choice, integer
from fedroute_theory.estimates import CellEstimates, nearest_centre
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Labels, Logs, Message
from fedroute_theory.routers.clustering import Clustering, lloyd, shareable

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
    one of EMPTY_CHOICES. c_max: upper end of cost labels, for "mid-range". stale_labels: local and pooled statistics use
    the assignment from before the last centre update, as in the released experiments.

    Defaults give every training the same number of centres; `KMeansRouter.published()` has the paper's own.
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

    @classmethod
    def with_clusters(cls, clusters: int, **others: object) -> KMeansRouter:
        """The same number of centres everywhere."""
        return cls(clusters, clusters, clusters, clusters, **others)  # type: ignore[arg-type]

    @classmethod
    def published(cls) -> KMeansRouter:
        """The released experiments' choices: 8 / 15 / 20 / 30 centres, random starts, fallback 0 and 1e6, stale labels."""
        return cls(8, 15, 20, 30, "published", 3, 30, "published", stale_labels=True)


@dataclass(frozen=True, eq=False)
class Trained:
    """The three trainings of one router on the same logs.

    local: by client index, clients without records absent. messages: all that travelled in the federated training, in
    order. seed: of every random draw.
    """

    router: KMeansRouter
    local: dict[int, CellEstimates]
    federated: CellEstimates
    pooled: CellEstimates
    messages: tuple[Message, ...]
    seed: int

    def estimates(self) -> list[tuple[str, int | None, CellEstimates]]:
        """(training, client or None, estimates) in a fixed order."""
        local = [("local", client, self.local[client]) for client in sorted(self.local)]
        return [*local, ("federated", None, self.federated), ("pooled", None, self.pooled)]


def train(router: KMeansRouter, logs: Logs, seed: int, labels: Labels | None = None) -> Trained:
    """Train local, federated and pooled on the same logs.

    labels: redrawn labels of the same records (T, D); the estimates then have a leading axis of T repetitions. Centres
    depend on queries and seed only, so they are found once.
    """
    seed = integer("seed", seed, 0, 2**32 - 1)
    labels = labels or Labels(logs.quality, logs.cost)
    by_client = {int(i): np.flatnonzero(logs.client == i) for i in np.unique(logs.client)}
    local = {}
    for client, rows in by_client.items():
        own = Labels(labels.quality[..., rows], labels.cost[..., rows])
        local[client] = _train_at_once(router, router.local_clusters, logs.take(rows), own, seed)
    federated, messages = _train_federated(router, logs, labels, by_client, seed)
    pooled = _train_at_once(router, router.pooled_clusters, logs, labels, seed)
    return Trained(router, local, federated, pooled, messages, seed)


def _cluster(router: KMeansRouter, points: FloatArray, k: int, seed: int, weights: FloatArray | None = None) -> Clustering:
    return lloyd(points, k, seed, init=router.init, restarts=router.restarts, iterations=router.iterations, weights=weights)


def _train_at_once(router: KMeansRouter, k: int, logs: Logs, labels: Labels, seed: int) -> CellEstimates:
    found = _cluster(router, logs.embedding, k, seed)
    if router.stale_labels:
        distance = np.linalg.norm(logs.embedding - found.centres[found.labels], axis=1)
        sums = cell_statistics("client", found.labels, distance, len(found.centres), logs, labels)
        return replace(estimates_from(router, found.centres, sums), nearest=False)
    cells, distance = nearest_centre(logs.embedding, found.centres)
    return estimates_from(router, found.centres, cell_statistics("client", cells, distance, len(found.centres), logs, labels))


def _train_federated(
    router: KMeansRouter, logs: Logs, labels: Labels, by_client: dict[int, IntArray], seed: int
) -> tuple[CellEstimates, tuple[Message, ...]]:
    first = []
    for client, rows in by_client.items():
        points = logs.embedding[rows]
        own = shareable(points, _cluster(router, points, router.client_clusters, seed))
        first.append(ClientCentres(f"client {client}", own.centres, own.mass.astype(np.int64), np.array([own.inertia])))
    sent, weights = np.concatenate([m.centres for m in first]), np.concatenate([m.counts for m in first])
    if len(sent) == 0:
        raise InputError("No client holds two distinct queries, so none can send a centre that is not itself a query.")
    merged = _cluster(router, sent, router.clusters, seed, weights.astype(np.float64))
    broadcast = Broadcast("server", merged.centres)
    second = []
    for client, rows in by_client.items():
        cells, distance = nearest_centre(logs.embedding[rows], broadcast.centres)
        own_labels = Labels(labels.quality[..., rows], labels.cost[..., rows])
        second.append(cell_statistics(f"client {client}", cells, distance, len(broadcast.centres), logs.take(rows), own_labels))
    return estimates_from(router, broadcast.centres, add_up(second)), (*first, broadcast, *second)


def cell_statistics(sender: str, cells: IntArray, distance: FloatArray, k: int, logs: Logs, labels: Labels) -> CellStatistics:
    """Counts and sums of quality, cost and distance by cell and model; labels may have a leading axis."""
    place, size = cells * logs.n_models + logs.model, k * logs.n_models

    def sums(values: FloatArray) -> FloatArray:
        flat = values.reshape(-1, values.shape[-1])
        added = np.stack([np.bincount(place, row, size) for row in flat])
        result: FloatArray = added.reshape(*values.shape[:-1], k, logs.n_models).astype(np.float64)
        return result

    counts = np.bincount(place, minlength=size).reshape(k, logs.n_models)
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
