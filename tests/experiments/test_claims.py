"""The claims table: its verdicts follow the numbers, and growth is measured on small tables."""

import json
import shlex

import numpy as np
import polars as pl
import pytest
from pages import PAGES, blocks
from typer.testing import CliRunner

from fedroute_theory._validate import InputError
from fedroute_theory.cli import app
from fedroute_theory.problems import example_table, read_table
from fedroute_theory.problems.prompts import embed_table
from fedroute_theory.sweep import Cell
from fedroute_theory.tables import catalogue
from fedroute_theory.tables.data import EvaluationTable
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.tables.studies import published, regrown, retold

CLIENTS = list(range(10))


@pytest.fixture(scope="module")
def experiment():
    return catalogue.load(catalogue.shipped(), "claims")


def invented(params, lift, kept=0.2):  # noqa: PLR0911  (one for each kind)
    """A result in which federating, growing and mixing bring `lift`; kept: of it after empty pairs are filled."""
    kind, seed = params["kind"], params.get("seed", 42)
    noise = 1e-3 * np.random.default_rng(seed).normal()
    if kind == "partition":
        return {"train": list(published.TRAIN), "test": 9129, "empty": 8, "by_model": list(published.BY_MODEL)}
    if kind == "facts":
        return {"train": [1], "test": 1, "empty": 0, "by_model": [1, 1]}
    if kind == "rounds":
        return {m: [0.5, 0.5 + 2 * lift + noise, *[0.5 + 2.5 * lift] * 4] for m in ("auc", "auc_published")}
    if kind in ("new models", "new clients"):
        return {
            stage: {m: {"all": 0.5 + more, "newcomers": 0.5 + more} for m in ("auc", "auc_published")}
            for stage, more in (("before", 0.0), ("after", lift + noise))
        }
    if kind == "suboptimality":
        return {
            part: {"local": [0.3, None if part == "bound" else 0.3], "federated": [0.3 - lift + noise], "pooled": [0.1]}
            for part in ("gap", "bound")
        } | {"vacuous": 0}
    if kind == "coverage":
        areas = {"own": 0.5, "filled": 0.5 + (1 - kept) * lift + noise, "federated": 0.5 + lift}
        return dict.fromkeys(("auc", "auc_published"), areas)
    gain = lift + noise
    areas = {"federated": 0.6 + gain, "pooled": 0.6 + gain, "local most": 0.6, "local least": 0.6, "best single model": 0.6}
    own = {"local": [0.6] * 10, "federated": [0.6 + gain] * 10, "pooled": [0.6] * 10}
    if params["router"].startswith("mixture"):
        own["mixture"] = [0.6 + 2 * gain] * 10
    both = ("auc", "auc_published")
    return {
        "clients": CLIENTS, "global": dict.fromkeys(both, areas), "own": dict.fromkeys(both, own),
        "everywhere": {m: {"local": [0.6] * 10} for m in both},
    }  # fmt: skip


def presented(experiment, lift, kept=0.2, full=False, result=invented):
    request = Request(full=full)
    cells = [*experiment.cells(request), *catalogue.load(catalogue.shipped(), "real_tables").cells(request)]
    return {a.name: a for a in experiment.present([Done(p, result(p, lift, kept)) for p in cells])}


def test_verdicts_follow_the_numbers(experiment):
    made = presented(experiment, 0.05)
    verdicts = {(row[0], row[2]): row[-1] for row in made["claims_on_example"].rows}
    single = {k for k in verdicts if "MLP" in k[0] and ("adding" in k[0] or "first round" in k[0])}
    assert {verdicts[k] for k in single} == {"reproduced under the published protocol; sound not run"}
    mixtures = {k for k in verdicts if "MLP" in k[0] and "mixture" in k[0]}
    assert {verdicts[k] for k in mixtures} == {"not run at default size (--full)"}
    assert len(mixtures) == 2
    assert {v for k, v in verdicts.items() if k not in single | mixtures} == {"reproduced"}
    assert {row[-1] for row in made["claims_figures"].rows} == {"cannot be tested here"}


def test_with_full_everything_but_the_rounds_is_tested_under_both_protocols(experiment):
    rows = presented(experiment, 0.05, full=True)["claims_on_example"].rows
    assert [row[-1] for row in rows if row[-1] != "reproduced"] == ["reproduced under the published protocol; sound not run"]


