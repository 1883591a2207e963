"""Normal queries: the closed form of a linear policy's gap, against quadrature, samples and special cases; clipping."""

import math
from itertools import pairwise

import numpy as np
import pytest
from reference import one_sentence
from scipy.integrate import quad
from scipy.stats import norm

from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.federation import draw_logs, uniform_logging
from fedroute_theory.problems import Gaussian, LinearPolicy
from fedroute_theory.problems.gaussian import CLIP_PROBABILITY


def generated(seed, **how):
    rng = np.random.default_rng(seed)
    return Gaussian.generate(rng, **({"sample": 512} | how)), rng


def random_policy(rng, dimension=4, models=2):
    return LinearPolicy(rng.normal(size=(dimension, models)), 0.3 * rng.normal(size=models))


def by_quadrature(problem, policy):
    """E |u| 1{the policy errs}, task by task: the query in the plane of the two gradients, the second coordinate integrated
    by hand (normal cdf), the first numerically between the kinks. Clipping is ignored."""
    gradient = problem.slope - problem.lam * problem.price_slope
    level = problem.base - problem.lam * problem.price
    beta, delta = gradient[0] - gradient[1], policy.weight[:, 0] - policy.weight[:, 1]
    along = beta / np.linalg.norm(beta)
    across = delta - (delta @ along) * along
    total = 0.0
    for mass, mean in zip(problem.prior, problem.centre, strict=True):
        u0, u1 = level[0] - level[1] + mean @ beta, problem.scale * np.linalg.norm(beta)
        v0 = policy.offset[0] - policy.offset[1] + mean @ delta
        v1, v2 = problem.scale * (delta @ along), problem.scale * np.linalg.norm(across)

        def lost(z, u0=u0, u1=u1, v0=v0, v1=v1, v2=v2):
            u, chance = u0 + u1 * z, norm.cdf((v0 + v1 * z) / v2)  # that model 0 is chosen
            return abs(u) * (1.0 - chance if u > 0 else chance) * norm.pdf(z)

        ends = sorted({-12.0, 12.0, min(max(-u0 / u1, -12.0), 12.0)})
        total += mass * sum(quad(lost, a, b, epsabs=1e-13, limit=200)[0] for a, b in pairwise(ends))
    return total


