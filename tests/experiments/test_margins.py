"""Margin slopes: the predicted exponents come out, and a slope that is wrong is seen."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request

EXPERIMENT = load(shipped(), "margins")
ESTIMATORS = ("worst root mean square", "normal errors")


def done(estimator, exponent, points=4):
    params = {"estimator": estimator, "exponent": exponent, "points": points}
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
    table, _ = EXPERIMENT.present([done("labels", 1.0, points=3)])
    assert table.rows[0][3].value == pytest.approx(-1.0, abs=0.02)


@pytest.mark.parametrize("a", [0.5, 1.0, 4.0])
def test_gaps_of_normal_errors_are_exact(a):
    gap = EXPERIMENT.compute.__globals__["normal_gap"]
    moment = 2.0 ** ((a - 1.0) / 2.0) * math.gamma(a / 2.0 + 1.0) / math.sqrt(math.pi)  # E[max(Z, 0)^(a + 1)]
    assert gap(a, 0.01) == pytest.approx(a / (a + 1.0) * 0.01 ** (a + 1.0) * moment, rel=1e-12)
    # s = 0.5: the law of margins ends within reach; midpoints of a fine grid
    t = (np.arange(200_000) + 0.5) / 200_000
    assert gap(a, 0.5) == pytest.approx(np.mean(a * t**a * norm.sf(t / 0.5)), rel=1e-7)


def test_gaps_of_labels_are_exact(monkeypatch):
    gap = EXPERIMENT.compute.__globals__["labels_gap"]
    # one label each: the wrong one is chosen with probability (1 - D) / 2; margins up to 1 lose 1/2 E[D - D^2]
    for a in (0.5, 1.0, 4.0):
        assert gap(a, 1) == pytest.approx(0.5 * (a / (a + 1.0) - a / (a + 2.0)), rel=1e-12)
    before = gap(4.0, 200)
    monkeypatch.setitem(EXPERIMENT.compute.__globals__, "NODES", 128)
    assert gap(4.0, 200) == pytest.approx(before, rel=1e-10)
    assert gap(1.0, 64) == pytest.approx(1.0 / (4.0 * 129.0), rel=1e-12)  # 1 / (4 (2n + 1)) at exponent 1


def test_exponent_zero_is_one_margin():
    gap = EXPERIMENT.compute.__globals__["normal_gap"]
    assert gap(0.0, 0.1) == pytest.approx(0.1 * norm.sf(1.0))
    assert EXPERIMENT.compute.__globals__["labels_gap"](0.0, 2) == pytest.approx(0.5 * chance_of_error(0.5), rel=1e-12)


def chance_of_error(d):
    """That of two labels each, by enumeration; a coin for ties."""
    good, poor = (1 + d) / 2, (1 - d) / 2
    p, q = ([(1 - g) ** 2, 2 * g * (1 - g), g**2] for g in (good, poor))
    return sum(p[i] * q[j] * (1.0 if j > i else 0.5 if j == i else 0.0) for i in range(3) for j in range(3))


def test_a_gap_above_its_bound_is_counted():
    right = done("normal errors", 1.0)
    wrong = Done(right.params, right.result | {"gap": [2.0 * b for b in right.result["bound"]]})
    table, _ = EXPERIMENT.present([wrong])
    assert "below the gap: 4 of 4" in table.note
    assert abs(table.rows[0][3].value - table.rows[0][4]) > 0.5


def test_every_estimator_has_every_exponent():
    cells = EXPERIMENT.cells(Request())
    assert len(cells) == len({(c["estimator"], c["exponent"]) for c in cells}) == 15
