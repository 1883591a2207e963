"""Tables of the page: cells with the text to read and the key to sort by, rows with what they can be filtered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fedroute_theory.report.text import figure

VACUOUS = "vacuous"


@dataclass(frozen=True)
class Cell:
    """text: as read. key: what it is sorted by, the text itself where empty. look: a class of the style sheet. link: to an
    anchor of the page."""

    text: str
    key: str = ""
    look: str = ""
    link: str = ""


@dataclass(frozen=True)
class Row:
    """tags: name -> value, by which the row can be filtered."""

    cells: tuple[Cell, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """label: with its unit. kind: how it is sorted and aligned."""

    label: str
    kind: Literal["text", "number"] = "text"


@dataclass(frozen=True)
class Grid:
    """One table. name: its id on the page. caption: what it shows. note: below it. filters: tags offered as choices."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    filters: tuple[str, ...] = ()

    def choices(self, tag: str) -> list[str]:
        """Values of a tag, in order of appearance."""
        return list(dict.fromkeys(row.tags[tag] for row in self.rows if row.tags.get(tag)))


def texts(*labels: str) -> tuple[Column, ...]:
    """Columns of words."""
    return tuple(Column(label) for label in labels)


def numbers(*labels: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(Column(label, "number") for label in labels)


def word(value: object, look: str = "", link: str = "") -> Cell:
    """A text."""
    return Cell(str(value), look=look, link=link)


def number(value: float | None, note: str = "") -> Cell:
    """A number in four significant digits, sorted by all its digits; a dash, sorted last, where there is none."""
    if value is None:
        return Cell("-", look="none")
    said = f"{value:,}" if isinstance(value, int) else figure(value)
    return Cell(f"{said} ({note})" if note else said, key=repr(value))


def bound(value: float | None, vacuous: bool) -> Cell:
    """A bound; a vacuous one is called so."""
    return number(value, VACUOUS if vacuous else "")


def verdict(value: str) -> Cell:
    """HOLDS and the like, in words and with a look of its own."""
    return Cell(value, look="verdict " + value.lower().replace(" ", "-"))


def row(*cells: Cell, **tags: str) -> Row:
    """One row."""
    return Row(cells, tags)


def grid(name: str, caption: str, columns: Sequence[Column], rows: Sequence[Row], note: str = "", *filters: str) -> Grid | None:
    """A table; None without rows."""
    return Grid(name, caption, tuple(columns), tuple(rows), note, filters) if rows else None
