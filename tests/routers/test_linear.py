"""The linear-head router: exact federated solution, FedAvg on quadratics, what messages reveal, repeated labels."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.estimates import AffineFeatures, LinearPredictor, RandomFeatures, TrunkFeatures
from fedroute_theory.federation import Labels, Logs, dirichlet, draw_labels, draw_logs
from fedroute_theory.networks import Architecture
from fedroute_theory.problems import Gaussian, LinearPolicy
from fedroute_theory.routers import FedAvg, LinearRouter, train
from fedroute_theory.routers.linear import Heads, HeadStatistics
from fedroute_theory.routers.linear.router import by_client, losses_of

COST_RANGE = 2.0


def wide(*features, **others):
    """A router that can predict every cost label here."""
    return LinearRouter(*features, **({"c_max": COST_RANGE} | others))


def logs_of(embedding, client, model, quality, cost, models=3):
    client = np.asarray(client)
    embedding = np.asarray(embedding, dtype=float).reshape(client.size, -1)
    nowhere = np.full(client.size, -1)
    return Logs(client, embedding, nowhere, np.asarray(model), quality, cost, int(client.max()) + 1, models)


def random_logs(seed=0, size=240, clients=4, models=3, d=3):
    rng = np.random.default_rng(seed)
    return logs_of(
        rng.normal(size=(size, d)), rng.integers(0, clients, size), rng.integers(0, models, size),
        rng.random(size), COST_RANGE * rng.random(size), models,
    )  # fmt: skip


def lstsq(features, logs, model, label):
    """The least-squares head of one model, by another solver than the router's."""
    rows = logs.model == model
    return np.linalg.lstsq(features(logs.embedding[rows]), getattr(logs, label)[rows], rcond=None)[0]


def weights(estimates):
    return estimates.predictor.weight


NETWORK = Architecture(3, (5,), 3, "tanh", layer_norm=False)
TRUNK = NETWORK.unflatten(np.random.default_rng(1).normal(size=NETWORK.n_parameters))
FEATURES = {
    "affine": AffineFeatures(),
    "random": RandomFeatures.draw(np.random.default_rng(2), 3, 6),
    "trunk": TrunkFeatures(NETWORK, TRUNK),
}


@pytest.mark.parametrize("name", FEATURES)
def test_heads_are_least_squares_model_by_model_and_federated_is_pooled(name):
    logs = random_logs()
    router = LinearRouter(FEATURES[name], c_max=COST_RANGE)
    trained = train(router, logs, 0)
    for m in range(3):
        for which, label in enumerate(("quality", "cost")):
            expected = lstsq(router.features, logs, m, label)
            assert weights(trained.pooled)[:, m, which] == pytest.approx(expected, abs=1e-10)
            assert weights(trained.local[1])[:, m, which] == pytest.approx(
                lstsq(router.features, logs.of_client(1), m, label), abs=1e-9
            )
    assert weights(trained.federated) == pytest.approx(weights(trained.pooled), abs=1e-12)
    assert trained.federated.counts.tolist() == np.bincount(logs.model).tolist()
    assert [t[:2] for t in trained.estimates()] == [*(("local", i) for i in range(4)), ("federated", None), ("pooled", None)]


def test_features_have_an_intercept_first():
    points = np.random.default_rng(0).normal(size=(7, 3))
    sizes = {name: features(points).shape for name, features in FEATURES.items()}
    assert sizes == {"affine": (7, 4), "random": (7, 7), "trunk": (7, 6)}
    assert all((features(points)[:, 0] == 1).all() for features in FEATURES.values())
    assert FEATURES["trunk"](points)[:, 1:] == pytest.approx(NETWORK.trunk(TRUNK, points))


def test_ridge_penalises_every_head_the_intercept_included():
    logs = random_logs()
    heads = weights(train(wide(ridge=5.0), logs, 0).pooled)
    for m in range(3):
        rows = logs.model == m
        design = np.concatenate([AffineFeatures()(logs.embedding[rows]), np.sqrt(5.0) * np.eye(4)])
        target = np.concatenate([logs.quality[rows], np.zeros(4)])
        assert heads[:, m, 0] == pytest.approx(np.linalg.lstsq(design, target, rcond=None)[0], abs=1e-10)


