"""report: the page from files, what is refused, and that every command's JSON is taken."""

import json
from concurrent.futures import BrokenExecutor

import pytest
from typer.testing import CliRunner

from fedroute_theory._validate import InputError
from fedroute_theory.cli import app
from fedroute_theory.report.page import collect
from fedroute_theory.report.page.documents import read


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What cheap runs of the commands write."""
    folder = tmp_path_factory.mktemp("json")
    cheap = {
        "verify": ("--quick", "--theorem", "two-pass-kmeans", "--scenario", "few-points", "--workers", "1"),
        "assumptions": ("pooling", "--scenario", "voronoi", "--records", "50"),
        "explain": ("pooling", "--scenario", "voronoi", "--records", "50"),
        "brackets": ("pooling",),
        "attack": ("pooling", "--evaluations", "20", "--out", folder / "attack"),
    }
    for command, arguments in cheap.items():
        assert run(command, *arguments, "--json", folder / f"{command}.json")[0] == 0
    return {command: folder / f"{command}.json" for command in cheap}


def test_every_file_is_known_and_shown(files, tmp_path):
    given = [part for file in files.values() for part in ("--from", file)]
    code, out, err = run("report", *given, "--out", tmp_path / "page.html", "--json", tmp_path / "all.json")
    assert (code, out) == (0, "")
    assert f"wrote {tmp_path / 'page.html'}" in err
    text = (tmp_path / "page.html").read_text()
    for anchor in ("theorem-pooling", "theorem-two-pass-kmeans", "all-claims"):
        assert f'id="{anchor}"' in text
    for part in ("assumptions", "explain", "brackets", "attack"):
        assert f'id="theorem-pooling-{part}-0-table"' in text
    assert {json.loads(file.read_text())["command"] for file in files.values()} == set(files)
    code, _, _ = run("report", "--from", tmp_path / "all.json", "--out", tmp_path / "again.html")
    assert code == 0
    same = (tmp_path / "again.html").read_text()
    for file in files.values():
        same = same.replace(str(tmp_path / "all.json"), "F")
        text = text.replace(str(file), "F")
    assert same == text


def test_what_is_refused_leaves_the_page_as_it_was(files, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("kept")
    foreign = tmp_path / "foreign.json"
    foreign.write_text('{"command": "verify"}')
    with pytest.raises(InputError, match=r"foreign\.json.* damaged: the entry 'seed' is missing\.$"):
        run("report", "--from", files["verify"], "--from", foreign, "--out", page)
    with pytest.raises(InputError, match="cannot be written"):
        run("report", "--from", files["verify"], "--out", tmp_path / "no" / "page.html")
    with pytest.raises(InputError, match="cannot be written"):
        run("report", "--from", files["verify"], "--out", tmp_path)
    with pytest.raises(InputError, match="to a file"):
        run("report", "--from", files["verify"], "--out", "-")
    assert page.read_text() == "kept"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["foreign.json", "page.html"]


def test_without_files_the_run_is_that_of_the_commands(monkeypatch, tmp_path):
    """One theorem and one scenario of it, so that it is quick."""
    from fedroute_theory import verify

    whole = verify.verify
    monkeypatch.setattr(collect, "registry", lambda: {"pooling": None})
    monkeypatch.setattr(verify, "verify", lambda **given: whole(theorems=["pooling"], scenarios=["voronoi"], **given))
    lines = []
    documents = list(collect.collect(3, 1, lines.append))
    assert [d.command for d in documents[:4]] == ["verify", "sizes", "explain", "assumptions"]
    assert {d.command for d in documents[4:]} == {"attack", "audit"}
    assert all(d.value["version"] for d in documents)
    assert documents[0].value["seed"] == 3
    assert lines[0].startswith("[1/1] verify: voronoi")
    assert any("pooling" in line for line in lines)
    file = tmp_path / "all.json"
    file.write_text(json.dumps({"command": "report"} | collect.as_json(tuple(documents))))
    assert [d.value for d in read([file])] == [d.value for d in documents]


@pytest.mark.parametrize(
    ("why", "said"), [(KeyboardInterrupt(), "interrupted;"), (BrokenExecutor(), "a worker process was killed")]
)
def test_what_was_done_before_a_run_is_stopped_is_on_the_page(monkeypatch, tmp_path, files, why, said):
    (verified,) = read([files["verify"]])

    def some(*_):
        yield verified
        raise why

    def none(*_):
        raise why
        yield

    page, kept = tmp_path / "page.html", tmp_path / "kept.json"
    monkeypatch.setattr(collect, "collect", none)
    code, _, err = run("report", "--out", page, "--json", kept)
    assert code == 130
    assert "before anything was done" in err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(collect, "collect", some)
    code, _, err = run("report", "--out", page, "--json", kept)
    assert code == 130
    assert said in err
    assert "</html>" in page.read_text()
    assert [d.value for d in read([kept])] == [verified.value]


def test_a_verification_that_is_stopped_is_on_the_page_as_far_as_it_came(monkeypatch):
    from fedroute_theory import verify

    whole = verify.verify(theorems=["pooling"], scenarios=["voronoi"], mode="quick")

    def some(*, progress, **_):
        progress(1, 17, "voronoi", whole.results)
        raise KeyboardInterrupt

    monkeypatch.setattr(verify, "verify", some)
    documents = collect.collect(0, 1)
    assert next(documents).value["interrupted"] is True
    with pytest.raises(KeyboardInterrupt):
        next(documents)
