"""A planted wrong constant is found, shrunk, and shown by a program of its own and by a replay."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.attack import attack, drift, load, replay, script, shrink
from fedroute_theory.theorems import Bound, theorem

PLANTED = '''
"""A theorem with a wrong constant."""
from dataclasses import replace
from fedroute_theory.theorems import Bound, theorem

RIGHT = theorem("greedy-decomposition")

def claims(case):
    for claim in RIGHT.claims(case):
        if claim.form == "sup" and isinstance(claim.answer, Bound):
            terms = {k: 0.75 * v for k, v in claim.answer.terms.items()}
            claim = replace(claim, answer=Bound(terms))
        yield claim

THEOREM = replace(RIGHT, claims=claims)
'''


@pytest.fixture(scope="module")
def planted():
    space = {}
    exec(PLANTED, space)
    return space["THEOREM"]


@pytest.fixture(scope="module")
def violation(planted, tmp_path_factory):
    search = attack(planted, tmp_path_factory.mktemp("planted"), evaluations=600)
    broken = {form: i for form, i in search.best.items() if i.found.violated}
    assert set(broken) == {"sup"}
    return broken["sup"]


def test_the_reproducer_is_small_and_still_a_violation(planted, violation):
    small = shrink(violation, planted)
    assert small.found.violated
    assert (small.parameters["queries"], small.parameters["models"]) == (1, 2)
    assert len(small.text()) <= len(violation.text())
    assert max(len(repr(v)) for v in small.parameters["guess_quality"][0]) <= 5
    assert replay(small.plain(), planted).ratio == pytest.approx(small.found.ratio, abs=1e-12)
    with suppress(InputError):  # a bound that says no more than the range is not judged
        assert not replay(small.plain()).violated  # the true theorem holds there
    assert shrink(violation, theorem("greedy-decomposition")) == violation


def test_the_printed_program_shows_the_violation(planted, violation, tmp_path):
    (tmp_path / "planted.py").write_text(PLANTED)
    small = shrink(violation, planted)
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    program = script(small, "planted:THEOREM")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": paths}
    )
    words = done.stdout.split()
    assert float(words[words.index("ratio") + 1]) == pytest.approx(small.found.ratio, rel=1e-12)
    assert float(words[words.index("ratio") + 1]) > 1.0


def test_the_command_prints_both_and_fails(planted, tmp_path):
    (tmp_path / "planted.py").write_text(PLANTED)
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", "from fedroute_theory.cli import main; main()", "attack", "planted:THEOREM"]
    done = subprocess.run(
        [*command, "--evaluations", "1500", "--json", "found.json"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 1
    assert re.search(r"violated: greedy-decomposition sup, ratio \S+ in the shortest case that shows it\n", done.stderr)
    assert "from planted import THEOREM" in done.stdout
    (found,) = json.loads((tmp_path / "found.json").read_text())["violations"]
    assert replay(found, planted).violated
    refused = subprocess.run([*command[:-1], "nothing:THEOREM"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert refused.returncode == 2


def test_a_corrected_theorem_is_judged_again_and_the_search_begins_anew(planted, tmp_path):
    first = attack(planted, tmp_path, evaluations=600)
    assert first.best["sup"].found.violated
    again = attack("greedy-decomposition", tmp_path, evaluations=50)
    assert not again.best["sup"].found.violated
    assert not load(again.store.path("sup")).found.violated
    assert [s for s in again.moved if "The ratio of greedy-decomposition sup was" in s]
    assert again.evaluations == 50


def test_drift_says_by_how_much_and_which_term(violation):
    now = replay(violation.plain())
    said = drift(violation, now)
    assert f"{violation.found.ratio:.9g}" in said
    assert f"{now.ratio:.9g}" in said
    assert "'two sup errors'" in said
    assert drift(violation, violation.found) == ""


def test_a_damaged_instance_is_one_sentence(violation, tmp_path):
    good = violation.plain()
    for wrong in (
        {k: v for k, v in good.items() if k != "gap"},
        good | {"ratio": "high"},
        good | {"parameters": {}},
        good | {"arena": "nowhere"},
        good | {"terms": 3},
    ):
        with pytest.raises(InputError, match=r"^The instance holds"):
            replay(wrong)
    with pytest.raises(InputError, match="cannot be read"):
        replay(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="says nothing of form 'other'"):
        replay(good | {"form": "other"})
    with pytest.raises(InputError, match=r"no theorem 'other' in the registry; .* must be handed over as 'entry'"):
        replay(replace(violation, theorem="other", arena="cases").plain() | {"parameters": _case()})


def _case():
    from hypothesis import find

    from fedroute_theory.attack import arena_named
    from fedroute_theory.attack.draw import instances

    arena = arena_named("other", "cases")
    return arena.plain(find(instances(arena), lambda _: True))


def test_bound_is_imported_for_the_planted_theorem():
    assert isinstance(theorem("pooling").forms["per-record"](K2=[4.0], records=[1.0]), Bound)


def test_a_theorem_of_which_nothing_is_judged_is_no_success(tmp_path):
    """Every claim is about fresh records; the module lies in the folder where the command is called."""
    (tmp_path / "unsure.py").write_text(
        "from dataclasses import replace\n"
        "from fedroute_theory.theorems import Bound, theorem\n"
        "ONE = theorem('greedy-decomposition')\n"
        "def claims(case):\n"
        "    for c in ONE.claims(case):\n"
        "        if isinstance(c.answer, Bound):\n"
        "            yield replace(c, answer=replace(c.answer, delta=0.05), given_records=True)\n"
        "THEOREM = replace(ONE, slug='unsure', claims=claims)\n"
    )
    command = [sys.executable, "-c", "from fedroute_theory.cli import main; main()", "attack", "unsure:THEOREM"]
    for evaluations, said in (
        (20, "The budget was used up after 20 evaluations, before a claim of 'unsure' was judged; give it more."),
        (200, "No claim of 'unsure' was judged in 200 evaluations: a theorem of your own is attacked on cell estimates"),
    ):
        budget = ["--evaluations", str(evaluations), "--out", f"of-{evaluations}"]
        done = subprocess.run([*command, *budget], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr


def test_a_budget_that_ends_before_anything_is_judged_is_blamed_itself(tmp_path, monkeypatch, capsys):
    from fedroute_theory.cli import main

    monkeypatch.setattr(sys, "argv", ["fedroute-theory", "attack", "pooling", "--minutes", "1e-9", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = "The budget was used up after 0 evaluations, before a claim of 'pooling' was judged; give it more."
    assert capsys.readouterr().err == f"fedroute-theory: {said}\n"
