"""From an experiment's file to its tables: planned, computed once, presented with the same bytes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sweep.here import in_this_thread
from typer.testing import CliRunner

from fedroute_theory import sweep
from fedroute_theory._validate import InputError
from fedroute_theory.cli import app
from fedroute_theory.problems import example_table
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.sweep import Cell, Store
from fedroute_theory.tables import data, write
from fedroute_theory.tables.catalogue import Compute, load, names, shipped
from fedroute_theory.tables.data import EvaluationTable
from fedroute_theory.tables.experiment import Request
from fedroute_theory.tables.run import due, make, plan

SQUARES = '''
"""Squares."""
from pathlib import Path
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables import Experiment

def cells(request):
    return [{"x": x, "folder": FOLDER} for x in range(20 if request.full else 5)]

def compute(cell):
    x = cell.params["x"]
    with (Path(cell.params["folder"]) / "calls").open("a") as calls:
        calls.write(f"{x}\\n")
    if (Path(cell.params["folder"]) / "fail").exists() and x == 3:
        raise ValueError("three is not for squaring")
    return {"square": x * x + 0.1}

def present(done):
    rows = tuple((d.params["x"], d.result["square"]) for d in done)
    line = Series("square", tuple(float(r[0]) for r in rows), tuple(r[1] for r in rows))
    return [
        ResultTable("squares", "Squares", (Column("x"), Column("square")), rows),
        Plot("squares_figure", "Squares", (Panel("x", "square", (line,)),), "Squares of x."),
    ]

EXPERIMENT = Experiment("squares of small numbers", 1, cells, compute, present, seconds=2.0)
'''
NAMES = {f"squares.{kind}" for kind in ("md", "csv", "tex", "provenance.json")}
FIGURES = {f"squares_figure.{kind}" for kind in ("pdf", "png", "tex", "provenance.json")}


DRAWN = write._drawn


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No new processes and no drawing; a test of these undoes it."""
    monkeypatch.setattr(sweep, "processes", in_this_thread)
    monkeypatch.setattr(write, "_drawn", lambda plot: ({kind: f"{kind} {plot!r}".encode() for kind in ("png", "pdf")}, None))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "squares.py").write_text(SQUARES.replace("FOLDER}", repr(str(tmp_path)) + "}"))
    (place / "_shared.py").write_text("raise AssertionError('not an experiment')")
    return place


def calls(folder: Path) -> list[str]:
    file = folder.parent / "calls"
    return sorted(file.read_text().split()) if file.exists() else []


def bytes_of(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in out.iterdir() if not file.name.startswith("cells.sqlite")}


def run(folder: Path, out: Path, *options: str):
    return CliRunner().invoke(app, ["tables", "--experiments", str(folder), "--out", str(out), "--workers", "1", *options])


def test_computed_once_and_presented_with_the_same_bytes(folder, tmp_path, monkeypatch):
    monkeypatch.undo()
    out = tmp_path / "out"
    first = run(folder, out)
    assert first.exit_code == 0, first.output
    assert "| 2 | 4.1 |" in first.stdout
    assert set(bytes_of(out)) == NAMES | FIGURES | {write.DOCUMENT}
    assert calls(folder) == ["0", "1", "2", "3", "4"]
    made = bytes_of(out)
    again = run(folder, out)
    assert again.exit_code == 0
    assert again.stdout == first.stdout
    assert bytes_of(out) == made
    assert len(calls(folder)) == 5  # nothing was computed again
    elsewhere = tmp_path / "elsewhere"
    assert run(folder, elsewhere, "--workers", "2").exit_code == 0
    assert bytes_of(elsewhere) == made
    assert len(calls(folder)) == 10


