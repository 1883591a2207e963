"""The two lines every bound ends in, against every ordered pair of models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import best_rival, pair

from fedroute_theory.lines import policy_line, worst_pair, worst_pair_models

VALUES = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=5)


@given(data=st.data(), up=VALUES)
def test_worst_pair_looks_at_every_ordered_pair(data, up):
    down = data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(up), max_size=len(up)))
    assert worst_pair(np.array(up), np.array(down)) == pair(up, down)


@given(data=st.data(), up=VALUES)
def test_the_models_of_the_worst_pair_differ_and_attain_it(data, up):
    down = data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(up), max_size=len(up)))
    first, second = worst_pair_models(np.array(up), np.array(down))
    assert first != second
    assert up[first] + down[second] == pair(up, down)


@given(b=VALUES)
def test_worst_pair_of_equal_sides_is_the_sum_of_the_two_largest(b):
    assert worst_pair(np.array(b), np.array(b)) == sum(sorted(b)[-2:])


def test_worst_pair_keeps_leading_axes():
    up, down = np.arange(24.0).reshape(2, 3, 4), np.ones((2, 3, 4))
    assert worst_pair(up, down).tolist() == (up.max(axis=-1) + 1).tolist()


def test_a_model_that_is_never_chosen_is_never_the_second():
    up, down = np.array([1.0, 5.0, 0.0]), np.array([2.0, -np.inf, -np.inf])
    assert worst_pair(up, down) == 7.0


@given(data=st.data(), up=VALUES)
def test_models_that_play_no_part_never_pair_with_themselves(data, up):
    """Minus infinity says that a model is out; with one model left there is no pair at all."""
    down = data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(up), max_size=len(up)))
    out = data.draw(st.lists(st.booleans(), min_size=len(up), max_size=len(up)))
    above = [-np.inf if o else u for u, o in zip(up, out, strict=True)]
    below = [-np.inf if o else d for d, o in zip(down, out, strict=True)]
    assert worst_pair(np.array(above), np.array(below)) == pair(above, below)


@given(data=st.data(), low=VALUES)
def test_the_policy_line_is_the_largest_loss_over_all_corners_of_the_box(data, low):
    width = data.draw(st.lists(st.integers(0, 3).map(float), min_size=len(low), max_size=len(low)))
    high = [a + b for a, b in zip(low, width, strict=True)]
    chosen = data.draw(st.integers(0, len(low) - 1))
    line = float(policy_line(np.array(high), np.array(low), np.asarray(chosen)))
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(len(low), -1).T
    assert line == max(float(u.max() - u[chosen]) for u in corners) == best_rival(high, low, chosen)


@pytest.mark.parametrize("chosen", [0, 1])
def test_the_policy_line_leaves_its_arguments_alone(chosen):
    high, low = np.array([1.0, 2.0]), np.array([0.0, 0.5])
    policy_line(high, low, np.asarray(chosen))
    assert high.tolist() == [1.0, 2.0]
