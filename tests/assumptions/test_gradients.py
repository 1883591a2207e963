"""Quadratic clients against simulation, enumeration and optimisation; estimates along a path never above the truth."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.assumptions import Quadratics, dissimilarity_along, sampling_variance, smoothness_along
from fedroute_theory.assumptions.quadratic import sampled_clients


def random_clients(seed, **given):
    return Quadratics.generate(np.random.default_rng(seed), **({"clients": 4, "dimension": 3, "concentration": 2.0} | given))


def gradients(clients, theta):
    return np.einsum("nij,tnj->tni", clients.curvature, theta[:, None] - clients.centre)


def two_point_paths(shares, curvature, centre, sigma, start, eta, tau, rounds):
    """Averages of E (F')^2 in rational arithmetic, over every path of two-point noise; one dimension."""
    slope = sum(p * h for p, h in zip(shares, curvature, strict=True))
    pull = sum(p * h * a for p, h, a in zip(shares, curvature, centre, strict=True))
    law, averages, total = {start: Fraction(1)}, [], Fraction(0)
    for t in range(rounds):
        total += sum(w * (slope * x - pull) ** 2 for x, w in law.items())
        averages.append(total / (t + 1))
        following = {}
        for x, weight in law.items():
            for signs in product(product((1, -1), repeat=tau), repeat=len(shares)):
                ends = []
                for h, a, noise in zip(curvature, centre, signs, strict=True):
                    y = x
                    for sign in noise:
                        y -= eta * (h * (y - a) + sign * sigma)
                    ends.append(y)
                end = sum(p * y for p, y in zip(shares, ends, strict=True))
                following[end] = following.get(end, Fraction(0)) + weight / 2 ** (tau * len(shares))
        law = following
    return averages


@pytest.mark.parametrize("tau", [1, 2])
def test_the_recursion_is_exact_on_every_path_of_two_point_noise(tau):
    F = Fraction
    shares, curvature, centre = (F(3, 4), F(1, 4)), (F(1), F(1, 2)), (F(1), F(-2))
    exact = two_point_paths(shares, curvature, centre, F(1, 2), F(2), F(1, 4), tau, 3)
    clients = Quadratics(
        np.array(shares, float), np.array(curvature, float).reshape(2, 1, 1), np.array(centre, float)[:, None],
        np.full((2, 1, 1), 0.25),
    )  # fmt: skip
    assert clients.averaged(np.array([2.0]), 0.25, tau, 3) == pytest.approx([float(x) for x in exact], rel=1e-12)


def test_the_recursion_agrees_with_simulation():
    """20,000 runs: within 5 standard errors of the exact value (error probability below 1e-6 a point)."""
    clients, rng, runs = random_clients(1), np.random.default_rng(2), 20_000
    start, eta, tau, rounds = np.ones(3), 0.2, 3, 6
    theta, seen = np.tile(start, (runs, 1)), []
    root = np.linalg.cholesky(clients.noise)
    for _ in range(rounds):
        mean = np.einsum("n,tni->ti", clients.shares, gradients(clients, theta))
        seen.append((mean**2).sum(axis=1))
        local = np.repeat(theta[:, None], 4, axis=1)
        for _ in range(tau):
            pull = np.einsum("nij,tnj->tni", clients.curvature, local - clients.centre)
            local = local - eta * (pull + np.einsum("nij,tnj->tni", root, rng.normal(size=local.shape)))
        theta = np.einsum("n,tni->ti", clients.shares, local)
    average = np.cumsum(seen, axis=0) / np.arange(1, rounds + 1)[:, None]
    exact = clients.averaged(start, eta, tau, rounds)
    error = average.std(axis=1) / np.sqrt(runs)
    assert (np.abs(average.mean(axis=1) - exact) <= 5 * error + 1e-9).all()


def test_the_curve_is_the_supremum_and_is_attained():
    clients = random_clients(3, curvature_spread=0.6)
    curve = clients.dissimilarity()
    theta = clients.minimiser + np.random.default_rng(4).normal(size=(20_000, 3)) * np.geomspace(0.01, 100, 20_000)[:, None]
    seen = dissimilarity_along(gradients(clients, theta), clients.shares, curve.beta)
    assert not seen.certain
    assert (seen.kappa2 <= curve.kappa2 * (1 + 1e-9)).all()
    second = np.einsum("n,nij,njk->ik", clients.shares, clients.curvature, clients.curvature)
    pull = np.einsum("n,nij,njk,nk->i", clients.shares, clients.curvature, clients.curvature,
                     clients.minimiser - clients.centre)  # fmt: skip
    for place in (30, 45, 59):
        beta = curve.beta[place]
        best = np.linalg.solve(beta**2 * clients.mean_curvature @ clients.mean_curvature - second, pull)
        there = gradients(clients, (clients.minimiser + best)[None])
        attained = dissimilarity_along(there, clients.shares, np.array([beta])).kappa2[0]
        assert attained == pytest.approx(curve.kappa2[place], rel=1e-9)


def test_clients_of_one_curvature_have_beta_one():
    clients = random_clients(5, curvature_spread=0.0)
    curve = clients.dissimilarity()
    assert curve.beta[0] == pytest.approx(1.0, abs=1e-8)
    at_rest = float(clients.shares @ (gradients(clients, clients.minimiser[None])[0] ** 2).sum(axis=1))
    assert curve.kappa2 == pytest.approx(at_rest, rel=1e-9)


def test_smoothness_along_a_path_never_exceeds_the_largest_eigenvalue():
    clients = random_clients(6)
    h = clients.curvature[0]
    points = np.random.default_rng(7).normal(size=(5, 3))
    found = smoothness_along(lambda t: h @ t, lambda _, v: h @ v, points, np.random.default_rng(8), 200)
    assert found.value == pytest.approx(np.abs(np.linalg.eigvalsh(h)).max(), rel=1e-6)
    assert not found.certain
    assert "not an upper bound" in found.how
    blind = smoothness_along(np.abs, lambda _, v: 0.0 * v, np.array([[1.0], [3.0]]), np.random.default_rng(0))
    assert blind.value == 1.0  # the successive points see what the Hessian does not


def test_sampling_variance_is_that_of_every_draw():
    records = np.array([[1.0, 0.0], [0.0, 3.0], [-2.0, 1.0]])
    draws = np.array([(records[i] + records[j]) / 2 for i, j in product(range(3), repeat=2)])
    expected = ((draws - records.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert sampling_variance(records, 2) == pytest.approx(expected)


def test_mini_batch_least_squares_has_no_finite_variance():
    x = np.array([0.0, 1.0, 2.0])
    at = [float(sampling_variance((x**2 * theta)[:, None])) for theta in (1.0, 10.0, 100.0)]
    assert at[1] / at[0] == pytest.approx(100.0)
    assert at[2] / at[1] == pytest.approx(100.0)


def test_drawing_all_clients_is_full_participation():
    clients = random_clients(9, sigma=0.0)
    full = clients.averaged(np.ones(3), 0.1, 3, 20)[-1]
    assert sampled_clients(clients, np.ones(3), 0.1, 3, 20, np.arange(4)[None]) == pytest.approx(full, rel=1e-10)


def test_quadratics_that_are_none_are_refused():
    good = random_clients(1)
    one_sentence(lambda: Quadratics(good.shares, -good.curvature, good.centre, good.noise), "positive definite")
    one_sentence(lambda: Quadratics(good.shares, good.curvature, good.centre, -good.noise), "'noise'")
    skew = good.curvature.copy()
    skew[0, 0, 1] += 1.0
    one_sentence(lambda: Quadratics(good.shares, skew, good.centre, good.noise), "'curvature'")
    one_sentence(lambda: Quadratics(good.shares, good.curvature, good.centre[:2], good.noise), "row a client")
