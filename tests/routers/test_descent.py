"""What the routers' own federated descents look like to the theorem on FedAvg: linear heads, where all of it is exact."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.assumptions import Quadratics
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.routers import FedAvg, KMeansRouter, LinearRouter, MixtureRouter, descent_of, train
from fedroute_theory.routers.linear.descent import quadratics_of
from fedroute_theory.routers.linear.fedavg import descend
from fedroute_theory.routers.linear.router import by_client, losses_of
from fedroute_theory.theorems import Bound
from fedroute_theory.theorems.fedavg_convergence.claims import answer

COST_RANGE = 2.0


def some_logs(seed=0, size=60, d=2):
    """Three unlike clients; client 2 never calls model 1, nobody calls model 3, and model 2 has two records in all."""
    rng = np.random.default_rng(seed)
    client, model = rng.integers(0, 3, size), rng.integers(0, 2, size)
    model[client == 2] = 0
    model[:2] = 2
    points = rng.normal(size=(size, d)) + 0.5 * client[:, None]
    return Logs(client, points, np.full(size, -1), model, rng.random(size), COST_RANGE * rng.random(size), 3, 4)


def losses(router, logs):
    return losses_of(router, list(by_client(router, logs, Labels(logs.quality, logs.cost)).values()))


def squared_gradients(router, logs, heads):
    """(...,) |grad F|^2 of F = mean over records of half the squared errors, at heads (..., M, p, 2), from the records."""
    design = router.features(logs.embedding)
    labels = np.stack([logs.quality, logs.cost / router.c_max], axis=1)
    total = np.zeros(heads.shape[:-3])
    for m in range(logs.n_models):
        rows = logs.model == m
        errors = design[rows] @ heads[..., m, :, :] - labels[rows]
        gradient = (design[rows].T @ errors + router.ridge * heads[..., m, :, :]) / logs.size
        total = total + (gradient**2).sum(axis=(-2, -1))
    return total


@pytest.mark.parametrize("ridge", [0.0, 3.0])
@pytest.mark.parametrize("local_steps", [1, 4])
def test_without_noise_it_is_the_routers_own_path(ridge, local_steps):
    logs, router = some_logs(), LinearRouter(ridge=ridge, c_max=COST_RANGE, solver=FedAvg(30, local_steps, 0.2))
    found = descent_of(router, logs, 0)
    starts = np.stack([m.heads for m in train(router, logs, 0).messages if m.sender == "server"])
    assert len(starts) == found.rounds == 30
    assert found.squared_gradient.value == pytest.approx(squared_gradients(router, logs, starts).mean(), rel=1e-10)
    assert (found.squared_gradient.error, found.noise.value, found.sampling) == (0.0, 0.0, "full batch")
    assert found.shares == pytest.approx(np.bincount(logs.client) / 60)


def test_with_noise_it_is_the_mean_over_many_runs():
    """Runs of the router's own rounds; 5 standard errors leave a chance of about 6e-7 to be outside."""
    logs, how, runs = some_logs(), FedAvg(6, 3, 0.2, noise=0.3), 3000
    router = LinearRouter(c_max=COST_RANGE, solver=how)
    own, rng = losses(router, logs), np.random.default_rng(1)
    own = replace(own, linear=np.broadcast_to(own.linear, (runs, *own.linear.shape)))
    heads, seen = np.zeros(own.linear[..., 0, :, :, :].shape), np.zeros(runs)
    for _ in range(how.rounds):
        seen += squared_gradients(router, logs, heads) / how.rounds
        heads, _ = descend(own, replace(how, rounds=1), rng, heads)
    assert np.abs(heads[:, 3]).max() > 0.1  # noise moves heads that nobody logs, and F does not see it
    found = descent_of(router, logs, 0)
    assert abs(seen.mean() - found.squared_gradient.value) < 5 * seen.std() / np.sqrt(runs)
    quiet = descent_of(replace(router, solver=replace(how, noise=0.0)), logs, 0)
    assert seen.mean() > quiet.squared_gradient.value + 20 * seen.std() / np.sqrt(runs)
    assert found.sampling == "independent noise"