def test_a_larger_grid_computes_only_what_is_new(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    dry = run(folder, out, "--full", "--dry-run")
    assert "15 of 20 cells to compute" in dry.stdout
    assert "The others are kept" in dry.stdout
    assert len(calls(folder)) == 5
    assert run(folder, out, "--full").exit_code == 0
    assert len(calls(folder)) == 20


def test_a_dry_run_leaves_no_trace(folder, tmp_path):
    dry = run(folder, tmp_path / "out", "--dry-run")
    assert "5 of 5 cells to compute: 10 s on one core" in dry.stdout
    assert not (tmp_path / "out").exists()


def test_damaged_results_are_computed_again_and_said(folder, tmp_path):
    import sqlite3
    from contextlib import closing

    out = tmp_path / "out"
    run(folder, out)
    made = bytes_of(out)
    with closing(sqlite3.connect(out / "cells.sqlite")) as base, base:
        base.execute("UPDATE results SET result = replace(result, '4.1', '5.1')")
    again = run(folder, out)
    assert again.exit_code == 0
    assert "1 damaged results" in again.stderr
    assert bytes_of(out) == made
    assert len(calls(folder)) == 6


def test_salvage_copies_what_a_store_holds(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    result = run(folder, out, "--salvage", str(tmp_path / "saved.sqlite"))
    assert result.stdout.startswith("5 results copied")
    assert run(folder, out, "--store", str(tmp_path / "saved.sqlite")).exit_code == 0
    assert len(calls(folder)) == 5


def test_a_new_version_of_the_algorithm_computes_anew(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    file = folder / "squares.py"
    file.write_text(file.read_text().replace('numbers", 1,', 'numbers", 2,').replace("+ 0.1", "+ 0.2"))
    load.cache_clear()
    assert "| 2 | 4.2 |" in run(folder, out).stdout
    assert json.loads((out / "squares.provenance.json").read_text())["algorithm"] == 2


def test_a_failing_cell_costs_its_own_experiment_only(folder, tmp_path):
    out = tmp_path / "out"
    other = folder / "others.py"
    other.write_text((folder / "squares.py").read_text().replace('"squares', '"others').replace("x == 3", "False"))
    (tmp_path / "fail").touch()
    result = run(folder, out)
    assert result.exit_code == 1
    assert "three is not for squaring" in result.stderr
    assert "1 cells failed; not made: squares." in result.stderr
    assert "others.md" in bytes_of(out)
    assert "squares.md" not in bytes_of(out)
    (tmp_path / "fail").unlink()
    before = len(calls(folder))
    assert run(folder, out).exit_code == 0
    assert len(calls(folder)) == before + 1  # only the one that failed


def test_a_presentation_that_fails_costs_its_own_experiment_only(folder, tmp_path):
    text = (folder / "squares.py").read_text()
    (folder / "another.py").write_text(text.replace('"squares', '"another').replace("for d in done)", "for d in 1 / 0)", 1))
    (folder / "twin.py").write_text(text)  # artefacts of the same names
    result = run(folder, tmp_path / "out")
    assert result.exit_code == 1
    assert "the results of 'another' cannot be presented: ZeroDivisionError" in result.stderr
    assert "The artefact 'squares' belongs to the experiment 'squares' already; it needs another name" in result.stderr
    assert "not made: another, twin." in result.stderr
    assert set(bytes_of(tmp_path / "out")) == NAMES | FIGURES | {write.DOCUMENT}


def test_the_document_has_all_that_is_in_the_folder(folder, tmp_path):
    out = tmp_path / "out"
    (folder / "more.py").write_text((folder / "squares.py").read_text().replace('"squares', '"more'))
    run(folder, out, "squares")
    run(folder, out, "more")
    text = (out / write.DOCUMENT).read_text()
    assert [line for line in text.splitlines() if line.startswith(r"\input")] == [
        rf"\input{{{name}.tex}}" for name in ("more", "more_figure", "squares", "squares_figure")
    ]


def test_cells_that_cannot_be_listed_are_said_before_anything_runs(folder, tmp_path):
    (folder / "bad.py").write_text((folder / "squares.py").read_text().replace("request.full", "request.complete"))
    result = run(folder, tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert "The cells of the experiment 'bad' cannot be listed: AttributeError" in str(result.exception)
    assert calls(folder) == []


def test_a_bad_table_is_refused_before_anything_runs(folder, tmp_path):
    example_table(np.random.default_rng(0), queries=60).write(tmp_path / "t.parquet", tmp_path / "t.npz")
    (tmp_path / "junk.csv").write_text("a,b\n1,2\n")
    (folder / "reads.py").write_text(
        (folder / "squares.py")
        .read_text()
        .replace('"squares', '"reads')
        .replace('[{"x": x,', '[{"table": request.tables[0].params(), "x": x,')
    )
    for options, sentence in (
        (["--table", f"{tmp_path / 'junk.csv'}"], "has no column"),
        (["--table", f"mine={tmp_path / 't.parquet'}", "--models", "mine=nosuch,other"], "has no model 'nosuch'"),
        (["--table", f"mine={tmp_path / 't.parquet'}", "--embeddings", f"mine={tmp_path / 'junk.csv'}"], "junk.csv"),
    ):
        result = run(folder, tmp_path / "out", "reads", "--dry-run", *options)
        assert isinstance(result.exception, InputError), result.output
        assert sentence in str(result.exception)
    ignored = run(folder, tmp_path / "out", "squares", "--table", f"{tmp_path / 't.parquet'}")
    assert "None of the experiments reads an evaluation table (squares)." in str(ignored.exception)
    assert run(folder, tmp_path / "out", "reads", "--table", f"{tmp_path / 't.parquet'}").exit_code == 0


def test_a_figure_is_drawn_again_when_its_values_or_its_files_changed(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run(folder, out)
    made = bytes_of(out)
    drawn = []
    draw = write._drawn
    monkeypatch.setattr(write, "_drawn", lambda plot: drawn.append(plot.name) or draw(plot))
    run(folder, out)
    assert drawn == []
    (out / "squares_figure.png").write_bytes(b"damaged")
    run(folder, out)
    assert drawn == ["squares_figure"]
    assert bytes_of(out) == made
    file = folder / "squares.py"
    file.write_text(file.read_text().replace('Series("square"', 'Series("x squared"'))
    load.cache_clear()
    run(folder, out)
    assert len(drawn) == 2
    assert bytes_of(out)["squares_figure.png"] != made["squares_figure.png"]


def test_figures_drawn_by_several_processes_are_those_of_one(tmp_path, monkeypatch):
    monkeypatch.undo()
    lines = [Series("a", (1.0, 2.0), (float(i), 1.0)) for i in range(4)]
    plots = [Plot(f"figure_{i}", "T", (Panel("x", "y", (line,)),), "alt") for i, line in enumerate(lines)]
    one, two = (write.drawings(plots, tmp_path, workers) for workers in (1, 2))
    assert one == two
    assert all(drawing.files["png"].startswith(b"\x89PNG") and drawing.error is None for drawing in one)
    assert len({drawing.values for drawing in one}) == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [('Series("square", (1.0,), ("x",))', "TypeError"), ('Series("square", (1.0,), (lambda: 0,))', "pickle")],
)
def test_a_figure_that_cannot_be_drawn_costs_its_own_experiment(folder, tmp_path, monkeypatch, wrong, said):
    monkeypatch.setattr(write, "_drawn", DRAWN)
    text = (folder / "squares.py").read_text().replace('"squares', '"bad')
    line = next(line for line in text.splitlines() if "line = Series" in line)
    (folder / "bad.py").write_text(text.replace(line, f"    line = {wrong}"))
    result = run(folder, tmp_path / "out")
    assert result.exit_code == 1
    assert "the results of 'bad' cannot be presented" in result.stderr
    assert said in result.stderr
    assert (tmp_path / "out" / "squares_figure.pdf").is_file()
    assert not list((tmp_path / "out").glob("bad*"))


def test_provenance_names_versions_and_seeds_and_neither_clock_nor_place(folder, tmp_path):
    run(folder, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "squares.provenance.json").read_text())
    assert found["parameters"]["x"] == [0, 1, 2, 3, 4]
    assert found["experiment"] == "squares"
    assert set(found) == {
        "artefact", "experiment", "title", "package", "algorithm", "cells", "parameters", "results_sha256",
    }  # fmt: skip


def test_the_provenance_digest_depends_on_the_results(folder):
    experiment = load(folder, "squares")
    from fedroute_theory.tables import Done

    one = write.provenance("squares", experiment, [Done({"x": 1}, {"square": 1.0})])
    two = write.provenance("squares", experiment, [Done({"x": 1}, {"square": 1.5})])
    assert one["results_sha256"] != two["results_sha256"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["nothing"], "There is no experiment 'nothing'"),
        (["--scheduler", "tcp://x:1"], "goes with '--executor dask'"),
        (["--executor", "threads"], "'executor'"),
        (["--embeddings", "a=b"], "names no table 'a'"),
        (["--models", "a"], "must be NAME=VALUE"),
        (["--table", "x/t.csv", "--table", "y/t.csv"], "Two tables have one name"),
    ],
)
def test_bad_options_get_one_sentence(folder, tmp_path, options, sentence):
    result = run(folder, tmp_path / "out", *options)
    assert isinstance(result.exception, InputError), result.output
    assert sentence in str(result.exception)
    assert calls(folder) == []


def test_folders_without_experiments_are_refused(tmp_path):
    with pytest.raises(InputError, match="has no experiment"):
        names(tmp_path)
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="defines no EXPERIMENT"):
        load(tmp_path, "empty")
    (tmp_path / "version.py").write_text(SQUARES.replace('numbers", 1,', "numbers\", 'one',").replace("FOLDER", "''"))
    with pytest.raises(InputError, match="'version' parameter must be"):
        load(tmp_path, "version")
    (tmp_path / "wrong.py").write_text("import nothing_of_that_name")
    with pytest.raises(InputError, match="cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'"):
        load(tmp_path, "wrong")
    (tmp_path / "quits.py").write_text("raise SystemExit(0)")
    with pytest.raises(InputError, match="cannot be imported: SystemExit: 0"):
        load(tmp_path, "quits")


