"""What travels: statistics that add up to the pooled ones, whoever holds which record, and never a raw query."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.distances import nearest_centre
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Labels, Logs
from fedroute_theory.routers import KMeansRouter, train
from fedroute_theory.routers.kmeans import add_up, cell_statistics, estimates_from, train_federated


def random_logs(seed, clients=4, records=120, dimension=3, models=3, grid=None):
    rng = np.random.default_rng(seed)
    client = np.sort(rng.integers(0, clients, records))
    embedding = rng.normal(size=(records, dimension)) + client[:, None]
    if grid is not None:
        embedding = np.round(embedding * grid) / grid
    return Logs(
        client,
        embedding,
        np.full(records, -1),
        rng.integers(0, models, records),
        rng.random(records),
        rng.random(records),
        clients,
        models,
    )


def awkward_logs():
    """A client with one record, one with two equal records, one whose records are all alone in their cells, two ordinary."""
    rng = np.random.default_rng(9)
    parts = [
        rng.normal(size=(1, 2)),
        np.repeat(rng.normal(size=(1, 2)), 2, axis=0),
        rng.normal(size=(5, 2)) * 100,
        rng.normal(size=(30, 2)),
        np.concatenate([rng.normal(size=(30, 2)), np.repeat(rng.normal(size=(1, 2)) + 50, 3, axis=0)]),
    ]
    embedding = np.concatenate(parts)
    client = np.repeat(np.arange(5), [len(p) for p in parts])
    size = len(client)
    return Logs(client, embedding, np.full(size, -1), rng.integers(0, 2, size), rng.random(size), rng.random(size), 5, 2)


def rows_of(values):
    return {tuple(row) for row in np.asarray(values, dtype=float).reshape(-1, np.asarray(values).shape[-1]).tolist()}


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), clusters=st.integers(1, 9))
def test_federated_statistics_equal_the_pooled_ones_over_the_same_centres(seed, clusters):
    logs = random_logs(seed)
    federated, messages = train_federated(KMeansRouter.with_clusters(clusters), logs, seed)
    cells, distance = nearest_centre(logs.embedding, federated.centres)
    shape = federated.counts.shape
    pooled = cell_statistics("all", cells, logs.model, distance, Labels(logs.quality, logs.cost), shape)
    sent = [m for m in messages if isinstance(m, CellStatistics)]
    assert len(sent) == 4
    assert np.array_equal(sum(m.counts for m in sent), pooled.counts)
    for name in ("quality", "cost", "distance"):
        assert sum(getattr(m, name) for m in sent) == pytest.approx(getattr(pooled, name), rel=1e-13, abs=1e-13)
    alone = estimates_from(KMeansRouter.with_clusters(clusters), federated.centres, pooled)
    assert federated.quality == pytest.approx(alone.quality, rel=1e-13, nan_ok=True)
    assert federated.cost == pytest.approx(alone.cost, rel=1e-13, nan_ok=True)
    assert np.array_equal(federated.choices(0.5), alone.choices(0.5))


@pytest.mark.parametrize("seed", range(3))
def test_a_single_server_centre_is_the_mean_of_all_records(seed):
    """Clients of unequal size: the server must weigh their centres by the records behind them."""
    logs = random_logs(seed, clients=3)
    uneven = logs.take(np.flatnonzero((logs.client > 0) | (np.arange(logs.size) < 5)))
    federated, _ = train_federated(KMeansRouter(client_clusters=3, clusters=1), uneven, seed)
    assert federated.centres == pytest.approx(uneven.embedding.mean(axis=0)[None], rel=1e-12)


def test_statistics_are_plain_counts_and_sums():
    cells, model = np.array([0, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 0])
    quality, cost = np.array([1.0, 0.5, 0.0, 1.0, 1.0]), np.arange(5.0)
    found = cell_statistics("c", cells, model, np.ones(5), Labels(quality, cost), (3, 2))
    assert found.counts.tolist() == [[1, 1], [3, 0], [0, 0]]
    assert found.quality.tolist() == [[1.0, 1.0], [1.5, 0.0], [0.0, 0.0]]
    assert found.cost.tolist() == [[0.0, 3.0], [7.0, 0.0], [0.0, 0.0]]
    assert found.distance.tolist() == found.counts.tolist()
    assert add_up([found, found]).counts.tolist() == [[2, 2], [6, 0], [0, 0]]


@pytest.mark.parametrize("grid", [None, 1.0, 0.5])
@pytest.mark.parametrize("dimension", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_renumbering_clients_changes_no_estimate(seed, dimension, grid):
    logs = random_logs(seed, dimension=dimension, grid=grid)
    renamed = replace(logs, client=3 - logs.client)
    for reordered in (renamed, renamed.take(np.argsort(renamed.client, kind="stable"))):
        router = KMeansRouter.with_clusters(5)
        before, after = train(router, logs, 1), train(router, reordered, 1)
        same_estimates(before.federated, after.federated)
        same_estimates(before.pooled, after.pooled)
        for i in range(4):
            same_estimates(before.local[i], after.local[3 - i])


@pytest.mark.parametrize("grid", [None, 1.0])
@pytest.mark.parametrize("dimension", [2, 3])
def test_the_order_of_records_changes_no_estimate(dimension, grid):
    logs = random_logs(5, dimension=dimension, grid=grid)
    shuffled = logs.take(np.random.default_rng(0).permutation(logs.size))
    router = KMeansRouter.with_clusters(5)
    before, after = train(router, logs, 1), train(router, shuffled, 1)
    same_estimates(before.federated, after.federated)
    same_estimates(before.pooled, after.pooled)


def same_estimates(one, other):
    """The same cells up to rounding, in any order of the centres."""
    assert one.centres.shape == other.centres.shape
    a, b = (np.lexsort(np.round(e.centres, 9).T) for e in (one, other))
    assert one.centres[a] == pytest.approx(other.centres[b], abs=1e-9)
    assert np.array_equal(one.counts[a], other.counts[b])
    assert one.quality[a] == pytest.approx(other.quality[b], abs=1e-12, nan_ok=True)


def test_renaming_models_renames_the_estimates():
    logs, order = random_logs(2), np.array([2, 0, 1])
    renamed = replace(logs, model=np.argsort(order)[logs.model])
    before, after = train(KMeansRouter.with_clusters(4), logs, 3), train(KMeansRouter.with_clusters(4), renamed, 3)
    assert np.array_equal(before.federated.quality[:, order], after.federated.quality, equal_nan=True)
    assert np.array_equal(before.pooled.counts[:, order], after.pooled.counts)


@pytest.mark.parametrize("clusters", [1, 2, 5, 40])
@pytest.mark.parametrize("init", ["k-means++", "published"])
def test_no_message_row_is_a_clients_query(clusters, init):
    for logs in (awkward_logs(), random_logs(1, clients=8, records=30)):
        queries = rows_of(logs.embedding)
        for message in train(KMeansRouter.with_clusters(clusters, init=init), logs, 0).messages:
            for name, values in message.arrays.items():
                if values.ndim >= 2 and values.shape[-1] == logs.embedding.shape[1]:
                    assert not rows_of(values) & queries, (str(message), name)


def test_a_client_whose_records_all_coincide_sends_no_centre_but_its_statistics():
    logs = awkward_logs()
    messages = train(KMeansRouter.with_clusters(3), logs, 0).messages
    centres = {m.sender: m for m in messages if isinstance(m, ClientCentres)}
    statistics = {m.sender: m for m in messages if isinstance(m, CellStatistics)}
    for silent in ("client 0", "client 1"):
        assert centres[silent].centres.shape == (0, 2)
        assert centres[silent].counts.sum() == 0
    assert statistics["client 0"].counts.sum() == 1
    assert statistics["client 1"].counts.sum() == 2
    for loud in ("client 2", "client 3", "client 4"):
        assert centres[loud].counts.sum() == (logs.client == int(loud[-1])).sum()


def test_every_centre_that_is_sent_is_the_mean_of_at_least_two_records():
    messages = train(KMeansRouter.with_clusters(10), awkward_logs(), 0).messages
    assert all((m.counts >= 2).all() for m in messages if isinstance(m, ClientCentres))


def test_when_nobody_can_send_a_centre_training_says_so():
    size = 3
    logs = Logs(np.arange(size), np.eye(size), np.full(size, -1), np.zeros(size, int), np.ones(size), np.ones(size), size, 2)
    one_sentence(lambda: train(KMeansRouter.with_clusters(2), logs, 0), "two distinct queries")


def test_a_message_counts_its_bytes_and_names_its_parts():
    message = ClientCentres("client 7", np.zeros((4, 3)), np.zeros(4, dtype=np.int64), np.zeros(1))
    assert message.nbytes == 4 * 3 * 8 + 4 * 8 + 8
    assert str(message) == "client 7: ClientCentres(centres 4x3 float64, counts 4 int64, inertia 1 float64), 136 bytes"
    assert set(message.arrays) == {"centres", "counts", "inertia"}


def test_messages_come_in_the_order_of_the_protocol():
    logs = random_logs(0)
    kinds = [type(m) for m in train(KMeansRouter.with_clusters(3), logs, 0).messages]
    assert kinds == [ClientCentres] * 4 + [Broadcast] + [CellStatistics] * 4
