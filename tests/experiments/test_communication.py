"""Communication: formulas are what the messages weigh, and the first size at which federating is cheaper is the first."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fedroute_theory.federation import Broadcast, Parameters
from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.tables.studies import sending

EXPERIMENT = load(shipped(), "communication")
LIGHT = ("K-means, two passes", "linear heads, exact", "linear heads, FedAvg")


def done(params):
    first, again = (EXPERIMENT.compute(SimpleNamespace(params=params)) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(again)
    return Done(params, first)


@pytest.fixture(scope="module")
def small():
    sent = [done({"part": "bytes", "family": family, "d": 4, "K": 3, "M": 3}) for family in LIGHT]
    gaps = [
        done({"part": "gap", "records": 60, "family": family, "K": K, "seed": seed})
        for family, K in (("K-means, two passes", 4), ("linear heads, exact", 0))
        for seed in (0, 1)
    ]
    return [*sent, *gaps]


def test_formulas_are_what_the_messages_weigh(small):
    for d in small[:3]:
        assert [t["up"] for t in d.result["trainings"]] == [d.result["formula"]] * 2
        assert [t["queries"] for t in d.result["trainings"]] == [0, 0]


def test_counting_finds_an_earlier_size_where_clients_send_less(monkeypatch):
    def lighter(*place):
        size = 20 if place[-1] < 12 else 30 if place[-1] < 40 else 100
        return {"records": place[-1], "up": size, "down": 0, "logs": 2 * place[-1], "messages": 1, "queries": 0}

    monkeypatch.setattr(sending, "training", lighter)
    monkeypatch.setattr(sending, "enough", lambda *_: 30)
    found = sending.bytes_sent("K-means, two passes", 4, 6, 3)
    assert [t["records"] for t in found["trainings"]] == [15, 16]
    monkeypatch.setattr(sending, "enough", lambda *_: 51)
    found = sending.bytes_sent("K-means, two passes", 4, 6, 3)
    assert [t["records"] for t in found["trainings"]] == [50, 51]


def test_cheaper_means_at_every_larger_size(monkeypatch):
    """Clients of few records may send so little that federating is cheaper at some sizes below a dearer one."""

    def islands(*place):
        size = 0 if 16 <= place[-1] < 30 else 68
        return {"records": place[-1], "up": size, "down": 0, "logs": 2 * place[-1], "messages": 1, "queries": 0}

    monkeypatch.setattr(sending, "training", islands)
    monkeypatch.setattr(sending, "enough", lambda *_: 51)
    found = sending.bytes_sent("K-means, two passes", 4, 6, 3)
    assert [t["records"] for t in found["trainings"]] == [34, 35]


def test_with_down_counts_up_and_down_of_the_same_training(monkeypatch):
    """A training of few records sends and gets few centres: its broadcasts say nothing about a larger one."""

    def growing(*place):
        n = place[-1]
        up, down = min(100, 10 * n), min(160, 4 * n)  # cheaper from 34 records, with down from 87
        return {"records": n, "up": up, "down": down, "logs": 3 * n, "messages": 1, "queries": 0}

    for name, value in (("training", growing), ("up", lambda *_: 100), ("per_record", lambda _: 3)):
        monkeypatch.setattr(sending, name, value)
    found = sending.bytes_sent("K-means, two passes", 4, 6, 3)
    assert [t["records"] for t in found["trainings"]] == [33, 34]
    assert [t["records"] for t in found["both"]] == [86, 87]
    assert 100 + 160 < 3 * 87
    assert 100 + 160 >= 3 * 86


def test_with_down_of_real_trainings(small):
    for d in small[:3]:
        before, after = d.result["both"]
        assert before["records"] + 1 == after["records"] >= d.result["trainings"][1]["records"]
        assert after["up"] + after["down"] < after["logs"]
        assert before["up"] + before["down"] >= before["logs"]
    table = EXPERIMENT.present(small)[0]
    for row, d in zip(table.rows, small[:3], strict=True):
        after = d.result["both"][1]
        assert row[-2:] == (after["records"], after["up"] + after["down"])
    assert "dearer one before in 3 of 3 rows" in table.note
    turned = small[0].result | {"both": small[0].result["both"][::-1]}
    changed = [Done(small[0].params, turned), *small[1:]]
    assert "dearer one before in 2 of 3 rows" in EXPERIMENT.present(changed)[0].note


def test_networks_weigh_what_their_formula_says(monkeypatch):
    from fedroute_theory.routers import mlp

    for name, value in (("ROUNDS", 2), ("RATES", 2), ("HIDDEN", (3,))):
        monkeypatch.setattr(sending, name, value)
    _, logs = sending.drawn(np.random.default_rng(0), 4, 3, 10, 2, 5.0)
    built = sending.router("network, FedAvg", 0, logs, local_steps=1)
    light = {"learning_rates": built.learning_rates[:2], "dropout": 0.0, "optimiser": "sgd", "clip": None}  # quick to compile
    _, messages = mlp.train_federated(replace(built, **light), logs, 0)
    sent = sum(m.nbytes for m in messages if m.sender == "client 0")
    assert sent == sending.up("network, FedAvg", 4, 0, 3)
    assert any(isinstance(m, Parameters) for m in messages)


def test_the_first_size_at_which_federating_is_cheaper(small):
    table = EXPERIMENT.present(small)[0]
    assert [row[-4:-2] for row in table.rows] == [(True, True)] * 3
    assert "Queries found in messages: 0." in table.note
    before, after = small[0].result["trainings"]
    late = Done(small[0].params, small[0].result | {"trainings": [before | {"logs": 10**9}, after]})
    never = Done(small[0].params, small[0].result | {"trainings": [before, after | {"logs": 0, "queries": 2}]})
    assert EXPERIMENT.present([late, *small[1:]])[0].rows[0][-4:-2] == (True, False)
    table = EXPERIMENT.present([never, *small[1:]])[0]
    assert table.rows[0][-4:-2] == (False, True)
    assert "Queries found in messages: 2." in table.note


def test_a_query_in_a_message_is_found():
    known = np.arange(6.0).reshape(3, 2)
    assert sending.queries_in([Broadcast("server", np.array([[0.5, 1.0], [2.0, 3.0]]))], known) == 1
    assert sending.queries_in([Broadcast("server", np.array([[2.0, 3.5]]))], known) == 0


def test_gaps_beside_bytes(small):
    _, table, figure = EXPERIMENT.present(small)
    assert [row[0] for row in table.rows] == ["K-means, two passes, K = 4", "linear heads, exact"]
    for row, own in zip(table.rows, (small[3:5], small[5:7]), strict=True):
        assert row[1] == pytest.approx(np.mean([d.result["up"] for d in own]))
        assert row[3].value == pytest.approx(np.mean([d.result["gap"] for d in own]))
    assert len(figure.panels) == 3


def test_cells_are_all_different():
    cells = [json.dumps(cell, sort_keys=True) for cell in EXPERIMENT.cells(Request())]
    assert len(set(cells)) == len(cells)
