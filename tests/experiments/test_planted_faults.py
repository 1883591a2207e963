"""Planted faults as cells: one that shows at once is caught, the unbroken code is not, and the code is whole afterwards."""

import json
from types import SimpleNamespace

import pytest

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.theorems.margin_rate import lines

EXPERIMENT = load(shipped(), "planted_faults")
KAPPA = "kappa of the margin halved"


def done(seed):
    params = {"fault": KAPPA, "seed": seed, "repetitions": 20}
    return Done(params, EXPERIMENT.compute(SimpleNamespace(params=params)))


@pytest.fixture(scope="module")
def small():
    before = lines.kappa
    found = [done(0), done(1)]
    assert lines.kappa is before
    return found


def test_a_fault_is_caught_and_the_unbroken_code_passes(small):
    assert small[0].result == {"how": "not at all", "trials": None}
    assert small[1].result["how"] != "not at all"
    assert json.dumps(done(1).result) == json.dumps(small[1].result)
    row = EXPERIMENT.present(small)[0].rows[0]
    assert (row[0], row[4], row[5].value, row[-1]) == (KAPPA, 1, 1.0, True)


QUICK = [fault for fault in EXPERIMENT.compute.__globals__["FAULTS"] if fault.records <= 300]


@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.name.replace(" ", "-"))
def test_every_quick_fault_is_where_it_is_seen(fault):
    """A function that moved would leave its fault without effect, and a table that says so without anybody reading it."""
    params = {"fault": fault.name, "seed": 1, "repetitions": 20}
    assert EXPERIMENT.compute(SimpleNamespace(params=params))["how"] != "not at all"


def test_misses_and_a_control_that_is_caught_show(small):
    missed = Done(small[1].params | {"seed": 2}, {"how": "not at all", "trials": None})
    wrong = Done(small[0].params, {"how": "claims", "trials": 5})
    row = EXPERIMENT.present([wrong, small[1], missed])[0].rows[0]
    assert (row[4], row[5].value, row[-1]) == (2, 0.5, False)
    assert "not at all 1" in row[6]


def test_it_runs_only_by_name_and_every_fault_has_an_unbroken_cell():
    assert not EXPERIMENT.default
    cells = EXPERIMENT.cells(Request())
    assert {c["fault"] for c in cells if c["seed"] == 0} == {c["fault"] for c in cells}
    assert len(cells) == len({json.dumps(c, sort_keys=True) for c in cells})
