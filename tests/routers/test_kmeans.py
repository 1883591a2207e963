"""The K-means router: every named choice, small clients, ties, seeds, repeated labels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.distances import nearest_centre
from fedroute_theory.federation import CellStatistics, Labels, Logs
from fedroute_theory.routers import EMPTY_CHOICES, KMeansRouter, train
from fedroute_theory.routers.kmeans import PUBLISHED_FALLBACK_COST, estimates_from

COUNTS = np.array([[2, 1, 0], [0, 0, 0], [1, 0, 0]])
QUALITY = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
COST = np.array([[0.2, 0.4, 0.0], [0.0, 0.0, 0.0], [0.7, 0.0, 0.0]])


def filled(empty):
    router = KMeansRouter(empty=empty, c_max=3.0)
    return estimates_from(router, np.zeros((3, 1)), CellStatistics("s", COUNTS, QUALITY, COST, 2.0 * COUNTS))


def logs_of(embedding, client, model, quality=None, cost=None, models=2):
    embedding = np.asarray(embedding, dtype=float).reshape(len(client), -1)
    size = len(client)
    quality = np.ones(size) if quality is None else np.asarray(quality, dtype=float)
    cost = np.zeros(size) if cost is None else np.asarray(cost, dtype=float)
    client = np.asarray(client)
    return Logs(client, embedding, np.full(size, -1), np.asarray(model), quality, cost, int(client.max()) + 1, models)


def random_logs(seed, size=80, clients=3):
    rng = np.random.default_rng(seed)
    return logs_of(
        rng.normal(size=(size, 2)),
        rng.integers(0, clients, size),
        rng.integers(0, 3, size),
        rng.random(size),
        rng.random(size),
        3,
    )


@pytest.mark.parametrize("empty", EMPTY_CHOICES)
def test_logged_pairs_are_plain_means_whatever_the_fallback(empty):
    found = filled(empty)
    assert found.quality[0, 0] == 0.5
    assert found.quality[0, 1] == 1.0
    assert found.cost[0, 0] == pytest.approx(0.1)
    assert found.cost[2, 0] == pytest.approx(0.7)
    assert found.distance[COUNTS > 0].tolist() == [2.0, 2.0, 2.0]
    assert found.distance[COUNTS == 0].tolist() == [0.0] * 6
    assert found.n == 4
    assert found.empty == empty


def test_exclude_never_routes_to_an_empty_pair_except_in_a_bare_cell():
    found = filled("exclude")
    assert found.routable.tolist() == [[True, True, False], [True, True, False], [True, False, False]]
    assert np.isnan(found.quality[0, 2])
    assert np.isnan(found.quality[2, 1])
    assert found.quality[1, :2] == pytest.approx([1 / 3, 1.0])
    assert found.cost[1, :2] == pytest.approx([0.3, 0.4])
    assert found.choices(0.0).tolist() == [1, 1, 0]


def test_pooled_mean_uses_the_models_mean_over_all_cells():
    found = filled("pooled-mean")
    assert found.routable.tolist() == [[True, True, False]] * 3
    assert found.quality[1, :2] == pytest.approx([1 / 3, 1.0])
    assert found.quality[2, 1] == pytest.approx(1.0)
    assert found.cost[2, 1] == pytest.approx(0.4)
    assert np.isnan(found.quality[:, 2]).all()
    assert found.choices(0.0).tolist() == [1, 1, 1]


def test_mid_range_is_the_middle_of_both_label_ranges():
    found = filled("mid-range")
    assert found.routable.all()
    assert (found.quality[COUNTS == 0] == 0.5).all()
    assert (found.cost[COUNTS == 0] == 1.5).all()
    assert found.choices(0.0).tolist() == [1, 0, 1]


def test_published_is_worth_nothing_and_costs_a_million():
    found = filled("published")
    assert found.routable.all()
    assert (found.quality[COUNTS == 0] == 0.0).all()
    assert (found.cost[COUNTS == 0] == PUBLISHED_FALLBACK_COST).all()
    assert PUBLISHED_FALLBACK_COST == 1e6
    assert found.choices(0.1).tolist() == [1, 0, 0]


def test_ties_go_to_the_model_of_lowest_index():
    assert filled("mid-range").choices(0.0)[1] == 0
    tied = replace(
        filled("mid-range"), cost=np.zeros((3, 3)), quality=np.full((3, 3), 0.5), routable=np.array([[False, True, True]] * 3)
    )
    assert tied.choices(0.0).tolist() == [1, 1, 1]


def test_the_policy_sends_a_query_to_its_cells_choice():
    found = replace(filled("pooled-mean"), centres=np.array([[0.0], [10.0], [20.0]]))
    route = found.policy(0.0)
    queries = np.array([[1.0], [5.0], [14.0], [19.0]])
    assert found.cells(queries).tolist() == [0, 0, 1, 2]
    assert route(queries).tolist() == found.choices(0.0)[[0, 0, 1, 2]].tolist()


def test_of_several_repetitions_the_policy_is_the_firsts():
    several = replace(
        filled("mid-range"), quality=np.array([[[1.0, 0.0, 0.0]] * 3, [[0.0, 0.0, 1.0]] * 3]), cost=np.zeros((2, 3, 3))
    )
    assert several.policy(0.0)(np.zeros((2, 1))).tolist() == [0, 0]
    assert several.choices(0.0).tolist() == [[0] * 3, [2] * 3]


def test_published_protocol_has_the_released_numbers():
    router = KMeansRouter.published()
    assert (router.local_clusters, router.client_clusters, router.clusters, router.pooled_clusters) == (8, 15, 20, 30)
    assert (router.init, router.restarts, router.iterations, router.empty) == ("published", 3, 30, "published")
    assert router.stale_labels


def test_each_training_has_its_own_number_of_centres():
    logs = random_logs(0, size=400)
    trained = train(KMeansRouter(2, 6, 5, 7), logs, 0)
    assert [e.n_cells for e in trained.local.values()] == [2, 2, 2]
    assert trained.federated.n_cells == 5
    assert trained.pooled.n_cells == 7
    assert all(len(m.centres) <= 6 for m in trained.messages[:3])


def test_stale_labels_count_records_in_another_cell_than_the_nearest():
    logs = random_logs(3, size=300)
    router = KMeansRouter.with_clusters(8, iterations=1, restarts=1, init="published")
    fresh, stale = (train(replace(router, stale_labels=s), logs, 0).pooled for s in (False, True))
    cells = nearest_centre(logs.embedding, fresh.centres)[0]
    counted = np.bincount(cells, minlength=8)
    assert np.array_equal(fresh.centres, stale.centres)
    assert fresh.counts.sum(axis=1).tolist() == counted.tolist()
    assert stale.counts.sum(axis=1).tolist() != counted.tolist()
    assert stale.n == fresh.n == 300


def test_clients_with_one_record_and_more_centres_than_records():
    logs = logs_of([0.0, 1.0, 5.0, 5.0, 9.0], [0, 1, 1, 2, 3], [0, 1, 0, 0, 1])
    trained = train(KMeansRouter.with_clusters(20), logs, 0)
    assert {i: e.n_cells for i, e in trained.local.items()} == {0: 1, 1: 2, 2: 1, 3: 1}
    assert trained.local[0].counts.tolist() == [[1, 0]]
    assert trained.local[0].routable.tolist() == [[True, False]]
    assert trained.pooled.n_cells == 4
    assert trained.federated.n == trained.pooled.n == 5
    assert [t[:2] for t in trained.estimates()] == [*(("local", i) for i in range(4)), ("federated", None), ("pooled", None)]


def test_a_client_without_records_is_absent():
    trained = train(KMeansRouter.with_clusters(2), logs_of([0.0, 1.0, 2.0, 3.0], [0, 0, 2, 2], [0, 1, 0, 1]), 0)
    assert sorted(trained.local) == [0, 2]


@pytest.mark.parametrize("init", ["k-means++", "published"])
def test_the_seed_decides_everything(init):
    logs, router = random_logs(1, size=200), KMeansRouter.with_clusters(12, init=init, restarts=1)
    first, again, other = (train(router, logs, seed) for seed in (5, 5, 6))
    assert np.array_equal(first.pooled.centres, again.pooled.centres)
    assert np.array_equal(first.federated.quality, again.federated.quality, equal_nan=True)
    assert all(
        np.array_equal(a, b)
        for m, n in zip(first.messages, again.messages, strict=True)
        for a, b in zip(m.arrays.values(), n.arrays.values(), strict=True)
    )
    assert not np.array_equal(first.pooled.centres, other.pooled.centres)


def test_labels_never_move_a_centre():
    logs = random_logs(1)
    changed = replace(logs, quality=1.0 - logs.quality, cost=logs.cost[::-1])
    router = KMeansRouter.with_clusters(4)
    for one, other in zip(train(router, logs, 0).estimates(), train(router, changed, 0).estimates(), strict=True):
        assert np.array_equal(one[2].centres, other[2].centres)
        assert np.array_equal(one[2].counts, other[2].counts)


@pytest.mark.parametrize("empty", EMPTY_CHOICES)
def test_redrawn_labels_train_as_one_by_one(empty):
    logs, rng = random_logs(4), np.random.default_rng(0)
    labels = Labels(rng.random((3, logs.size)), rng.random((3, logs.size)))
    router = KMeansRouter.with_clusters(7, empty=empty)
    together = train(router, logs, 2, labels)
    for t in range(3):
        alone = train(router, replace(logs, quality=labels.quality[t], cost=labels.cost[t]), 2)
        for (_, _, many), (_, _, one) in zip(together.estimates(), alone.estimates(), strict=True):
            own = many.repetition(t)
            assert np.array_equal(own.quality, one.quality, equal_nan=True)
            assert np.array_equal(own.cost, one.cost, equal_nan=True)
            assert np.array_equal(many.choices(0.3)[t], one.choices(0.3))


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), empty=st.sampled_from(sorted(EMPTY_CHOICES)), clusters=st.integers(1, 9))
def test_estimates_are_the_means_of_the_records_nearest_to_each_centre(seed, empty, clusters):
    logs = random_logs(seed, size=30)
    for _, client, found in train(KMeansRouter.with_clusters(clusters, empty=empty), logs, seed).estimates():
        own = logs if client is None else logs.of_client(client)
        cell = nearest_centre(own.embedding, found.centres)[0]
        for k, m in np.ndindex(found.counts.shape):
            rows = (cell == k) & (own.model == m)
            assert found.counts[k, m] == rows.sum()
            if rows.any():
                assert found.quality[k, m] == pytest.approx(own.quality[rows].mean())
                assert found.cost[k, m] == pytest.approx(own.cost[rows].mean())
                far = np.linalg.norm(own.embedding[rows] - found.centres[k], axis=1).mean()
                assert found.distance[k, m] == pytest.approx(far)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"clusters": 0}, ("clusters", "0")),
        ({"local_clusters": 2.0}, ("local_clusters", "2.0")),
        ({"client_clusters": -1}, ("client_clusters", "-1")),
        ({"pooled_clusters": True}, ("pooled_clusters", "True")),
        ({"restarts": 0}, ("restarts", "0")),
        ({"iterations": 0}, ("iterations", "0")),
        ({"init": "random"}, ("init", "random")),
        ({"empty": "zero"}, ("empty", "zero", "mid-range")),
        ({"c_max": -1.0}, ("c_max", "-1.0")),
        ({"c_max": np.nan}, ("c_max", "nan")),
    ],
)
def test_a_bad_hyperparameter_is_named(options, named):
    one_sentence(lambda: KMeansRouter(**options), *named)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_a_bad_seed_is_named(seed):
    one_sentence(lambda: train(KMeansRouter.with_clusters(2), random_logs(0), seed), "seed", str(seed))
