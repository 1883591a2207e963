"""The kill matrix is complete, theorem by theorem; what it reports when checks, controls or tables are wrong."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from fedroute_theory.cli import app
from fedroute_theory.report import selftest_tables as tables
from fedroute_theory.selftest import assumptions, run
from fedroute_theory.selftest.checks import checks, complaint
from fedroute_theory.selftest.equivalent import EQUIVALENT
from fedroute_theory.selftest.mutants import Mutant, Target, found, planted
from fedroute_theory.selftest.run import EQUAL, KILLED, SURVIVED
from fedroute_theory.selftest.targets import TARGETS
from fedroute_theory.theorems import registry, theorem
from fedroute_theory.theorems.kmeans_router import widths


def test_every_theorem_has_targets_and_every_formula_of_the_calculator_is_among_them():
    assert set(TARGETS) == set(registry())
    for slug, entry in registry().items():
        modules = {f"fedroute_theory.{t.module}": t for t in TARGETS[slug]}
        for formula in entry.forms.values():
            target = modules[formula.compute.__module__]
            name = formula.compute.__name__
            assert not target.functions or name in target.functions or name == "range_aware", (slug, name)


@pytest.mark.parametrize("slug", sorted(TARGETS))
def test_every_mutant_is_killed(slug):
    (result,) = run.run([slug])
    assert not result.wrong
    assert [o.mutant.name for o in result.outcomes if o.state == SURVIVED] == []
    assert result.count(KILLED) + result.count(EQUAL) == len(result.outcomes) > 0


@pytest.mark.parametrize("slug", sorted(TARGETS))
def test_every_assumption_has_a_control_that_breaks_it_and_is_caught(slug):
    broken = assumptions.broken_assumptions(slug)
    assert [b.assumption for b in broken if not b.caught] == []
    assert {b.assumption for b in broken} == set(theorem(slug).assumptions)
    known = set(theorem(slug).assumptions) | {""}
    assert {c.breaks for c in theorem(slug).controls()} <= known


def test_without_checks_every_mutant_survives_and_the_command_says_so(monkeypatch):
    monkeypatch.setattr(run, "checks", lambda *_: {})
    run.unbroken.cache_clear()
    result = CliRunner().invoke(app, ["selftest", "pooling", "--workers", "1"])
    run.unbroken.cache_clear()
    assert result.exit_code == 1
    count = len(run.mutants("pooling"))
    assert f"{count} mutants, 0 killed, 0 equivalent (listed), {count} survived" in result.output
    assert "survived: theorems.pooling" in result.output


def test_a_check_that_fails_unbroken_is_reported_and_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(run, "checks", lambda *_: {"hopeless": lambda: ["always"]})
    run.unbroken.cache_clear()
    (result,) = run.run(["pooling"])
    run.unbroken.cache_clear()
    assert result.outcomes == ()
    assert result.wrong == ("pooling: the check 'hopeless' fails unbroken: always",)
    assert not result.proven


def test_an_assumption_without_a_control_is_reported(monkeypatch):
    from dataclasses import replace

    entry = theorem("pooling")
    wider = replace(entry, assumptions={**entry.assumptions, "planted": "by a test"})
    monkeypatch.setattr(assumptions, "theorem", lambda _: wider)
    result = CliRunner().invoke(app, ["selftest", "pooling", "--workers", "1"])
    assert result.exit_code == 1
    assert "not caught: pooling, 'planted' broken: no control breaks it" in result.output


def test_a_stale_or_a_wrong_entry_of_the_equivalent_ones_is_reported(monkeypatch):
    killed = run.mutants("pooling")[0].name
    monkeypatch.setitem(EQUIVALENT, "theorems.pooling per_record: 3.0 -> 1.5", "gone")
    monkeypatch.setitem(EQUIVALENT, killed, "wrong")
    (result,) = run.run(["pooling"])
    assert len(result.wrong) == 2
    assert "there is no such mutant" in result.wrong[0]
    assert result.wrong[1] == f"listed as equivalent, but killed: {killed}"


def test_every_equivalent_mutant_has_a_reason_and_an_owner():
    assert all(len(reason) > 10 for reason in EQUIVALENT.values())
    names = {m.name for slug in TARGETS for m in run.mutants(slug)}
    assert set(EQUIVALENT) <= names


def test_names_tell_mutants_apart():
    for slug in TARGETS:
        names = [m.name for m in run.mutants(slug)]
        assert len(set(names)) == len(names)


def test_the_command_prints_the_matrix_and_writes_the_same_for_any_workers(tmp_path):
    texts = []
    for workers in ("1", "2"):
        path = tmp_path / workers
        result = CliRunner().invoke(app, ["selftest", "pooling", "--workers", workers, "--json", str(path), "--all-checks"])
        assert result.exit_code == 0, result.output
        texts.append((result.stdout, path.read_text()))
    assert texts[0] == texts[1]
    assert "assumptions, " in texts[0][0].splitlines()[-1]
    read = json.loads(texts[0][1])["theorems"][0]
    assert all(m["ran"] == read["checks"] for m in read["mutants"])


@pytest.mark.parametrize("arguments", [["nope"], ["pooling", "--workers", "0"]])
def test_bad_input_is_refused(arguments):
    from fedroute_theory._validate import InputError

    result = CliRunner().invoke(app, ["selftest", *arguments])
    assert isinstance(result.exception, InputError)


# --- mutants ----------------------------------------------------------------------------------------------------------------


def test_a_mutant_is_seen_by_every_importer_and_taken_out_again():
    from fedroute_theory.theorems.mixture_router.formulas import hoeffding

    before = float(hoeffding(np.ones(1), 2.0)[0])
    target = Target("theorems.kmeans_router.widths", constants=("HOEFFDING_FACTOR",))
    dropped = next(m for m in found(target) if m.function == "hoeffding" and m.operator == "sqrt dropped")
    halved = next(m for m in found(target) if m.function == "HOEFFDING_FACTOR")
    with planted(dropped):
        assert float(hoeffding(np.ones(1), 2.0)[0]) == pytest.approx(before**2)
    with planted(halved):
        assert widths.HOEFFDING_FACTOR == 0.25
        assert float(hoeffding(np.ones(1), 2.0)[0]) == pytest.approx(before / 2**0.5)
    assert float(hoeffding(np.ones(1), 2.0)[0]) == before
    with pytest.raises(ZeroDivisionError), planted(dropped):
        raise ZeroDivisionError
    assert float(hoeffding(np.ones(1), 2.0)[0]) == before


def test_every_operator_is_used():
    used = {m.operator for slug in TARGETS for m in run.mutants(slug)}
    assert used == {
        "number halved", "default halved", "sign flipped", "term dropped", "sqrt dropped", "delta ignored", "n replaced by D",
        "min and max exchanged",
    }  # fmt: skip


def test_a_mutant_that_does_not_end_is_stopped():
    from fedroute_theory.theorems.fedavg_convergence import formulas

    target = Target("theorems.fedavg_convergence.formulas")
    endless = Mutant("fedroute_theory.theorems.fedavg_convergence.formulas", "_root", "sign flipped", 0, "")
    flipped = [m for m in found(target) if m.function == "_root" and "descent" not in m.change]
    assert flipped
    g = formulas.Growth(3.0, 1.0, 5.0, 1.0)  # the descent never reaches what is given
    with planted(flipped[0]):
        assert complaint(lambda: formulas._root(g, 1.0, 1.0, 9.0, 1.0) and [])
    del endless


def test_checks_start_with_what_is_known_and_end_with_controls():
    for slug in TARGETS:
        names = list(checks(slug))
        assert names[-2:] == ["extremal", "controls"]
        assert "reference" in names
        assert list(checks(slug, every=True)) == [*names[:-2], "found", "brackets", *names[-2:]]


def test_found_cases_and_brackets_see_a_bound_that_is_too_small_and_one_that_moved():
    """Each kills some mutant by itself."""
    named = checks("greedy-decomposition", every=True)
    assert [complaint(named[name]) for name in ("found", "brackets")] == ["", ""]
    killers = dict.fromkeys(("found", "brackets"), 0)
    for mutant in run.mutants("greedy-decomposition"):
        with planted(mutant):
            for name in killers:
                killers[name] += bool(complaint(named[name]))
    assert killers["found"] > 0
    assert killers["brackets"] > 0


def test_a_found_case_that_moved_or_is_violated_is_a_complaint(monkeypatch):
    from dataclasses import replace

    from fedroute_theory.selftest import checks as module

    true = module.shipped_cases("pooling")[0]
    moved = replace(true, found=replace(true.found, ratio=true.found.ratio * 1.1))
    monkeypatch.setattr(module, "shipped_cases", lambda _: (true, moved))
    (said,) = module.found("pooling")
    assert "The ratio of pooling" in said
    monkeypatch.setattr(module, "judged", lambda instance: replace(instance.found, ratio=1.5))
    assert "is violated" in module.found("pooling")[0]


def test_a_bracket_out_of_order_or_unsolved_is_a_complaint(monkeypatch):
    from fedroute_theory.certify.brackets import Bracket, Brackets
    from fedroute_theory.selftest import checks as module

    rows = (
        Bracket("pooling", "f", "small", 0.5, 1.0, 1.5, "by hand"),
        Bracket("pooling", "g", "small", 0.5, 1.0, 0.9, "by hand"),
    )
    monkeypatch.setattr(module, "certified", lambda _: Brackets(rows, ("A solver is missing.",)))
    assert module.brackets("pooling") == ["not 0.5 <= 1.0 <= 0.9: g on small", "A solver is missing."]


def test_tables_count():
    (result,) = run.run(["pooling"])
    assert len(tables.matrix(result).rows) == len(result.outcomes)
    assert tables.operators([result]).rows[0][0] == "pooling"
    assert tables.summary([result]).startswith(f"{len(result.outcomes)} mutants, ")
