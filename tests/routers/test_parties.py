"""Parties: numbered by their records, whatever the clients' indices and the order of the logs."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.federation import Logs
from fedroute_theory.routers.parties import parties_of


def some_logs(clients=4, size=40, seed=0):
    rng = np.random.default_rng(seed)
    return Logs(
        np.arange(size) % clients, rng.integers(0, 3, (size, 2)).astype(float), np.full(size, -1), rng.integers(0, 2, size),
        rng.random(size), rng.random(size), clients, 2,
    )  # fmt: skip


def test_numbers_and_order_are_the_records_own():
    logs = some_logs()
    new, order = np.array([2, 0, 3, 1]), np.random.default_rng(1).permutation(logs.size)
    other = replace(logs, client=new[logs.client]).take(order)
    mine, theirs = parties_of(logs), parties_of(other)
    assert list(mine.rows) == list(theirs.rows) == sorted(mine.rows)
    assert [new[i] for i in mine.client.values()] == list(theirs.client.values())
    for party in mine.rows:
        for column in ("embedding", "model"):
            here, there = (getattr(given, column)[p.rows[party]] for given, p in ((logs, mine), (other, theirs)))
            assert np.array_equal(here, there)
        assert set(logs.client[mine.rows[party]]) == {mine.client[party]}
    assert np.array_equal(logs.embedding[mine.everyone], other.embedding[theirs.everyone])
    assert np.array_equal(new[logs.client[mine.everyone]], other.client[theirs.everyone])
    assert sorted(mine.everyone) == sorted(np.concatenate(list(mine.rows.values()))) == list(range(logs.size))


def test_by_index_only_the_order_differs():
    logs = some_logs()
    plain, indexed = parties_of(logs), parties_of(logs, "index")
    assert list(indexed.client.values()) == [0, 1, 2, 3] == [plain.client[p] for p in plain.in_index_order()]
    assert list(plain.client.values()) != [0, 1, 2, 3]
    assert indexed.client == plain.client
    assert np.array_equal(indexed.everyone, plain.everyone)


def test_who_else_takes_part_and_what_the_labels_are_changes_no_number():
    logs = some_logs()
    whole = {client: party for party, client in parties_of(logs).client.items()}
    fewer = parties_of(logs.take(np.flatnonzero(logs.client != 1))).client
    assert {client: party for party, client in fewer.items()} == {i: whole[i] for i in (0, 2, 3)}
    assert parties_of(replace(logs, quality=1.0 - logs.quality)).client == parties_of(logs).client


@pytest.mark.parametrize("new", [[0, 1], [1, 0]])
def test_clients_with_the_same_queries_and_models_have_streams_of_their_own(new):
    one = some_logs(1, 10)
    twice = replace(
        one, client=np.repeat(new, 10), embedding=np.tile(one.embedding, (2, 1)), query=np.full(20, -1),
        model=np.tile(one.model, 2), quality=np.repeat([0.2, 0.7], 10), cost=np.repeat([0.0, 0.0], 10), n_clients=2,
    )  # fmt: skip
    parties = parties_of(twice)
    first, second = parties.rows
    assert second == first + 1
    labels = [twice.quality[rows][0] for rows in parties.rows.values()]
    assert labels == [twice.quality[rows][0] for rows in parties_of(replace(twice, client=1 - twice.client)).rows.values()]


def test_negative_zeros_are_zeros():
    logs = replace(some_logs(1, 3), embedding=np.zeros((3, 2)))
    assert list(parties_of(logs).rows) == list(parties_of(replace(logs, embedding=-logs.embedding)).rows)
