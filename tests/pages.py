"""The pages under docs/ and their fenced blocks."""

import re

from reference import REPOSITORY

PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """(language, text) of every fenced block that names its language, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))
