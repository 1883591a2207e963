"""Audits of routers without cells, and routers and protocols side by side over seeds."""

import json
import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.audit import compare, table_case
from fedroute_theory.audit.protocols import ROUTERS, router_of, scale_of_all_rows
from fedroute_theory.audit.run import audit, audit_partition
from fedroute_theory.federation import logs_from_partition, published_partition
from fedroute_theory.problems import example_table
from fedroute_theory.report import comparison_tables, text_tables, write_report
from fedroute_theory.routers import train

TABLE = example_table(np.random.default_rng(0), queries=400, tasks=5, models=4, dimension=4)
WITHOUT_CELLS = ("linear", "mlp")


@cache
def audited(router):
    return audit(TABLE, clients=3, seed=3, router=router)


@pytest.fixture(scope="module", params=WITHOUT_CELLS)
def report(request):
    return audited(request.param)


def test_gaps_against_the_policies_themselves(report):
    """A second route: the trained policy as a function of embeddings, row by row, in plain sums."""
    partition = published_partition([TABLE.task_names[t] for t in TABLE.task], TABLE.n_models, clients=3, seed=3)
    logs = logs_from_partition(TABLE, partition)
    trained = train(router_of(report.settings.router_name, "sound", TABLE), logs, 3)
    rows = np.concatenate(partition.test)
    for lam in report.prices.keys:
        utility = TABLE.quality[rows] - float(lam) * TABLE.cost[rows]
        chosen = trained.federated.policy(float(lam))(TABLE.embeddings[rows])
        gap = float(np.mean(utility.max(axis=1) - utility[np.arange(rows.size), chosen]))
        assert report.router("federated", "global").suboptimality[lam] == pytest.approx(gap, rel=1e-9, abs=1e-9)


def test_no_cells_no_split_and_no_number_for_a_bound(report):
    for row in report.routers:
        assert row.approximation == row.estimation == row.bound == {}
        assert "truth known" in row.not_applicable
    assert report.lipschitz is None
    assert "best cell policy" not in report.named_references
    assert all(c.distance_local is None for c in report.clients)
    assert all("no bound to compare" in c.why for c in report.clients)


def test_columns_and_tables_in_which_there_is_nothing_are_left_out(report):
    text = text_tables(report)
    assert "n/a" not in text
    assert "differs most" not in text
    assert "<= bound" not in text
    assert "No bounds: the audit computes those of K-means routers" in text
    assert "truth known fails" in text


def test_it_can_be_written_and_read(report, tmp_path):
    files = write_report(report, tmp_path)
    document = json.loads((tmp_path / "audit.json").read_text())
    assert {row["router"] for row in document["routers"]} == {report.settings.router_name}
    assert all(file.stat().st_size > 0 for file in files)
    assert "(task, model) pairs" in text_tables(report)
    for row in report.routers:
        oracle = report.reference("oracle", row.client if row.test == "own" else None)
        assert row.auc <= oracle.auc + 1e-12


def test_a_family_that_the_paper_lacks_says_so_and_costs_are_compared_the_right_way_round():
    text = text_tables(audit(TABLE, clients=2, router="linear", protocol="published"))
    assert "published protocol (not in the paper: as sound)" in text
    sound = audit(TABLE, clients=2, router="linear")
    assert "not in the paper" not in text_tables(sound)
    sent, logs = (np.median([getattr(t, what) for t in sound.traffic]) for what in ("sent", "logs"))
    words = f"{sent / logs:.1f} times its logs" if sent >= logs else f"one part in {logs / sent:.1f} of its logs"
    assert words in text_tables(sound)


@pytest.mark.parametrize("name", ROUTERS)
def test_every_family_has_every_protocol(name):
    assert set(ROUTERS[name](2.0)) == {"sound", "published"}
    for router in ROUTERS[name](2.0).values():
        base = getattr(router, "base", router)
        assert base.c_max == 2.0


@pytest.mark.parametrize("name", ["mlp", "mixture-mlp"])
def test_the_published_scale_of_cost_is_that_of_all_rows_and_the_sound_one_of_logged_records(name):
    sound, published = (router_of(name, protocol, TABLE) for protocol in ("sound", "published"))
    sound, published = (getattr(router, "base", router) for router in (sound, published))
    assert sound.cost_scaling == "logged"
    costs = [Fraction(float(c)) for c in TABLE.cost.ravel()]
    mean = sum(costs) / len(costs)
    assert published.cost_scaling[0] == pytest.approx(float(mean), rel=1e-9)
    assert published.cost_scaling[1] == pytest.approx(math.sqrt(sum((c - mean) ** 2 for c in costs) / len(costs)), rel=1e-9)


