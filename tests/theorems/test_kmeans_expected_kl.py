"""kmeans-router in expectation with kl exponents: by search over both means, below the Hoeffding form, above exact gaps."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.theorems import registry
from fedroute_theory.theorems.kmeans_router.expected import cell_loss, expected_of, rival_loss
from fedroute_theory.theorems.kmeans_router.expected_kl import cell_loss_kl, expected_kl_of, rival_loss_kl
from fedroute_theory.theorems.kmeans_router.expected_kl_families import coins_gap, kl_bound_for, two_coins_gap

GRID = np.linspace(0.0, 1.0, 601)


def slow_loss(shift, n, m, floor=0.0):
    """(D - floor) G^(n + m) over a grid of D and p, G the sum of both geometric means."""
    lead, p = GRID[floor <= GRID][:, None], GRID[None]
    q = p + np.maximum(lead - shift, 0.0)
    a = n / (n + m)
    alike = np.where(q <= 1.0, q.clip(0, 1) ** a * p ** (1 - a) + (1 - q.clip(0, 1)) ** a * (1 - p) ** (1 - a), 0.0)
    return float(((lead - floor) * alike.max(axis=1, keepdims=True) ** (n + m)).max())


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (9, 1), (3, 7), (20, 20), (1, 500)])
@pytest.mark.parametrize("shift", [0.0, 0.1, -0.2])
def test_one_rival_is_the_supremum_over_its_distance_and_both_means(n, m, shift):
    found = float(rival_loss_kl(np.array(shift), np.array(n), np.array(m), 1.0))
    assert found == pytest.approx(slow_loss(shift, n, m), abs=1e-4)
    assert found >= slow_loss(shift, n, m) - 1e-12


@pytest.mark.parametrize(("n", "m", "shift"), [(1, 1, 0.7), (3, 7, 0.8), (1, 2, 0.9)])
def test_where_the_range_binds_the_worst_distance_is_the_range(n, m, shift):
    found = float(rival_loss_kl(np.array(shift), np.array(n), np.array(m), 1.0))
    assert found == pytest.approx(slow_loss(shift, n, m), abs=1e-4)
    assert found > shift


@settings(max_examples=40, deadline=None)
@given(
    shift=st.sampled_from((-0.9, -0.2, 0.0, 0.05, 0.7, 1.5)),
    n=st.sampled_from((1, 2, 5, 40, 3000)),
    m=st.sampled_from((1, 3, 40, 3000)),
    floor=st.sampled_from((0.0, 0.1, 0.6, 1.0)),
)
def test_the_lesser_of_both_is_never_below_the_supremum_nor_out_of_units(shift, n, m, floor):
    n, m, shift = np.float64(n), np.float64(m), np.float64(shift)
    both = min(rival_loss(shift, 1 / n + 1 / m, 1.0, floor), rival_loss_kl(shift, n, m, 1.0, floor))
    assert both >= slow_loss(shift, n, m, floor) - 1e-9
    tripled = rival_loss_kl(3.0 * shift, n, m, 3.0, 3.0 * floor)
    assert float(tripled) == pytest.approx(3.0 * float(rival_loss_kl(shift, n, m, 1.0, floor)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_equal_counts_have_a_closed_form(n):
    found = kl_bound_for([n, n])
    assert found == pytest.approx((2 * n / (2 * n + 1)) ** n / math.sqrt(2 * n + 1), rel=1e-7)
    assert found < 0.5 * math.sqrt(2 / n / math.e)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), models=st.integers(2, 4))
def test_it_is_never_above_the_hoeffding_form_and_its_terms_add_up(data, models):
    row = st.lists(st.sampled_from((0.0, 1.0, 2.0, 7.0, 60.0)), min_size=models, max_size=models)
    off = st.lists(st.sampled_from((0.0, 0.03, 0.2, 1.4)), min_size=models, max_size=models)
    counts, s = (np.array([data.draw(kind) for _ in range(2)]) for kind in (row, off))
    numbers = {"mass": np.array([0.3, 0.7]), "s": s, "counts": counts, "R": 1.7}
    found, plain = expected_kl_of(**numbers), expected_of(**numbers)
    assert found.value <= plain.value + 1e-12
    assert found.terms["unlogged"] == plain.terms["unlogged"]
    assert min(found.terms.values()) >= -1e-12


def test_the_mismatch_of_both_models_counts():
    found = expected_kl_of(mass=np.ones(1), s=np.array([[0.1, 0.03]]), counts=np.array([[4.0, 9.0]]), R=1.0)
    both = [float(rival_loss_kl(np.array(0.13), np.array(a), np.array(b), 1.0)) for a, b in ((4, 9), (9, 4))]
    assert found.value == pytest.approx(max(both), rel=1e-9)
    assert found.terms["mismatch"] > 0.05


def test_several_rivals_take_the_best_floor_that_is_tried():
    shift, n = np.zeros((1, 3)), np.full((1, 3), 2.0)
    found = float(cell_loss_kl(shift, n[:, :1], n, 1.0)[0])
    assert found < float(cell_loss(shift, 2.0 / n, 1.0)[0])
    assert found < 3.0 * float(rival_loss_kl(np.float64(0), np.float64(2), np.float64(2), 1.0))
    grid = [
        c + 3.0 * float(rival_loss_kl(np.float64(0), np.float64(2), np.float64(2), 1.0, c)) for c in np.linspace(0, 0.9, 91)
    ]
    assert min(grid) - 1e-12 <= found <= 1.01 * min(grid)


@pytest.mark.parametrize(("n_a", "n_b"), [(a, b) for a in range(1, 6) for b in range(1, 6)])
def test_two_models_never_lose_more_whoever_wins_ties(n_a, n_b):
    worst = Fraction(0)
    chances = [Fraction(k, 12) for k in range(13)]
    for better, worse in ((a, b) for a in chances for b in chances if a > b):
        lost = sum(
            math.comb(n_a, x) * better**x * (1 - better) ** (n_a - x) * math.comb(n_b, y) * worse**y * (1 - worse) ** (n_b - y)
            for x, y in product(range(n_a + 1), range(n_b + 1))
            if y * n_a >= x * n_b
        )
        worst = max(worst, (better - worse) * lost)
    bound = kl_bound_for([n_a, n_b])
    assert 0.35 * bound < float(worst) <= bound  # so no constant below 0.35 of this one holds


def test_unequal_means_within_a_pair_never_lose_more():
    """Three labels of chances (1, x, y) against two of (0, z): every outcome, ties lost."""
    bound = kl_bound_for([3, 2])
    for x, y, z in product(np.linspace(0.0, 1.0, 6), repeat=3):
        best, rival = np.array([1.0, x, y]), np.array([0.0, z])
        lost = sum(
            np.prod(np.where(a, best, 1 - best)) * np.prod(np.where(b, rival, 1 - rival))
            for a in product((0, 1), repeat=3)
            for b in product((0, 1), repeat=2)
            if np.mean(b) >= np.mean(a)
        )
        assert (best.mean() - rival.mean()) * lost <= bound


def test_gaps_of_the_controls():
    gap, lead = two_coins_gap()
    assert gap == pytest.approx(coins_gap(1, lead), abs=1e-14)
    assert gap >= max(coins_gap(1, d) for d in np.linspace(0, 1, 101))
    caught = [c for c in registry()["kmeans-router"].controls() if "expected-kl" in c.name]
    assert len(caught) == 4
    assert all(c.caught for c in caught)


def test_other_shapes_are_refused():
    one_sentence(lambda: expected_kl_of(mass=np.ones(1), s=np.zeros((1, 2)), counts=np.ones((1, 3)), R=1.0), "'s'")
