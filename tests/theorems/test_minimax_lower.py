"""minimax-lower: below the exact worst case of many routers, beside upper bounds, refused outside its assumptions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedroute_theory.problems import two_points
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Bound, NotApplicable
from fedroute_theory.theorems.kmeans_router.formulas import relative_of
from fedroute_theory.theorems.minimax_lower import formulas
from fedroute_theory.theorems.minimax_lower.claims import claims
from fedroute_theory.theorems.minimax_lower.families import example, larger_mean, risks

GRID = np.linspace(0.0, 1.0, 101)


@given(data=st.data(), n_a=st.integers(0, 3), n_b=st.integers(0, 3))
@settings(max_examples=120)
def test_no_rule_has_a_smaller_worst_case(data, n_a, n_b):
    """Any rule, randomised or not: the worst of the two points alone is at least v."""
    size = (n_a + 1) * (n_b + 1)
    values = data.draw(st.lists(st.sampled_from((0.0, 0.25, 0.5, 1.0)), min_size=size, max_size=size))
    rule = np.array(values).reshape(n_a + 1, n_b + 1)
    pair = two_points(n_a, n_b)
    points = np.array([0.5 + pair.shift_a, 0.5 - pair.shift_b, 0.5 - pair.shift_a, 0.5 + pair.shift_b])
    table = risks(rule, points)
    assert 0.5 * (table[0, 1] + table[2, 3]) >= pair.value * (1 - 1e-12)
    assert risks(rule, np.concatenate([GRID, points])).max() >= pair.value * (1 - 1e-12)


@pytest.mark.parametrize("n", range(1, 7))
def test_equal_counts_are_met_by_the_larger_mean(n):
    grid = np.linspace(0.0, 1.0, 201)
    assert risks(larger_mean(n, n), grid).max() == pytest.approx(two_points(n, n).value, rel=2e-3)


@given(case=cases(labels="bernoulli-quality"))
def test_lower_bounds_lie_below_upper_bounds(case):
    for claim in claims(case):
        assert isinstance(claim.answer, Bound)
        assert claim.answer.kind == "lower"
        assert claim.gap >= claim.answer.value
        assert claim.answer.value <= 0.5


def test_the_bracket_reads_the_relative_form():
    """No empty pair: the upper side is the relative form without mismatch plus delta R, and never above R."""
    case = example()
    claim = next(iter(claims(case)))
    counts = np.ones((1, 2))
    upper = relative_of(mass=np.ones(1), s=0 * counts, counts=counts, N=2.0, R=1.0, delta=case.delta).value
    assert upper + case.delta > 1.0 == claim.gap
    assert claim.answer.value == pytest.approx(0.125)
    assert claim.answer.terms["both models recorded"] == claim.answer.value


def test_an_expected_gap_on_the_worst_pair_is_between_the_two():
    for n in (2, 5, 20):
        pair = two_points(n, n)
        table = risks(larger_mean(n, n), np.array([0.5 + pair.shift_a, 0.5 - pair.shift_b]))
        counts = np.full((1, 2), float(n))
        upper = relative_of(mass=np.ones(1), s=0 * counts, counts=counts, N=2.0, R=1.0, delta=0.05).value + 0.05
        assert pair.value * (1 - 1e-12) <= table[0, 1] <= upper


@pytest.mark.parametrize(
    ("case", "assumption"),
    [
        (example(labels="exact"), "Bernoulli labels"),
        (example(adaptivity="adaptive"), "counts fixed before the labels"),
        (replace(example(), trained=[("pooled", None, replace(example().trained[0][2], label_free=False))]),
         "cells found without labels"),
        (replace(example(), trained=[("pooled", None, replace(example().trained[0][2], counts=np.full((1, 2), 9)))]),
         "counts are those of the cells"),
    ],
)  # fmt: skip
def test_broken_assumptions_are_named(case, assumption):
    claim = next(iter(claims(case)))
    assert isinstance(claim.answer, NotApplicable)
    assert claim.answer.assumption == assumption


def test_cells_take_the_two_least_counted_models():
    bound = formulas.cells(mass=np.array([0.5, 0.25, 0.25]), counts=np.array([[7.0, 1, 1], [0, 9, 9], [0, 3, 0]]))
    assert bound.terms["both models recorded"] == pytest.approx(0.5 / 8)
    assert bound.terms["one model without records"] == pytest.approx(0.25 / 4)
    assert bound.terms["no records"] == pytest.approx(0.25 / 2)
    best = max(two_points(a, b).value for a, b in ((7, 1), (1, 1)))
    assert best == two_points(1, 1).value


@given(a=st.integers(4, 3000), b=st.integers(4, 3000))
@settings(max_examples=40)
def test_the_closed_form_is_weaker_and_near_its_rate(a, b):
    closed = formulas.affinity(n_a=float(a), n_b=float(b)).value
    assert closed <= two_points(a, b).value
    assert closed == pytest.approx(0.0675 * np.sqrt(1 / a + 1 / b), rel=0.03)


def test_random_counts_fix_the_shifts_first():
    both = {"n_a": np.array([0.0, 1.0]), "n_b": np.array([0.0, 1.0]), "chance": np.array([0.5, 0.5])}
    assert formulas.random_counts(**both).value == pytest.approx(0.25)
    mixed = 0.5 * risks(larger_mean(0, 0), GRID) + 0.5 * risks(larger_mean(1, 1), GRID)
    assert mixed.max() == pytest.approx(0.25)
    certain = {"n_a": np.array([3.0]), "n_b": np.array([2.0]), "chance": np.array([1.0])}
    assert formulas.random_counts(**certain).value == pytest.approx(two_points(3, 2).value)
    with pytest.raises(ValueError, match="'chance'"):
        formulas.FORMS["random-counts"](n_a=[1.0], n_b=[1.0], chance=[0.0])


def test_noise_free_labels_beat_the_bound():
    assert risks(larger_mean(1, 1), np.array([0.0, 1.0]))[1, 0] == 0.0 < two_points(1, 1).value