def test_predictions_are_clipped_and_the_fitted_values_are_open():
    rng = np.random.default_rng(4)
    predictor = LinearPredictor(AffineFeatures(), rng.normal(size=(4, 3, 2)), COST_RANGE)
    points = 3 * rng.normal(size=(50, 3))
    quality, cost = predictor(points)
    raw = predictor.unclipped(points)
    assert (quality.min(), quality.max(), cost.min(), cost.max()) == (0.0, 1.0, 0.0, COST_RANGE)
    assert raw[0] == pytest.approx(AffineFeatures()(points) @ predictor.weight[:, :, 0])
    assert np.array_equal(np.clip(raw[1], 0, COST_RANGE), cost)


def test_a_model_without_records_is_not_routable_and_never_a_number():
    logs = random_logs(models=2)
    logs = replace(logs, n_models=3)
    for estimates in (train(wide(), logs, 0).pooled, train(wide(solver=FedAvg(5, 2, 0.1)), logs, 0).federated):
        assert estimates.routable.tolist() == [True, True, False]
        assert np.isnan(estimates.predict(logs.embedding)[0][:, 2]).all()
        assert not np.isnan(estimates.predict(logs.embedding)[0][:, :2]).any()
        assert set(estimates.policy(10.0)(logs.embedding).tolist()) <= {0, 1}


def test_dependent_features_give_the_solution_of_least_norm():
    """Two records of model 1 in three dimensions, and a model whose queries lie on a line."""
    rng = np.random.default_rng(3)
    line = rng.normal(size=(6, 1)) @ rng.normal(size=(1, 3))
    points = np.concatenate([rng.normal(size=(2, 3)), line])
    logs = logs_of(points, np.zeros(8, int), [1, 1, *[0] * 6], rng.random(8), rng.random(8))
    router = wide()
    exact = weights(train(router, logs, 0).pooled)
    for m in (0, 1):
        expected = np.linalg.pinv(AffineFeatures()(points[logs.model == m]), rcond=1e-6) @ logs.quality[logs.model == m]
        assert exact[:, m, 0] == pytest.approx(expected, abs=1e-8)
    curvature = losses_of(router, list(by_client(router, logs, Labels(logs.quality, logs.cost)).values())).smoothness
    descended = train(replace(router, solver=FedAvg(20_000, 1, 1.0 / curvature)), logs, 0).federated
    assert weights(descended)[:, :2] == pytest.approx(exact[:, :2], abs=1e-6)


def test_a_new_model_leaves_the_other_heads_as_they_were():
    logs = random_logs()
    without = logs.take(np.flatnonzero(logs.model != 2))
    assert np.array_equal(weights(train(wide(), logs, 0).pooled)[:, :2], weights(train(wide(), without, 0).pooled)[:, :2])


# --- what travels -----------------------------------------------------------------------------------------------------------


def test_messages_are_statistics_and_withhold_what_would_show_a_query():
    rng = np.random.default_rng(5)
    points = rng.normal(size=(12, 3))
    points[9:] = points[9]  # client 1 asks model 1 one query three times
    client, model = [0] * 8 + [1] * 4, [0] * 4 + [1] * 3 + [2] + [0] + [1] * 3
    logs = logs_of(points, client, model, rng.random(12), rng.random(12))
    trained = train(wide(), logs, 0)
    assert all(isinstance(m, HeadStatistics) for m in trained.messages)
    assert [m.counts.tolist() for m in trained.messages] == [[4, 3, 0]]  # client 1 sends nothing
    assert trained.federated.counts.tolist() == [4, 3, 0]
    assert trained.pooled.counts.tolist() == [5, 6, 1]
    kept = logs.take(np.arange(7))
    assert weights(trained.federated)[:, :2] == pytest.approx(weights(train(wide(), kept, 0).pooled)[:, :2], abs=1e-12)
    sent = np.concatenate([a.ravel() for m in trained.messages for a in m.arrays.values()])
    assert not np.isin(points, sent).any()
    everything = train(wide(least_records=1), logs, 0)
    assert weights(everything.federated) == pytest.approx(weights(everything.pooled), abs=1e-12)
    first = next(m for m in everything.messages if m.sender == "client 1")
    assert first.gram[0, 0, 1:].tolist() == points[8].tolist()  # the Gram matrix of one record is that query


