"""The figure of gap and bound against records: what stands on it, and that it can be read without colour."""

import math

import pytest
from reference import one_sentence

from fedroute_theory.report.size_figures import size_plot, size_table, unit_of
from fedroute_theory.verify.sizes import Point


def points(**changes):
    given = [
        ("local", 500, 0.07, 1.39, True),
        ("federated", 500, 0.025, 0.136, False),
        ("pooled", 500, 0.0, 0.13, False),
        ("local", 1500, 0.04, 0.7, False),
        ("federated", 1500, 0.008, 0.11, False),
        ("pooled", 1500, 0.008, 0.11, False),
    ]
    same = {"form": "policy", "range": 1.1, "kind": "upper"}
    parts = ("training", "records", "gap", "bound", "vacuous")
    return tuple(Point(**(same | dict(zip(parts, row, strict=True)) | changes)) for row in given)


def test_every_training_has_gap_and_bound_told_apart_without_colour():
    axes = size_plot("coverage-transfer", "gaussian", points()).figure().axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == [f"{t}: {what}" for t in ("local", "federated", "pooled") for what in ("exact gap", "bound")] + [
        "utility range: a bound here says nothing"
    ]
    looks = {(line.get_marker(), line.get_linestyle()) for line in lines.values()}
    assert len(looks) == len(lines)
    for training in ("local", "federated", "pooled"):
        gap, bound = lines[f"{training}: exact gap"], lines[f"{training}: bound"]
        assert (gap.get_color(), gap.get_marker()) == (bound.get_color(), bound.get_marker())
    assert list(lines["local: bound"].get_ydata()) == [1.39, 0.7]
    assert list(lines["utility range: a bound here says nothing"].get_ydata()) == [1.1, 1.1]
    assert math.isnan(lines["pooled: exact gap"].get_ydata()[0])  # a gap of 0 has no place on a logarithmic axis


def test_words_say_what_the_figure_says():
    plot = size_plot("coverage-transfer", "gaussian", points())
    assert "Vacuous bounds: local at 500." in plot.alt
    assert "bound 0.136 and exact gap 0.025 at 500 records, 0.11 and 0.008 at 1500" in plot.alt
    assert plot.title == "coverage-transfer (policy) on gaussian"
    table = size_table("coverage-transfer", "gaussian", points())
    assert table.rows[0] == ("local", "500", "0.07", "1.39", "19.86", "vacuous")
    assert table.rows[2] == ("pooled", "500", "0", "0.13", "-", "")
    assert len(table.rows) == 6


def test_no_range_no_line_and_a_lower_bound_has_an_upper_end():
    plot = size_plot("minimax-lower", "tabular", points(range=math.inf, vacuous=False, kind="lower"))
    labels = [line.get_label() for line in plot.figure().axes[0].lines]
    assert labels[0] == "local: upper end of the gap"
    assert not any("range" in label for label in labels)
    assert "Vacuous" not in plot.alt
    assert (unit_of("pooling"), unit_of("kmeans-router")) == ("K2 per record", "utility")


def test_nothing_to_draw_is_said():
    one_sentence(lambda: size_plot("pooling", "tabular", ()), "pooling")


@pytest.mark.parametrize("training", ["mixture", "of my own"])
def test_other_trainings_are_drawn_too(training):
    own = (Point(training, "f", 10, 0.1, 0.2, False, 1.0, "upper"),)
    labels = [line.get_label() for line in size_plot("pooling", "s", own).figure().axes[0].lines]
    assert labels[:2] == [f"{training}: exact gap", f"{training}: bound"]


@pytest.mark.parametrize(("slug", "name"), [("My theorem, 2", "my_theorem_2_sizes"), ("定理", "sizes"), ("a-b", "a_b_sizes")])
def test_a_theorem_of_any_name_has_a_figure(slug, name):
    assert size_plot(slug, "gaussian", points()).name == name
