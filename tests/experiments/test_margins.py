"""Margin slopes: the predicted exponents come out, and a slope that is wrong is seen."""

import json
from types import SimpleNamespace

import pytest

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request

EXPERIMENT = load(shipped(), "margins")
ESTIMATORS = ("worst root mean square", "normal errors")


def done(estimator, exponent, points=4, steps=2000):
    params = {"estimator": estimator, "exponent": exponent, "points": points, "steps": steps}
    first, again = (EXPERIMENT.compute(SimpleNamespace(params=params)) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(again)
    return Done(params, first)


def test_slopes_are_those_predicted():
    found = [done(estimator, a) for a in (0.0, 1.0, 2.0) for estimator in ESTIMATORS]
    table, figure = EXPERIMENT.present(found)
    assert {(row[0], row[1]) for row in table.rows} == {(d.params["estimator"], d.params["exponent"]) for d in found}
    for row in table.rows:
        assert row[3].value == pytest.approx(row[4], abs=2e-3)
        assert row[8] >= 1.0 - 1e-9
    assert "below the gap: 0 of" in table.note
    assert [panel.title for panel in figure.panels] == list(ESTIMATORS)


def test_labels_are_nearly_as_fast_as_normal_errors():
    table, _ = EXPERIMENT.present([done("labels", 1.0, points=3, steps=500)])
    assert table.rows[0][3].value == pytest.approx(-1.0, abs=0.02)


def test_a_gap_above_its_bound_is_counted():
    right = done("normal errors", 1.0)
    wrong = Done(right.params, right.result | {"gap": [2.0 * b for b in right.result["bound"]]})
    table, _ = EXPERIMENT.present([wrong])
    assert "below the gap: 4 of 4" in table.note
    assert abs(table.rows[0][3].value - table.rows[0][4]) > 0.5


def test_every_estimator_has_every_exponent():
    cells = EXPERIMENT.cells(Request())
    assert len(cells) == len({(c["estimator"], c["exponent"]) for c in cells}) == 15
