"""The commands on the pages run, and print what the pages say they print.

A text block right after a block of commands is what the last of them prints; `...` in it stands for anything. A command that
takes long is read only: its name, arguments and options must exist.
"""

import re
import shlex
from itertools import pairwise

import numpy as np
import pytest
import typer
from pages import DOCS, blocks
from typer.testing import CliRunner

from fedroute_theory._validate import InputError
from fedroute_theory.cli import app
from fedroute_theory.problems import example_table

PAGES = [DOCS / f"{name}.md" for name in ("index", "start", "federate", "faq", "checking", "tables")]

LONG = (
    "fedroute-theory verify",
    "fedroute-theory verify --quick",
    "fedroute-theory audit --example",
    "fedroute-theory brackets",
    "fedroute-theory attack",
    "fedroute-theory selftest",
    "fedroute-theory tables",
    "fedroute-theory compare",
    "fedroute-theory audit table.parquet --embeddings table.npz --clients 4 --out",
)
"""Beginnings of commands that are read and not run."""

SHORT = ("--theorem", "--list", "--dry-run")
"""Options with which they run all the same."""

OTHERS = ("pip", "python3", "sphinx-build", "python docs/recorded/record.py")
"""Beginnings of commands that are not ours (who installs, tries them), or run elsewhere (test_recorded.py)."""


def commands(text):
    """The command lines of a block, continued lines joined, comments left out."""
    joined = text.replace("\\\n", " ")
    return [line for line in (shlex.join(shlex.split(raw, comments=True)) for raw in joined.splitlines()) if line]


def is_long(command):
    long = any(command == beginning or command.startswith(beginning + " ") for beginning in LONG)
    return long and not any(option in command for option in SHORT)


def read(command):
    """Raise unless the command line is one that the application understands."""
    name, *rest = shlex.split(command)[1:]
    known = typer.main.get_command(app).commands
    assert name in known, command
    known[name].make_context(name, rest)


def ran(command):
    """(exit code, what is printed) as a shell would show it, errors last."""
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    if isinstance(result.exception, InputError):
        return 2, f"{result.stdout}fedroute-theory: {result.exception}\n"
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.stdout


def pairs(page):
    """(commands, stated or None) for every block of commands."""
    listed = blocks(page)
    for (language, text), (following, stated) in pairwise([*listed, ("", "")]):
        if language == "sh":
            yield commands(text), stated if following == "text" else None


def says(stated, printed):
    """Whether the printed text is the stated one, line ends aside."""
    pattern = re.escape("\n".join(line.rstrip() for line in stated.strip().splitlines())).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip().splitlines()), re.DOTALL) is not None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a small table of one's own in it."""
    example_table(np.random.default_rng(0), queries=240, tasks=3, models=3, dimension=3).write(
        tmp_path / "table.parquet", tmp_path / "table.npz"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.usefixtures("folder")
def test_the_commands_run_and_print_what_the_page_says(page):
    found = list(pairs(page))
    assert found
    for lines, stated in found:
        printed = ""
        for line in lines:
            if not line.startswith("fedroute-theory "):
                assert line.removeprefix(".venv/bin/").startswith(OTHERS), line
            elif is_long(line):
                assert stated is None, f"nothing checks what is said of '{line}'"
                read(line)
            else:
                code, printed = ran(line)
                assert code == (2 if stated is not None and stated.startswith("fedroute-theory: ") else 0), (line, printed)
        if stated is not None:
            assert says(stated, printed), f"{page.name}, {lines[-1]}:\n{printed}"


def test_a_command_that_does_not_exist_is_noticed():
    with pytest.raises(Exception, match="No such option"):
        read("fedroute-theory audit --no-such-option")
    with pytest.raises(AssertionError):
        read("fedroute-theory no-such-command")
    assert not says("bound 1.0", "bound 2.0")
    assert says("first\n...\nlast", "first\nsecond\nlast")
    assert not says("first\n...\nlast", "first\nsecond")
    assert commands("a b \\\n  c  # why\n\n# nothing\n") == ["a b c"]


def test_the_row_that_is_explained_is_the_row_that_is_printed():
    text = (DOCS / "start.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^  lipschitz-line  federated .*$", text, re.MULTILINE)
    explained = [line.split("|")[2].strip() for line in text.splitlines() if re.match(r"\| (?!column)\w", line)]
    assert len(explained) == 11
    assert [word for value in explained for word in value.split(" to ") if word not in row.split()] == []
