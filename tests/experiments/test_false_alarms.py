"""Runs of the verification as cells: verdicts are counted, and an alarm is seen."""

import json
from types import SimpleNamespace

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request

EXPERIMENT = load(shipped(), "false_alarms")


def test_a_run_of_few_scenarios_and_its_table():
    params = {"mode": "quick", "seed": 1, "scenarios": ["few-points"]}
    first, again = (EXPERIMENT.compute(SimpleNamespace(params=params)) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(again)
    assert sum(first["verdicts"].values()) > 0
    assert first["violated"] == []
    table, named = EXPERIMENT.present([Done(params, first)])
    assert table.rows[0][:3] == ("quick", 1, sum(first["verdicts"].values()))
    assert table.rows[0][5] == 0
    assert len(named.rows) == len(set(first["open"]))


def test_an_alarm_is_counted_once_a_run_and_named():
    quiet = {"verdicts": {"HOLDS": 3}, "violated": [], "open": ["a"], "randomised": 2, "trials": 20, "power": None}
    loud = quiet | {"violated": ["b", "b"], "power": 0.3}
    runs = [Done({"mode": "quick", "seed": seed}, loud if seed == 2 else quiet) for seed in range(1, 5)]
    table, named = EXPERIMENT.present(runs)
    row = table.rows[0]
    assert (row[1], row[2], row[4], row[5], row[7]) == (4, 12, 80, 1, 4)
    assert row[6].value == 0.25
    assert row[6].low > 0.0
    assert row[8:] == (0.3, 0.3)
    assert named.rows == (("b", "violated", 2, "2"), ("a", "open", 4, "1, 2, 3, 4"))


def test_it_runs_only_by_name_one_cell_a_run():
    assert not EXPERIMENT.default
    assert len({cell["seed"] for cell in EXPERIMENT.cells(Request())}) == len(EXPERIMENT.cells(Request())) == 200