def test_two_records_can_be_solved_for_and_three_cannot():
    """Rotations of the records that keep the ones leave statistics unchanged: of two only the swap, of three a circle."""
    rng = np.random.default_rng(6)
    two = rng.normal(size=(2, 3))
    gram = AffineFeatures()(two).T @ AffineFeatures()(two)
    mean = gram[0, 1:] / 2
    value, vector = np.linalg.eigh(gram[1:, 1:] - 2 * np.outer(mean, mean))
    solved = mean + np.outer([1, -1], np.sqrt(value[-1] / 2) * vector[:, -1])
    assert min(np.abs(solved - two).max(), np.abs(solved[::-1] - two).max()) < 1e-9
    three = rng.normal(size=(3, 3))
    ones, third = np.ones(3) / np.sqrt(3), np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    frame = np.stack([ones, third, np.cross(ones, third)])
    turn = np.array([[1, 0, 0], [0, np.cos(1), -np.sin(1)], [0, np.sin(1), np.cos(1)]])
    other = (frame.T @ turn @ frame) @ three
    design, turned = AffineFeatures()(three), AffineFeatures()(other)
    assert np.abs(other - three).max() > 0.1
    assert turned.T @ turned == pytest.approx(design.T @ design, abs=1e-12)


def test_when_nobody_may_send_anything_it_is_said():
    rng = np.random.default_rng(0)
    logs = logs_of(rng.normal(size=(4, 2)), [0, 0, 1, 1], [0, 1, 0, 1], rng.random(4), rng.random(4))
    one_sentence(lambda: train(wide(), logs, 0), "3 records")


def test_fedavg_sends_heads_only():
    trained = train(wide(solver=FedAvg(3, 2, 0.1)), random_logs(), 0)
    assert all(isinstance(m, Heads) for m in trained.messages)
    assert len(trained.messages) == 3 * (1 + 4)
    assert [m.sender for m in trained.messages[:5]] == ["server", *(f"client {i}" for i in range(4))]
    assert trained.messages[0].heads.shape == (3, 4, 2)
    assert not trained.messages[0].heads.any()
    together = weights(trained.federated) / np.array([1.0, COST_RANGE])  # heads of cost are in units of c_max
    average = np.zeros((3, 4, 2))
    shares = np.bincount(random_logs().client) / 240
    for share, message in zip(shares, trained.messages[-4:], strict=True):
        average += share * message.heads
    assert np.moveaxis(average, 0, 1) == pytest.approx(together, abs=1e-12)


# --- FedAvg -----------------------------------------------------------------------------------------------------------------


def gradient_descent(logs, router, steps, step):
    """Plain gradient descent on the mean loss of all records, record by record, in cost units of c_max."""
    design = router.features(logs.embedding)
    labels = np.stack([logs.quality, logs.cost / router.c_max], axis=1)
    theta = np.zeros((logs.n_models, design.shape[1], 2))
    for _ in range(steps):
        gradient = np.zeros_like(theta)
        for phi, m, y in zip(design, logs.model, labels, strict=True):
            gradient[m] += np.outer(phi, phi @ theta[m] - y) / logs.size
        theta = theta - step * (gradient + router.ridge / logs.size * theta)
    return np.moveaxis(theta, 0, 1) * np.array([1.0, router.c_max])


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_one_local_step_is_pooled_gradient_descent(ridge):
    logs = random_logs(size=60)
    router = LinearRouter(ridge=ridge, c_max=COST_RANGE, solver=FedAvg(12, 1, 0.3))
    trained = train(router, logs, 0)
    assert weights(trained.federated) == pytest.approx(gradient_descent(logs, router, 12, 0.3), abs=1e-12)
    assert weights(trained.pooled) == pytest.approx(weights(trained.federated), abs=1e-12)
    own = logs.of_client(2)
    assert weights(trained.local[2]) == pytest.approx(gradient_descent(own, router, 12, 0.3), abs=1e-12)