def test_cells_that_are_no_list_are_refused(folder, tmp_path):
    file = folder / "squares.py"
    file.write_text(file.read_text().replace("    return [{", "    return 7 or [{"))
    result = run(folder, tmp_path / "out")
    assert isinstance(result.exception, InputError), result.output
    assert "cannot be listed: TypeError" in str(result.exception)


def test_the_list_names_every_experiment_shipped():
    result = CliRunner().invoke(app, ["tables", "--list"])
    assert [line.split()[0] for line in result.stdout.splitlines()] == names(shipped())


def test_every_shipped_experiment_plans_cells_with_distinct_keys_and_small_plans():
    for request in (Request(), Request(full=True)):
        for own in plan(names(shipped()), request):
            keys = [cell.key for cell in own.cells]
            assert len(set(keys)) == len(keys), own.name
            assert own.experiment.seconds > 0.0


def test_cells_name_a_table_by_digest_and_find_it_by_path(tmp_path):
    example_table(np.random.default_rng(0), queries=60).write(tmp_path / "t.parquet", tmp_path / "t.npz")
    table = EvaluationTable("mine", tmp_path / "t.parquet")
    params = {"table": table.params()}
    assert str(tmp_path) not in json.dumps(params)
    read = data.read(Cell("x", 1, params, table.files()))
    assert read.weights.size == 60
    with pytest.raises(InputError, match="cannot be read"):
        data.read(Cell("x", 1, params, {}))
    damaged = EvaluationTable("mine", tmp_path / "none.parquet")
    with pytest.raises(InputError, match=r"none\.parquet' cannot be read"):
        damaged.params()


