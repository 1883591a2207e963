"""Clustering: nearest centres with exact ties, inertia no worse than scikit-learn's, centres that can be shared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence
from sklearn.cluster import KMeans

from fedroute_theory.distances import between, nearest_centre
from fedroute_theory.routers.clustering import Lloyd, canonical_order, cluster, cluster_each, means_of, shareable

COORDINATE = st.integers(-3, 3)


def points_of(data, low, high, dimension):
    rows = st.lists(st.lists(COORDINATE, min_size=dimension, max_size=dimension), min_size=low, max_size=high)
    return np.array(data.draw(rows), dtype=float)


@given(data=st.data(), dimension=st.integers(1, 3), scale=st.sampled_from((1.0, 0.25, 1024.0)))
def test_nearest_centre_is_the_first_of_the_nearest(data, dimension, scale):
    points, centres = points_of(data, 1, 6, dimension), points_of(data, 1, 5, dimension)
    squares = ((points[:, None] - centres[None]) ** 2).sum(axis=2)  # small integers: exact
    cell, distance = nearest_centre(points * scale, centres * scale)
    assert np.array_equal(cell, squares.argmin(axis=1))
    assert distance == pytest.approx(scale * np.sqrt(squares.min(axis=1)), rel=1e-14)


def test_nearest_centre_of_a_point_does_not_depend_on_the_other_points():
    rng = np.random.default_rng(0)
    points, centres = rng.normal(size=(40_000, 5)), rng.normal(size=(7, 5))
    together = nearest_centre(points, centres)[0]
    alone = np.concatenate([nearest_centre(points[i : i + 1], centres)[0] for i in range(0, 40_000, 997)])
    assert np.array_equal(together[::997], alone)
    assert np.array_equal(together, np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(axis=1))


def test_nearest_centre_far_from_the_origin():
    points = np.array([[1e6 + 0.1], [1e6 + 0.6], [1e6 + 0.5]])
    assert nearest_centre(points, np.array([[1e6], [1e6 + 1]]))[0].tolist() == [0, 1, 0]


def test_points_of_another_dimension_are_refused():
    one_sentence(lambda: nearest_centre(np.zeros((2, 3)), np.zeros((1, 2))), "(any, 2)", "(2, 3)")


@pytest.mark.parametrize("size", [10, 1500])
def test_distances_between_sets_are_never_too_small(size):
    rng = np.random.default_rng(1)
    points, targets = rng.normal(size=(size, 8)) + 50, rng.normal(size=(300, 8)) + 50
    targets[0] = points[0]
    exact = np.sqrt(((points[:, None] - targets[None]) ** 2).sum(axis=2))
    found = between(points, targets)
    assert (found >= exact * (1 - 1e-15)).all()
    assert (found - exact).max() <= 1e-6 * exact.max()


@given(data=st.data(), weighted=st.booleans())
def test_means_and_inertia_belong_to_the_assignment(data, weighted):
    points = points_of(data, 1, 8, 2)
    labels = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(points), max_size=len(points))))
    weights = np.array(data.draw(st.lists(st.integers(1, 5), min_size=len(points), max_size=len(points))), dtype=float)
    found = means_of(points, labels, weights if weighted else None)
    own = weights if weighted else np.ones(len(points))
    names = sorted(set(labels.tolist()))
    expected = [
        sum(w * p for w, p, k in zip(own, points, labels, strict=True) if k == n) / own[labels == n].sum() for n in names
    ]
    assert found.centres == pytest.approx(np.array(expected))
    assert found.mass == pytest.approx([own[labels == n].sum() for n in names])
    assert [names[k] for k in found.labels] == labels.tolist()
    squares = sum(w * ((p - expected[names.index(k)]) ** 2).sum() for w, p, k in zip(own, points, labels, strict=True))
    assert found.inertia == pytest.approx(squares, abs=1e-12)


@pytest.mark.parametrize("init", ["k-means++", "published"])
@pytest.mark.parametrize("weighted", [False, True])
def test_inertia_is_no_worse_than_scikit_learns_from_the_same_start(init, weighted):
    rng = np.random.default_rng(4)
    points = rng.normal(size=(300, 3))
    weights = rng.integers(1, 9, 300).astype(float) if weighted else None
    for clusters in (1, 4, 20):
        found = cluster(points, Lloyd(clusters, init, 3, 100, 7), weights)
        order = canonical_order(points)
        name = {"k-means++": "k-means++", "published": "random"}[init]
        theirs = KMeans(clusters, init=name, n_init=3, max_iter=100, random_state=7)
        theirs.fit(points[order], sample_weight=None if weights is None else weights[order])
        assert found.inertia <= theirs.inertia_ * (1 + 1e-9)
        assert found.mass.sum() == pytest.approx(300 if weights is None else weights.sum())


def test_sets_clustered_together_are_clustered_as_alone():
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(n, 2)) for n in (50, 3, 120)]
    how = Lloyd(4, "k-means++", 2, 50, 1)
    for together, points in zip(cluster_each(sets, how), sets, strict=True):
        alone = cluster(points, how)
        assert np.array_equal(together.centres, alone.centres)
        assert np.array_equal(together.labels, alone.labels)


def test_clustering_leaves_the_points_as_they_were():
    points = np.random.default_rng(0).normal(size=(400, 2)) + 7.0
    before = points.copy()
    cluster(points, Lloyd(3, "k-means++", 2, 50, 1))
    assert np.array_equal(points, before)


@pytest.mark.parametrize("copies", [2, 400])
def test_fewer_distinct_points_than_clusters_give_one_centre_a_point(copies):
    distinct = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    found = cluster(np.repeat(distinct, copies, axis=0), Lloyd(5, "k-means++", 3, 50, 0))
    assert sorted(map(tuple, found.centres.tolist())) == sorted(map(tuple, distinct.tolist()))
    assert found.inertia == pytest.approx(0.0, abs=1e-20)
    assert found.mass.tolist() == [copies] * 3


@given(data=st.data(), dimension=st.integers(1, 4))
def test_the_canonical_order_forgets_how_points_were_listed(data, dimension):
    points = points_of(data, 2, 8, dimension)
    shuffled = points[np.array(data.draw(st.permutations(range(len(points)))))]
    assert np.array_equal(points[canonical_order(points)], shuffled[canonical_order(shuffled)])


@given(data=st.data(), clusters=st.integers(1, 6))
@settings(max_examples=40)
def test_shareable_cells_hold_two_distinct_records_each(data, clusters):
    points = points_of(data, 1, 10, 2)
    found = cluster(points, Lloyd(clusters, "k-means++", 1, 20, 0))
    kept = shareable(points, found)
    if len(np.unique(points, axis=0)) == 1:
        assert kept.centres.shape == (0, 2)
        return
    assert kept.mass.sum() == len(points)
    for k, centre in enumerate(kept.centres):
        own = points[kept.labels == k]
        assert len(np.unique(own, axis=0)) >= 2
        assert centre == pytest.approx(own.mean(axis=0))
    squares = ((points - kept.centres[kept.labels]) ** 2).sum()
    assert kept.inertia == pytest.approx(squares, abs=1e-12)