def test_one_client_is_pooled_gradient_descent_whatever_the_local_steps():
    logs = random_logs(size=60, clients=1)
    router = LinearRouter(c_max=COST_RANGE, solver=FedAvg(4, 5, 0.3))
    assert weights(train(router, logs, 0).federated) == pytest.approx(gradient_descent(logs, router, 20, 0.3), abs=1e-12)


def test_several_local_steps_of_unlike_clients_end_elsewhere_than_pooled_descent():
    logs = random_logs(clients=3)
    shifted = replace(logs, embedding=logs.embedding + logs.client[:, None])
    trained = train(wide(solver=FedAvg(400, 30, 0.05)), shifted, 0)
    off = np.abs(weights(trained.federated) - weights(trained.pooled)).max()
    assert off > 1e-3
    fewer = train(wide(solver=FedAvg(12_000, 1, 0.05)), shifted, 0)
    assert np.abs(weights(fewer.federated) - weights(fewer.pooled)).max() < 1e-6


def test_enough_rounds_reach_the_exact_solution():
    logs = random_logs()
    exact = train(wide(ridge=1.0, c_max=COST_RANGE), logs, 0)
    descended = train(wide(ridge=1.0, c_max=COST_RANGE, solver=FedAvg(2000, 1, 0.5)), logs, 0)
    assert weights(descended.federated) == pytest.approx(weights(exact.pooled), abs=1e-9)


@pytest.mark.parametrize("solver", [None, FedAvg(6, 3, 0.2), FedAvg(6, 3, 0.2, noise=0.5)])
def test_renumbering_clients_or_shuffling_records_changes_nothing(solver):
    logs = random_logs(clients=4)
    order = np.random.default_rng(0).permutation(logs.size)
    renumbered = replace(logs, client=np.array([2, 0, 3, 1])[logs.client]).take(order)
    mine, theirs = (train(wide(solver=solver), given, 0) for given in (logs, renumbered))
    assert weights(theirs.federated) == pytest.approx(weights(mine.federated), abs=1e-12)
    assert weights(theirs.local[2]) == pytest.approx(weights(mine.local[0]), abs=1e-11)
    assert weights(theirs.pooled) == pytest.approx(weights(mine.pooled), abs=1e-11)


def test_noise_of_one_party_is_not_that_of_another_and_messages_name_their_client():
    logs = random_logs(clients=4)
    logs = logs.take(np.flatnonzero(logs.client != 1))
    noisy, calm = (train(wide(solver=FedAvg(1, 1, 0.1, noise=noise)), logs, 0) for noise in (1.0, 0.0))
    off = [weights(one[-1]) - weights(other[-1]) for one, other in zip(noisy.estimates(), calm.estimates(), strict=True)]
    assert len({o.tobytes() for o in off}) == len(off) == 5
    sent = {m.sender: np.moveaxis(m.heads, 0, 1) * np.array([1.0, COST_RANGE]) for m in calm.messages}
    assert list(sent) == ["server", "client 0", "client 2", "client 3"]
    assert sent["client 2"] == pytest.approx(weights(calm.local[2]), abs=1e-12)


def test_a_step_that_diverges_is_refused():
    logs = random_logs()
    router = wide()
    largest = losses_of(router, list(by_client(router, logs, Labels(logs.quality, logs.cost)).values())).smoothness
    by_hand = max(
        np.linalg.eigvalsh(AffineFeatures()(e).T @ AffineFeatures()(e)).max() / (logs.client == i).sum()
        for i in range(4)
        for e in [logs.embedding[(logs.client == i) & (logs.model == m)] for m in range(3)]
    )
    assert largest <= by_hand * (1 + 1e-12)
    one_sentence(lambda: train(replace(router, solver=FedAvg(1, 1, 2.0 / largest)), logs, 0), "'step'", f"{2 / largest:.6g}")
    train(replace(router, solver=FedAvg(1, 1, 1.999 / largest)), logs, 0)


