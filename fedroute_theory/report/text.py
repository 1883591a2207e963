"""Tables of ready-made cells: aligned for a terminal, or as Markdown."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = (
    "theorem", "scenario", "training", "form", "family", "largest term", "verdict", "outcome", "how", "evidence", "why",
    "model", "worst scenario", "wrong on purpose", "instance", "protocol", "assumption", "state", "where",
    "operator", "controls", "killed by", "loses most", "title",
)  # fmt: skip
"""Columns of text."""


def figure(value: float | None) -> str:
    """A number in four significant digits, - for none."""
    return "-" if value is None else f"{value:.4g}"


def fixed(value: float, decimals: int) -> str:
    """A number in fixed decimals; one that rounds to zero has no sign."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


@dataclass(frozen=True)
class TextTable:
    """A table of printed cells.

    title: above it. header: names of the columns. rows: cells as printed. note: below it. The first column and those named in
    WORDS hold text, the others numbers.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def plain(self) -> str:
        """Aligned columns."""
        widths = [max(len(row[i]) for row in (self.header, *self.rows)) for i in range(len(self.header))]
        lines = [self.title]
        for row in (self.header, *self.rows):
            cells = [c.ljust(w) if i in self._words else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
            lines.append("  " + "  ".join(cells).rstrip())
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])

    def markdown(self) -> str:
        """A Markdown table under a heading."""
        rule = ["---" if i in self._words else "---:" for i in range(len(self.header))]
        lines = [f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows)]
        return "\n".join([f"## {self.title}", "", *lines, *(["", self.note] if self.note else [])])

    @property
    def _words(self) -> set[int]:
        return {i for i, name in enumerate(self.header) if i == 0 or name in WORDS}