def test_due_uses_the_stated_seconds_until_measured(folder, tmp_path):
    plans = plan([], Request(), folder)
    with Store(tmp_path / "s.sqlite") as store:
        (waiting,) = due(plans, store)
        assert (waiting.missing, waiting.seconds) == (5, 10.0)
        made = make(plans, tmp_path, store=store, executors=in_this_thread(), folder=folder)
        assert not made[0].failures
        (waiting,) = due(plans, store)
        assert (waiting.missing, waiting.seconds) == (0, 0.0)


def test_an_experiment_may_define_dataclasses(tmp_path):
    source = SQUARES.replace("FOLDER}", repr(str(tmp_path)) + "}")
    own = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass Pair:\n    x: int\n"
    (tmp_path / "pairs.py").write_text(own + source)
    assert load(tmp_path, "pairs").title == "squares of small numbers"


def test_compute_finds_the_experiment_by_its_name(folder):
    result = Compute(str(folder))(Cell("squares", 1, {"x": 2, "folder": str(folder.parent)}))
    assert result == {"square": 4.1}


SUMS = """
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables import Experiment

def cells(request):
    return [{"zero": 0}]

def compute(cell):
    return {"square": 0.0}

def present(done):
    return [ResultTable("sums", "Sums", (Column("sum"),), ((sum(d.result["square"] for d in done),),))]

EXPERIMENT = Experiment("sums of squares", 1, cells, compute, present, reads=("squares",))
"""