def test_gradient_noise_has_the_stated_variance_and_its_seed():
    """One local step from zero: heads = step * (b - noise), variance of each entry step^2 noise^2 sum p_i^2."""
    logs = random_logs()
    labels = Labels(np.tile(logs.quality, (4000, 1)), np.tile(logs.cost, (4000, 1)))
    noisy = train(wide(solver=FedAvg(1, 1, 0.1, noise=2.0)), logs, 7, labels)
    calm = train(wide(solver=FedAvg(1, 1, 0.1)), logs, 7)
    off = (weights(noisy.federated) - weights(calm.federated)) / (0.1 * 2.0 * np.array([1.0, COST_RANGE]))
    shares = np.bincount(logs.client) / logs.size
    assert off.var(axis=0) == pytest.approx(np.full((4, 3, 2), (shares**2).sum()), rel=0.15)  # 24 entries, 6.7 sd each
    assert off.mean(axis=0) == pytest.approx(np.zeros((4, 3, 2)), abs=6 * np.sqrt((shares**2).sum() / 4000))
    again, other = (train(wide(solver=FedAvg(1, 1, 0.1, noise=2.0)), logs, seed, labels) for seed in (7, 8))
    assert np.array_equal(weights(again.federated), weights(noisy.federated))
    assert not np.array_equal(weights(other.federated), weights(noisy.federated))


# --- repetitions and settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [None, FedAvg(5, 2, 0.2)])
def test_repetitions_are_trainings_of_their_own_labels(solver):
    logs = random_logs()
    rng = np.random.default_rng(1)
    labels = draw_labels(logs.quality, logs.cost, COST_RANGE, rng, "bernoulli", 3)
    router = LinearRouter(c_max=COST_RANGE, solver=solver)
    together = train(router, logs, 0, labels)
    assert weights(together.federated).shape == (3, 4, 3, 2)
    for t in range(3):
        alone = train(router, replace(logs, quality=labels.quality[t], cost=labels.cost[t]), 0)
        for mine, theirs in (
            (together.federated, alone.federated),
            (together.pooled, alone.pooled),
            (together.local[0], alone.local[0]),
        ):
            assert weights(mine.repetition(t)) == pytest.approx(weights(theirs), abs=1e-11)
            for a, b in zip(mine.predict(logs.embedding), theirs.predict(logs.embedding), strict=True):
                assert a[t] == pytest.approx(b, abs=1e-10)


def test_the_greedy_policy_is_a_linear_policy_where_nothing_is_clipped():
    rng = np.random.default_rng(11)
    problem = Gaussian.generate(rng, lam=0.3, linear_cost=True, sample=5000)
    logs = draw_logs(problem, dirichlet(problem, rng, clients=3, records=4000, model_alpha=1.0), rng)
    trained = train(wide(), logs, 0)
    heads = weights(trained.federated)
    scores = heads[..., 0] - problem.lam * heads[..., 1]
    law = problem.gap_of_linear(LinearPolicy(scores[1:], scores[0]))
    sample = problem.suboptimality(trained.federated.policy(problem.lam))
    assert abs(law.value - sample.value) <= sample.error
    assert law.value < 0.2 * problem.gap_of_linear(LinearPolicy(np.zeros((4, 2)), np.array([1.0, 0.0]))).value


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: LinearRouter(ridge=-1.0), "'ridge'"),
        (lambda: LinearRouter(c_max=-1.0), "'c_max'"),
        (lambda: LinearRouter(least_records=0), "'least_records'"),
        (lambda: FedAvg(0, 1, 0.1), "'rounds'"),
        (lambda: FedAvg(1, 0, 0.1), "'local_steps'"),
        (lambda: FedAvg(1, 1, 0.0), "'step'"),
        (lambda: FedAvg(1, 1, 0.1, -1.0), "'noise'"),
        (lambda: RandomFeatures(np.zeros((2, 3)), np.zeros(2)), "'shift'"),
        (lambda: RandomFeatures.draw(np.random.default_rng(0), 2, 2, activation="sine"), "'activation'"),
        (lambda: train(wide(), random_logs(), -1), "'seed'"),
    ],
)
def test_settings_out_of_range_are_named(make, name):
    one_sentence(make, name)
