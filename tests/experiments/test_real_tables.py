"""Real tables: audits in numbers, and what is made of them."""

import json

import pytest

from fedroute_theory.problems import example_table
from fedroute_theory.sweep import Cell
from fedroute_theory.tables import catalogue
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.tables.studies import audits

FIXED = {"kind": "audit", "task_alpha": 0.6, "model_alpha": 0.45}


@pytest.fixture(scope="module")
def experiment():
    return catalogue.load(catalogue.shipped(), "real_tables")


@pytest.fixture(scope="module")
def done(experiment):
    with pytest.MonkeyPatch.context() as patch:
        small = {"queries": 240, "tasks": 4, "models": 4, "dimension": 3}
        patch.setattr("fedroute_theory.problems.example_table", lambda rng: example_table(rng, **small))
        return [run(experiment, router, "sound", seed) for router in ("mixture", "linear") for seed in (42, 43)] + [
            run(experiment, "mixture", "published", 42)
        ]


def run(experiment, router, protocol, seed):
    params = FIXED | {"table": {"name": "small one", "seed": 1}, "router": router, "protocol": protocol, "seed": seed}
    cell = Cell("real_tables", 1, params)
    text = json.dumps(experiment.compute(cell), allow_nan=False)
    return Done(cell.params, json.loads(text))


def test_cells_are_few_for_networks_and_hold_a_seed(experiment):
    cells = experiment.cells(Request())
    assert len([c for c in cells if c["router"] == "mlp"]) < len([c for c in cells if c["router"] == "mixture"])
    full = experiment.cells(Request(full=True))
    assert len({json.dumps(c) for c in full}) == len(full)
    assert {c["router"] for c in full} == {"mixture", "mixture-linear", "mixture-mlp"}


def test_numbers_agree_with_each_other(done):
    for one in done:
        for measure in ("auc", "auc_published"):
            areas = one.result["global"][measure]
            assert areas["local most"] == max(one.result["everywhere"][measure]["local"])
            gains = audits.gains(one.result, "all", measure)
            assert min(gains) == pytest.approx(areas["federated"] - areas["local most"])
            own = one.result["own"][measure]
            assert audits.gains(one.result, "own", measure)[0] == own["federated"][0] - own["local"][0]
        assert (one.result["frontier"] is not None) == (one.params["seed"] == 42)
        bound, gap = one.result["bound"]["federated"][0], one.result["gap"]["federated"][0]
        assert (bound is None) == (one.params["router"] == "linear")
        assert gap >= 0.0


def test_presentation(experiment, done):
    artefacts = {a.name: a for a in experiment.present(done)}
    assert list(artefacts) == [
        "real_tables_areas", "real_tables_references", "real_tables_differences", "real_tables_gains", "real_tables_mixtures",
        "real_tables_gains_figure", "real_tables_frontiers_small_one",
    ]  # fmt: skip
    differences = artefacts["real_tables_differences"].rows
    assert [row[:4] for row in differences][:2] == [("small one", "K-means", "sound", c) for c in ("common", "own")]
    areas = [one.result["global"]["auc"] for one in done[:2]]
    assert differences[0][4].value == pytest.approx(sum(a["federated"] - a["local most"] for a in areas) / 2)
    assert len(artefacts["real_tables_frontiers_small_one"].panels) == 3
    common = [row[7] for row in differences if row[3] == "common"]
    above, below = sum(v.low > 0.0 for v in common), sum(v.high < 0.0 for v in common)
    assert f"in {above} and below it in {below} of {len(common)} rows" in artefacts["real_tables_differences"].note
    tables = [a for a in artefacts.values() if hasattr(a, "rows")]
    assert max(len(table.columns) for table in tables) <= 9
    assert all("'small one' is data made by this package" in table.note for table in tables)
    again = experiment.present(done)
    assert [a.latex() for a in again] == [a.latex() for a in artefacts.values()]


def test_mixtures_have_a_table_of_their_own(experiment, done):
    rows = next(a for a in experiment.present(done) if a.name == "real_tables_mixtures").rows
    assert [row[1:4] for row in rows] == [("K-means", p, scope) for p in ("sound", "published") for scope in ("own", "all")]
    gained = [sum(audits.gains(one.result, "own", "auc", "mixture", "local")) for one in done[:2]]
    assert rows[0][4].value == pytest.approx(sum(gained) / 2 / len(done[0].result["clients"]), abs=1e-3)
    assert rows[0][5] == f"{sum(g > 0.0 for g in gained)}/2"
