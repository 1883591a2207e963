"""The jax network and loss against the float64 network class and against gradients written out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network.objective import Batch, distillation, dropped, huber, mean_loss, outputs
from fedroute_theory.routers.network.streams import initial_weights

SHAPES = [
    Architecture(3, (5, 4), 3),
    Architecture(3, (5,), 3, "relu", layer_norm=False),
    Architecture(3, (4,), 2, "tanh"),
    Architecture(3, (), 3),
    Architecture(3, (320, 320), 3),  # large enough for sums made of products
]


def case(architecture, size=7):
    rng = np.random.default_rng(4)
    weights = {k: v + 0.3 * rng.normal(size=v.shape) for k, v in initial_weights(architecture, 1).items()}
    records = (
        rng.normal(size=(size, 3)),
        rng.integers(0, architecture.models, size),
        rng.random(size),
        2 * rng.normal(size=size),
    )
    return weights, records


def batch(records, weight=None, teacher=None):
    x, model, quality, cost = (jnp.asarray(v) for v in records)
    return Batch(x, model, quality, cost, jnp.ones(len(x)) if weight is None else jnp.asarray(weight), teacher)


@pytest.mark.parametrize("architecture", SHAPES, ids=str)
def test_forward_loss_and_gradient_agree_with_numpy(architecture, by_hand):
    weights, records = case(architecture)

    def both(w):
        raw = outputs(architecture, w, jnp.asarray(records[0]))
        return mean_loss(raw, batch(records)), raw

    with jax.enable_x64(True):
        (loss, raw), gradient = jax.jit(jax.value_and_grad(both, has_aux=True))({k: jnp.asarray(v) for k, v in weights.items()})
    wanted, slope = by_hand.loss_and_gradient(architecture, weights, *records)
    assert np.asarray(raw) == pytest.approx(architecture.outputs(weights, records[0]), abs=1e-10)
    assert np.asarray(raw) == pytest.approx(by_hand.forward(architecture, weights, records[0])[0], abs=1e-10)
    assert float(loss) == pytest.approx(wanted, abs=1e-10)
    assert gradient.keys() == slope.keys() == architecture.shapes.keys()
    for name, value in slope.items():
        assert np.asarray(gradient[name]) == pytest.approx(value, abs=1e-10), name


def test_records_of_weight_zero_and_models_nobody_called_change_nothing():
    architecture = SHAPES[0]
    weights, (x, model, quality, cost) = case(architecture)
    model = model % 2  # nobody calls model 2
    padded = [np.concatenate([v, v[:3] * 0]) for v in (x, model, quality, cost)]

    def slope(records, weight):
        loss = jax.jit(jax.grad(lambda w: mean_loss(outputs(architecture, w, jnp.asarray(records[0])), batch(records, weight))))
        return loss({k: jnp.asarray(v) for k, v in weights.items()})

    with jax.enable_x64(True):
        plain, long = slope((x, model, quality, cost), np.ones(7)), slope(padded, np.repeat([1.0, 0.0], [7, 3]))
    for name, value in plain.items():
        assert np.asarray(long[name]) == pytest.approx(np.asarray(value), abs=1e-14)
    assert not np.asarray(plain["heads.weight"])[:, 2].any()
    assert not np.asarray(plain["heads.bias"])[2].any()


def test_huber_is_half_the_square_and_then_linear():
    with jax.enable_x64(True):
        found = huber(jnp.asarray([-3.0, -1.0, 0.5, 0.0, 2.0]))
    assert np.asarray(found) == pytest.approx([2.5, 0.5, 0.125, 0.0, 1.5])


def test_distillation_is_zero_at_the_teacher_and_averages_over_models():
    records = case(SHAPES[0])[1]
    raw = np.random.default_rng(0).normal(size=(7, 3, 2))
    own = np.stack([1 / (1 + np.exp(-raw[..., 0])), raw[..., 1]], axis=-1)
    other = own.copy()
    other[:, 1, 0] += 0.3
    with jax.enable_x64(True):
        assert np.asarray(distillation(jnp.asarray(raw), batch(records, teacher=jnp.asarray(own)))) == pytest.approx(
            0, abs=1e-15
        )
        apart = distillation(jnp.asarray(raw), batch(records, teacher=jnp.asarray(other)))
        with_it = mean_loss(jnp.asarray(raw), batch(records, teacher=jnp.asarray(other)), 2.0)
        without = mean_loss(jnp.asarray(raw), batch(records, teacher=jnp.asarray(other)))
    assert np.asarray(apart) == pytest.approx(0.09 / 3)
    assert float(with_it - without) == pytest.approx(2.0 * 0.09 / 3)


def test_dropout_keeps_the_mean_and_its_draws_look_independent():
    ones = jnp.ones((200, 500))
    masks = np.stack([np.asarray(dropped(ones, 0.1, jnp.uint32(word))) for word in range(4)])
    assert set(np.unique(masks)) == {0.0, np.float32(1.0 / 0.9)}
    gone = masks == 0
    # 100,000 draws each: five standard deviations of a share are 0.0048, of a joint share of 0.01 are 0.0016
    assert np.abs(gone.mean(axis=(1, 2)) - 0.1).max() < 0.0048
    for other in (gone[1], np.roll(gone[0], 1, axis=0), np.roll(gone[0], 1, axis=1), np.roll(gone[0], 64, axis=1)):
        assert abs((gone[0] & other).mean() - 0.01) < 0.0016
    rows, columns = gone.mean(axis=2), gone.mean(axis=1)
    assert np.abs(rows - 0.1).max() < 5 * 0.3 / np.sqrt(500)
    assert np.abs(columns - 0.1).max() < 5 * 0.3 / np.sqrt(200)


def test_dropout_draws_the_same_alone_and_in_a_batch():
    hidden, words = jnp.ones((3, 4, 5)), jnp.arange(3, dtype=jnp.uint32)
    together = jax.vmap(lambda h, w: dropped(h, 0.5, w))(hidden, words)
    for i in range(3):
        assert np.array_equal(together[i], dropped(hidden[i], 0.5, words[i]))