def dense(parts):
    """All heads as one block-diagonal quadratic."""
    sizes = [part.centre.shape[1] for part in parts]
    ends, clients = np.cumsum(sizes), len(parts[0].shares)
    curvature, noise = np.zeros((2, clients, ends[-1], ends[-1]))
    for part, end, size in zip(parts, ends, sizes, strict=True):
        curvature[:, end - size : end, end - size : end] = part.curvature
        noise[:, end - size : end, end - size : end] = part.noise
    return Quadratics(parts[0].shares, curvature, np.concatenate([part.centre for part in parts], axis=1), noise)


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_head_by_head_is_one_large_quadratic(ridge):
    logs = some_logs(1)
    router = LinearRouter(ridge=ridge, c_max=COST_RANGE, solver=FedAvg(20, 3, 0.1, noise=0.2))
    found, whole = descent_of(router, logs, 0), dense(quadratics_of(losses(router, logs), 0.2))
    start = np.zeros(whole.centre.shape[1])
    wanted = whole.descent(start, 0.1, 3, 20)
    for name in ("squared_gradient", "initial_gap", "smoothness", "noise"):
        assert getattr(found, name).value == pytest.approx(getattr(wanted, name).value, rel=1e-9), name
        assert getattr(found, name).certain
    assert found.dissimilarity.beta == pytest.approx(wanted.dissimilarity.beta, rel=1e-9)
    finite = slice(1, None)  # at the least beta itself kappa^2 is a quotient of roundings
    assert found.dissimilarity.kappa2[finite] == pytest.approx(wanted.dissimilarity.kappa2[finite], rel=1e-5)


def test_only_directions_that_records_show_count():
    """Models 0 and 1 show all 3 features, model 2 (two records) shows 2, model 3 none; with ridge every direction counts."""
    router = LinearRouter(c_max=COST_RANGE, solver=FedAvg(5, 2, 0.1, noise=0.5))
    assert descent_of(router, some_logs(), 0).noise.value == pytest.approx(0.25 * 2 * (3 + 3 + 2))
    assert descent_of(replace(router, ridge=1.0), some_logs(), 0).noise.value == pytest.approx(0.25 * 2 * 3 * 4)


def test_the_initial_gap_is_to_the_least_squares_heads():
    logs = some_logs()
    exact = train(LinearRouter(c_max=COST_RANGE), logs, 0).pooled.predictor.weight / np.array([1.0, COST_RANGE])
    heads = np.nan_to_num(np.moveaxis(exact, 0, 1))
    design, labels = LinearRouter().features(logs.embedding), np.stack([logs.quality, logs.cost / COST_RANGE], axis=1)
    errors = np.einsum("np,npk->nk", design, heads[logs.model]) - labels
    gap = ((labels**2).sum() - (errors**2).sum()) / (2 * logs.size)
    assert descent_of(LinearRouter(c_max=COST_RANGE, solver=FedAvg(5, 2, 0.1)), logs, 0).initial_gap.value == pytest.approx(gap)


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("local_steps", [1, 5])
def test_the_bound_applies_and_holds(noise, local_steps):
    router = LinearRouter(c_max=COST_RANGE, solver=FedAvg(600, local_steps, 0.003, noise))
    found = descent_of(router, some_logs(), 0)
    for form in ("sharp", "explicit", "two-sets"):
        bound, _ = answer(form, found)
        assert isinstance(bound, Bound)
        assert found.squared_gradient.value <= bound.value
    assert answer("sharp", found)[0].value < 5 * found.squared_gradient.value


def test_routers_that_do_not_descend_are_named():
    logs = some_logs()
    one_sentence(lambda: descent_of(LinearRouter(), logs, 0), "'solver'", "exact solution")
    one_sentence(lambda: descent_of(LinearRouter(solver=FedAvg(5, 2, 5.0), c_max=2.0), logs, 0), "'step'", "2 / L")
    one_sentence(lambda: descent_of(LinearRouter(solver=FedAvg(5, 2, 0.1)), logs, -1), "'seed'", "-1")
    for router in (KMeansRouter.with_clusters(2), MixtureRouter(KMeansRouter.with_clusters(2))):
        one_sentence(lambda router=router: descent_of(router, logs, 0), "'router'", type(router).__name__)
