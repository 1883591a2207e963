"""Theorems beside certified worst cases, as tables that fit a terminal of WIDTH columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fedroute_theory.certify.brackets import Bracket
from fedroute_theory.report.text import TextTable

WIDTH = 120

NOTES = (
    "lower: reached by an explicit instance, or by a lower-bound theorem (- or no column: there is none).",
    "exact: the other side of the certificate, or the one route that found the worst case; named above each table.",
    "upper: the theorem; beside it upper/exact and upper/lower. upper/exact = 1: no smaller bound holds on this instance.",
)


def text(rows: Sequence[Bracket]) -> str:
    """The tables, and below them what their columns say."""
    notes = [textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="    ") for note in NOTES]
    return "\n\n".join([*(table.plain() for table in tables(rows)), "\n".join(notes)])


def tables(rows: Sequence[Bracket]) -> list[TextTable]:
    """One table a theorem and route, one row a form and instance; no lower columns where no row has a lower value."""
    together: dict[tuple[str, str], list[Bracket]] = {}
    for row in rows:
        together.setdefault((row.theorem, row.how), []).append(row)
    return [_table(f"{theorem}: {how}", own) for (theorem, how), own in together.items()]


def _table(title: str, rows: Sequence[Bracket]) -> TextTable:
    both = any(row.lower is not None for row in rows)
    header = ("form", "instance", *(["lower"] if both else []), "exact", "upper", "/exact", *(["/lower"] if both else []))
    cells = tuple(
        (
            row.form,
            row.instance,
            *([_figure(row.lower)] if both else []),
            *(_figure(value) for value in (row.exact, row.upper)),
            f"{row.ratio:.3f}",
            *(["-" if row.lower is None else f"{row.spread:.3f}"] if both else []),
        )
        for row in rows
    )
    return TextTable(title, header, cells)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"
