"""Personalisation: gaps and bounds of a small cell; crossovers that exist, do not exist, and cannot be read as ties."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.tables.studies import crossovers, disagreeing, rounded
from fedroute_theory.tables.studies.disagreeing import FAMILIES, ROUTERS

EXPERIMENT = load(shipped(), "personalisation")


def params(family, seed, levels=(0.0, 1.0), records=60):
    return {"family": family, "records": records, "seed": seed, "levels": list(levels), "redraws": 2}


def compute(given):
    return EXPERIMENT.compute(SimpleNamespace(params=given))


@pytest.fixture(scope="module")
def small():
    return [Done(p, compute(p)) for p in (params(f, s) for f in FAMILIES for s in range(2))]


def test_same_numbers_twice_and_none_that_is_not_a_number(small):
    assert json.dumps(small[-1].result, allow_nan=False) == json.dumps(compute(small[-1].params))


def test_agreeing_clients_gain_from_each_other_and_opposed_ones_do_not(small):
    for family in FAMILIES:
        same, apart = (
            {
                name: np.mean([d.result["levels"][i]["gap"][name] for d in small if d.params["family"] == family])
                for name in ROUTERS
            }
            for i in range(2)
        )
        assert same["federated"] < same["local"]
        assert apart["local"] < apart["federated"]
        assert min(apart["local"], apart["federated"]) <= apart["certified"] <= apart["federated"]


def test_the_bias_is_the_disagreement_and_only_the_federated_bound_pays_it(small):
    for done in small:
        same, apart = done.result["levels"]
        assert same["disagreement"] == 0.0 < apart["disagreement"]
        paid = apart["bound"]["federated"] - same["bound"]["federated"]
        assert paid == pytest.approx(apart["disagreement"], abs=0.05)  # the excess risk differs with the labels
        assert abs(apart["bound"]["local"] - same["bound"]["local"]) < 0.1
        assert same["violations"] == apart["violations"] == 0 < same["claims"]


def test_certified_weights_are_of_the_local_side_and_from_both_bounds(monkeypatch):
    given = []

    def all_federated(local, federated):
        given.append((local.mean(), federated.mean()))
        return np.zeros_like(local)

    monkeypatch.setattr(disagreeing, "harmonic_weight", all_federated)
    (level,) = compute(params("linear heads", 0, levels=[0.0]))["levels"]
    assert level["gap"]["certified"] == pytest.approx(level["gap"]["federated"])
    assert np.mean(given, axis=0).tolist() == pytest.approx([level["bound"]["local"], level["bound"]["federated"]])


def test_rounded_values_are_on_the_grid_of_their_price():
    values = rounded.rounded(np.linspace(-0.2, 1.2, 999), 0.0, 1.0, 100)
    assert np.unique(values).size == 2 ** rounded.bits(100)
    assert (values.min(), values.max()) == (0.0, 1.0)


def entry(disagreement, local, federated):
    return {"disagreement": disagreement, "gap": {"local": local, "federated": federated}}


def test_the_crossover_is_interpolated_where_local_takes_over():
    found = {0: [entry(0.0, 0.2, 0.1), entry(0.1, 0.2, 0.1), entry(0.2, 0.2, 0.4)]}
    assert crossovers.crossover(found, [0]) == pytest.approx(0.1 + 0.1 / 3.0)


def test_a_later_level_at_which_federated_is_as_good_moves_the_crossover():
    levels = [entry(0.0, 0.2, 0.1), entry(0.1, 0.2, 0.3), entry(0.2, 0.2, 0.2), entry(0.3, 0.2, 0.4)]
    assert crossovers.crossover({0: levels}, [0]) == pytest.approx(0.2)


@pytest.mark.parametrize("off", [0.1, -0.1])
def test_no_crossover_where_one_side_wins_everywhere(off):
    levels = [entry(d, 0.2, 0.2 - off) for d in (0.0, 0.5)]
    assert crossovers.crossover({0: levels}, [0]) is None


def test_the_slope_is_that_of_the_crossovers():
    by_size = {n: {0: [entry(0.0, 0.2, 0.1), entry(2.0 * n**-0.5, 0.2, 0.3)]} for n in (100, 400, 1600)}
    assert crossovers.slope(by_size, [0]) == pytest.approx(-0.5)


def test_tables_say_what_was_computed(small):
    gaps, bounds, crossovers, *plots = EXPERIMENT.present(small)
    assert len(gaps.rows) == len(bounds.rows) == 2 * 2
    assert "Violations: 0 of" in bounds.note
    assert [row[1] for row in crossovers.rows] == ["60", "exponent"] * 2
    assert all(row[4] is None for row in crossovers.rows[::2])
    assert [plot.name for plot in plots] == ["personalisation_gaps_figure", "personalisation_crossover_figure"]
    json.dumps([table.markdown() for table in (gaps, bounds, crossovers)])


def test_a_violation_is_counted_in_the_note(small):
    levels = [small[0].result["levels"][0] | {"violations": 3}, small[0].result["levels"][1]]
    assert "Violations: 3 of" in EXPERIMENT.present([replace(small[0], result={"levels": levels}), *small[1:]])[1].note


def test_levels_share_a_cell_and_a_larger_grid_holds_the_small_one():
    small, full = EXPERIMENT.cells(Request()), EXPERIMENT.cells(Request(full=True))
    assert all(cell in full for cell in small)
    assert len({json.dumps(cell) for cell in full}) == len(full)
