"""Margins and their law, by hand and by definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.assumptions import MarginLaw, fitted_exponent, largest_scale, margin_law, margins
from fedroute_theory.problems import Margin

VALUE = st.integers(0, 4).map(lambda k: k / 4)


@given(rows=st.lists(st.lists(VALUE, min_size=3, max_size=3), min_size=1, max_size=6))
def test_the_margin_is_to_the_largest_strictly_smaller_utility(rows):
    for row, found in zip(rows, margins(np.array(rows)), strict=True):
        below = [v for v in row if v < max(row)]
        assert found == (max(row) - max(below) if below else math.inf)


@given(data=st.data(), n=st.integers(1, 8), a=st.sampled_from((0.3, 1.0, 2.5)))
def test_no_larger_scale_satisfies_the_condition(data, n, a):
    margin = np.array(data.draw(st.lists(st.sampled_from((0.1, 0.2, 0.5, 1.0, math.inf)), min_size=n, max_size=n)))
    weights = np.array(data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)), dtype=float)
    weights /= weights.sum()
    law = margin_law(margin, weights)
    scale = largest_scale(law, a)
    if not np.isfinite(margin).any():
        assert scale == math.inf
        return

    def holds(t0):
        return all(weights[margin <= t].sum() <= (t / t0) ** a * (1 + 1e-9) for t in margin[np.isfinite(margin)])

    assert holds(scale)
    assert not holds(scale * 1.01)


@pytest.mark.parametrize("strata", [1, 16, 2048])
@pytest.mark.parametrize(("a", "scale"), [(0.5, 1.0), (1.0, 0.5), (3.0, 0.8)])
def test_the_scale_of_the_margin_family_shrinks_by_its_strata_alone(a, scale, strata):
    """By means of strata a/(a+1) of the family's own at any number of them; by their edges the family's own."""
    problem = Margin.make(exponent=a, scale=scale, strata=strata)
    law = margin_law(margins(problem.utility), problem.weights)
    assert largest_scale(law, a) == pytest.approx(scale * a / (a + 1))
    edges = scale * law.cumulated ** (1 / a)
    assert problem.margin_law(edges) == pytest.approx(law.cumulated)
    assert largest_scale(MarginLaw(edges, law.mass), a) == pytest.approx(scale)


def test_the_fitted_exponent_is_an_estimate_with_a_covering_interval():
    rng = np.random.default_rng(0)
    for a in (0.5, 2.0):
        covered = 0
        for _ in range(200):
            fit = fitted_exponent(margin_law(rng.uniform(size=400) ** (1 / a), np.full(400, 1 / 400)))
            covered += abs(fit.value - a) <= fit.error
        assert covered >= 170  # nominal 190; 170 is more than 6 standard deviations below


def test_few_margins_are_not_fitted_and_a_bad_share_is_named():
    law = margin_law(np.arange(1.0, 6.0), np.full(5, 0.2))
    assert fitted_exponent(law) is None
    one_sentence(lambda: fitted_exponent(law, 0.0), "share", "0")
    one_sentence(lambda: largest_scale(law, 0.0), "exponent", "0")
    assert law.cumulated[-1] == pytest.approx(1.0)


def test_one_heavy_margin_among_many_light_ones_is_nothing_to_fit():
    values = np.linspace(0.1, 1.0, 40)
    mass = np.where(np.arange(40) == 3, 1.0, 1e-6)
    assert fitted_exponent(margin_law(values, mass / mass.sum()), 1.0) is None
