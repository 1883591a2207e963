"""Batches visit every record, streams do not depend on each other, and what is held out stays apart."""

import numpy as np
import pytest

from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network.streams import Budget, held_out, initial_weights, padded, stream


@pytest.mark.parametrize(("size", "batch"), [(10, 4), (8, 4), (3, 4), (1, 1)])
def test_every_pass_visits_every_record_once_in_a_new_order(size, batch):
    rows = np.arange(100, 100 + size)
    budget = Budget(batch, 3)
    table = budget.table(rows, np.random.default_rng(0))
    a_pass = -(-size // min(batch, size))
    assert table.shape == (3 * a_pass, min(batch, size)) == budget.shape([size])
    assert budget.steps_for(size) == 3 * a_pass
    visits = table.reshape(3, -1)
    for visit in visits:
        assert sorted(visit[visit >= 0]) == rows.tolist()
    if size > 3:
        assert not np.array_equal(visits[0], visits[1])


def test_steps_may_stop_within_a_pass():
    table = Budget(4, None, 5).table(np.arange(10), np.random.default_rng(0))
    assert (table >= 0).sum(axis=1).tolist() == [4, 4, 2, 4, 4]


def test_a_full_batch_is_one_line_for_every_step():
    budget = Budget(None, 7)
    assert budget.table(np.array([4, 2]), np.random.default_rng(0)).tolist() == [[4, 2]]
    assert budget.steps_for(2) == 7
    assert budget.shape([2, 5]) == (1, 5)


def test_a_plan_pads_with_no_record():
    held = [np.arange(3), np.array([3])]
    budget = Budget(2, 2)
    plan = budget.plan(held, [np.random.default_rng(i) for i in range(2)], budget.shape([3, 1]))
    assert plan.rows.shape == (2, 4, 2)
    assert plan.steps.tolist() == [4, 2]
    assert (plan.rows[1] >= 0).sum() == 2
    assert plan.noise[0] != plan.noise[1]
    assert padded([np.array([1, 2]), np.array([], int)]).tolist() == [[1, 2], [-1, -1]]
    assert padded([np.array([], int)]).tolist() == [[-1]]


def test_a_stream_depends_on_its_place_alone():
    draws = [stream(*place).random() for place in ((0, 1, 1), (0, 1, 2), (0, 2, 1), (1, 1, 1), (0, 1), (0, 1, 1, 0))]
    assert len(set(draws)) == len(draws)
    assert stream(0, 1, 1).random() == draws[0]


def test_initial_weights_are_within_the_layers_own_range():
    found = initial_weights(Architecture(100, (40, 9), 3), 5)
    for name, width in {"trunk0": 100, "trunk1": 40, "heads": 9}.items():
        for part in ("weight", "bias"):
            assert np.abs(found[f"{name}.{part}"]).max() <= 1 / np.sqrt(width)
    assert np.abs(found["trunk0.weight"]).max() > 0.099
    assert (found["trunk1.scale"] == 1).all()
    assert (found["trunk1.shift"] == 0).all()


def test_held_out_records_and_the_rest_are_all_records():
    rows = np.arange(50, 61)
    fit, judge = held_out(rows, 0.2, np.random.default_rng(0))
    assert judge.size == 2
    assert sorted([*fit, *judge]) == rows.tolist()
    assert held_out(rows[:4], 0.2, np.random.default_rng(0))[1].size == 0
