"""Federated averaging: shares by records or by evidence, participants as published, and when it is plain gradient descent."""

import numpy as np
import pytest

from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network.fedavg import FedAvg, averaged, federate
from fedroute_theory.routers.network.recipe import Recipe, Variants, on_device
from fedroute_theory.routers.network.streams import Budget, initial_weights

ARCHITECTURE = Architecture(2, (3,), 3)
PLAIN = Recipe(ARCHITECTURE, "sgd", clip=None, dropout=0.0, dtype="float64")
EVIDENCE = np.array([[[3, 0, 1], [1, 0, 5]]])  # (seeds, clients, models)
D = 15
HOLDINGS = {0: np.arange(7), 2: np.array([7, 8]), 5: np.arange(9, D)}


def random_weights(rng, *lead):
    return {name: rng.normal(size=(*lead, *shape)) for name, shape in ARCHITECTURE.shapes.items()}


def records(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(D, 2)), rng.integers(0, 3, D), rng.random(D), rng.normal(size=D)


def run(held, rounds, steps, heads="records", clients=None, seeds=(0,)):
    data = on_device(PLAIN, *records())
    one = np.ones((len(seeds), 1))
    start = {name: value[None, None] for name, value in initial_weights(ARCHITECTURE, 0).items()}
    scale = Variants(np.array([0]), 0.2 * one, 0 * one, one)
    found = federate(
        PLAIN, Budget(None, None, steps), FedAvg(rounds, clients, heads), data, [held] * len(seeds), seeds, start, scale, 0
    )
    return ARCHITECTURE.flatten({name: np.asarray(value)[0, 0] for name, value in found.items()})


def test_averages_by_records_and_by_evidence():
    rng = np.random.default_rng(0)
    before, back = random_weights(rng, 1, 2), random_weights(rng, 2, 2)
    by_records, by_evidence = (
        {k: np.asarray(v) for k, v in averaged({n: np.float32(w) for n, w in before.items()}, back, EVIDENCE, heads).items()}
        for heads in ("records", "evidence")
    )
    for name in ARCHITECTURE.shapes:
        plain = 0.4 * back[name][0] + 0.6 * back[name][1]
        assert by_records[name][0] == pytest.approx(plain, abs=1e-6)
        if not name.startswith("heads"):
            assert np.array_equal(by_evidence[name], by_records[name])
            continue
        first, second = back[name]
        assert by_evidence[name][0][..., 0, :] == pytest.approx((3 * first + second)[..., 0, :] / 4, abs=1e-6)
        assert by_evidence[name][0][..., 2, :] == pytest.approx((first + 5 * second)[..., 2, :] / 6, abs=1e-6)
        assert np.array_equal(by_evidence[name][0][..., 1, :], np.float32(before[name])[0][..., 1, :])


def test_participants_are_the_published_draws():
    rng = np.random.default_rng(42)
    wanted = [rng.choice(10, 6, replace=False).tolist() for _ in range(5)]
    assert FedAvg(5, 6, "records").drawn(range(10), 42) == wanted
    assert FedAvg(2, 2, "records").drawn([3, 8], 0) == FedAvg(2, None, "records").drawn([3, 8], 0) == [[3, 8], [3, 8]]
    assert {c for round_ in FedAvg(20, 2, "records").drawn([3, 8, 9], 0) for c in round_} == {3, 8, 9}


def test_one_client_is_gradient_descent(by_hand):
    wanted = by_hand.descended(ARCHITECTURE, initial_weights(ARCHITECTURE, 0), records(), 0.2, 6)
    for heads in ("records", "evidence"):
        found = run({4: np.arange(D)}, rounds=3, steps=2, heads=heads)
        assert found == pytest.approx(ARCHITECTURE.flatten(wanted), abs=1e-10)


def test_one_full_step_a_round_is_pooled_gradient_descent_and_two_are_not(by_hand):
    wanted = ARCHITECTURE.flatten(by_hand.descended(ARCHITECTURE, initial_weights(ARCHITECTURE, 0), records(), 0.2, 4))
    assert run(HOLDINGS, rounds=4, steps=1) == pytest.approx(wanted, abs=1e-10)
    assert np.abs(run(HOLDINGS, rounds=2, steps=2) - wanted).max() > 1e-4
    assert np.abs(run(HOLDINGS, rounds=4, steps=1, heads="evidence") - wanted).max() > 1e-4


@pytest.mark.parametrize("heads", ["records", "evidence"])
def test_numbering_and_order_of_clients_change_nothing(heads):
    other = {1: HOLDINGS[5], 3: HOLDINGS[0], 9: HOLDINGS[2]}
    assert run(HOLDINGS, 3, 2, heads) == pytest.approx(run(other, 3, 2, heads), abs=1e-12)


def test_several_seeds_at_once_are_each_alone():
    data = on_device(PLAIN, *records())
    start = {name: value[None, None] for name, value in initial_weights(ARCHITECTURE, 0).items()}

    def go(seeds):
        one = np.ones((len(seeds), 1))
        scale = Variants(np.array([0]), 0.2 * one, 0 * one, one)
        budget, fedavg = Budget(2, 1), FedAvg(3, 2, "evidence")
        found = federate(PLAIN, budget, fedavg, data, [HOLDINGS] * len(seeds), seeds, start, scale, 0)
        return ARCHITECTURE.flatten({name: np.asarray(value)[:, 0] for name, value in found.items()})

    together = go((3, 4))
    assert np.abs(together[0] - together[1]).max() > 1e-3
    assert together[:1] == pytest.approx(go((3,)), abs=1e-12)
    assert together[1:] == pytest.approx(go((4,)), abs=1e-12)
