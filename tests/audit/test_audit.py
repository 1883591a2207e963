"""Audits of small tables that the package makes itself."""

import dataclasses
import json
import math

import numpy as np
import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.audit import audit, audit_partition
from fedroute_theory.federation import Partition, published_partition
from fedroute_theory.problems import example_table
from fedroute_theory.report import text_tables, write_report

SIZES = {"queries": 500, "tasks": 5, "models": 4, "dimension": 4}


def make(seed=0, **changes):
    return example_table(np.random.default_rng(seed), **(SIZES | changes))


@pytest.fixture(scope="module")
def table():
    return make()


@pytest.fixture(scope="module")
def report(table):
    return audit(table, clients=4, seed=3)


@pytest.fixture(scope="module")
def published(table):
    return audit(table, clients=4, seed=3, protocol="published")


def numbers(value):
    if isinstance(value, dict):
        for entry in value.values():
            yield from numbers(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from numbers(entry)
    else:
        yield value


@pytest.mark.parametrize("name", ["report", "published"])
def test_every_router_under_every_law(name, request):
    rows = [(row.training, row.client, row.test) for row in request.getfixturevalue(name).routers]
    expected = [("federated", None, "global"), ("pooled", None, "global")]
    expected += [(t, i, "own") for i in range(4) for t in ("local", "federated", "pooled")]
    expected += [("local", i, "global") for i in range(4)]
    assert sorted(rows, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("name", ["report", "published"])
def test_parts_add_up_and_bounds_hold(name, request):
    for row in request.getfixturevalue(name).routers:
        for lam, gap in row.suboptimality.items():
            scale = 1e-9 * (1.0 + float(lam))
            assert row.approximation[lam] + row.estimation[lam] == pytest.approx(gap, abs=scale)
            assert row.approximation[lam] >= -scale
            assert row.estimation[lam] >= -scale
            if row.bound:
                assert row.bound[lam] >= row.estimation[lam] - scale
                assert math.fsum(row.terms[lam].values()) == pytest.approx(row.bound[lam], abs=scale)
            else:
                assert row.not_applicable


def test_bounds_exist_under_the_sound_protocol(report):
    assert all(row.bound for row in report.routers)


def test_gaps_against_the_problem_itself(table, report):
    """A second route: the policy as a function of embeddings, on the whole table with weights zero outside the test."""
    partition = published_partition([table.task_names[t] for t in table.task], table.n_models, clients=4, seed=3)
    weights = np.zeros(table.weights.size)
    weights[np.concatenate(partition.test)] = 1.0
    from fedroute_theory.federation import logs_from_partition
    from fedroute_theory.routers import KMeansRouter, train

    trained = train(KMeansRouter(c_max=table.c_max), logs_from_partition(table, partition), 3)
    row = report.router("federated", "global")
    for lam in report.prices.keys:
        problem = table.replace(weights=weights, lam=float(lam))
        policy = trained.federated.policy(float(lam))
        split = problem.split_gap(policy, trained.federated.cells(problem.embeddings))
        assert row.suboptimality[lam] == pytest.approx(problem.suboptimality(policy).value, rel=1e-9, abs=1e-9)
        assert row.approximation[lam] == pytest.approx(split.approximation, rel=1e-9, abs=1e-9)
        best = report.reference("best cell policy")
        assert best.suboptimality[lam] == pytest.approx(split.approximation, rel=1e-9, abs=1e-9)


def test_areas_are_ordered(report):
    for row in (*report.routers, *report.references):
        assert 0.0 <= row.auc <= 1.0
        assert 0.0 <= row.auc_published <= 1.0
    for client in (None, 0, 1, 2, 3):
        oracle, cells = report.reference("oracle", client).auc, report.reference("best cell policy", client).auc
        for row in report.routers:
            if (row.test == "global") == (client is None) and (client is None or row.client == client):
                assert row.auc <= oracle + 1e-12
                if row.training == "federated":
                    assert row.auc <= cells + 1e-12
        single = report.reference("best single model", client).auc
        assert report.reference("random", client).auc <= single + 1e-12
        assert single <= cells + 1e-12 <= oracle + 2e-12
        assert report.reference("random", client).auc_published == 0.0


def test_json_is_plain_and_finite(report, published):
    for each in (report, published):
        document = each.as_json()
        again = json.loads(json.dumps(document, allow_nan=False))
        assert again == document
        for value in numbers(document):
            assert type(value) in (int, float, str, bool, type(None))
            assert not isinstance(value, float) or math.isfinite(value)
        assert {"routers", "references", "clients", "table", "summary", "costs", "protocol", "seed", "version"} <= set(document)
        row = document["routers"][0]
        assert {"router", "training", "client", "test", "auc", "auc_published", "suboptimality"} <= set(row)
        assert {"records", "models_never_logged", "coverage_K2", "why"} <= set(document["clients"][0])


def test_same_seed_same_bytes(table, report, tmp_path):
    again = audit(table, clients=4, seed=3)
    first, second = write_report(report, tmp_path / "a"), write_report(again, tmp_path / "b")
    assert [path.name for path in first] == [path.name for path in second]
    assert {path.suffix for path in first} == {".json", ".csv", ".md", ".png", ".svg"}
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(p.name for p in first)


def test_costs_are_drawn_in_the_unit_that_is_stated(report):
    from fedroute_theory.report.audit_figures import frontier_figure

    assert "(unit of the table)" in frontier_figure(report).axes[0].get_xlabel()
    assert "(USD)" in frontier_figure(report, cost_unit="USD").axes[0].get_xlabel()


def test_another_seed_another_report(table, report):
    assert audit(table, clients=4, seed=4).as_json()["routers"] != report.as_json()["routers"]


def test_relabelled_models_change_names_only(table):
    order = np.array([2, 0, 3, 1])
    back = np.argsort(order)
    partition = published_partition(table.task, table.n_models, clients=3, seed=5)
    moved = Partition(partition.train, partition.test, tuple(back[models] for models in partition.logged_model))
    first = audit_partition(table, partition, seed=5)
    second = audit_partition(table.relabelled(order), moved, seed=5)
    for one, two in zip((*first.routers, *first.references), (*second.routers, *second.references), strict=True):
        assert one.auc == pytest.approx(two.auc, abs=1e-9)
        for lam, gap in one.suboptimality.items():
            assert gap == pytest.approx(two.suboptimality[lam], rel=1e-9, abs=1e-9)
    for one, two in zip(first.clients, second.clients, strict=True):
        assert set(one.coverage.models_never_logged) == set(two.coverage.models_never_logged)
        assert one.why == two.why
        assert one.terms_local == pytest.approx(two.terms_local, abs=1e-9)


def test_clients_without_rows_are_skipped_in_one_sentence(table):
    partition = published_partition(table.task, table.n_models, clients=4, seed=3)
    nothing = np.empty(0, dtype=np.int64)
    holes = Partition(
        (partition.train[0], nothing, partition.train[2], nothing),
        (nothing, partition.test[1], partition.test[2], nothing),
        (partition.logged_model[0], nothing, partition.logged_model[2], nothing),
    )
    report = audit_partition(table, holes)
    assert [row.client for row in report.clients] == [2]
    assert "no test rows" in report.skipped[0]
    assert "no train rows" in report.skipped[1]
    assert "no train and no test rows" in report.skipped[3]
    assert {row.client for row in report.routers} == {None, 2}
    assert report.skipped[1] in text_tables(report)
    json.dumps(report.as_json(), allow_nan=False)


def test_nobody_to_compare(table):
    nothing = np.empty(0, dtype=np.int64)
    rows = np.arange(100)
    apart = Partition((rows, nothing), (nothing, rows + 100), (rows % table.n_models, nothing))
    report = audit_partition(table, apart)
    assert report.clients == ()
    assert report.gains["auc"]["own"] is None
    assert "Reading" in text_tables(report)
    json.dumps(report.as_json(), allow_nan=False)


def test_more_clients_than_rows_can_fill():
    report = audit(make(queries=60), clients=12, task_alpha=0.05, seed=1)
    assert len(report.clients) + len(report.skipped) == 12
    assert report.skipped
    assert "Reading" in text_tables(report)


def test_no_test_rows_at_all(table):
    nothing = np.empty(0, dtype=np.int64)
    partition = Partition((np.arange(20),), (nothing,), (np.arange(20) % 4,))
    with pytest.raises(InputError, match="leaves no test row"):
        audit_partition(table, partition)


def test_protocols_differ_where_the_released_experiments_do(report, published):
    sound, theirs = report.as_json()["parameters"]["router"], published.as_json()["parameters"]["router"]
    numbers_of_centres = ("local_clusters", "client_clusters", "clusters", "pooled_clusters")
    assert [theirs[name] for name in numbers_of_centres] == [8, 15, 20, 30]
    assert len({sound[name] for name in numbers_of_centres}) == 1
    assert (sound["empty"], theirs["empty"]) == ("exclude", "published")
    assert theirs["c_max"] == sound["c_max"]
    assert published.headline == report.headline
    assert published.reference("oracle").auc == report.reference("oracle").auc
    assert published.router("local", "global", 0).auc != report.router("local", "global", 0).auc


def test_given_prices_are_reported(table):
    report = audit(table, clients=2, lams=[2500, 0.0, 12.5])
    assert report.prices.keys == ("0", "12.5", "2500")
    assert set(report.routers[0].suboptimality) == {"0", "12.5", "2500"}
    assert report.headline in report.prices.keys
    assert audit(table, clients=2).routers[0].auc == report.routers[0].auc


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "loud"}, "'protocol' parameter must be one of 'sound', 'published'"),
        ({"lams": [-1.0]}, r"'lams' parameter must hold finite numbers in \[0, 1e\+12\]; got -1 at index 0\."),
        ({"lams": []}, "'lams' parameter"),
        ({"clients": 0}, "'clients' parameter"),
        ({"task_alpha": 0.0}, "'task_alpha' parameter"),
        ({"seed": -1}, "'seed' parameter"),
    ],
)
def test_bad_input_is_one_sentence(table, changes, message):
    with pytest.raises(InputError, match=message):
        audit(table, **changes)


