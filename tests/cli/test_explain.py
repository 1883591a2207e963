"""explain as a user meets it: table, overview, figure, JSON, refusals, one sentence for bad input."""

import json
import math
import sys

import pytest

from fedroute_theory.cli import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process; returns (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fedroute-theory", "explain", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return stopped.value.code or 0, out, err

    return call


def test_the_default_is_the_first_scenario_with_a_gap_and_a_bound_that_says_something(run):
    code, out, _ = run("kmeans-router")
    assert code == 0
    assert out.startswith("kmeans-router (least/")
    assert "on lipschitz-line, 300 records a client, seed 0, federated" in out  # vacuous on tiny and tabular, no gap on voronoi
    assert out.rstrip().splitlines()[-1].strip().startswith("Loses most: ")


def test_a_vacuous_bound_says_so_in_every_output(run, tmp_path):
    place = ("kmeans-router", "--scenario", "tiny")
    _, out, _ = run(*place)
    assert "vacuous: at least the utility range" in out
    _, out, _ = run(*place, "--all-forms")
    assert "* vacuous: at least the utility range" in out
    file = tmp_path / "waterfall.svg"
    run(*place, "--figure", file)
    assert "vacuous" in file.read_text()
    _, out, _ = run(*place, "--json", "-")
    found = json.loads(out)
    assert {w["vacuous"] for w in found["waterfalls"] if w["bound"] >= w["utility range"]} == {True}


def test_rounding_is_not_slack(run):
    code, out, _ = run("linear-heads", "--form", "leverages/quality")
    assert code == 0
    assert out.splitlines()[3].split()[2:5] == ["0", "x", "1"]
    assert "gap and bound are equal" in out
    place = ("--scenario", "gaussian", "--training", "local", "--client", 1, "--seed", 1)
    code, out, _ = run("linear-heads", *place, "--form", "leverages/cost")
    assert code == 0
    assert "No step loses anything" in out


def test_json_holds_every_form_and_adds_up(run):
    code, out, _ = run("kmeans-router", "--scenario", "tiny", "--json", "-", "--training", "local", "--client", "1")
    found = json.loads(out)
    assert code == 0
    assert (found["training"], found["client"]) == ("local", 1)
    assert {"sharp/kl", "relative/hoeffding", "event/kl"} <= {w["form"] for w in found["waterfalls"]}
    for waterfall in found["waterfalls"]:
        slack = math.fsum(step["slack"] for step in waterfall["steps"])
        assert slack == pytest.approx(waterfall["bound"] - waterfall["gap"], abs=1e-12)


def test_all_forms_name_one_step_each(run):
    code, out, _ = run("greedy-decomposition", "--scenario", "tabular", "--records", "40", "--all-forms")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["top2", "error-difference", "oscillation", "sup"]


def test_a_figure_is_written(run, tmp_path):
    file = tmp_path / "waterfall.png"
    code, _, err = run("greedy-decomposition", "--records", "40", "--form", "sup", "--figure", file)
    assert code == 0
    assert err == f"wrote {file}\n"
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("place", [("two-pass-kmeans", "--scenario", "gaussian"), ("mlp-router", "--scenario", "tiny")])
def test_without_a_waterfall_it_says_that_no_figure_is_written(run, tmp_path, place):
    file = tmp_path / "none.png"
    code, _, err = run(*place, "--figure", file)
    assert code == run(*place)[0] == 0
    assert err == f"fedroute-theory: there is no waterfall to draw, so '{file}' is not written.\n"
    assert not file.exists()


def test_where_the_theorem_does_not_apply_it_says_which_assumption_fails(run):
    code, out, _ = run(
        "greedy-decomposition", "--scenario", "topics", "--records", "20", "--training", "local", "--form", "sup"
    )
    assert code == 0
    assert "not applicable: argmax over all models fails (models excluded on test mass" in out
    code, out, _ = run("mlp-router", "--scenario", "tiny")
    assert code == 0
    assert "says nothing of tiny" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nothing",), "There is no theorem 'nothing'"),
        (("kmeans-router", "--scenario", "nowhere"), "'tiny'"),
        (("kmeans-router", "--scenario", "tiny", "--training", "central"), "there are local, federated, pooled"),
        (("kmeans-router", "--scenario", "tiny", "--form", "dull"), "sharp/hoeffding"),
        (("kmeans-router", "--scenario", "tiny", "--training", "local", "--client", "9"), "there are 0, 1"),
        (("kmeans-router", "--scenario", "tiny", "--client", "0"), "it speaks of all records"),
        (("kmeans-router", "--figure", "drawn.gif"), ".png, .pdf, .svg"),
        (("kmeans-router", "--figure", "nowhere/drawn.png"), "no writable folder"),
        (("kmeans-router", "--figure", "drawn.png", "--all-forms"), "one form"),
    ],
)
def test_bad_input_is_one_sentence(run, arguments, named):
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert named in err
