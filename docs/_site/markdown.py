"""Markdown from values: text that shows as it is, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\*_\[\]<>|$#{}^~])")


def plain(text: str) -> str:
    """Text in which only `code` is markup."""
    parts = re.split(r"(`[^`\n]+`)", " ".join(text.split()))
    parts[::2] = [_SPECIAL.sub(r"\\\1", part).replace("`", "\\`") for part in parts[::2]]
    return "".join(parts)


def figure(value: float | None, digits: int = 4) -> str:
    """A number for people; a dash for none."""
    return "–" if value is None else f"{value:.{digits}g}"


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int] = ()) -> str:
    """A list table with a caption and a row of headers; cells are Markdown."""
    lines = [f"````{{list-table}} {title}", ":header-rows: 1", ":class: wide"]
    if widths:
        lines.append(":widths: " + " ".join(map(str, widths)))
    lines.append("")
    for row in (header, *rows):
        for place, cell in enumerate(row):
            lines.append(("* - " if place == 0 else "  - ") + (cell or "–").replace("\n", "\n    "))
    return "\n".join([*lines, "````"])
