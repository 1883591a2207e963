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


def legends(*panels):
    figure = Plot("n", "t", tuple(Panel("x", "y", series) for series in panels), "alt").figure()
    figure.canvas.draw()
    inside = [[t.get_text() for t in legend.get_texts()] for axes in figure.axes if (legend := axes.get_legend())]
    return figure, inside, [[t.get_text() for t in legend.get_texts()] for legend in figure.legends]


def test_panels_with_one_legend_have_it_below_and_not_over_their_data():
    series = tuple(Series(name, (1.0, 2.0), (1.0, 2.0)) for name in ("local", "_local 1", "mine"))
    figure, inside, below = legends(series, series)
    assert (inside, below) == ([], [["local", "mine"]])
    top = figure.legends[0].get_window_extent().y1
    assert all(axes.bbox.y0 > top for axes in figure.axes)
    assert legends(series)[1:] == ([["local", "mine"]], [])
    assert legends(series, series[:1])[1:] == ([["local", "mine"], ["local"]], [])
    dashed = (*series[:2], Series("mine", (1.0, 2.0), (1.0, 2.0), style="dashed"))
    assert legends(series, dashed)[1:] == ([["local", "mine"], ["local", "mine"]], [])
    hidden = (Series("_", (1.0,), (1.0,)),)
    assert legends(hidden, hidden)[1:] == ([], [])
