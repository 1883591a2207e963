"""No block of code on a page goes unrun: python runs in test_docs.py, cells when the site is built, commands as listed here."""

import re

import pytest
from pages import DOCS, PAGES, blocks
from reference import REPOSITORY

COMMANDS = {
    "index.md": "docs/test_commands.py",
    "start.md": "docs/test_commands.py",
    "checking.md": "docs/test_commands.py",
    "tables.md": "docs/test_commands.py",
    "federate.md": "docs/test_commands.py",
    "faq.md": "docs/test_commands.py",
    "adding_a_table.md": "tables/test_tables.py",
    "in_ci.md": "testing/test_plugin.py",
    "reproducing_the_paper.md": "experiments/test_claims.py",
}
"""Page with blocks of commands -> the test that runs them, under tests/."""

SHOWN = {"text", "console", "toml", "json", "yaml", "csv"}
"""Languages that are read, not run."""

FENCE = re.compile(r"^( *)(`{3,}|:{3,})([^`\n]*)$", re.MULTILINE)


def opened(text):
    """What stands behind every opening fence: a language, a directive, or nothing."""
    found, fence = [], None
    for _, marks, info in FENCE.findall(text):
        if fence is None and marks[0] == "`":
            found.append(info.strip())
            fence = marks
        elif fence is not None and not info.strip() and len(marks) >= len(fence):
            fence = None
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_block_is_run_or_no_code(page):
    text = page.read_text(encoding="utf-8")
    for info in opened(text):
        if info.startswith("{"):
            continue
        assert info in SHOWN | {"python", "sh"}, f"a block of {info or 'no language'}"
    if "{code-cell}" in text:
        assert re.search(r"^kernelspec:", text.split("---")[1], re.MULTILINE), "cells run in notebooks only"
    if any(language == "sh" for language, _ in blocks(page)):
        name = str(page.relative_to(DOCS))
        assert name in COMMANDS, "no test runs its commands"
        test = (REPOSITORY / "tests" / COMMANDS[name]).read_text(encoding="utf-8")
        assert name in test or f'"{page.stem}"' in test, f"{COMMANDS[name]} does not speak of it"


def test_a_block_without_a_language_is_noticed():
    assert opened("```\nx\n```\n\n```sh\ny\n```\n") == ["", "sh"]
    assert opened("````{note}\n```python\n```\n````\n") == ["{note}"]