def test_the_published_audit_scales_cost_by_rows_that_no_client_logged():
    report = audit(TABLE, clients=2, seed=3, router="mlp", protocol="published")
    assert report.as_json()["parameters"]["router"]["cost_scaling"] == pytest.approx([TABLE.cost.mean(), TABLE.cost.std()])
    assert audited("mlp").as_json()["parameters"]["router"]["cost_scaling"] == "logged"


def test_costs_that_do_not_vary_are_divided_by_one():
    assert scale_of_all_rows(TABLE.replace(cost=np.full(TABLE.cost.shape, 1e-3))) == (pytest.approx(1e-3), 1.0)


def test_an_unknown_family_is_named():
    with pytest.raises(InputError, match=r"The 'router' parameter must be one of .*kmeans.*; got 'oracle'\."):
        audit(TABLE, router="oracle")


def test_a_case_of_a_table_is_judged_on_its_test_rows():
    case = table_case(TABLE, router="linear", clients=3, seed=3)
    partition = published_partition([TABLE.task_names[t] for t in TABLE.task], TABLE.n_models, clients=3, seed=3)
    assert set(np.flatnonzero(case.problem.weights > 0)) == set(np.concatenate(partition.test).tolist())
    assert case.federation is None


# --- over seeds ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comparison():
    return compare(TABLE, routers=("kmeans", "linear"), protocols=("sound",), seeds=(3, 4, 5), clients=3)


def test_every_draw_is_the_audit_of_its_seed(comparison):
    alone = audit(TABLE, clients=3, seed=4, router="linear")
    draw = next(d for d in comparison.draws if (d.router, d.seed) == ("linear", 4))
    assert draw.areas["auc"] == alone.areas("auc")
    assert draw.gaining["auc"]["own"] == sum(c.auc_gain_own > 1e-12 for c in alone.clients)
    assert draw.clients == len(alone.clients)


def test_lines_summarise_the_draws(comparison):
    for line in comparison.lines():
        own = [d.areas[line.measure] for d in comparison.draws if d.router == line.router]
        assert line.areas["federated"].value == pytest.approx(sum(a["federated"] for a in own) / 3)
        assert line.differences["pooled"].value == pytest.approx(sum(a["federated"] - a["pooled"] for a in own) / 3)
        assert line.seeds == 3
        assert line.beats_every_local.value == sum(a["federated"] > a["local most"] for a in own) / 3
        assert line.differences["pooled"].low <= line.differences["pooled"].value <= line.differences["pooled"].high


def test_processes_change_nothing(comparison):
    again = compare(TABLE, routers=("kmeans", "linear"), protocols=("sound",), seeds=(3, 4, 5), clients=3, workers=2)
    assert again.as_json() == comparison.as_json()


def test_tables_and_json(comparison):
    text, document = comparison_tables.text(comparison), comparison.as_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert "federated beats every client-local router" in text
    assert comparison_tables.markdown(comparison).startswith("# table")
    sheets = comparison_tables.tables(comparison)
    assert max(len(line) for sheet in sheets for line in sheet.plain().splitlines()) <= 120
    assert len({sheet.title for sheet in sheets}) == len(sheets) == 6
    assert len(document["draws"]) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"routers": ("oracle",)}, "'router' parameter must be one of"),
        ({"protocols": ("loud",)}, "'protocol' parameter must be one of"),
        ({"seeds": (-1,)}, "'seed' parameter"),
        ({"seeds": ()}, "at least one router, one protocol and one seed"),
        ({"workers": 0}, "'workers' parameter"),
    ],
)
def test_bad_comparisons_are_one_sentence(changes, message):
    with pytest.raises(InputError, match=message):
        compare(TABLE, **({"clients": 3, "protocols": ("sound",), "seeds": (3,)} | changes))


def test_nobody_to_compare_is_one_sentence():
    from fedroute_theory.audit.compare import Draw

    table = example_table(np.random.default_rng(0), queries=400, tasks=5, models=4, dimension=4)
    nothing = np.empty(0, dtype=np.int64)
    from fedroute_theory.federation import Partition

    partition = Partition((np.arange(100), nothing), (nothing, np.arange(100, 200)), (np.zeros(100, dtype=np.int64), nothing))
    with pytest.raises(InputError, match="no client has both train and test rows"):
        Draw.of(audit_partition(table, partition))
