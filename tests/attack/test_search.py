"""The search: same numbers again, goes on where it was left, keeps what it found, refuses what is damaged."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fedroute_theory import attack as package
from fedroute_theory._validate import InputError
from fedroute_theory.attack import attack, drift, found, load, replay, shrink
from fedroute_theory.attack.store import STATE, file_name, safe_name
from fedroute_theory.report.text import fixed
from fedroute_theory.theorems import Bound, Claim, theorem

FOUND = Path(package.__file__).parent / "found"
SLUG, BUDGET = "linear-heads", 1500


class Stopped(BaseException):
    """In place of an interruption."""


def stop_at(count):
    seen = 0

    def report(_):
        nonlocal seen
        seen += 1
        if seen == count:
            raise Stopped

    return report


def ratios(search):
    return {form: (i.found.ratio, dict(i.parameters)) for form, i in search.best.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return attack(SLUG, tmp_path_factory.mktemp("whole"), evaluations=BUDGET)


def test_finds_the_worst_cases(whole):
    best = {form: i.found.ratio for form, i in whole.best.items()}
    assert best["bernoulli"] == pytest.approx(1.0, abs=1e-9)
    assert 0.0 < best["high-probability"] < 1.0
    assert set(whole.by_phase) == {"hypothesis", "optimiser", "shortening", "witnesses"}
    assert not [f for f, ratio in best.items() if ratio > 1.0 + 1e-9]


@pytest.mark.parametrize("count", [1, 100, 333, 600])
def test_an_interrupted_search_reaches_the_same_numbers(whole, tmp_path, count):
    with pytest.raises(Stopped):
        attack(SLUG, tmp_path, evaluations=BUDGET, report=stop_at(count))
    kept = {p.name: load(p).found.ratio for p in tmp_path.glob("*.json") if p.name != STATE}
    assert kept  # what was found before is on disk
    again = attack(SLUG, tmp_path, evaluations=BUDGET)
    assert again.evaluations == whole.evaluations == BUDGET
    assert ratios(again) == ratios(whole)
    assert all(load(again.store.path(f)).found.ratio == i.found.ratio for f, i in again.best.items())


def test_a_longer_budget_goes_on(whole):
    more = attack(SLUG, whole.store.folder, evaluations=BUDGET + 100)
    assert more.evaluations == BUDGET + 100
    assert all(more.best[f].found.ratio >= i.found.ratio * (1.0 - 1e-9) for f, i in whole.best.items())


@pytest.mark.parametrize("name", [STATE, file_name("bernoulli")])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"theorem": "linear-heads"}'])
def test_a_damaged_file_is_named_and_left_alone(whole, tmp_path, name, text):
    for path in whole.store.folder.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=name) as error:
        attack(SLUG, tmp_path, evaluations=BUDGET)
    assert "\n" not in str(error.value)
    assert (tmp_path / name).read_text() == text


def state(**changes):
    stored = {"theorem": SLUG, "seed": 0, "steps": 0, "evaluations": 0, "reached": 0, "phases": {}, "start": []}
    return json.dumps(stored | changes)


def instance(**changes):
    (kept,) = [i for i in found() if (i.theorem, i.form) == (SLUG, "bernoulli")]
    return kept.plain() | changes


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (STATE, "[]", "a JSON object is needed; got '\\[\\]'"),
        (STATE, "[" * 100_000, "holds no JSON"),
        (STATE, '{"theorem": "linear-heads", "seed": 0}', "the entry 'steps' is missing"),
        (STATE, state(theorem=[]), "'theorem'"),
        (STATE, state(start=None), "'start'"),
        (STATE, state(start=[3]), "a JSON object is needed"),
        (STATE, state(phases=[]), "'phases'"),
        (STATE, state(phases={"optimiser": 3}), "'optimiser'"),
        (STATE, state(reached="many"), "'reached'"),
        (STATE, state(start=[instance(form=None)]), "'form'"),
        (STATE, state(start=[instance(form=3)]), "'form'"),
        (STATE, state(start=[instance(form=["a"])]), "'form'"),
        (file_name("bernoulli"), json.dumps(instance(form=None)), "'form'"),
        (file_name("bernoulli"), json.dumps(instance(arena=[])), "'arena'"),
        (file_name("bernoulli"), json.dumps(instance(terms=3)), "'terms'"),
        (file_name("bernoulli"), json.dumps(instance(parameters=None)), "'parameters'"),
        (file_name("bernoulli"), json.dumps(instance(parameters={})), "lacks the parameter"),
        (file_name("bernoulli"), json.dumps(instance(ratio=None)), "'ratio'"),
        (file_name("bernoulli"), "[" + "9" * 5000 + "]", "too many digits"),
        (STATE, '{"theorem": "linear-heads", "seed": 0, "steps": -3, "evaluations": 1, "phases": {}, "start": []}', "-3"),
        (file_name("bernoulli"), '{"theorem": "linear-heads"}', "the entry 'form' is missing"),
        (file_name("bernoulli"), b"\xff\xfe\x00", "holds no JSON"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, text, said):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=said) as error:
        attack(SLUG, tmp_path, evaluations=1)
    assert str(error.value).startswith(f"The file '{tmp_path / name}' holds ")
    for raw in ("object", "Error", "NoneType", "attribute", "subscript", "iterable", "codec", "Expecting", "recursion"):
        assert raw not in str(error.value).replace("a JSON object", "")


def test_a_search_goes_on_after_the_evaluations_that_it_said_at_its_end(tmp_path):
    """Also where the last step was not done, and is done again."""
    first = attack(SLUG, tmp_path, evaluations=200)
    again = attack(SLUG, tmp_path, evaluations=260)
    assert again.resumed[0] == first.evaluations == 200
    assert 0 < again.resumed[1] < 200
    with pytest.raises(Stopped):
        attack(SLUG, tmp_path, evaluations=300, report=stop_at(70))
    last = attack(SLUG, tmp_path, evaluations=260)
    assert last.resumed == (200 - again.resumed[1] + 70, 70)
    assert first.resumed is None
    assert ratios(last) == ratios(again)


def without_a_factor(_):
    """Claims whose bound no factor makes right."""
    yield Claim("infinite", "pooled", None, 1, Bound({"a": math.inf}, kind="lower"), 0.5)
    yield Claim("negative", "pooled", None, 1, Bound({"a": -1.0}), 0.5)


def test_infinite_ratios_are_kept_replayed_and_shrunk(tmp_path):
    own = replace(theorem("pooling"), slug="own", claims=without_a_factor)
    first = attack(own, tmp_path, evaluations=400)
    assert {form: i.found.ratio for form, i in first.best.items()} == {"infinite": math.inf, "negative": math.inf}
    assert set(first.by_phase) == {"hypothesis", "optimiser"}
    again = attack(own, tmp_path, evaluations=420)
    assert again.moved == ()
    assert again.resumed[0] == 400
    for form in first.best:
        stored = load(again.store.path(form))
        assert replay(stored.plain(), own) == stored.found
        small = shrink(stored, own)
        assert small.found.ratio == math.inf
        assert small.parameters["records"] == 1
        assert drift(stored, replace(stored.found, ratio=2.0)).startswith(f"The ratio of own {form} was inf and is 2")
    assert "Infinity" not in (tmp_path / STATE).read_text()


def test_forms_of_any_name_have_files_of_their_own(tmp_path):
    forms = ["state", "a b", "a_b", "a,b", "A_b", "x" * 300, "x" * 301, "../up", "/root", ".hidden", "\u00e9", "a/b", "a~b"]
    forms += ["client, f = f_pool", "client__f___f_pool"]
    claims = [Claim(form, "pooled", None, 1, Bound({"a": 1.0}), 0.5) for form in forms]
    own = replace(theorem("pooling"), slug="own", claims=lambda _: claims)
    attack(own, tmp_path / "finds", evaluations=3)
    assert [path.name for path in tmp_path.iterdir()] == ["finds"]
    files = {path.name: path for path in (tmp_path / "finds").iterdir() if path.name != STATE}
    assert {load(path).form for path in files.values()} == set(forms)
    assert len({name.lower() for name in files}) == len(forms)
    assert set(attack(own, tmp_path / "finds", evaluations=4).best) == set(forms)


def test_the_package_s_own_names_are_kept():
    for instance in found():
        assert (FOUND / safe_name(instance.theorem) / file_name(instance.form)).is_file()


def test_the_folder_of_any_slug_is_in_that_of_the_command(tmp_path, monkeypatch, capsys):
    from fedroute_theory.cli import main

    (tmp_path / "strange.py").write_text(
        "from dataclasses import replace\n"
        "from fedroute_theory.theorems import theorem\n"
        "THEOREM = replace(theorem('greedy-decomposition'), slug='../escaped')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["fedroute-theory", "attack", "strange:THEOREM", "--evaluations", "20", "--out", "finds"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code, capsys.readouterr().err
    assert not (tmp_path / "escaped").exists()
    (folder,) = (tmp_path / "finds").iterdir()
    assert (folder / STATE).is_file()


def test_an_interrupted_command_says_what_is_saved_and_how_to_go_on(tmp_path, monkeypatch, capsys):
    from fedroute_theory import attack as engine
    from fedroute_theory.cli import main

    def interrupted(*arguments, report, **budget):
        def stop(search):
            report(search)
            if search.evaluations == 3:
                raise KeyboardInterrupt

        return attack(*arguments, report=stop, **budget)

    monkeypatch.setattr(engine, "attack", interrupted)
    monkeypatch.setattr(sys, "argv", ["fedroute-theory", "attack", SLUG, "--evaluations", "50", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130
    last = capsys.readouterr().err.splitlines()[-1]
    kept = len([p for p in (tmp_path / SLUG).glob("*.json") if p.name != STATE])
    assert kept > 0
    assert last == (
        f"fedroute-theory: interrupted after 3 evaluations; the best instances of {kept} forms are in '{tmp_path / SLUG}', and "
        "the same command goes on from there."
    )


def test_bad_input_is_one_sentence(whole, tmp_path, monkeypatch):
    for given, said in (
        ({"minutes": 0.0}, "'minutes'"),
        ({"minutes": -1.0}, "'minutes'"),
        ({"evaluations": 0}, "'evaluations'"),
        ({}, "budget"),
    ):
        with pytest.raises(InputError, match=said):
            attack(SLUG, tmp_path, **given)
    with pytest.raises(InputError, match="There is no theorem 'nothing'"):
        attack("nothing", tmp_path, evaluations=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        attack(SLUG, tmp_path / "file" / "folder", evaluations=1)
    with pytest.raises(InputError, match="seed 0; got seed 5"):
        attack(SLUG, whole.store.folder, evaluations=1, seed=5)
    with pytest.raises(InputError, match="not the state of a search for 'pooling'"):
        attack("pooling", whole.store.folder, evaluations=1)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(InputError, match="'test' extra"):
        attack(SLUG, tmp_path / "new", evaluations=1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module:X", "there is no module 'no_such_module'."),
        ("math:X", "'math' has no 'X'."),
        ("math:pi", "must be that of a theorem; got float."),
        (":X", "must be given as MODULE:NAME; got ':X'."),
        (".a:X", "must be given as MODULE:NAME"),
        ("attack_torn:X", "'attack_torn' raises SyntaxError: "),
        ("attack_broken:X", "'attack_broken' raises ZeroDivisionError: division by zero."),
        ("attack_quits:X", "'attack_quits' raises SystemExit"),
    ],
)
def test_a_theorem_that_cannot_be_imported_is_named_in_one_sentence(tmp_path, monkeypatch, capsys, name, said):
    from fedroute_theory.cli import main

    (tmp_path / "attack_torn.py").write_text("def (:")
    (tmp_path / "attack_broken.py").write_text("1 / 0")
    (tmp_path / "attack_quits.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["fedroute-theory", "attack", name])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_theorem_of_ones_own_is_attacked_on_cases(tmp_path):
    from dataclasses import replace

    own = replace(theorem("greedy-decomposition"), slug="own-lemma")
    search = attack(own, tmp_path, evaluations=120)
    assert {i.arena for i in search.best.values()} == {"cases"}
    assert set(search.best) == {"top2", "error-difference", "oscillation", "sup"}


def run(*arguments, cwd, **more):
    command = [sys.executable, "-c", "from fedroute_theory.cli import main; main()", "attack", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def test_command_prints_progress_and_table_and_writes_json(whole, tmp_path):
    with run(SLUG, "--evaluations", 60, "--json", "found.json", cwd=tmp_path) as process:
        out, err = process.communicate()
    assert process.returncode == 0
    assert "evaluations" in err
    assert out.startswith(f"{SLUG}: 60 evaluations")
    written = json.loads((tmp_path / "found.json").read_text())
    assert next(row["form"] for row in written["forms"]) in whole.best
    assert written["violations"] == []
    with run(SLUG, "--evaluations", 400, cwd=tmp_path) as process:
        _, err = process.communicate()
    assert process.returncode == 0
    with run(SLUG, "--evaluations", 401, cwd=tmp_path) as process:
        _, err = process.communicate()
    assert "resumed after 400 evaluations" in err
    (tmp_path / "attack" / SLUG / STATE).write_text("{")
    with run(SLUG, cwd=tmp_path) as process:
        out, err = process.communicate()
    assert process.returncode == 2
    assert STATE in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(("signal_sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_killed_command_keeps_what_it_found(tmp_path, signal_sent, code):
    with run(SLUG, "--minutes", 5, cwd=tmp_path, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as process:
        until = time.monotonic() + 120
        while not (tmp_path / "attack" / SLUG / STATE).exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal_sent)
        process.communicate()
    assert process.returncode == code
    resumed = attack(SLUG, tmp_path / "attack" / SLUG, evaluations=400)
    assert resumed.evaluations >= 400


def test_a_ratio_that_rounds_to_zero_has_no_sign():
    assert fixed(-1e-9, 4) == "0.0000"
    assert fixed(-0.0, 6) == "0.000000"
    assert fixed(-0.25, 1) == "-0.2"
    assert fixed(1.23456, 4) == "1.2346"
