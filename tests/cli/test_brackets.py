"""brackets as a user meets it: tables and JSON, refusals, and solvers that fail or are missing."""

import json
import sys

import pytest

from fedroute_theory.certify import SolverError
from fedroute_theory.certify.brackets import MAKERS
from fedroute_theory.cli import main


def _short():
    yield "form", "before the failure", 0.9, 1.0, 1.5, "by hand"
    raise SolverError("The solver X ended with 'failed' instead of 'optimal'.")


def _wrong():
    yield "form", "instance", None, 1.0, 0.5, "by hand"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process on few theorems; returns (exit code, stdout, stderr)."""
    for name in set(MAKERS) - {"pooling", "margin-rate"}:
        monkeypatch.delitem(MAKERS, name)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fedroute-theory", "brackets", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return stopped.value.code or 0, out, err

    return call


def test_one_theorem_in_words_and_in_numbers(run):
    code, out, err = run("pooling")
    assert (code, err) == (0, "pooling ...\n")
    assert "pooling: fractions" in out
    assert "opposite habits" in out
    code, out, _ = run("pooling", "--json", "-")
    found = json.loads(out)
    assert code == 0
    assert found["unsolved"] == []
    assert [row["instance"] for row in found["brackets"]] == ["opposite habits", "one law"]
    assert found["brackets"][0]["upper/exact"] == pytest.approx(1.25)


def test_a_failing_solver_is_one_sentence_and_no_other_row_is_lost(run, monkeypatch, tmp_path):
    monkeypatch.setitem(MAKERS, "margin-rate", _short)
    file = tmp_path / "rows.json"
    code, out, err = run("--json", file)
    assert code == 2
    assert err.splitlines()[-1] == (
        "fedroute-theory: The rows of 'margin-rate' stop after 1: The solver X ended with 'failed' instead of 'optimal'."
    )
    for text in ("before the failure", "opposite habits"):
        assert text in out
        assert text in file.read_text()
    assert json.loads(file.read_text())["unsolved"] == [err.splitlines()[-1].removeprefix("fedroute-theory: ")]


def test_without_the_modelling_library_the_other_rows_are_there(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    code, out, err = run()
    assert code == 2
    assert "opposite habits" in out
    assert "The rows of 'margin-rate' stop after 0: The cone programs need cvxpy; install the 'test' extra" in err


def test_a_row_out_of_order_is_exit_code_1(run, monkeypatch):
    monkeypatch.setitem(MAKERS, "margin-rate", _wrong)
    code, out, err = run()
    assert code == 1
    assert "out of order: margin-rate form on instance" in err
    assert "opposite habits" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "There is no theorem 'nothing'"),
        (("pooling", "--json", "nowhere/file.json"), "The file 'nowhere/file.json' cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
