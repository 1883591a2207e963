"""The pages under docs/ and their fenced blocks."""

import re

from reference import REPOSITORY

DOCS = REPOSITORY / "docs"
MADE = ("theorems", "api", "_generated")
"""Folders that the site's build writes."""

PAGES = sorted(page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] not in MADE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """(language, text) of every fenced block that names its language, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))
