"""Benchmarks: ratios of turns taken, one process each, one table, one file; what failed costs nothing that is measured."""

import ast
import importlib
import json
import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "benchmarks"

GOOD = '''
"""Good things, measured.

More of it."""
import os
from harness import alternate, compared, peak_mib

def measure(quick):
    assert peak_mib() > 1.0
    found = {"slow": [2.0, 6.0, 9.0], "fast": [1.0, 2.0, 2.0]}
    return [compared(f"process {os.getpid()}, quick {quick}", "slow", "fast", found)]
'''
BAD = '"""Bad things."""\ndef measure(quick):\n    raise ValueError("nothing to\\nmeasure")\n'
DEADLY = '"""Dies."""\nimport os\ndef measure(quick):\n    os._exit(7)\n'


@pytest.fixture
def modules(monkeypatch):
    """The harness and the command, as a script of the folder finds them."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("harness"), importlib.import_module("run")
    for name in ("harness", "run"):
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "benchmarks"
    place.mkdir()
    for name, text in {"bad": BAD, "deadly": DEADLY, "good": GOOD}.items():
        (place / f"{name}.py").write_text(text)
    return place


class Clock:
    """Time passes only where a work says so."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def work(self, name, durations):
        left = iter(durations)

        def done():
            self.calls.append(name)
            self.now += next(left)

        return done


def test_works_take_turns_and_the_first_run_does_not_count(modules):
    harness, _ = modules
    clock = Clock()
    works = {"a": clock.work("a", [100.0, 1.0, 4.0, 3.0]), "b": clock.work("b", [100.0, 2.0, 2.0, 2.0])}
    found = harness.alternate(works, 3, clock)
    assert found == {"a": [1.0, 4.0, 3.0], "b": [2.0, 2.0, 2.0]}
    assert "".join(clock.calls) == "ab" + "ab" + "ba" + "ab"


def test_a_ratio_is_the_median_of_paired_ratios(modules):
    harness, _ = modules
    row = harness.compared("case", "a", "b", {"a": [1.0, 40.0, 9.0], "b": [2.0, 10.0, 3.0], "c": [0.0]}, each="MiB")
    assert (row.ratio, row.low, row.high, row.unit) == (3.0, 0.5, 4.0, "x")  # the quotient of the medians also is 3
    assert row.context == {"a [MiB]": 9.0, "b [MiB]": 3.0}
    row = harness.compared("case", "a", "b", {"a": [1.0, 2.0, 30.0], "b": [10.0, 1.0, 10.0]})
    assert (row.ratio, row.low, row.high) == (2.0, 0.1, 3.0)  # that of the medians would be 0.2
    with pytest.raises(ValueError, match="shorter"):
        harness.compared("case", "a", "b", {"a": [1.0, 2.0], "b": [1.0]})


def test_each_function_has_a_process_of_its_own(modules):
    harness, _ = modules
    first, second = harness.fresh(os.getpid), harness.fresh(os.getpid)
    assert len({first, second, os.getpid()}) == 3


def test_one_table_and_one_file_without_what_failed(modules, folder, tmp_path, capsys):
    _, run = modules
    file = tmp_path / "found.json"
    assert run.main(["--quick", "--json", str(file)], folder) == 1
    told = capsys.readouterr()
    lines = [line for line in told.out.splitlines() if line.startswith("| good")]
    assert len(lines) == 1
    assert "quick True | 3 [2, 4.5] | x | slow | fast | slow [s] 6; fast [s] 2 |" in lines[0]
    assert "The benchmark 'bad' failed: ValueError: nothing to measure (bad.py:3)" in told.err
    assert "The benchmark 'deadly' failed: Its process died (out of memory?)." in told.err
    found = json.loads(file.read_text())
    assert set(found) == {"package", "version", "command", "quick", "machine", "benchmarks", "failed"}
    assert found["quick"] is True
    assert found["machine"]["cores"] >= 1
    assert set(found["failed"]) == {"bad", "deadly"}
    good = found["benchmarks"].pop("good")
    assert found["benchmarks"] == {}
    assert good["title"] == "Good things, measured."
    assert good["seconds"] >= 0.0
    (row,) = good["rows"]
    assert f"process {os.getpid()}," not in row.pop("name")
    assert row == {
        "what": "slow", "against": "fast", "ratio": 3.0, "low": 2.0, "high": 4.5, "unit": "x",
        "context": {"slow [s]": 6.0, "fast [s]": 2.0},
    }  # fmt: skip


def test_named_benchmarks_only_each_once_and_json_alone_on_stdout(modules, folder, capsys):
    _, run = modules
    assert run.main(["good", "good", "--json", "-"], folder) == 0
    told = capsys.readouterr()
    assert told.err == "[1/1] good\n"
    assert "quick False" in json.loads(told.out)["benchmarks"]["good"]["rows"][0]["name"]


def test_what_is_measured_is_in_file_and_table_when_the_next_is_interrupted(modules, folder, tmp_path, capsys, monkeypatch):
    _, run = modules
    file = tmp_path / "found.json"

    def stopped(function, place, name, quick):
        if name == "good":
            return function(place, name, quick)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "fresh", stopped)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert run.main(["good", "bad", "--json", str(file)], folder) == 130
    del sys.modules["good"]
    assert list(json.loads(file.read_text())["benchmarks"]) == ["good"]
    told = capsys.readouterr()
    assert told.err.endswith("benchmarks: interrupted after 1 of 2.\n")
    assert "| good" in told.out


def test_what_is_measured_is_printed_when_the_disk_refuses_the_file(modules, folder, tmp_path, capsys, monkeypatch):
    _, run = modules
    file = tmp_path / "found.json"
    file.mkdir()
    monkeypatch.setattr(run, "check_writable", lambda _: None)  # the folder is made after the check
    assert run.main(["good", "--json", str(file)], folder) == 2
    told = capsys.readouterr()
    assert "| good" in told.out
    assert told.err.endswith(f"benchmarks: The file '{file}' cannot be written: Is a directory.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["good", "fast"], "There is no benchmark 'fast'; there are bad, deadly, good."),
        (["good", "--json", "no/found.json"], "The file 'no/found.json' cannot be written: no writable folder 'no'."),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_before_anything_is_measured(modules, folder, capsys, arguments, sentence):
    _, run = modules
    assert run.main(arguments, folder) == 2
    told = capsys.readouterr()
    assert told.err == f"benchmarks: {sentence}\n"
    assert told.out == ""


def test_the_list_names_what_there_is_without_importing_it(modules, folder, capsys):
    _, run = modules
    assert run.main(["--list"], folder) == 0
    assert capsys.readouterr().out.split("\n") == [
        f"{'bad':16}Bad things.", f"{'deadly':16}Dies.", f"{'good':16}Good things, measured.", "",
    ]  # fmt: skip
    assert set(run.titles(FOLDER)) == {"kmeans", "memory", "mlp_rate", "mlp_together", "sweep", "verification"}
    assert all(run.titles(FOLDER).values())


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_what_a_benchmark_takes_from_the_package_is_there(file):
    nodes = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)]
    for node in (n for n in nodes if n.module.partition(".")[0] == "fedroute_theory"):
        for alias in node.names:
            assert hasattr(importlib.import_module(node.module), alias.name), f"{node.module} has no {alias.name}"
    if file.stem not in ("run", "harness"):
        assert "def measure(quick: bool) -> list[Row]:" in file.read_text()
