"""The proofs as parts of pages: sections by heading, headings one level lower, other theorems linked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sphinx.errors import ExtensionError

_LITERAL = re.compile(r"(\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`|\]\([^)\n]*\))", re.DOTALL)
"""What a link must not be put into: formulas, code, targets of links."""


@dataclass(frozen=True)
class Proof:
    """proofs/SLUG/proof.md in the order of a page. rest: (heading, text) after the statement, a level lower except "Proof"."""

    setting: str
    statement: str
    rest: tuple[tuple[str, str], ...]
    source: str


def read(folder: Path, slugs: Iterable[str]) -> Proof:
    """The proof in a folder, with links to the theorems it names. ExtensionError where a part is missing."""
    file = folder / "proof.md"
    if not file.is_file():
        raise ExtensionError(f"The theorem '{folder.name}' has no proof to read; '{file}' is missing.")
    names = [slug for slug in slugs if slug != folder.name and "-" in slug]  # one word is an English word too
    parts = [(heading, linked(text, names)) for heading, text in sections(displayed(file.read_text(encoding="utf-8")))]
    place = next((i for i, (heading, _) in enumerate(parts) if heading == "Statement"), None)
    source = next((text for heading, text in parts if heading == "Source"), None)
    if place is None or source is None:
        raise ExtensionError(f"The proof '{file}' must have the sections 'Statement' and 'Source'.")
    after = [part for part in parts[place + 1 :] if part[0] != "Source"]
    rest = tuple((heading, text if heading == "Proof" else lower(text)) for heading, text in after)
    setting = "\n\n".join(text if h == "Setting" else f"### {h}\n\n{lower(text)}" for h, text in parts[:place])
    return Proof(setting, parts[place][1], rest, source)


def sections(text: str) -> list[tuple[str, str]]:
    """(heading, text) of every section of the second level."""
    pieces = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)
    return [(heading.strip(), body.strip()) for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)]


def displayed(text: str) -> str:
    """Formulas on lines of their own as blocks of their own: within a paragraph MyST knows single dollars only."""
    return re.sub(r"^( *)\$\$(.*?)\$\$ *$", r"\n\1$$\n\1\2\n\1$$\n", text, flags=re.MULTILINE | re.DOTALL)


def lower(text: str) -> str:
    """Headings one level lower, for a section that is itself one of the third level."""
    return re.sub(r"^(#{3,5}) ", r"#\1 ", text, flags=re.MULTILINE)


def linked(text: str, slugs: Iterable[str]) -> str:
    """Names of theorems in running text as links to their pages."""
    names = sorted(slugs, key=len, reverse=True)
    if not names:
        return text
    named = re.compile(r"(?<![\w/-])(" + "|".join(map(re.escape, names)) + r")(?![\w/-])")
    parts = _LITERAL.split(text)
    parts[::2] = [named.sub(r"[\1](\1.md)", part) for part in parts[::2]]
    return "".join(parts)
