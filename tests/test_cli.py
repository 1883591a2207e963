"""The command line as a user meets it: outputs, JSON, exit codes, one sentence for bad input."""

import contextlib
import io
import json
import subprocess
import sys
from unittest import mock

import pytest

from fedroute_theory.cli import main
from fedroute_theory.theorems import registry


def run(*arguments):
    """Run the command in this process; returns (exit code, stdout, stderr)."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    given = mock.patch("sys.argv", ["fedroute-theory", *map(str, arguments)])
    with given, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
    return code, out.getvalue(), err.getvalue()


def run_apart(*arguments):
    """The same in a process of its own."""
    command = [sys.executable, "-c", "from fedroute_theory.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def refused(*arguments):
    """The single sentence on stderr of a call that must be refused as bad input."""
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    return err


def test_list_names_every_theorem():
    code, out, _ = run("list", "--json")
    assert code == 0
    assert [t["slug"] for t in json.loads(out)["theorems"]] == list(registry())
    assert run("list", "--json") == run_apart("list", "--json")
    listed = run("list")[1]
    assert all(slug in listed for slug in registry())
    assert listed.endswith(", ".join(json.loads(out)["scenarios"]) + "\n")
    assert all(name in refused("verify", "--scenario", "nothing") for name in json.loads(out)["scenarios"])


@pytest.mark.parametrize("slug", sorted(registry()))
def test_show_gives_statement_assumptions_and_ranges(slug):
    code, out, _ = run("show", slug)
    assert code == 0
    assert all(name in out for name in registry()[slug].assumptions)
    shown = json.loads(run("show", slug, "--json")[1])
    assert set(shown["forms"]) == set(registry()[slug].forms)


def test_bound_calculates_and_names_the_terms():
    code, out, _ = run("bound", "coverage-transfer", "eps=0.1", "K2=4", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["value"] == pytest.approx(0.2)
    assert sum(result["terms"].values()) == pytest.approx(result["value"])
    assert run("bound", "coverage-transfer", "form=holes", "eps=0.1", "K2_covered=4", "hole_mass=0.5", "R=1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("bound", "coverage-transfer", "eps=-1", "K2=4"), "'eps'"),
        (("bound", "coverage-transfer", "eps=one", "K2=4"), "'eps'"),
        (("bound", "coverage-transfer", "eps=0.1"), "'K2'"),
        (("bound", "coverage-transfer", "eps=0.1"), "missing; the formula takes eps, K2"),
        (("bound", "coverage-transfer", "eps=0.1", "K2=4", "K3=1"), "'K3'"),
        (("bound", "coverage-transfer", "eps"), "'eps'"),
        (("bound", "nothing", "eps=1"), "'nothing'"),
        (("bound", "pooling", "form=none"), "'none'"),
        (("bound", "kmeans-router", "form=hoeffding-width", "n=10", "N=4", "R=1", "delta=1.5"), "1.5"),
        (("show", "nothing"), "'nothing'"),
        (("verify", "--theorem", "nothing"), "'nothing'"),
        (("verify", "--theorem", "linear-heads", "--scenario", "few-points"), "no claim"),
        (("verify", "--delta", "1"), "'delta'"),
        (("verify", "--seed", "-1"), "'seed'"),
        (("verify", "--workers", "0"), "'workers'"),
        (("verify", "--quick", "--full"), "--quick"),
        (("verify", "--json", "no/such/folder/file.json"), "no/such/folder"),
        (("audit",), "--example"),
        (("audit", "missing.parquet"), "missing.parquet"),
        (("audit", "--example", "--protocol", "mine"), "'protocol'"),
        (("audit", "--example", "--clients", "0"), "'clients'"),
        (("audit", "--example", "--task-alpha", "0"), "'task_alpha'"),
        (("audit", "--example", "--lam", "-1"), "'lams'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(arguments, named):
    assert named in refused(*arguments)


def test_a_refusal_is_the_same_in_a_process_of_its_own():
    arguments = ("bound", "coverage-transfer", "eps=-1", "K2=4")
    assert run_apart(*arguments) == run(*arguments)


def test_verify_writes_one_json_object_and_a_table(tmp_path):
    file = tmp_path / "found.json"
    wanted = ("verify", "--quick", "--theorem", "two-pass-kmeans", "--scenario", "few-points", "--json")
    code, out, err = run(*wanted, file)
    found = json.loads(file.read_text())
    keys = [
        "theorem",
        "scenario",
        "training",
        "n",
        "bound",
        "gap",
        "gap_error",
        "ratio",
        "trials",
        "violations",
        "verdict",
        "terms",
        "assumptions",
    ]
    assert code == 0
    assert "two-pass-kmeans" in out
    assert "few-points" in err
    assert found["results"]
    assert all(set(keys) <= set(r) and r["verdict"] == "HOLDS" for r in found["results"])
    assert all(sum(r["terms"].values()) == pytest.approx(r["bound"]) for r in found["results"])
    assert (
        json.loads(run("verify", "--quick", "--theorem", "two-pass-kmeans", "--scenario", "few-points", "--json", "-")[1])
        == found
    )


def test_assumptions_tell_their_progress_on_stderr_only():
    code, out, err = run("assumptions", "pooling", "--scenario", "voronoi", "--records", "50", "--json", "-")
    assert code == 0
    assert json.loads(out)["case"] == "voronoi"
    assert err.splitlines() == ["[1/1] voronoi, pooling"]


def test_audit_example_can_be_audited_again_from_its_files(tmp_path):
    code, out, _ = run("audit", "--example", "--out", tmp_path, "--json", tmp_path / "first.json")
    assert code == 0
    assert "Reading" in out
    written = {p.name for p in tmp_path.iterdir()}
    assert {"audit.json", "report.md", "frontier.png", "frontier.svg", "terms.png", "clients.csv", "example.parquet"} <= written
    code, out, _ = run("audit", tmp_path / "example.parquet", "--json", "-")
    again, first = json.loads(out), json.loads((tmp_path / "first.json").read_text())
    assert code == 0
    assert again["routers"] == first["routers"]
    assert {"router", "training", "client", "test", "auc", "auc_published", "suboptimality"} <= set(again["routers"][0])
    code, out, _ = run("audit", tmp_path / "example.parquet", "--models", "model-a,model-c", "--json", "-")
    assert json.loads(out)["table"]["models"] in (2, ["model-a", "model-c"])
    assert "model-z" in refused("audit", tmp_path / "example.parquet", "--models", "model-a,model-z")


def test_importing_and_asking_for_help_is_light():
    code = "import sys, fedroute_theory.cli; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ["sklearn", "scipy", "polars", "matplotlib", "jax", "cvxpy", "sympy"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    code, said, _ = run("--help")
    assert code == 0
    assert 0 < said.index(" verify ") < said.index(" audit ") < said.index(" list ") < said.index(" assumptions ")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nothing",), "'nothing'"),
        (("verify", "--sed", 3), "--sed"),
        (("show",), "slug"),
        (("verify", "--seed", "one"), "one"),
        (("compare", "table.csv", "--seeds", 0), "'table.csv'"),
        (("explain", "pooling", "--records", 0), "got 0"),
        (("attack", "pooling", "--evaluations", 1, "--seed", -1), "got -1"),
        (("bound", "pooling", "form="), "no form ''"),
        (("verify", "--theorem", "pooling", "--scenario", "tiny"), "tiny (for kmeans-router)"),
    ],
)
def test_what_is_not_understood_gets_one_sentence(arguments, named):
    said = refused(*arguments)
    assert said.startswith("fedroute-theory: ")
    assert said.rstrip().endswith(".")
    assert named in said


def test_a_file_below_a_file_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    assert "no writable folder" in refused("verify", "--quick", "--json", tmp_path / "file" / "x.json")


def test_a_command_that_is_stopped_says_so(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fedroute_theory.verify.explained.explain", stop)
    assert run("explain", "pooling") == (130, "", "fedroute-theory: interrupted.\n")


def test_a_request_to_end_keeps_what_is_done_and_leaves_no_worker(tmp_path):
    """The pipes are at their end only when no worker holds them any more."""
    file = tmp_path / "out.json"
    command = [sys.executable, "-c", "from fedroute_theory.cli import main; main()", "verify", "--quick"]
    options = ["--theorem", "pooling", "--workers", "2", "--json", str(file)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("[1/")
    process.terminate()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted after" in err or "killed" in err
    assert json.loads(file.read_text())["interrupted"] is True
