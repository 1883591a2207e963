"""Bracket tables: rows in order are counted, half a bracket is refused, ratios that do not exist are left out."""

import json
from types import SimpleNamespace

import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.certify import brackets
from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.theorems import registry

EXPERIMENT = load(shipped(), "brackets")


def done(slug):
    first, again = (EXPERIMENT.compute(SimpleNamespace(params={"theorem": slug})) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(again)
    return Done({"theorem": slug}, first)


@pytest.fixture(scope="module")
def small():
    return [done("pooling"), done("mixture-router")]


def test_every_theorem_has_one_cell():
    slugs = [cell["theorem"] for cell in EXPERIMENT.cells(Request())]
    assert sorted(slugs) == sorted(registry())


def test_rows_are_in_order_and_summed_up(small):
    rows, summary, figure = EXPERIMENT.present(small)
    assert len(rows.rows) == sum(len(d.result) for d in small)
    assert "Out of order: 0 of" in rows.note
    for row in summary.rows:
        own = [r["upper/exact"] for d in small if d.params["theorem"] == row[0] for r in d.result if r["form"] == row[1]]
        assert (row[2], row[3], row[5]) == (len(own), min(own), max(own))
        assert row[6] == sum(abs(r - 1.0) < 1e-6 for r in own)
    assert figure.panels[0].categories == ("pooling", "mixture-router")
    assert len(figure.panels[0].series[0].x) == len(rows.rows)


def test_a_row_out_of_order_is_named(small):
    first = small[0].result[0]
    wrong = Done(small[0].params, [first | {"ordered": False}, *small[0].result[1:]])
    note = EXPERIMENT.present([wrong, small[1]])[0].note
    assert f"Out of order: 1 of {len(small[0].result) + len(small[1].result)}: pooling {first['form']} on" in note


def test_a_ratio_that_does_not_exist_is_left_out(small):
    first = small[0].result[0]
    without = Done(small[0].params, [first | {"upper/exact": None}])
    rows, summary, _ = EXPERIMENT.present([without])
    assert rows.rows[0][6] is None
    assert summary.rows[0][3:6] == (None, None, None)


def test_half_a_bracket_is_not_kept(monkeypatch):
    def stops():
        raise InputError("The cone programs need cvxpy.")
        yield

    monkeypatch.setitem(brackets.MAKERS, "pooling", stops)
    with pytest.raises(InputError, match="'pooling' stop after 0: The cone programs need cvxpy"):
        EXPERIMENT.compute(SimpleNamespace(params={"theorem": "pooling"}))
