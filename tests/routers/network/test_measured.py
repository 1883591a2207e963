"""A network's descent as measured, against the same federation computed in numpy with gradients written out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.assumptions import dissimilarity_along, sampling_variance
from fedroute_theory.federation import Logs
from fedroute_theory.networks import Architecture
from fedroute_theory.routers import MLPRouter, descent_of
from fedroute_theory.routers.network.measured import Objective
from fedroute_theory.routers.network.recipe import Recipe, on_device
from fedroute_theory.routers.network.streams import initial_weights, padded
from fedroute_theory.theorems import NotApplicable
from fedroute_theory.theorems.fedavg_convergence.claims import answer

ARCHITECTURE = Architecture(2, (3,), 2, "tanh")
RATE, ROUNDS, STEPS, SEED, SCALE = 0.05, 5, 2, 3, (0.4, 0.5)
PLAIN = MLPRouter(
    (3,), activation="tanh", dropout=0.0, optimiser="sgd", clip=None, batch=None, learning_rates=(RATE,), rounds=ROUNDS,
    heads="records", local_epochs=None, local_steps=STEPS, precision="float64", cost_scaling=SCALE,
)  # fmt: skip
HELD = [np.arange(9), np.arange(9, 14), np.arange(14, 30)]
SHARES = np.array([9, 5, 16]) / 30


def some_logs():
    rng = np.random.default_rng(0)
    client = np.repeat([0, 1, 2], [9, 5, 16])
    return Logs(
        client, rng.normal(size=(30, 2)) + client[:, None], np.full(30, -1), rng.integers(0, 2, 30), rng.random(30),
        rng.random(30), 3, 2,
    )  # fmt: skip


def records(logs, rows):
    return logs.embedding[rows], logs.model[rows], logs.quality[rows], (logs.cost[rows] - SCALE[0]) / SCALE[1]


def client_gradients(by_hand, logs, theta):
    """(N, P)"""
    weights = ARCHITECTURE.unflatten(theta)
    pairs = [by_hand.loss_and_gradient(ARCHITECTURE, weights, *records(logs, rows)) for rows in HELD]
    return np.stack([ARCHITECTURE.flatten(gradient) for _, gradient in pairs])


def path_by_hand(by_hand, logs):
    """(T, P) the server's weights at the start of every round."""
    theta, path = ARCHITECTURE.flatten(initial_weights(ARCHITECTURE, SEED)), []
    for _ in range(ROUNDS):
        path.append(theta)
        weights = ARCHITECTURE.unflatten(theta)
        back = [by_hand.descended(ARCHITECTURE, weights, records(logs, rows), RATE, STEPS) for rows in HELD]
        theta = SHARES @ np.stack([ARCHITECTURE.flatten(own) for own in back])
    return np.stack(path)


@pytest.fixture(scope="module")
def plain():
    return descent_of(PLAIN, some_logs(), SEED)


@pytest.fixture(scope="module")
def published():
    """Everything that the paper's protocol breaks, at once."""
    router = replace(
        PLAIN, dropout=0.1, optimiser="adamw", clip=1.0, batch=4, participants=2, heads="evidence", local_epochs=1,
        local_steps=None,
    )  # fmt: skip
    return descent_of(router, some_logs(), SEED)


def test_gap_gradients_and_dissimilarity_are_those_of_the_path(plain, by_hand):
    logs = some_logs()
    path = path_by_hand(by_hand, logs)
    gradients = np.stack([client_gradients(by_hand, logs, theta) for theta in path])
    pooled = np.einsum("n,tnp->tp", SHARES, gradients)
    assert plain.squared_gradient.value == pytest.approx((pooled**2).sum(axis=1).mean(), rel=1e-9)
    assert (plain.squared_gradient.error, plain.squared_gradient.certain) == (0.0, True)
    loss, _ = by_hand.loss_and_gradient(ARCHITECTURE, ARCHITECTURE.unflatten(path[0]), *records(logs, np.arange(30)))
    assert plain.initial_gap.value == pytest.approx(loss, rel=1e-9)
    assert plain.initial_gap.certain
    curve = dissimilarity_along(gradients, SHARES, plain.dissimilarity.beta)
    assert plain.dissimilarity.kappa2 == pytest.approx(curve.kappa2, rel=1e-7, abs=1e-12)
    assert not plain.dissimilarity.certain
    assert plain.shares == pytest.approx(SHARES)


