"""Runs of the verification as cells, one a scenario: together they are the run, verdicts are counted, and an alarm is seen."""

import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

import fedroute_theory.verify as package
import fedroute_theory.verify.run as module
from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request

EXPERIMENT = load(shipped(), "false_alarms")


@pytest.fixture
def two_scenarios(monkeypatch):
    few, small = package.SCENARIOS["few-points"], package.SCENARIOS["voronoi"]
    chosen = {"few-points": few, "small": replace(small, name="small", sizes={"quick": (40,)}, theorems=("kmeans-router",))}
    for place in (package, module):
        monkeypatch.setattr(place, "SCENARIOS", chosen)


def computed(name, seed=1):
    params = {"mode": "quick", "seed": seed, "scenario": name}
    return Done(params, EXPERIMENT.compute(SimpleNamespace(params=params)))


@pytest.mark.usefixtures("two_scenarios")
def test_the_cells_of_a_seed_are_the_run_of_verify_with_it():
    cells = [computed("small"), computed("few-points")]
    json.dumps([d.result for d in cells], allow_nan=False)
    (run,) = EXPERIMENT.present.__globals__["runs"](cells)
    honest = package.verify(mode="quick", seed=1)
    assert run.verdicts == Counter(str(e.verdict) for e in honest.results)
    assert (run.randomised, run.trials) == (honest.randomised, sum(e.trials for e in honest.results))
    assert run.randomised > 0
    assert run.power == honest.power
    table, named = EXPERIMENT.present(cells)
    assert table.rows[0][:3] == ("quick", 1, len(honest.results))
    assert table.rows[0][5] == 0
    assert len(named.rows) == len(set(run.open))


@pytest.mark.usefixtures("two_scenarios")
def test_a_run_without_one_of_its_scenarios_is_left_out():
    table, named = EXPERIMENT.present([computed("few-points")])
    assert table.rows == named.rows == ()


def claims(name, violations=0):
    sample = {"client": None, "delta": 0.05, "trials": 600, "violations": violations, "unclear": 0}
    return [{"claim": name, "verdict": "HOLDS", "given_records": False, "miss": 0.0, "randomised": True, "samples": [sample]}]


@pytest.mark.usefixtures("two_scenarios")
def test_an_alarm_is_counted_once_a_run_and_named():
    def run(seed, *of_small):
        done = {"few-points": claims("a", 20), "small": [c for of in of_small for c in of]}
        return [Done({"mode": "quick", "seed": seed, "scenario": name}, result) for name, result in done.items()]

    quiet, loud = (claims("b"),), (claims("b", 100), claims("b", 200))
    table, named = EXPERIMENT.present([d for seed in range(1, 5) for d in run(seed, *(loud if seed == 2 else quiet))])
    row = table.rows[0]
    assert (row[1], row[2], row[3], row[4], row[5], row[7]) == (4, 9, 9, 5400, 1, 4)
    assert row[6].value == 0.25
    assert row[6].low > 0.0
    assert 0.05 < row[8] <= row[9] < 0.2
    assert named.rows == (("b", "violated", 2, "2"), ("a", "open", 4, "1, 2, 3, 4"))


def test_it_runs_only_by_name_one_cell_a_scenario_and_seed():
    assert not EXPERIMENT.default
    cells = EXPERIMENT.cells(Request())
    assert len({cell["seed"] for cell in cells}) == 200
    assert len(cells) == 200 * len(package.SCENARIOS)
    assert {cell["scenario"] for cell in cells[: len(package.SCENARIOS)]} == set(package.SCENARIOS)  # a run after the other
    assert {cell["mode"] for cell in EXPERIMENT.cells(Request(full=True))} == {"default"}
