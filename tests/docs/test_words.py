"""Each theorem in words: there, short, in the same four parts, and naming only what exists."""

import re

import pytest
from pages import DOCS

from fedroute_theory.theorems import registry

WORDS = DOCS / "words"
PARTS = ["What it says.", "Which form.", "What makes it loose.", "What usually fails."]
CLAIMED = {"least", "kl", "eta"}
"""Forms as `verify` prints them, and what several forms' names share."""

SYMBOLS = {"K2", "delta", "1 - delta", "D / K2", "log(4N/delta)", "explain", "verify"}
"""Symbols of the statements, and commands."""


def test_there_is_one_for_each_theorem_and_no_other():
    assert {page.stem for page in WORDS.iterdir()} == set(registry())


@pytest.mark.parametrize("slug", sorted(registry()))
def test_it_is_short_and_has_its_parts(slug):
    text = (WORDS / f"{slug}.md").read_text(encoding="utf-8")
    assert 100 <= len(text.split()) <= 250
    assert re.findall(r"^\*\*(.*?)\*\*", text, re.MULTILINE) == PARTS
    assert not re.search(r"^#", text, re.MULTILINE)


@pytest.mark.parametrize("slug", sorted(registry()))
def test_what_it_names_exists(slug):
    entries = registry()
    forms = entries[slug].forms
    known = set(forms) | {name for formula in forms.values() for name in formula.quantities} | set(entries) | CLAIMED | SYMBOLS
    for name in re.findall(r"`([^`]+)`", (WORDS / f"{slug}.md").read_text(encoding="utf-8").replace("\n", " ")):
        if name.startswith("fedroute-theory explain "):
            assert name.split()[-1] in entries
        else:
            assert name in known, name
