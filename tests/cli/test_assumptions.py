"""assumptions as a user meets it: a row for every assumption of every theorem, on scenarios and on tables; refusals."""

import json
import re
import sys

import numpy as np
import pytest

from fedroute_theory.cli import main
from fedroute_theory.problems import example_table
from fedroute_theory.theorems import registry


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process; returns (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fedroute-theory", "assumptions", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return stopped.value.code or 0, out, err

    return call


def test_scenarios_that_show_nothing_share_one_line(run, monkeypatch):
    from fedroute_theory import verify

    few = {name: verify.SCENARIOS[name] for name in ("few-points", "voronoi", "descending")}
    monkeypatch.setattr(verify, "SCENARIOS", few)
    code, out, _ = run("fedavg-convergence", "--records", "20")
    assert code == 0
    assert out.count("Assumptions on") == 1
    assert out.rstrip().endswith("Nothing is measured on few-points, voronoi (no federated descent was recorded).")
    assert "Assumptions on voronoi" in run("fedavg-convergence", "--records", "20", "--scenario", "voronoi")[1]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    table = example_table(np.random.default_rng(0), queries=200, tasks=4, models=3, dimension=3)
    table.write(folder / "small.parquet", folder / "small.npz")
    return folder / "small.parquet"


def test_a_table_gets_a_row_for_every_assumption_of_every_theorem(run, file):
    code, out, _ = run("--table", file, "--clients", "3", "--json", "-")
    assert code == 0
    rows = json.loads(out)["assumptions"]
    listed = {(slug, name) for slug, entry in registry().items() for name in entry.assumptions}
    assert listed <= {(r["theorem"], r["assumption"]) for r in rows}
    assert all(r["how"] for r in rows if r["state"] in ("unknowable", "not measured"))
    state = {(r["theorem"], r["assumption"], r["training"]): r for r in rows}
    covered = state["coverage-transfer", "coverage", "federated"]
    assert covered["state"] == "unknowable"
    assert "realised counts" in covered["how"]
    assert state["least-squares", "truth known", "-"]["state"] == "holds"
    assert state["least-squares", "non-adaptive logging", "-"]["state"] == "holds"
    assert state["pooling", "a client that covers the test law", "-"]["state"] == "unknowable"
    assert state["client-heterogeneity", "known kind of class", "-"]["how"] == "needs several truths"
    named = state["mlp-router", "known kind of class", "-"]
    assert (named["state"], named["how"]) == ("not measured", "no network with a certificate among the trained routers")
    slope = state["kmeans-router", "utility Lipschitz", "federated"]
    assert slope["how"].endswith("finite population only; unknowable beyond it")
    assert all("any will do" not in r["how"] for r in rows)


def test_trainings_that_agree_share_a_row_and_the_last_line_counts_the_rows(run, file):
    code, out, _ = run("kmeans-router", "--table", file, "--clients", "3")
    assert code == 0
    rows = [
        line for line in out.splitlines() if line.startswith(tuple(f"  {a} " for a in registry()["kmeans-router"].assumptions))
    ]
    assert len(rows) == len(registry()["kmeans-router"].assumptions)
    assert all("  all  " in row for row in rows)
    counts = re.fullmatch(
        r"  small: (\d+) hold, (\d+) fail, (\d+) unknowable, (\d+) not measured\.", out.rstrip().splitlines()[-1]
    )
    assert counts is not None
    assert sum(map(int, counts.groups())) == len(rows)


def test_trainings_that_differ_keep_their_rows(run, file):
    out = run("coverage-transfer", "--table", file, "--clients", "3")[1]
    assert len([line for line in out.splitlines() if line.startswith("  coverage  ")]) > 1


def test_the_tables_fit_120_columns_and_leave_nothing_out(run):
    code, out, _ = run("--scenario", "voronoi", "--records", "40")
    told = json.loads(run("--scenario", "voronoi", "--records", "40", "--json", "-")[1])["assumptions"]
    assert code == 0
    assert [line for line in out.splitlines() if len(line) > 120] == []
    for block in out.strip().split("\n\n")[1:-1]:
        slug, words = block.splitlines()[0], " ".join(block.split())
        for row in (r for r in told if r["theorem"] == slug):
            assert all(row[key] in words for key in ("assumption", "how", "where", "remedy"))
    assert {block.splitlines()[0] for block in out.strip().split("\n\n")[1:-1]} == set(registry())
    by_hand = out[out.index("\ncoverage-transfer") :].split("\n\n")[0].splitlines()
    assert by_hand[3].split()[:3] == ["coverage", "holds", "all"]
    assert by_hand[3].split()[-1] == "1"
    assert by_hand[5].startswith("  1: K2")


def test_scenarios_get_a_row_for_every_assumption_too(run):
    rows = json.loads(run("--scenario", "voronoi", "--records", "40", "--json", "-")[1])["assumptions"]
    listed = {(slug, name) for slug, entry in registry().items() for name in entry.assumptions}
    assert listed <= {(r["theorem"], r["assumption"]) for r in rows}


@pytest.mark.parametrize("option", ["--router", "--lam", "--clients", "--models", "--embeddings"])
@pytest.mark.parametrize("place", [("--scenario", "voronoi"), ()])
def test_options_of_a_table_are_refused_without_one(run, option, place):
    code, out, err = run(*place, option, "1")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert f"{option} needs --table" in err


def test_records_of_a_scenario_are_refused_with_a_table(run, file):
    code, out, err = run("--table", file, "--records", "50")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert "--records speaks of scenarios" in err
