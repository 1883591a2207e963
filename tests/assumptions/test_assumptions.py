"""Measured assumptions against second routes: coverage, slopes, optimal clusterings, transport."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence, optimal_clusterings
from scipy.optimize import linprog

from fedroute_theory.assumptions import coverage, optimal_inertia, refined_coverage, steepest_slope, transport_cost
from fedroute_theory.certify import coverage_k2
from fedroute_theory.problems import Tabular
from fedroute_theory.testing import cases

RATIO = st.sampled_from((0.0, 0.25, 0.5, 1.0, 1.5))


def ratios(data, queries, models):
    flat = data.draw(st.lists(RATIO, min_size=queries * models, max_size=queries * models))
    return np.array(flat).reshape(queries, models)


@given(data=st.data(), queries=st.integers(1, 4), models=st.integers(2, 4))
def test_coverage_is_the_rational_one_or_infinite_with_it(data, queries, models):
    ratio = ratios(data, queries, models)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=queries, max_size=queries)), dtype=float)
    weights[0] += 1.0
    weights /= weights.sum()
    found, exact = coverage(ratio, weights), coverage_k2(ratio, weights)
    if exact is None:
        assert math.isinf(found.k2)
        uncovered = (ratio == 0).any(axis=1)
        assert found.hole_mass == pytest.approx(weights[uncovered].sum())
        assert "without coverage" in found.where(tuple("abcd"[:models]))
    else:
        assert found.k2 == pytest.approx(float(exact), rel=1e-12)
        assert found.where(("a", "b")) == ""
    assert found.holes == pytest.approx(weights @ (ratio == 0))


@given(data=st.data(), queries=st.integers(1, 4), models=st.integers(2, 4))
def test_coverage_given_the_policy_pairs_its_choice_with_the_least_covered_rival(data, queries, models):
    ratio, weights = ratios(data, queries, models), np.full(queries, 1.0 / queries)
    chosen = np.array(data.draw(st.lists(st.integers(0, models - 1), min_size=queries, max_size=queries)))
    w = [[math.inf if r == 0 else 1 / r for r in row] for row in ratio]
    expected = sum(row[c] + max(v for m, v in enumerate(row) if m != c) for row, c in zip(w, chosen, strict=True)) / queries
    found = coverage(ratio, weights, chosen)
    assert found.k2 == pytest.approx(expected, rel=1e-12)
    assert found.k2 <= coverage(ratio, weights).k2 * (1 + 1e-12)


def test_log_mass_where_the_test_law_has_none_does_not_matter():
    ratio = np.array([[0.5, 0.5], [0.0, 0.0]])
    assert coverage(ratio, np.array([1.0, 0.0])).k2 == 4.0


def test_refinement_tells_a_divergent_coverage_from_a_finite_one():
    values, settles, place = refined_coverage(lambda x: np.stack([x, x], axis=1))
    assert not settles
    assert place < 1e-3
    assert np.diff(values)[-1] == pytest.approx(2 * math.log(2), rel=1e-3)  # E 2/x grows by 2 log 2 a halving
    values, settles, _ = refined_coverage(lambda x: np.stack([x + 0.5, x + 0.5], axis=1))
    assert settles
    assert values[-1] == pytest.approx(2 * math.log(3), rel=1e-6)
    one_sentence(lambda: refined_coverage(lambda x: np.stack([x, x], axis=1), 3), "levels", "3")


@given(case=cases(duplicates=False))
def test_the_slope_is_the_steepest_over_all_pairs_that_matter(case):
    problem = case.problem
    rows = {x for x in range(problem.weights.size) if problem.weights[x] > 0} | set(case.logs.query.tolist())
    expected = max(
        (
            abs(problem.utility[i, m] - problem.utility[j, m]) / math.dist(problem.embeddings[i], problem.embeddings[j])
            for i in rows
            for j in rows
            if i < j
            for m in range(problem.n_models)
        ),
        default=0.0,
    )
    assert steepest_slope(problem, case.logs).value == pytest.approx(expected, rel=1e-12)


def test_the_slope_is_infinite_where_equal_embeddings_differ_and_says_where():
    twins = Tabular(np.zeros((2, 1)), np.ones(2), np.array([[0.2, 0.5], [0.2, 0.6]]), np.zeros((2, 2)))
    slope = steepest_slope(twins)
    assert math.isinf(slope.value)
    assert "m1" in slope.where
    assert steepest_slope(twins.replace(weights=[1.0, 0.0])).value == 0.0


def test_the_slope_of_a_known_pair():
    problem = Tabular(np.array([[0.0, 0.0], [3.0, 4.0]]), np.ones(2), np.array([[0.0, 0.5], [1.0, 0.5]]), np.zeros((2, 2)))
    assert steepest_slope(problem).value == pytest.approx(0.2)


def exact_points(values):
    return [tuple(Fraction(v) for v in row) for row in values]


@settings(max_examples=40)
@given(data=st.data(), n=st.integers(1, 6), clusters=st.integers(1, 4), dimension=st.integers(1, 2))
def test_optimal_inertia_is_the_least_over_all_partitions(data, n, clusters, dimension):
    row = st.lists(st.integers(0, 5), min_size=dimension, max_size=dimension)
    points = data.draw(st.lists(row, min_size=n, max_size=n))
    weights = data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    exact, _ = optimal_clusterings(exact_points(points), [Fraction(w) for w in weights], clusters)
    found = optimal_inertia(np.array(points, float), clusters, np.array(weights, float))
    assert found == pytest.approx(float(exact), abs=1e-10)
    exact, _ = optimal_clusterings(exact_points(points), [Fraction(1)] * n, clusters)
    assert optimal_inertia(np.array(points, float), clusters) == pytest.approx(float(exact), abs=1e-10)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_optimal_inertia_does_not_depend_on_where_the_origin_is(offset):
    """The shifted points are rounded to 1e-10 at most, so the inertia may move by about as much and no more."""
    points = np.array([[0.1], [1.3], [3.7]]) + offset
    assert optimal_inertia(points, 2) == pytest.approx(0.72, abs=1e-8)


def test_too_many_assignments_are_refused():
    one_sentence(lambda: optimal_inertia(np.zeros((30, 1)), 3), "30 points", "3 clusters")


@settings(max_examples=30)
@given(data=st.data(), n=st.integers(1, 4), records=st.integers(1, 4), dimension=st.integers(1, 2))
def test_transport_cost_is_the_least_cost_of_a_coupling(data, n, records, dimension):
    def rows(count):
        return np.array(
            data.draw(
                st.lists(st.lists(st.integers(0, 4), min_size=dimension, max_size=dimension), min_size=count, max_size=count)
            ),
            float,
        )

    points, targets = rows(n), rows(records)
    weights = np.array(data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)), float)
    cost = [math.dist(p, r) for p in points for r in targets]
    equal = np.zeros((n + records, n * records))
    for i, j in np.ndindex(n, records):
        equal[i, i * records + j] = equal[n + j, i * records + j] = 1.0
    margins = [*(weights / weights.sum()), *[1 / records] * records]
    least = linprog(cost, A_eq=equal[:-1], b_eq=margins[:-1], method="highs").fun
    assert transport_cost(points, weights, targets) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize(("queries", "dimension", "away"), [(700, 3, 0.0), (600, 40, 1e4), (300, 1, 0.0)])
def test_the_slope_over_several_blocks_is_that_of_the_full_distance_matrix(queries, dimension, away):
    rng = np.random.default_rng(queries)
    points = rng.normal(size=(queries, dimension)) + away
    points[-1] = points[-2] + 1e-3 / math.sqrt(dimension)  # the steepest pair comes last
    quality = rng.integers(0, 2, (queries, 3)).astype(float)
    quality[-2:, 1] = [0.0, 1.0]
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.abs(quality[:, None] - quality[None])
        expected = np.where(rise > 0.0, rise / apart[..., None], 0.0).max()
    slope = steepest_slope(Tabular(points, np.ones(queries), quality, np.zeros((queries, 3))))
    assert slope.value == pytest.approx(expected, rel=1e-12)
    if dimension > 1:
        assert slope.where.endswith(f"queries {queries - 2} and {queries - 1}")


def test_transport_in_the_plane_is_never_below_that_on_the_line():
    """Points on a line in the plane, with masses below the solver's tolerance: known by distribution functions."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, m = rng.integers(1, 12, size=2)
        x, y = rng.normal(size=(n, 1)), rng.normal(size=(m, 1))
        weights = np.exp(8.0 * rng.normal(size=n))
        scale = 10.0 ** rng.uniform(-9, 9)
        line = transport_cost(scale * x, weights, scale * y)
        plane = transport_cost(scale * np.hstack([x, 0 * x]), weights, scale * np.hstack([y, 0 * y]))
        assert line * (1 - 1e-12) <= plane <= line + 1e-6 * scale * np.abs(np.subtract.outer(x, y)).max()
