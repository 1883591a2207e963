"""Two-point cells: errors against enumeration, values against known ones, the problem's optimum."""

from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.problems import minimax, two_points
from fedroute_theory.problems.minimax import ENUMERATED, affinity_error, mirror_error

SHIFT = st.integers(0, 10).map(lambda k: Fraction(k, 20))


def enumerated(n_a, n_b, a, b):
    def law(n, p):
        return [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]

    half = Fraction(1, 2)
    plus, minus = (law(n_a, half + a), law(n_b, half - b)), (law(n_a, half - a), law(n_b, half + b))
    return sum(min(plus[0][x] * plus[1][y], minus[0][x] * minus[1][y]) for x in range(n_a + 1) for y in range(n_b + 1)) / 2


@given(n_a=st.integers(0, 7), n_b=st.integers(0, 7), a=SHIFT, b=SHIFT)
@settings(max_examples=150)
def test_the_error_is_half_the_sum_of_the_smaller_probabilities(n_a, n_b, a, b):
    exact = float(enumerated(n_a, n_b, a, b))
    assert mirror_error(n_a, n_b, float(a), float(b)) == pytest.approx(exact, rel=1e-10, abs=1e-14)
    assert affinity_error(n_a, n_b, min(float(a), 0.499), min(float(b), 0.499)) <= mirror_error(
        n_a, n_b, min(float(a), 0.499), min(float(b), 0.499)
    ) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("n_a", "n_b", "value", "tolerance"),
    [
        (0, 0, 0.5, 0.0),
        (0, 1, 0.25, 0.0),
        (0, 900, 0.25, 0.0),
        (1, 1, 0.125, 1e-9),
        (2, 2, 0.087, 5e-4),
        (10, 10, 0.038, 5e-4),
        (10_000, 10_000, 0.08499 * np.sqrt(2e-4), 1e-7),
        (400, 10_000, 0.08499 * np.sqrt(1 / 400 + 1e-4), 2e-5),
    ],
)
def test_known_values(n_a, n_b, value, tolerance):
    assert two_points(n_a, n_b).value == pytest.approx(value, abs=tolerance)
    assert two_points(n_b, n_a).value == two_points(n_a, n_b).value


def test_values_fall_with_the_counts_across_the_switches_of_method():
    sizes = (0, 1, 2, 3, 5, 9, 20, 63, 64, 65, 200, 10**4, ENUMERATED[0], ENUMERATED[0] + 1, 10**9, 10**20)
    values = [two_points(n, n).value for n in sizes]
    assert all(x > y > 0 for x, y in pairwise(values))
    assert two_points(3, 10**16).value > 0


@pytest.mark.parametrize("n_b", [10**7, 10**9, 2**31, 10**12, 10**20])
@pytest.mark.parametrize("n_a", [1, 3, 65, 10**4])
def test_a_large_count_gives_a_finite_value_below_that_of_fewer_records(n_a, n_b):
    """At least that of the affinity; at most about what the first model's records alone leave, the other's quality known."""
    value, shift = two_points(n_a, n_b).value, np.linspace(0.0, 0.5, 2001)[:-1] * min(1.0, 4.0 / np.sqrt(n_a))
    alone = max(a * mirror_error(n_a, 0, float(a), 0.0) for a in shift)
    assert 0.77 * alone <= value <= alone * (np.sqrt(1.0 + n_a / n_b) + n_b**-0.5)


def test_the_search_is_not_far_from_a_fine_grid():
    for n_a, n_b in ((1, 4), (2, 2), (3, 9)):
        grid = np.linspace(0.0, 0.5, 51)
        best = max((a + b) * mirror_error(n_a, n_b, a, b) for a in grid for b in grid)
        assert two_points(n_a, n_b).value >= best * (1 - 1e-9)


def test_the_problem_is_the_pair_and_its_optimum_is_known():
    counts, mass = np.array([[1, 1], [0, 3], [4, 2]]), np.array([0.5, 0.2, 0.3])
    problem = minimax(mass, counts, np.array([1, -1, 1]), others=2)
    assert problem.optimal_policy(problem.embeddings).tolist() == [0, 1, 0]
    wrong = problem.suboptimality(lambda _: np.array([1, 0, 1])).value
    pairs = [two_points(*row) for row in counts.tolist()]
    assert wrong == pytest.approx(sum(m * (p.shift_a + p.shift_b) for m, p in zip(mass, pairs, strict=True)))
    assert problem.suboptimality(lambda _: np.full(3, 3)).value >= wrong


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: two_points(-1, 2), ("n_a", "-1")),
        (lambda: minimax(np.ones(1), np.ones((1, 2)), np.array([0])), ("signs", "0")),
        (lambda: minimax(np.ones(1), np.ones((1, 3)), np.array([1])), ("counts", "(1, 3)")),
        (lambda: minimax(np.full(2, 0.9), np.ones((2, 2)), np.ones(2)), ("mass", "1.8")),
        (lambda: minimax(np.ones(1), np.ones((1, 2)), np.array([1]), others=-1), ("others", "-1")),
    ],
)
def test_a_bad_value_is_named(call, named):
    one_sentence(call, *named)
