"""New models: adding is the same as training afresh where the family is additive; exponents; what the tables say."""

import json
from types import SimpleNamespace

import pytest

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request

EXPERIMENT = load(shipped(), "new_models")
MODULE = EXPERIMENT.compute.__globals__
ADDITIVE = ("K-means", "linear heads")


def compute(family, seed):
    params = {"family": family, "seed": seed, "shares": [0.05, 0.2]}
    return Done(params, EXPERIMENT.compute(SimpleNamespace(params=params)))


@pytest.fixture(scope="module")
def small():
    return [compute(family, seed) for family in ADDITIVE for seed in range(2)]


def test_same_numbers_twice_and_none_that_is_not_a_number(small):
    assert json.dumps(small[2].result, allow_nan=False) == json.dumps(compute("linear heads", 0).result)


def test_sums_of_statistics_lose_nothing_against_training_afresh(small):
    for done in small:
        for entry in done.result["shares"]:
            assert entry["grown"]["gap"] == pytest.approx(entry["afresh"]["gap"], abs=1e-9)
            assert entry["grown"]["error"] == pytest.approx(entry["afresh"]["error"], rel=1e-6)
            assert entry["grown"]["bytes"] < entry["afresh"]["bytes"]


def test_bounds_hold_and_unknown_models_cost_the_range(small):
    for done in small:
        before = done.result["before"]
        assert before["violations"] == 0
        assert before["transfer"] == pytest.approx(1.2)
        assert all(e["grown"]["violations"] == 0 < e["grown"]["claims"] for e in done.result["shares"])
        assert all(e["grown"]["transfer"] < 1.2 for e in done.result["shares"])


def test_more_records_make_smaller_errors(small):
    for family in ADDITIVE:
        few, many = (
            sum(d.result["shares"][i]["grown"]["error"] for d in small if d.params["family"] == family) for i in range(2)
        )
        assert many < few


def test_the_exponent_of_an_exact_power_is_found():
    results = [{"shares": [{"records": n, "y": c / n} for n in (10, 20, 40)]} for c in (1.0, 3.0)]
    assert MODULE["fitted"](results, lambda e: e["y"]).value == pytest.approx(-1.0)
    assert MODULE["fitted"](results, lambda _: None) is None


def test_tables_say_what_was_computed(small):
    gaps, bounds, exponents, plot = EXPERIMENT.present(small)
    assert [row[2] for row in gaps.rows] == ["5%", "20%"] * 2
    assert [row[1] for row in bounds.rows][:3] == ["without them", "added, 5%", "afresh, 5%"]
    assert "transfer" in bounds.rows[0][-1]
    assert "Violations: 0 of" in bounds.note
    assert len(exponents.rows) == 2 * len(ADDITIVE)
    assert len(plot.panels) == len(ADDITIVE)


def test_a_violation_is_counted_in_the_note(small):
    broken = small[0].result | {"before": small[0].result["before"] | {"violations": 1}}
    assert "Violations: 1 of" in EXPERIMENT.present([Done(small[0].params, broken), *small[1:]])[1].note


def test_a_larger_grid_holds_the_small_one():
    small, full = EXPERIMENT.cells(Request()), EXPERIMENT.cells(Request(full=True))
    assert all(cell in full for cell in small)
    assert len(full) > len(small)
