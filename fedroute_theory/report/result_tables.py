"""A table of results as Markdown, CSV and booktabs LaTeX: the same values, printed or in full."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

from fedroute_theory._validate import InputError
from fedroute_theory.intervals import Interval

Value = str | bool | int | float | Interval | None
"""What a cell may hold; None where there is nothing to say."""

NOTHING = "-"

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$", "*": r"$*$",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column: its header (with the unit), significant digits of its printed numbers, and a mark for single values.

    signed: numbers are printed with their sign (differences). wrap: width in cm in which long words break into lines in LaTeX.
    """

    header: str
    digits: int = 4
    signed: bool = False
    wrap: float | None = None

    def printed(self, value: Value) -> str:
        """As a reader sees it; infinite limits are left out."""
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, Interval):
            if math.isinf(value.high - value.low):
                return self.printed(value.value)
            return f"{self.printed(value.value)} [{self.printed(value.low)}, {self.printed(value.high)}]"
        if isinstance(value, float):
            return f"{value:{'+' if self.signed else ''}.{self.digits}g}"
        return f"{value:{'+' if self.signed else ''},}" if isinstance(value, int) else value


@dataclass(frozen=True)
class ResultTable:
    """Rows of values under columns. name: of its files; title: one line, the caption; note: what a reader must know.

    Raises InputError when a row does not fit the columns or holds a NaN.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        """A row that does not fit is found here and not by the reader."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InputError(f"A row of table '{self.name}' has {len(row)} values for {len(self.columns)} columns.")
            for column, value in zip(self.columns, row, strict=True):
                if isinstance(value, float) and math.isnan(value):
                    raise InputError(f"Table '{self.name}' holds NaN in column '{column.header}'; use None for no value.")

    def printed(self) -> list[list[str]]:
        """Rows of printed cells."""
        return [[c.printed(v) for c, v in zip(self.columns, row, strict=True)] for row in self.rows]

    def markdown(self) -> str:
        """A Markdown table under its title; text columns to the left, numbers to the right."""
        rule = ["---" if words else "---:" for words in self._words()]
        body = [[cell.replace("|", "\\|") for cell in row] for row in self.printed()]
        lines = [f"| {' | '.join(row)} |" for row in ([c.header.replace("|", "\\|") for c in self.columns], rule, *body)]
        return "\n".join([f"## {self.title}", "", *lines, *(["", self.note] if self.note else []), ""])

    def csv(self) -> str:
        """Every value in full; an interval has three columns, its limits after its value."""
        spread = [any(isinstance(row[i], Interval) for row in self.rows) for i in range(len(self.columns))]
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        header = [
            name
            for column, wide in zip(self.columns, spread, strict=True)
            for name in ([column.header, f"{column.header} low", f"{column.header} high"] if wide else [column.header])
        ]
        writer.writerow(header)
        for row in self.rows:
            writer.writerow([cell for value, wide in zip(row, spread, strict=True) for cell in _in_full(value, wide)])
        return buffer.getvalue()

    def latex(self) -> str:
        """A booktabs table, no wider than the line; needs the packages booktabs and graphicx."""
        align = "".join(
            f"p{{{column.wrap:g}cm}}" if column.wrap else "l" if words else "r"
            for column, words in zip(self.columns, self._words(), strict=True)
        )
        head = " & ".join(latex_text(c.header) for c in self.columns)
        body = [" & ".join(latex_text(cell) for cell in row) + r" \\" for row in self.printed()]
        note = [r"\par\smallskip\parbox{\linewidth}{\footnotesize " + latex_text(self.note) + "}"] if self.note else []
        return "\n".join(
            [
                r"\begin{table}[htbp]", r"\centering", rf"\caption{{{latex_text(self.title)}}}", rf"\label{{tab:{self.name}}}",
                r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
                rf"\begin{{tabular}}{{{align}}}", r"\toprule", head + r" \\", r"\midrule", *body, r"\bottomrule",
                r"\end{tabular}}", *note, r"\end{table}", "",
            ]
        )  # fmt: skip

    def _words(self) -> list[bool]:
        return [i == 0 or any(isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns))]


def latex_text(text: str) -> str:
    """Plain text for LaTeX: special characters stand for themselves."""
    return "".join(_LATEX.get(c, c) for c in text)


def _in_full(value: Value, wide: bool) -> list[object]:
    """One CSV cell, or three."""
    if isinstance(value, Interval):
        return [value.value, *("" if math.isinf(limit) else limit for limit in (value.low, value.high))]
    single: object = "" if value is None else str(value).lower() if isinstance(value, bool) else value
    return [single, "", ""] if wide else [single]
