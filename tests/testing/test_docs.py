"""The pages under docs/ run, and print what they say they print."""

import contextlib
import io
from itertools import pairwise

import pytest
from pages import PAGES, blocks
from reference import REPOSITORY


def play(page):
    """Run the python blocks in one namespace; yields (printed, stated or None) for each that is followed by a text block."""
    space = {"__name__": "page"}
    listed = blocks(page)
    for (language, code), (following, stated) in pairwise([*listed, ("", "")]):
        if language != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(page.name), "exec"), space)
        yield printed.getvalue(), stated if following == "text" else None


def test_there_are_pages():
    assert {"adding_a_theorem.md", "in_ci.md"} <= {page.name for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_runs_and_prints_what_it_says(page):
    for printed, stated in play(page):
        if stated is None:
            assert printed == ""
        else:
            assert printed.strip() == stated.strip()


def test_no_line_of_the_readme_is_too_long():
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 128] == []


def rewrite(page):
    """Put what the blocks print under them: PYTHONPATH=tests python tests/testing/test_docs.py."""
    text = page.read_text(encoding="utf-8")
    for printed, stated in list(play(page)):
        if stated is not None:
            text = text.replace(f"```text\n{stated}```", f"```text\n{printed.strip()}\n```", 1)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for one in PAGES:
        rewrite(one)
