"""New clients: laws that shift, sums that lose nothing, centres that stay; what the tables say."""

import json
from types import SimpleNamespace

import pytest

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request

EXPERIMENT = load(shipped(), "new_clients")


def compute(family, shift, seed=0):
    params = {"family": family, "shift": shift, "joining": 2, "seed": seed}
    return Done(params, EXPERIMENT.compute(SimpleNamespace(params=params)))


@pytest.fixture(scope="module")
def small():
    return [compute(f, s, seed) for f in ("K-means", "linear heads") for s in (0.0, 1.0) for seed in range(2)]


def test_same_numbers_twice_and_none_that_is_not_a_number(small):
    assert json.dumps(small[4].result, allow_nan=False) == json.dumps(compute("linear heads", 0.0).result)


def test_without_a_shift_both_laws_are_one(small):
    for done in (d for d in small if d.params["shift"] == 0.0):
        for stage in ("before", "joined", "afresh"):
            assert done.result["new"][stage]["gap"] == pytest.approx(done.result["old"][stage]["gap"], abs=1e-12)


def test_disjoint_newcomers_gain_and_were_not_covered(small):
    apart = [d.result["new"] for d in small if d.params["shift"] == 1.0]
    assert sum(new["joined"]["gap"] for new in apart) < sum(new["before"]["gap"] for new in apart)
    for new in apart:
        assert new["before"]["transfer"] == pytest.approx(1.2)  # no record on their queries: the whole range
        assert new["joined"]["transfer"] < 1.2


def test_linear_heads_lose_nothing_against_training_afresh(small):
    for done in (d for d in small if d.params["family"] == "linear heads"):
        for law in ("new", "old"):
            assert done.result[law]["joined"]["gap"] == pytest.approx(done.result[law]["afresh"]["gap"], abs=1e-9)


def test_bounds_hold(small):
    for done in small:
        for law in ("new", "old"):
            assert sum(done.result[law][s]["violations"] for s in ("before", "joined", "afresh")) == 0
            assert all(done.result[law][s]["claims"] > 0 for s in ("before", "joined", "afresh"))


def test_tables_say_what_was_computed(small):
    gaps, bounds, plot = EXPERIMENT.present(small)
    assert [(row[0], row[1], row[3]) for row in gaps.rows] == [
        ("K-means", 0.0, 2), ("K-means", 1.0, 2), ("linear heads", 0.0, 2), ("linear heads", 1.0, 2),
    ]  # fmt: skip
    assert len(bounds.rows) == 2 * len(gaps.rows)
    assert "Violations: 0 of" in bounds.note
    assert "transfer before" in next(r for r in bounds.rows if r[1] == 1.0 and r[3] == "new")[-1]
    assert [len(panel.series) for panel in plot.panels] == [4, 4, 3, 3]


def test_a_violation_is_counted_in_the_note(small):
    new = small[0].result["new"]
    broken = small[0].result | {"new": new | {"joined": new["joined"] | {"violations": 1}}}
    assert "Violations: 1 of" in EXPERIMENT.present([Done(small[0].params, broken), *small[1:]])[1].note


def test_every_setting_has_as_many_seeds_and_the_larger_grid_holds_the_small_one():
    small, full = EXPERIMENT.cells(Request()), EXPERIMENT.cells(Request(full=True))
    assert all(cell in full for cell in small)
    assert len({json.dumps(cell) for cell in full}) == len(full)
