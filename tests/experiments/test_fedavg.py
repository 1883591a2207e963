"""FedAvg tables: exact values below bounds, the exponents of the theory, and what happens where they are not there."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fedroute_theory.intervals import Interval
from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.tables.studies import descents

EXPERIMENT = load(shipped(), "fedavg")


def done(**params):
    result = EXPERIMENT.compute(SimpleNamespace(params=params))
    json.dumps(result, allow_nan=False)
    return Done(params, result)


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(descents.AXES, "N", (1, 8, 64))
        patch.setitem(descents.BASE, "T", 1000)
        patch.setattr(descents, "STEPS", np.geomspace(1e-3, 1.0, 9))
        floors = [done(part="floor", shares=name, seed=seed) for name in ("equal", "one client holds 0.9") for seed in (0, 1)]
        return [done(part="ratio", tau=8, seed=0), done(part="rate", axis="N", seed=0), *floors]


def test_the_same_numbers_twice(small):
    assert json.dumps(done(**small[-1].params).result) == json.dumps(small[-1].result)


def table(found, name):
    return next(artefact for artefact in found if artefact.name == name)


def test_cells_are_small_and_all_different():
    cells = [json.dumps(cell, sort_keys=True) for cell in EXPERIMENT.cells(Request())]
    assert len(set(cells)) == len(cells)
    assert len(EXPERIMENT.cells(Request(full=True))) > len(cells)


def test_bounds_are_above_the_exact_values(small):
    for row in small[0].result["rows"]:
        assert row["measured"] <= row["sharp"] <= row["explicit"] <= row["two-sets"]
    for row in small[1].result["rows"]:
        assert row["best"] <= row["measured"] <= row["bound"]


def test_noise_falls_as_one_over_the_clients_only_if_shares_are_equal(small):
    rows = table(EXPERIMENT.present(small), "fedavg_shares").rows
    equal, concentrated = ({"measured": row[2], "predicted": row[3]} for row in rows)
    assert equal["measured"].value == pytest.approx(-1.0, abs=0.05)
    assert equal["predicted"].value == pytest.approx(-1.0, abs=1e-6)
    assert abs(concentrated["measured"].value) < 0.05
    assert isinstance(concentrated["predicted"], Interval)
    assert rows[1][4] is None  # N/A does not move


def test_a_bound_below_the_exact_value_is_counted(small):
    ratio = small[0]
    assert "Bounds below the exact value: 0." in table(EXPERIMENT.present(small), "fedavg").note
    rows = [dict(row, sharp=0.5 * row["measured"]) if i == 0 else row for i, row in enumerate(ratio.result["rows"])]
    broken = [Done(ratio.params, {"rows": rows}), *small[1:]]
    assert "Bounds below the exact value: 1." in table(EXPERIMENT.present(broken), "fedavg").note


def test_a_form_that_never_applies_leaves_a_gap(small):
    ratio = small[0]
    rows = [dict(row, explicit=None) for row in ratio.result["rows"]]
    found = table(EXPERIMENT.present([Done(ratio.params, {"rows": rows}), *small[1:]]), "fedavg")
    assert all(row[4] is None and row[5] is None and row[-1].startswith("0/") for row in found.rows)
