"""Figures from data: what stands on the axes."""

import pytest

from fedroute_theory.report.plots import Panel, Plot, Series


def ticks(x, log_x=True):
    panel = Panel("x", "y", (Series("a", x, tuple(1.0 for _ in x)),), log_x=log_x)
    axes = Plot("n", "t", (panel,), "alt").figure().axes[0]
    return [label.get_text() for label in axes.get_xticklabels()], [
        label.get_text() for label in axes.get_xticklabels(minor=True)
    ]


def test_few_whole_numbers_on_a_logarithmic_axis_are_its_ticks():
    assert ticks((1.0, 2.0, 4.0, 64.0)) == (["1", "2", "4", "64"], [])


@pytest.mark.parametrize(
    "x", [(1.0, 2.5, 4.0), tuple(float(n) for n in range(1, 20)), (100.0, 10_000.0, 1e5, 1e6, 3e6, 12345.0)]
)
def test_other_numbers_are_left_to_the_axis(x):
    assert ticks(x)[0] != [f"{value:g}" for value in sorted(x)]
