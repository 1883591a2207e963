"""Areas against values worked out by hand and against a second route."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from fedroute_theory.audit.areas import area, area_published, optimal_frontier
from fedroute_theory.curves import envelope, height


def brute_force_height(points, at):
    """Best quality of a mixture of two points within the budget, tried pair by pair."""
    best = max((q for c, q in points if c <= at), default=-np.inf)
    for c1, q1 in points:
        for c2, q2 in points:
            if c1 <= at < c2:
                best = max(best, q1 + (q2 - q1) * (at - c1) / (c2 - c1))
    return best


def test_area_by_hand():
    points = np.array([[2.0, 0.6], [1.0, 0.5], [3.0, 0.4]])
    anchor = np.array([0.0, 0.2])
    # 0.2 up to 0.5 over one unit of cost, 0.5 up to 0.6 over the next, then flat at 0.6 for two more.
    assert area(points, anchor, 0.0, 4.0) == pytest.approx((0.35 + 0.55 + 0.6 + 0.6) / 4.0)
    # The same curve on [0.5, 2.0].
    assert area(points, anchor, 0.5, 2.0) == pytest.approx((0.5 * 0.425 + 0.55) / 1.5)


def test_published_area_by_hand():
    points = np.array([[3.0, 0.4], [1.0, 0.5], [2.0, 0.6]])
    assert area_published(points) == pytest.approx((0.55 + 0.5) / 2.0)


def test_constant_router_scores_zero_as_published_only():
    points = np.repeat([[1.5, 0.7]], 5, axis=0)
    assert area_published(points) == 0.0
    assert area(points, np.array([1.0, 0.1]), 1.0, 2.0) > 0.5


def test_models_of_one_price():
    points = np.array([[1.0, 0.7], [0.9, 0.8], [1.2, 0.95]])
    anchor = np.array([1.0, 0.6])
    assert area(points, anchor, 1.0, 1.0) == pytest.approx(0.8 + 0.15 / 3.0)
    assert area(np.array([[1.0, 0.7]]), anchor, 1.0, 1.0) == pytest.approx(0.7)


@pytest.mark.parametrize("seed", range(20))
def test_envelope_against_brute_force_and_the_convex_hull(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(12, 2))
    vertices = envelope(points)
    low, high = points[:, 0].min(), 1.2
    grid = np.linspace(low, high, 40)
    expected = [brute_force_height(points.tolist(), at) for at in grid]
    np.testing.assert_allclose(height(vertices, grid), expected, atol=1e-12)

    floor = np.vstack([points, [[high, points[:, 1].max()]], [[low, 0.0]], [[high, 0.0]]])
    assert area(points, points[points[:, 0].argmin()], low, high) == pytest.approx(
        ConvexHull(floor).volume / (high - low), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_optimal_frontier_against_a_linear_program(seed):
    rng = np.random.default_rng(seed)
    n, m = 5, 4
    quality, cost = rng.uniform(size=(n, m)) / n, rng.uniform(size=(n, m)) / n
    frontier = optimal_frontier(quality, cost)
    rows = np.kron(np.eye(n), np.ones(m))
    for budget in np.linspace(frontier[0, 0], cost.max(axis=1).sum(), 7):
        answer = linprog(-quality.ravel(), cost.ravel()[None], [budget + 1e-12], rows, np.ones(n))
        assert answer.status == 0
        assert height(frontier, np.array([budget]))[0] == pytest.approx(-answer.fun, abs=1e-9)
