"""Stacked bars: what is drawn is what was given."""

import math

import pytest
from matplotlib.figure import Figure

from fedroute_theory._validate import InputError
from fedroute_theory.report.plots import Plot
from fedroute_theory.report.stacks import Stack


def test_parts_follow_one_another_and_negative_ones_go_left():
    axes = Figure().add_subplot()
    Stack("share", (("first", (("a", 60.0), ("b", -10.0), ("c", 50.0))), ("second", (("a", 100.0),)))).draw(axes)
    bars = [(round(bar.get_x(), 9), round(bar.get_width(), 9)) for bar in axes.patches]
    assert bars == [(0.0, 60.0), (0.0, -10.0), (60.0, 50.0), (0.0, 100.0)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert [text.get_text() for text in axes.texts] == ["a", "c", "a"]  # the narrow part has no name
    low, high = axes.get_xlim()
    assert low < -10.0
    assert high > 110.0


def test_a_part_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="Part 'a' of bar 'first' must be finite; got nan"):
        Stack("share", (("first", (("a", math.nan),)),))


def test_a_plot_of_bars_is_as_high_as_its_rows():
    few, many = (
        Plot("n", "t", (Stack("x", tuple((str(i), (("a", 1.0),)) for i in range(n))),), "alt").figure() for n in (2, 12)
    )
    assert many.get_size_inches()[1] - few.get_size_inches()[1] == pytest.approx(5.0)