def test_only_claims_of_the_paper_are_counted_and_the_note_adds_up(experiment):
    made = presented(experiment, 0.05)
    claims = made["claims_on_example"]
    assert not [row for row in claims.rows if "single" in row[0] or "rows" in row[0] or "records" in row[0]]
    intervals = sum(hasattr(row[i], "low") for row in claims.rows for i in (3, 5))
    assert f"{intervals} intervals are looked at" in claims.note
    assert f"some {0.05 * intervals:.1f} would be clear" in claims.note
    assert "MLP rows have 3 seeds only" in claims.note
    assert "'example' is data made by this package" in claims.note
    assert f"Verdicts on the {len(claims.rows)} rows: {len(claims.rows) - 6} reproduced, 4 reproduced under" in claims.note
    checks = made["claims_checks_on_example"]
    assert [row[0] for row in checks.rows] == [f"federated minus best single model ({f})" for f in ("K-means", "MLP")]
    assert (checks.rows[0][1].value, checks.rows[0][2]) == (pytest.approx(0.05, abs=0.01), "10/10")
    partition = made["claims_partition"]
    assert [row[-1] for row in partition.rows] == [True, True, False, True]


def test_a_claim_of_every_client_needs_every_seed(experiment):
    def once(params, lift, kept):
        failed = params["kind"] == "audit" and params["seed"] == 43
        return invented(params, -0.01 if failed else lift, kept)

    rows = {row[0]: row for row in presented(experiment, 0.05, result=once)["claims_on_example"].rows}
    every = rows["federated beats every client-local router on all test queries (K-means)"]
    assert every[3].low > 0.0
    assert (every[4], every[6], every[-1]) == ("9/10", "9/10", "not reproduced (open)")
    average = rows["federated beats client-local routers on their own test queries on average (K-means)"]
    assert average[-1] == "reproduced"


def test_no_claim_survives_the_opposite(experiment):
    rows = presented(experiment, -0.05)["claims_on_example"].rows
    kept = [row[0] for row in rows if str(row[-1]).startswith("reproduced")]
    # equality does not know of directions
    assert kept == [f"centralised equals federated ({f})" for f in ("K-means", "MLP")]


@pytest.mark.parametrize(("kept", "said"), [(0.4, "reproduced"), (0.6, "not reproduced (against)")])
def test_coverage_must_take_more_than_half_of_the_gain(experiment, kept, said):
    rows = presented(experiment, 0.05, kept)["claims_on_example"].rows
    assert [row[-1] for row in rows if "coverage" in row[0]] == [said]


@pytest.mark.parametrize("name", ["claims", "real_tables"])
def test_tables_whose_files_would_have_one_name_are_refused_before_anything_runs(name, routerbench):
    request = Request(tables=tuple(EvaluationTable(own, routerbench) for own in ("a-b", "a_b")))
    with pytest.raises(InputError, match=r"The tables 'a-b' and 'a_b' would have the same file names \('a_b'\); rename one\."):
        catalogue.load(catalogue.shipped(), name).cells(request)


def test_a_file_named_example_is_not_called_made(experiment):
    def filed(params):
        return {**params, "table": params["table"] | {"digest": "d"}} if "table" in params else params

    cells = [*experiment.cells(Request()), *catalogue.load(catalogue.shipped(), "real_tables").cells(Request())]
    made = experiment.present([Done(filed(p), invented(p, 0.05)) for p in cells])
    assert not [a.name for a in made if "made by this package" in a.note]


def test_a_figure_is_compared_where_the_partition_is_the_papers(experiment):
    cells = [*experiment.cells(Request()), *catalogue.load(catalogue.shipped(), "real_tables").cells(Request())]
    facts = {"train": list(published.TRAIN), "by_model": list(published.BY_MODEL)}
    done = [Done(p, facts if p["kind"] == "facts" else invented(p, 0.15)) for p in cells]
    (figures,) = (a for a in experiment.present(done) if a.name == "claims_figures")
    assert {row[-1] for row in figures.rows} == {"not reproduced"}
    assert figures.rows[0][1:3] == ("0.75 0.63 0.72 0.75", "0.75 0.60 0.60 0.75")


