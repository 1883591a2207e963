"""Slack by proof step: shares add up, the worst step is named, what does not apply is said."""

import json
from types import SimpleNamespace

import pytest

from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.theorems import registry

EXPERIMENT = load(shipped(), "slack")


def done(theorem="greedy-decomposition", seed=0):
    params = {"theorem": theorem, "scenario": "tabular", "records": 30, "seed": seed}
    return Done(params, EXPERIMENT.compute(SimpleNamespace(params=params)))


@pytest.fixture(scope="module")
def small():
    return [done(slug, seed) for slug in ("greedy-decomposition", "coverage-transfer") for seed in (0, 1)]


def test_the_same_numbers_twice_and_none_that_is_not_a_number(small):
    assert json.dumps(small[0].result, allow_nan=False) == json.dumps(done().result)


def test_every_theorem_has_its_cells():
    cells = EXPERIMENT.cells(Request())
    assert {cell["theorem"] for cell in cells} == set(registry())
    assert len(EXPERIMENT.cells(Request(full=True))) > len(cells)


def test_steps_lead_from_gap_to_bound_and_shares_add_up(small):
    steps, _, figure = EXPERIMENT.present(small)
    for slug in ("greedy-decomposition", "coverage-transfer"):
        rows = [row for row in steps.rows if row[0] == slug]
        assert rows[0][3] == "gap"
        assert rows[0][5] is None
        assert sum(row[6].value for row in rows[1:]) == pytest.approx(100.0)
        assert sum(bool(row[7]) for row in rows[1:]) == 1
        factor = 1.0
        for row in rows[1:]:
            factor *= row[5]
        assert factor * rows[0][4].value == pytest.approx(rows[-1][4].value)
    assert [name.split(" ")[0] for name, _ in figure.panels[0].rows] == ["greedy-decomposition", "coverage-transfer"]
    assert figure.figure().get_size_inches()[0] > 5


def test_forms_name_the_step_that_loses_most(small):
    _, forms, _ = EXPERIMENT.present(small)
    for row in forms.rows:
        own = [w for d in small if d.params["theorem"] == row[0] for w in d.result["waterfalls"] if w["form"] == row[1]]
        assert row[7] in {w["loses most"] for w in own}
        if row[4] is not None:
            assert row[4] == pytest.approx(sum(w["bound"] for w in own) / sum(w["gap"] for w in own))


def test_vacuous_bounds_are_marked(small):
    def marked(vacuous):
        changed = [
            Done(d.params, d.result | {"waterfalls": [w | {"vacuous": vacuous} for w in d.result["waterfalls"]]}) for d in small
        ]
        return [row[3].endswith(" *") for row in EXPERIMENT.present(changed)[0].rows]

    assert sum(marked(True)) == 2
    assert sum(marked(False)) == 0


def test_a_theorem_that_does_not_apply_is_not_left_out(small):
    nothing = {"waterfalls": [], "form": None, "not applicable": {"plain": {"assumption": "a"}}}
    steps, forms, _ = EXPERIMENT.present([Done(d.params, d.result | nothing) for d in small])
    assert {row[3] for row in steps.rows} == {"no form applies"}
    assert {row[7] for row in forms.rows} == {"does not apply"}
