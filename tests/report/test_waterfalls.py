"""Waterfalls on paper: the table says every step and which loses most; the figure shows it without texts over each other."""

import itertools
import math

import pytest
from matplotlib.colors import to_hex

from fedroute_theory.report.drawing import VERMILION, render
from fedroute_theory.report.waterfall_figure import waterfall_figure
from fedroute_theory.report.waterfall_tables import change, overview, refusals, table, verdict
from fedroute_theory.theorems import NotApplicable
from fedroute_theory.theorems.waterfall import Stage, Waterfall
from fedroute_theory.verify.explained import Explained, as_json


def waterfall(*values, kind="upper", note="", trivial=math.inf):
    stages = [
        Stage("gap", values[0]),
        *(Stage(f"inequality number {i}", v, f"reason {i}") for i, v in enumerate(values[1:], 1)),
    ]
    return Waterfall("sharp/kl", "federated", None, 100, tuple(stages), kind, note, trivial)


def explained(*held, refused=()):
    chosen = held[0] if held else None
    return Explained("kmeans-router", "tabular", 300, 0, "federated", None, tuple(held), refused, chosen)


STEEP = (0.001, 0.002, 0.0021, 0.05, 0.0499, 0.2, 0.2, 1.0)
FLAT = (0.3, 0.31, 0.5, 0.45, 0.9)


def test_the_table_holds_every_step_with_slack_factor_and_share():
    text = table(explained(waterfall(*FLAT)), waterfall(*FLAT, note="the policy form"))
    assert "kmeans-router (sharp/kl) on tabular, 300 records a client, seed 0, federated" in text
    lines = text.splitlines()
    assert lines[2].split()[:2] == ["gap", "0.3"]
    assert lines[-3].split()[3:8] == ["0.9", "+0.45", "x", "2", "75.0%"]
    assert "-0.05" in lines[-4]
    assert "reason 3" in lines[-4]
    assert lines[-2].strip() == "the policy form"
    assert lines[-1].strip() == "Loses most: inequality number 4, 0.45 of 0.6 (75.0%), from gap 0.3 to bound 0.9."


def test_equal_ends_lose_nothing():
    assert verdict(waterfall(0.5, 0.5)) == "No step loses anything: gap and bound are equal, up to rounding."
    assert verdict(waterfall(0.5, 0.5 + 1e-12)) == verdict(waterfall(0.5, 0.5))
    assert change(1e-17, waterfall(0.1, 0.5)) == "0"
    assert change(1e-3, waterfall(0.1, 0.5)) == "+0.001"


def test_rounding_beside_numbers_that_are_nothing_is_no_loss():
    """As in `verify`, which allows 1e-9 where gap and bound are smaller than 1."""
    given = waterfall(2e-33, 5e-17)
    assert verdict(given) == "No step loses anything: gap and bound are equal, up to rounding."
    assert table(explained(given), given).splitlines()[3].split()[4] == "0"
    assert overview(explained(given)).splitlines()[2].split()[-2:] == ["-", "-"]
    assert change(2e-9, waterfall(1e-9, 3e-9)) == "+2e-09"
    assert [w["loses most"] for w in as_json(explained(given, waterfall(*FLAT)))["waterfalls"]] == [None, "inequality number 4"]
    axes = waterfall_figure(given, "").axes[0]
    assert not [bar for bar in axes.patches if to_hex(bar.get_facecolor()).upper() == VERMILION]
    assert not [text for text in axes.texts if "%" in text.get_text()]


def test_a_step_to_infinity_loses_everything():
    given = waterfall(0.1, 0.3, math.inf, math.inf)
    assert verdict(given) == "Loses most: inequality number 2, inf of inf (-), from gap 0.1 to bound inf."
    assert [line.split()[4] for line in table(explained(given), given).splitlines()[3:6]] == ["+0.2", "+inf", "0"]
    axes = waterfall_figure(given, "").axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends[1] < ends[2] == ends[3] == ends[4] < axes.get_xlim()[1] < math.inf
    assert [text.get_text() for text in axes.texts] == ["0.1", "+0.2 (0.0%)", "+inf", "0 (0.0%)", "inf"]


