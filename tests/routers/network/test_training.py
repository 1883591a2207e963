"""Many networks at once: the same as one by one, whatever the padding, the split into calls and the order."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network import training
from fedroute_theory.routers.network.recipe import Plan, Recipe, Variants, on_device
from fedroute_theory.routers.network.streams import Budget, initial_weights, padded
from fedroute_theory.routers.network.training import descend, loss_sums

ARCHITECTURE = Architecture(3, (5,), 3)
PLAIN = Recipe(ARCHITECTURE, "sgd", clip=None, dropout=0.0, dtype="float64")
ADAMW = Recipe(ARCHITECTURE, dtype="float64")
D, R = 12, 2


def records():
    rng = np.random.default_rng(0)
    return rng.normal(size=(D, 3)), rng.integers(0, 3, D), rng.random((R, D)), rng.random((R, D))


def start(seed=0):
    return {name: value[None, None] for name, value in initial_weights(ARCHITECTURE, seed).items()}


def variants(streams, repetition=(0, 1), rate=0.3):
    shape = (streams, len(repetition))
    rates = rate * (1 + np.arange(streams)[:, None] + 0.1 * np.arange(shape[1]))
    return Variants(np.array(repetition), rates, np.full(shape, 0.4), np.full(shape, 0.5))


HELD = [np.arange(9), np.array([9, 10, 11])]


def plan(held, descent_steps, batch=4):
    rngs = [np.random.default_rng(i) for i in range(len(held))]
    budget = Budget(batch, descent_steps)
    return budget.plan(held, rngs, budget.shape(rows.size for rows in held))


def flat(weights, *place):
    return ARCHITECTURE.flatten({name: np.asarray(value)[place] for name, value in weights.items()})


def test_full_batches_are_gradient_descent_written_by_hand(by_hand):
    x, model, quality, cost = records()
    scale = variants(2)
    budget = Budget(None, 5)
    both = budget.plan(HELD, [np.random.default_rng(0)] * 2, budget.shape(rows.size for rows in HELD))
    found = descend(PLAIN, start(), on_device(PLAIN, *records()), both, scale)
    for a, rows in enumerate(HELD):
        for v in range(2):
            own = (x[rows], model[rows], quality[v, rows], (cost[v, rows] - 0.4) / 0.5)
            wanted = by_hand.descended(ARCHITECTURE, initial_weights(ARCHITECTURE, 0), own, scale.rate[a, v], 5)
            assert flat(found, a, v) == pytest.approx(ARCHITECTURE.flatten(wanted), abs=1e-10)


def test_together_is_one_by_one_and_waiting_parties_do_not_move(monkeypatch):
    data, whole, scale = on_device(ADAMW, *records()), plan(HELD, 2), variants(2, rate=0.01)
    assert whole.steps.tolist() == [6, 2]
    together = descend(ADAMW, start(), data, whole, scale)
    for a, rows in enumerate(HELD):
        short = Budget(4, 2)
        unpadded = short.plan([rows], [np.random.default_rng(a)], short.shape([rows.size]))
        assert unpadded.noise == whole.noise[a]
        for v in range(2):
            here = slice(a, a + 1), slice(v, v + 1)
            only = Variants(scale.repetition[v : v + 1], scale.rate[here], scale.centre[here], scale.spread[here])
            alone = descend(ADAMW, start(), data, unpadded, only)
            assert flat(alone, 0, 0) == pytest.approx(flat(together, a, v), abs=1e-12)
    monkeypatch.setattr(training, "TOGETHER_BYTES", 4 * 8 * ARCHITECTURE.n_parameters * 3)
    split = descend(ADAMW, start(), data, plan([*HELD, HELD[0]], 2), variants(3, rate=0.01))
    assert flat(split).shape == (3, 2, ARCHITECTURE.n_parameters)
    assert flat(split, slice(0, 2)) == pytest.approx(flat(together), abs=1e-12)


def test_large_networks_go_the_same_way_one_at_a_time(monkeypatch):
    data, whole, scale = on_device(ADAMW, *records()), plan(HELD, 2), variants(2, rate=0.01)
    together = descend(ADAMW, start(), data, whole, scale)
    training._compiled.cache_clear()
    monkeypatch.setattr(training, "ALONE_FROM", 1)
    apart = descend(replace(ADAMW, weight_decay=3e-4 + 1e-12), start(), data, whole, scale)
    assert flat(apart) == pytest.approx(flat(together), abs=1e-9)


def test_only_trainable_weights_move():
    chosen = np.array([0.0, 0.0, 1.0])
    mask = {name: np.zeros(()) for name in ARCHITECTURE.shapes}
    mask |= {"heads.weight": chosen[:, None], "heads.bias": chosen[:, None]}
    found = descend(ADAMW, start(), on_device(ADAMW, *records()), plan(HELD, 2), variants(2, rate=0.05), mask)
    before = initial_weights(ARCHITECTURE, 0)
    for name, value in found.items():
        moved = np.asarray(value)[0, 0] != before[name]
        if name.startswith("heads"):
            assert moved[..., 2, :].all()
            moved = moved[..., :2, :]
        assert not moved.any(), name


def test_the_gradient_is_clipped_by_its_norm():
    data, full = on_device(PLAIN, *records()), plan(HELD[:1], 1, batch=9)
    before = ARCHITECTURE.flatten(initial_weights(ARCHITECTURE, 0))
    free = flat(descend(PLAIN, start(), data, full, variants(1, rate=1.0)), 0, 0) - before
    tight = flat(descend(replace(PLAIN, clip=0.01), start(), data, full, variants(1, rate=1.0)), 0, 0) - before
    assert np.linalg.norm(free) > 0.02
    assert tight == pytest.approx(0.01 * free / np.linalg.norm(free), abs=1e-12)


def test_distillation_holds_the_outputs_back():
    x, model, quality, cost = records()
    raw = ARCHITECTURE.outputs(initial_weights(ARCHITECTURE, 0), x)
    teacher = np.stack([1 / (1 + np.exp(-raw[..., 0])), raw[..., 1]], axis=-1)
    data = on_device(PLAIN, x, model, quality[:1], cost[:1], teacher[None])
    drift = {}
    for weight in (0.0, 5.0):
        after = descend(replace(PLAIN, distil=weight), start(), data, plan(HELD[:1], 30, batch=9), variants(1, (0,), 0.1))
        network = {name: np.asarray(value)[0, 0] for name, value in after.items()}
        drift[weight] = np.abs(ARCHITECTURE.outputs(network, x) - raw).mean()
    assert drift[5.0] < 0.5 * drift[0.0]


def test_held_out_losses_are_those_of_the_numpy_network(by_hand):
    x, model, quality, cost = records()
    networks = {name: np.repeat(value, 2, axis=1) for name, value in start().items()}
    found = loss_sums(PLAIN, networks, on_device(PLAIN, *records()), padded(HELD), variants(2))
    for a, rows in enumerate(HELD):
        for v in range(2):
            own = (x[rows], model[rows], quality[v, rows], (cost[v, rows] - 0.4) / 0.5)
            loss, _ = by_hand.loss_and_gradient(ARCHITECTURE, initial_weights(ARCHITECTURE, 0), *own)
            assert found[a, v] == pytest.approx(loss * rows.size, abs=1e-10)


def test_float64_is_scoped():
    import jax.numpy as jnp

    descend(
        PLAIN,
        start(),
        on_device(PLAIN, *records()),
        Plan(np.zeros((1, 1, 1), int), np.array([1]), np.zeros(1, "u4")),
        variants(1),
    )
    assert jnp.ones(1).dtype == np.float32
