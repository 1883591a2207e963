"""Weighted K-means through scikit-learn, made reproducible, and centres that are the means of their own records."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray, choice
from fedroute_theory.distances import nearest_centre

INITIALISATIONS = {"k-means++": "k-means++", "published": "random"}
"""Name of a choice and what scikit-learn calls it; `published` starts from distinct random points."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """An assignment and the exact means of it.

    centres: (K, d) weighted means of `labels`. labels: (n,). mass: (K,) total weight. inertia: sum of weight times squared
    distance to the centre of the own label (labels need not be the nearest centres).
    """

    centres: FloatArray
    labels: IntArray
    mass: FloatArray
    inertia: float


def means_of(points: FloatArray, labels: IntArray, weights: FloatArray | None = None) -> Clustering:
    """The weighted means of an assignment; labels without mass are dropped and the rest renumbered."""
    used, labels = np.unique(labels, return_inverse=True)
    mass = np.bincount(labels, weights, used.size).astype(np.float64)
    weight = np.ones(points.shape[0]) if weights is None else weights
    sums = np.stack([np.bincount(labels, column * weight, used.size) for column in points.T], axis=1)
    centres = sums / mass[:, None]
    squares = np.zeros(points.shape[0])
    for column, centre in zip(points.T, centres.T, strict=True):  # one column at a time: no second copy of the points
        squares += (column - centre[labels]) ** 2
    return Clustering(centres, labels, mass, float(weight @ squares))


@dataclass(frozen=True)
class Lloyd:
    """How Lloyd's algorithm is run: number of centres, start, restarts, iterations, seed."""

    clusters: int
    init: str
    restarts: int
    iterations: int
    seed: int


def cluster(points: FloatArray, how: Lloyd, weights: FloatArray | None = None) -> Clustering:
    """Best of the restarts, then the means of its final nearest-centre assignment. weights: (n,), default equal."""
    return cluster_each([points], how, weights)[0]


def cluster_each(sets: list[FloatArray], how: Lloyd, weights: FloatArray | None = None) -> list[Clustering]:
    """Cluster several sets of points at the same time, each on one thread.

    The outcome depends on each set and the seed only: points are put in a canonical order, and one thread does the sums.
    Fewer distinct points than clusters give one centre a point.
    """
    from sklearn.cluster import KMeans  # noqa: F401  (imported once, before the threads need it)
    from threadpoolctl import threadpool_limits

    choice("init", how.init, INITIALISATIONS)
    with threadpool_limits(limits=1), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda points: _best_of_restarts(points, how, weights), sets))


def _best_of_restarts(points: FloatArray, how: Lloyd, weights: FloatArray | None) -> Clustering:
    from sklearn.cluster import KMeans

    order = canonical_order(points, weights)
    ordered, weight = points[order], None if weights is None else weights[order]
    labels = np.empty(points.shape[0], dtype=np.int64)
    fresh = np.ones(points.shape[0], dtype=bool)  # first of a run of equal points
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    if fresh.sum() <= how.clusters:
        labels[order] = np.cumsum(fresh) - 1
        return means_of(points, labels, weights)
    model = KMeans(
        how.clusters,
        init=INITIALISATIONS[how.init],
        n_init=how.restarts,
        max_iter=how.iterations,
        random_state=how.seed,
        copy_x=False,  # `ordered` is this function's own
    )
    model.fit(ordered, sample_weight=weight)
    labels[order] = nearest_centre(points[order], model.cluster_centers_)[0]
    return means_of(points, labels, weights)


def canonical_order(points: FloatArray, weights: FloatArray | None = None) -> IntArray:
    """An order of the points (and of the weights of equal points) that does not depend on how they were listed.

    By the first two coordinates, by all of them only where those tie.
    """
    order: IntArray = np.lexsort(points.T[:2][::-1])
    leading = points[order, :2]
    if weights is not None or (leading[1:] == leading[:-1]).all(axis=1).any():
        keys = points.T[::-1] if weights is None else np.vstack([weights[None], points.T[::-1]])
        order = np.lexsort(keys)
    return order


def shareable(points: FloatArray, found: Clustering) -> Clustering:
    """Merge every cell whose records all coincide into the nearest other cell, so that none is the mean of one query.

    Returns no centre at all when all the points coincide.
    """
    while True:
        spread = np.zeros(len(found.centres), dtype=bool)
        np.logical_or.at(spread, found.labels, (points != _first_of(points, found.labels)).any(axis=1))
        if spread.all():
            return found
        if len(found.centres) == 1:
            return Clustering(found.centres[:0], found.labels, found.mass[:0], 0.0)
        lone = int(np.flatnonzero(~spread)[0])
        apart = np.linalg.norm(found.centres - found.centres[lone], axis=1)
        apart[lone] = np.inf
        found = means_of(points, np.where(found.labels == lone, int(apart.argmin()), found.labels))


def _first_of(points: FloatArray, labels: IntArray) -> FloatArray:
    """For each point the first point with the same label."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return points[first[inverse]]