def test_progress_is_told(table):
    told = []
    audit(table, clients=2, progress=told.append)
    assert told[0].startswith("training")
    assert "evaluating client 1" in told


def test_models_of_one_price_and_equal_embeddings():
    table = make(queries=200)
    table = table.replace(cost=np.full(table.cost.shape, 0.25), c_max=0.25, embeddings=np.round(table.embeddings, 0))
    report = audit(table, clients=2)
    for row in report.routers:
        assert 0.0 <= row.auc <= report.reference("oracle", row.client if row.test == "own" else None).auc + 1e-12
        assert row.auc_published == 0.0
    assert report.as_json()["table"]["lipschitz"] is None
    assert "no Lipschitz constant" in report.lipschitz.remark


def test_the_oracle_is_never_called_learnable(report):
    text = text_tables(report)
    assert f"\nModels: {', '.join(report.everywhere.problem.models)}.\n" in text
    assert "not an optimum that any router can learn" in text
    assert all(row["learnable"] is False for row in report.as_json()["references"])


def test_gains_are_those_of_the_rows(report):
    for row in report.clients:
        alone, together = report.router("local", "own", row.client), report.router("federated", "own", row.client)
        assert row.auc_gain_own == together.auc - alone.auc
        for lam, gain in row.gain_own.items():
            assert gain == alone.suboptimality[lam] - together.suboptimality[lam]
    everything = report.gains["auc"]["own"]
    assert everything.gain == sum(row.auc_gain_own > 1e-12 for row in report.clients)
    assert everything.clients == len(report.clients)
    assert everything.share_low <= everything.gain / everything.clients <= everything.share_high


def test_unwritable_folder_gives_one_sentence(report, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(InputError, match=r"The folder '.*file/out' cannot be made: "):
        write_report(report, blocked / "out")


def test_full_disk_leaves_the_older_file_whole(report, tmp_path, monkeypatch):
    import os

    write_report(report, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"The file '.*audit.json' cannot be written: No space left on device\.$"):
        write_report(dataclasses.replace(report, queries=1), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