def test_smoothness_is_the_steepest_client_on_the_path(plain, by_hand):
    """Hessians by central differences of the gradients written by hand; power iterations come within 2 percent."""
    logs, step, steepest = some_logs(), 1e-5, 0.0
    for theta in path_by_hand(by_hand, logs):
        sides = [[client_gradients(by_hand, logs, theta + s * e) for e in np.eye(theta.size)] for s in (step, -step)]
        hessians = np.moveaxis((np.array(sides[0]) - np.array(sides[1])) / (2 * step), 0, -1)
        steepest = max(steepest, np.abs(np.linalg.eigvalsh(0.5 * (hessians + hessians.mT))).max())
    assert 0.98 * steepest <= plain.smoothness.value <= (1 + 1e-6) * steepest
    assert not plain.smoothness.certain


def test_the_variance_of_one_record_is_that_of_all_single_gradients(by_hand):
    logs = some_logs()
    data = on_device(Recipe(ARCHITECTURE, dtype="float64"), logs.embedding, logs.model, logs.quality, logs.cost)
    theta = ARCHITECTURE.flatten(initial_weights(ARCHITECTURE, SEED))
    found = Objective(ARCHITECTURE, data, padded(HELD), *SCALE).record_variance(theta)
    for variance, rows in zip(found, HELD, strict=True):
        singles = [
            by_hand.loss_and_gradient(ARCHITECTURE, ARCHITECTURE.unflatten(theta), *records(logs, np.array([row])))[1]
            for row in rows
        ]
        assert variance == pytest.approx(sampling_variance(np.stack([ARCHITECTURE.flatten(one) for one in singles])))


def test_plain_full_batches_fail_by_their_estimates_only(plain):
    found, measured = answer("sharp", plain)
    assert isinstance(found, NotApplicable)
    assert found.assumption == "smoothness"
    assert "only an estimate" in found.by_how_much
    assert {m.name for m in measured if m.holds is not True} == {"smoothness", "bounded dissimilarity", "step size"}
    assert (plain.local_steps, plain.rounds, plain.step_size, plain.noise.value) == (STEPS, ROUNDS, RATE, 0.0)


@pytest.mark.parametrize(
    ("field", "assumption", "shown"),
    [
        ("participants", "full participation", "2"),
        ("averaging", "averaging by shares", "evidence"),
        ("optimizer", "plain SGD steps", "adamw"),
        ("clipping", "no clipping", "1"),
        ("sampling", "unbiased gradients", "epochs with dropout"),
        ("noise", "bounded gradient noise", "not measured"),
    ],
)
def test_each_departure_of_the_published_protocol_is_named(plain, published, field, assumption, shown):
    found, measured = answer("sharp", replace(plain, **{field: getattr(published, field)}))
    assert isinstance(found, NotApplicable)
    assert found.assumption == assumption
    assert shown in found.by_how_much
    assert any(m.name == assumption and m.holds is False for m in answer("sharp", published)[1])
    assert any(m.name == assumption and m.holds is True for m in answer("sharp", plain)[1])
    assert measured


def test_a_random_run_is_not_its_expectation(published):
    assert not published.squared_gradient.certain
    assert "not its expectation" in published.squared_gradient.how
    assert published.local_steps == 4  # batches of 4 from 16 records


def test_batches_of_all_records_are_full_batches_and_small_ones_are_noisy():
    logs = some_logs()
    router = replace(PLAIN, local_steps=None, local_epochs=STEPS, rounds=1)
    whole = descent_of(replace(router, batch=16, learning_rates=(0.01, RATE)), logs, SEED)
    small = descent_of(replace(router, batch=4), logs, SEED)
    assert (whole.sampling, whole.local_steps, whole.noise.value) == ("full batch", STEPS, 0.0)
    assert (small.sampling, small.local_steps, small.noise.certain) == ("epochs", 8, False)
    assert small.noise.value > 0.0
    assert whole.step_size in (0.01, RATE)
