"""The README's example runs, its links lead somewhere, and every command it names exists."""

import re

from reference import REPOSITORY

from fedroute_theory.cli.app import app

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_example_as_a_library_runs(capsys):
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    names = {}
    exec(example, names)
    printed = capsys.readouterr().out
    assert "Gap(value=" in printed
    assert "sharp/kl" in printed


def test_every_link_leads_to_a_file():
    targets = re.findall(r"\]\(([^)#:]+)\)|^\[[^\]]+\]: (\S+)$", README, re.MULTILINE)
    paths = ["".join(pair) for pair in targets]
    assert len(paths) > 10
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_every_command_exists():
    from typer.main import get_command

    named = set(re.findall(r"fedroute-theory ([a-z]+)", README))
    assert {"verify", "audit", "report", "tables"} <= named
    assert named <= set(get_command(app).commands)
