"""Tables of results: printed, in full, and in LaTeX."""

import csv
import io
import itertools
import math

import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.intervals import Interval
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable, latex_text

TABLE = ResultTable(
    "example",
    "Gap & bound, 100%",
    (Column("training"), Column("records n"), Column("gap (utility)", 3), Column("difference", 2, signed=True), Column("hold")),
    (
        ("local", 1200, Interval(0.123456789, 0.1, 0.2), -0.5, True),
        ("federated|pooled", 20, Interval(0.25, -math.inf, math.inf), 0.25, None),
    ),
    "Means over 5 seeds.",
)


def test_markdown_has_one_cell_a_column():
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "## Gap & bound, 100%"
    assert lines[2] == "| training | records n | gap (utility) | difference | hold |"
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: |"
    assert lines[4] == "| local | 1,200 | 0.123 [0.1, 0.2] | -0.5 | yes |"
    assert lines[5] == "| federated\\|pooled | 20 | 0.25 | +0.25 | - |"
    assert lines[-1] == "Means over 5 seeds."


def test_csv_holds_every_value_in_full():
    header, first, second = csv.reader(io.StringIO(TABLE.csv()))
    assert header == ["training", "records n", "gap (utility)", "gap (utility) low", "gap (utility) high", "difference", "hold"]
    assert float(first[2]) == 0.123456789
    assert first[-1] == "true"
    assert second[3:5] == ["", ""]
    assert second[-1] == ""


def test_latex_of_what_it_has_no_letters_for():
    assert latex_text("λ ≤ é − 中") == r"$\lambda$ $\le$ é $-$ {[}U+4E2D]"
    assert latex_text("--full - a---b – —") == r"-{}-full - a-{}-{}-b \textendash{} \textemdash{}"


def test_a_table_longer_than_a_page_is_printed_in_parts():
    long = ResultTable("long", "L", (Column("a"), Column("b")), tuple((f"row {i}", i) for i in range(100)), "The note.")
    text = long.latex()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3
    assert r"\caption{L (part 3 of 3)}" in text
    assert text.count("The note.") == text.count(r"\label") == 1
    assert [text.count(f"row {i} &") for i in range(100)] == [1] * 100


def test_a_bracket_that_begins_a_line_is_no_length():
    table = ResultTable("b", "B", (Column("a header with [unit]"), Column("b")), (("[1, 2]", 1),))
    assert r"\shortstack{a header with\\{[}unit]}" in table.latex()
    assert "\n{[}1, 2] & 1" in table.latex()


def test_many_columns_are_printed_across_the_page_under_headers_of_several_lines():
    wide = ResultTable("wide", "W", tuple(Column(f"a header of column {i}") for i in range(9)), ((-0.5, "a-1", *[1] * 7),))
    assert r"\begin{sidewaystable}" in wide.latex()
    assert r"\shortstack{a header of\\column 8}" in wide.latex()
    assert r"$-$0.5 & a-1 & 1" in wide.latex()
    assert "sideways" not in TABLE.latex()


@pytest.mark.parametrize("name", ["../out", "a.b", "", "A", "a b"])
def test_names_that_are_no_file_stems_are_refused(name):
    with pytest.raises(InputError, match="name must be made of"):
        ResultTable(name, "X", (Column("a"),), ())
    with pytest.raises(InputError, match="name must be made of"):
        Plot(name, "X", (), "")


def test_latex_escapes_and_uses_booktabs():
    text = TABLE.latex()
    assert r"\caption{Gap \& bound, 100\%}" in text
    assert r"federated$|$pooled & 20 & 0.25 & +0.25 & - \\" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 1
    assert latex_text("a_b ~ <c>\\") == r"a\_b \textasciitilde{} $<$c$>$\textbackslash{}"


def test_a_wrapped_column_has_its_width():
    table = ResultTable("t", "T", (Column("long words", wrap=2.5), Column("x")), (("a", 1.0),))
    assert r"\begin{tabular}{p{2.5cm}r}" in table.latex()
    assert r"\raggedright\let\\\tabularnewline a & 1 \\" in table.latex()


@pytest.mark.parametrize("row", [("local",), ("local", math.nan)])
def test_rows_that_do_not_fit_are_refused(row):
    with pytest.raises(InputError, match=r"table 'x'|Table 'x'"):
        ResultTable("x", "X", (Column("a"), Column("b")), (row,))


def test_a_figure_is_drawn_with_the_same_bytes_twice():
    from fedroute_theory.report.drawing import render

    series = (
        Series("local", (1.0, 10.0, 100.0), (1.0, 0.3, None), low=(0.9, 0.2, None), high=(1.1, 0.4, None)),
        Series("bound", (1.0, 10.0, 100.0), (2.0, 0.0, 0.1), style="dashed"),
        Series("seeds", (1.0, 10.0), (0.5, 0.6), low=(0.4, 0.5), high=(0.6, 0.7), style="points"),
    )
    plot = Plot("p", "A title", (Panel("n", "gap", series, log_x=True, log_y=True), Panel("n", "gap", series)), "What is shown")
    for kind in ("png", "pdf"):
        assert render(plot.figure(), kind) == render(plot.figure(), kind)
    assert r"\includegraphics[width=\linewidth]{p.pdf}" in plot.latex()
    with pytest.raises(InputError, match="2 values for 3 points"):
        Series("x", (1.0, 2.0, 3.0), (1.0, 2.0))


def test_a_series_of_intervals_has_no_limit_where_there_is_none():
    found = [Interval(0.5, 0.4, 0.6), Interval(0.25, -math.inf, math.inf), None]
    series = Series.of("gap", [1, 2, 3], found, "dashed", "#000000")
    assert series == Series(
        "gap", (1.0, 2.0, 3.0), (0.5, 0.25, None), (0.4, None, None), (0.6, None, None), "dashed", "#000000"
    )


def test_a_band_below_a_logarithmic_axis_ends_at_its_edge():
    series = Series("gap", (1.0, 10.0, 100.0), (1.0, 0.1, 0.01), low=(0.5, -0.1, -0.1), high=(2.0, 0.3, 0.03))
    (axes,) = Plot("p", "P", (Panel("n", "gap", (series,), log_x=True, log_y=True),), "").figure().axes
    (band,) = axes.collections
    lowest = min(vertex[1] for path in band.get_paths() for vertex in path.vertices)
    assert lowest == axes.get_ylim()[0] == 0.005


def test_labels_of_a_short_logarithmic_axis_do_not_overlap():
    series = Series("accuracy", (7e-6, 2e-5, 6.5e-5), (0.5, 0.6, 0.7))
    figure = Plot("p", "P", (Panel("cost", "accuracy", (series,), log_x=True),), "").figure()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    labels = [label for label in figure.axes[0].get_xticklabels(which="both") if label.get_text()]
    boxes = sorted((label.get_window_extent(canvas.get_renderer()) for label in labels), key=lambda box: box.x0)
    inside = [box for box in boxes if figure.axes[0].bbox.x0 <= (box.x0 + box.x1) / 2 <= figure.axes[0].bbox.x1]
    assert len(inside) == 3
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(inside))