@pytest.fixture
def routerbench(tmp_path):
    """A file of RouterBench's layout: quality as recorded there, answers as text, eval_name as the task."""
    rng, rows = np.random.default_rng(0), 400
    models = ("WizardLM/WizardLM-13B-V1.2", "claude-v1", "claude-v2", "gpt-4-1106-preview")
    task = np.array(["mmlu-anatomy", "grade-school-math", "hellaswag"])[np.arange(rows) % 3]
    words = {"mmlu-anatomy": "bone muscle nerve", "grade-school-math": "apples price total", "hellaswag": "then he goes"}
    columns = {
        "sample_id": [f"{t}.{i}" for i, t in enumerate(task)],
        "prompt": [f"['{words[t]} {i % 5}']" for i, t in enumerate(task)],
        "eval_name": task,
    }
    skill = {(t, m): rng.dirichlet([0.5] * 4) for t in words for m in models}  # each model is good at some task
    columns |= {m: [rng.choice([0.0, 0.25, 0.5, 1.0], p=skill[t, m]) for t in task] for m in models}
    columns |= {f"{m}|model_response": [f"['answer {i}']" for i in range(rows)] for m in models}
    columns |= {f"{m}|total_cost": rng.uniform(1e-5, 1e-3, rows) * 4**k for k, m in enumerate(models)}
    columns["oracle_model_to_route_to"] = ["no_model_correct"] * rows
    path = tmp_path / "routerbench.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_routerbench_layout_is_read_as_it_is(routerbench, tmp_path):
    (tmp_path / "routerbench.npz").write_bytes(embed_table(routerbench, dimension=4))
    table = read_table(routerbench)
    assert table.models == ("WizardLM/WizardLM-13B-V1.2", "claude-v1", "claude-v2", "gpt-4-1106-preview")
    assert table.task_names == ("grade-school-math", "hellaswag", "mmlu-anatomy")
    frame = pl.read_parquet(routerbench)
    assert table.quality[:, 1].tolist() == frame["claude-v1"].to_list()
    assert table.cost[:, 3].tolist() == frame["gpt-4-1106-preview|total_cost"].to_list()
    assert table.embeddings.shape == (400, 4)


@pytest.mark.parametrize("kind", ["audit", "facts", "new models", "new clients", "coverage"])
def test_cells_of_a_file_compute(experiment, routerbench, tmp_path, kind):
    (tmp_path / "routerbench.npz").write_bytes(embed_table(routerbench, dimension=4))
    request = Request(tables=(EvaluationTable("routerbench", routerbench),))
    audits = catalogue.load(catalogue.shipped(), "real_tables")
    owner = audits if kind == "audit" else experiment
    params = next(p for p in owner.cells(request) if p["kind"] == kind and p.get("router") != "mlp")
    cell = Cell("any", 1, params, request.tables[0].files())
    first = json.dumps(owner.compute(cell), allow_nan=False)
    assert first == json.dumps(owner.compute(cell), allow_nan=False)
    if kind == "coverage":
        areas = json.loads(first)["auc"]
        assert areas["own"] < areas["filled"] != areas["federated"]
    if kind in ("new models", "new clients"):
        stages = json.loads(first)
        assert stages["before"] != stages["after"]


def test_rounds_change_the_network(monkeypatch):
    from fedroute_theory.routers import MLPRouter

    table = example_table(np.random.default_rng(0), queries=300, tasks=3, models=3, dimension=3)
    monkeypatch.setattr(retold, "read", lambda _: table)
    monkeypatch.setattr(retold, "ROUNDS", (0, 1))
    small = MLPRouter(
        hidden=(4,), learning_rates=(3e-2,), c_max=table.c_max, unlogged="routable",
        layer_norm=False, dropout=0.0, optimiser="sgd", clip=None,  # quick to compile
    )  # fmt: skip
    monkeypatch.setattr("fedroute_theory.audit.protocols.router_of", lambda *_: small)
    found = retold.rounds(Cell("claims", 1, {"seed": 1}))
    assert len(found["auc"]) == 2
    assert found["auc"][0] != found["auc"][1]


@pytest.mark.usefixtures("routerbench")
def test_the_commands_of_the_page_are_commands(tmp_path, monkeypatch):
    """The first is a plan of minutes, the second runs, the third takes what it wrote."""
    page = next(p for p in PAGES if p.name == "reproducing_the_paper.md")
    commands = [line for language, code in blocks(page) if language == "sh" for line in code.splitlines()]
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path)
    for command in commands:
        words = shlex.split(command)[1:]
        planned = ["--dry-run"] if words[0] == "tables" else ["--dimension", "4"]
        result = CliRunner().invoke(app, [*words, *planned])
        assert result.exit_code == 0, result.output
    assert "claims" in result.output


def test_two_models_leave_none_to_hold_back(experiment, monkeypatch):
    table = example_table(np.random.default_rng(0), queries=300, tasks=3, models=2, dimension=3)
    monkeypatch.setattr(regrown, "read", lambda _: table)
    params = {"kind": "new models", "table": {"name": "t"}, "router": "kmeans", "protocol": "sound", "seed": 1}
    assert experiment.compute(Cell("claims", 1, params)) is None


def test_gaps_on_generated_problems_are_below_their_bounds(experiment):
    found = experiment.compute(Cell("claims", 1, {"kind": "suboptimality", "protocol": "published", "seed": 42}))
    assert found["gap"]["federated"][0] < np.mean(found["gap"]["local"])
    assert 0.0 <= found["gap"]["federated"][0] <= found["bound"]["federated"][0]
    assert max(found["gap"]["local"]) <= max(found["bound"]["local"])
    assert found["bound"]["pooled"] == []  # statistics from before the last update are not those of any cells