def test_an_experiment_presents_cells_of_others_that_are_computed_once(folder, tmp_path):
    (folder / "sums.py").write_text(SUMS)
    plans = plan([], Request(), folder)
    with Store(tmp_path / "s.sqlite") as store:
        assert [d.missing for d in due(plans, store)] == [5, 1]
        made = make(plans, tmp_path, store=store, executors=in_this_thread(), folder=folder)
    assert (tmp_path / "calls").read_text().count("\n") == 5
    assert made[1].artefacts[0].rows == ((pytest.approx(0 + 1 + 4 + 9 + 16 + 0.5),),)


def test_a_failed_cell_stops_every_experiment_that_presents_it(folder, tmp_path):
    (folder / "sums.py").write_text(SUMS)
    (tmp_path / "fail").touch()
    plans = plan(["sums"], Request(), folder)
    with Store(tmp_path / "s.sqlite") as store:
        made = make(plans, tmp_path, store=store, executors=in_this_thread(), folder=folder)
    assert [str(f.cell.params["x"]) for f in made[0].failures] == ["3"]
    assert made[0].files == ()


def test_the_experiment_of_the_page_runs_as_it_stands(tmp_path):
    from pages import PAGES, blocks

    page = next(page for page in PAGES if page.name == "adding_a_table.md")
    code = next(code for language, code in blocks(page) if language == "python")
    (tmp_path / "rate.py").write_text(code)
    result = run(tmp_path, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert set(bytes_of(tmp_path / "out")) == {
        *(f"rate.{kind}" for kind in ("md", "csv", "tex", "provenance.json")),
        *(f"rate_figure.{kind}" for kind in ("pdf", "png", "tex", "provenance.json")),
        write.DOCUMENT,
    }
    fitted = re.search(r"\| 800 \| \S+ \[\S+, \S+\] \| (-\S+) \[(-\S+), (-\S+)\] \| -1/2 \|", result.stdout)
    assert fitted is not None, result.stdout
    exponent, low, high = map(float, fitted.groups())
    assert low <= -0.5 <= high
    assert f"The last row has the exponent: {exponent:g} [{low:g}, {high:g}]" in page.read_text()
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "rate.py").write_text(f"import helper\n{code}")
    load.cache_clear()
    with pytest.raises(InputError, match="No module named 'helper'"):  # as the page says
        load(tmp_path, "rate")