@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("linear_cost", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_is_the_quadrature(seed, tasks, linear_cost):
    problem, rng = generated(seed, tasks=tasks, lam=0.4, linear_cost=linear_cost)
    for _ in range(4):
        policy = random_policy(rng)
        found = problem.gap_of_linear(policy)
        assert found.value == pytest.approx(by_quadrature(problem, policy), abs=found.error + 1e-11)


@pytest.mark.parametrize("tasks", [1, 4])
def test_the_closed_form_lies_within_the_stated_error_of_a_sample(tasks):
    problem, rng = generated(5, tasks=tasks, lam=0.3, linear_cost=True, sample=40_000)
    for _ in range(5):
        policy = random_policy(rng)
        law, sample = problem.gap_of_linear(policy), problem.suboptimality(policy)
        assert abs(law.value - sample.value) <= sample.error + law.error
        assert sample.error < 0.03


def test_special_policies():
    problem, _ = generated(2, lam=0.2)
    gradient = problem.slope - problem.lam * problem.price_slope
    level = problem.base - problem.lam * problem.price
    best = LinearPolicy(gradient.T, level)
    worst = LinearPolicy(-gradient.T, -level)
    u0, spread = level[0] - level[1], np.linalg.norm(gradient[0] - gradient[1])
    assert problem.gap_of_linear(best).value == pytest.approx(0.0, abs=1e-15)
    both = u0 * (2 * norm.cdf(u0 / spread) - 1) + 2 * spread * norm.pdf(u0 / spread)  # E |u|
    assert problem.gap_of_linear(worst).value == pytest.approx(both, rel=1e-12)
    always = [LinearPolicy(np.zeros((4, 2)), np.array(offset)) for offset in ([1.0, 0.0], [0.0, 1.0], [0.0, 0.0])]
    gaps = [problem.gap_of_linear(policy).value for policy in always]
    assert gaps[0] + gaps[1] == pytest.approx(both, rel=1e-12)
    assert gaps[1] - gaps[0] == pytest.approx(u0, rel=1e-9)
    assert gaps[2] == gaps[0]  # ties to the lowest index
    assert always[2](problem.embeddings).tolist() == [0] * 512
    assert np.array_equal(best(problem.embeddings), problem.optimal_policy(problem.embeddings))


def test_equal_gradients_leave_a_constant_optimum():
    problem, rng = generated(3)
    flat = problem.replace(slope=np.tile(problem.slope[:1], (2, 1)), base=np.array([0.5, 0.45]), price_slope=np.zeros((2, 4)))
    policy = random_policy(rng)
    v0, v1 = policy.offset[0] - policy.offset[1], np.linalg.norm(policy.weight[:, 0] - policy.weight[:, 1])
    assert flat.gap_of_linear(policy).value == pytest.approx(0.05 * norm.cdf(-v0 / v1), rel=1e-12)


@pytest.mark.parametrize("how", [{}, {"tasks": 5}, {"models": 4}, {"tasks": 3, "linear_cost": True, "dimension": 7}])
def test_generated_slopes_are_as_steep_as_clipping_allows(how):
    problem, _ = generated(1, **how)
    chance, moved = problem.clipping()
    assert chance <= CLIP_PROBABILITY
    assert moved < 1e-10
    assert problem.replace(slope=2 * problem.slope).clipping()[0] > CLIP_PROBABILITY
    inside = problem.base + problem.embeddings @ problem.slope.T
    assert np.array_equal(problem.quality, inside)


def test_the_clipping_error_covers_a_problem_that_is_clipped_often():
    problem, rng = generated(4, sample=200_000)
    steep = problem.replace(slope=6.0 * problem.slope)
    points = rng.normal(size=(200_000, 4))
    steep = steep.replace(embeddings=points, quality=steep.truth(points)[0], cost=steep.truth(points)[1])
    raw = steep.base + points @ steep.slope.T
    chance, moved = steep.clipping()
    outside = (raw < 0) | (raw > 1)
    assert 0.01 < outside.any(axis=1).mean() <= chance + 0.005
    assert np.abs(raw - steep.quality).sum(axis=1).mean() == pytest.approx(moved, rel=0.05)
    for _ in range(4):
        policy = random_policy(rng)
        law, sample = steep.gap_of_linear(policy), steep.suboptimality(policy)
        assert law.error == 2 * moved > 0.001
        assert abs(law.value - sample.value) <= law.error + sample.error


def test_any_policy_of_many_models_is_measured_on_the_sample():
    problem, rng = generated(6, models=5, lam=0.1)
    policy = random_policy(rng, models=5)
    chosen = problem.utility[np.arange(512), policy(problem.embeddings)]
    assert problem.suboptimality(policy).value == pytest.approx((problem.utility.max(axis=1) - chosen).mean())
    assert problem.suboptimality(lambda x: (x[:, 0] ** 2 > 1).astype(int)).error > 0
    one_sentence(lambda: problem.gap_of_linear(policy), "'policy'", "5")


def test_wrong_sizes_are_named():
    problem, rng = generated(0)
    one_sentence(lambda: problem.gap_of_linear(random_policy(rng, dimension=3)), "'policy'", "(3, 2)")
    one_sentence(lambda: LinearPolicy(np.zeros((2, 3)), np.zeros(2)), "'offset'")
    one_sentence(lambda: problem.replace(slope=np.zeros((2, 3))), "'slope'")
    one_sentence(lambda: problem.draw(rng, np.zeros(2, int), "query"), "'by'", "query")


def test_logs_come_from_the_law_of_their_task():
    problem, rng = generated(8, tasks=3, models=3)
    mixture = np.zeros((1, 3))
    mixture[0, 1] = 1.0
    logs = draw_logs(problem, uniform_logging(problem, clients=1, records=20_000, mixture=mixture), rng, "exact")
    assert logs.embedding.mean(axis=0) == pytest.approx(problem.centre[1], abs=6 * problem.scale / math.sqrt(20_000))
    assert logs.embedding.std(axis=0) == pytest.approx(np.full(4, problem.scale), rel=0.05)
    expected = problem.truth(logs.embedding)[0][np.arange(logs.size), logs.model]
    assert np.array_equal(logs.quality, expected)


def test_the_lipschitz_constant_is_that_of_the_steepest_utility():
    problem, _ = generated(9, models=3, lam=0.5, sample=300, dimension=2)
    assert problem.lipschitz == pytest.approx(np.linalg.norm(problem.slope, axis=1).max())
    flat = problem.replace(slope=problem.slope)
    rise = np.abs(flat.utility[:, None] - flat.utility[None]).max(axis=2)
    apart = np.linalg.norm(flat.embeddings[:, None] - flat.embeddings[None], axis=2)
    assert 0.98 * problem.lipschitz <= (rise[apart > 0] / apart[apart > 0]).max() <= problem.lipschitz * (1 + 1e-9)
    assert steepest_slope(problem).how == "closed form of the family"


def test_relabelled_models_keep_their_truth():
    problem, _ = generated(10, models=3, linear_cost=True, lam=0.2)
    moved = problem.relabelled(np.array([2, 0, 1]))
    for mine, theirs in zip(moved.truth(problem.embeddings), problem.truth(problem.embeddings), strict=True):
        assert np.array_equal(mine, theirs[:, [2, 0, 1]])