def test_the_overview_has_one_line_a_form_and_the_refusals_below():
    why = NotApplicable("coverage", "K2 is infinite")
    text = overview(explained(waterfall(*FLAT), waterfall(0.0, 1.0), refused=(("spread/kl", why),)))
    lines = text.splitlines()
    assert len(lines) == 5
    assert "inequality number 4" in lines[2]
    assert "x 3" in lines[2]
    assert lines[4].endswith("not applicable: coverage fails (K2 is infinite)")
    assert refusals(explained(refused=(("spread/kl", why),)), "sharp/kl") == []


def test_a_vacuous_bound_is_said_to_be_one():
    empty, full = waterfall(*FLAT, trivial=0.9), waterfall(*FLAT, trivial=0.901)
    assert table(explained(empty), empty).splitlines()[-1].startswith("  The bound is vacuous: at least the utility range 0.9;")
    assert table(explained(full), full).splitlines()[-1] == f"  {verdict(full)}"
    lines = overview(explained(empty, full)).splitlines()
    assert [line.split()[2] for line in lines[2:4]] == ["0.9*", "0.9"]
    assert lines[4] == "  * vacuous: at least the utility range 0.9"
    assert "*" not in overview(explained(full))


def texts(figure):
    """Boxes of all texts in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    drawn = [*axes.texts, *axes.get_yticklabels(), axes.title, axes.xaxis.label]
    drawn += [label for label in axes.get_xticklabels() if axes.get_xlim()[0] <= label.get_position()[0] <= axes.get_xlim()[1]]
    return [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in drawn if t.get_text()], figure.bbox


@pytest.mark.parametrize(
    "given",
    [
        waterfall(*FLAT), waterfall(*STEEP), waterfall(0.0, 0.0, 1.0), waterfall(1.0, 0.9, 0.2, 0.001, kind="lower"),
        waterfall(0.0, 0.0),
    ],
    ids=["linear", "logarithmic", "zero gap", "lower", "nothing"],
)  # fmt: skip
def test_no_text_lies_on_another_or_outside(given):
    boxes, whole = texts(waterfall_figure(given, "kmeans-router (sharp/kl): tabular, 300 records a client, seed 0, federated"))
    assert len(boxes) >= 2 * len(given.stages)
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)
    for name, box in boxes:
        assert box.x0 >= whole.x0, name
        assert box.x1 <= whole.x1, name


def test_the_axis_is_logarithmic_from_a_ratio_of_fifty():
    assert waterfall_figure(waterfall(*STEEP), "").axes[0].get_xscale() == "log"
    assert waterfall_figure(waterfall(*FLAT), "").axes[0].get_xscale() == "linear"
    assert waterfall_figure(waterfall(*FLAT), "", log=True).axes[0].get_xscale() == "log"
    assert waterfall_figure(waterfall(0.0, 1.0), "", log=True).axes[0].get_xscale() == "linear"


def test_bars_are_the_stages_and_the_worst_has_its_colour():
    given = waterfall(*FLAT)
    bars = waterfall_figure(given, "").axes[0].patches
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    expected = [(0.0, FLAT[0]), *((min(p), max(p)) for p in itertools.pairwise(FLAT)), (0.0, FLAT[-1])]
    assert all(math.isclose(a, b) for end, known in zip(ends, expected, strict=True) for a, b in zip(end, known, strict=True))
    red = [i for i, bar in enumerate(bars) if to_hex(bar.get_facecolor()).upper() == VERMILION]
    assert red == [4]


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_the_same_figure_gives_the_same_bytes(kind, start):
    one, two = (render(waterfall_figure(waterfall(*FLAT), "a title"), kind) for _ in range(2))
    assert one == two
    assert one.startswith(start)
