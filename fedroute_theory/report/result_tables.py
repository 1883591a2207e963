"""A table of results as Markdown, CSV and booktabs LaTeX: the same values, printed or in full."""

from __future__ import annotations

import csv
import io
import math
import re
import textwrap
from dataclasses import dataclass

from fedroute_theory._validate import InputError
from fedroute_theory.intervals import Interval

Value = str | bool | int | float | Interval | None
"""What a cell may hold; None where there is nothing to say."""

NOTHING = "-"

UPRIGHT = 8
"""More columns than these are printed across the page."""

LATIN = 0x180
"""Characters below this are in every font; of the others those of _LATEX are known."""

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "ν": "nu", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi", "ω": "omega",
    "Δ": "Delta", "Σ": "Sigma", "Φ": "Phi", "Ω": "Omega", "≤": "le", "≥": "ge", "≠": "ne", "≈": "approx", "∞": "infty",
    "√": "surd", "∑": "sum", "→": "to", "∈": "in",
}  # fmt: skip

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$", "*": r"$*$",
    "[": "{[}",  # a bare one after a line break would be read as its length
    "−": "$-$", "–": r"\textendash{}", "—": r"\textemdash{}", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}",
    **{letter: rf"$\{name}$" for letter, name in _GREEK.items()},
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column: its header (with the unit), and the significant digits of its printed numbers.

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
        file_stem(self.name)
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
        """A booktabs table, no wider than the line, in parts that fit a page; many columns are printed across it.

        Needs the packages booktabs, graphicx and rotating.
        """
        align = "".join(
            f"p{{{column.wrap:g}cm}}" if column.wrap else "l" if words else "r"
            for column, words in zip(self.columns, self._words(), strict=True)
        )
        head = " & ".join(_stacked(c.header) for c in self.columns)
        body = [
            " & ".join(_latex_cell(column, value) for column, value in zip(self.columns, row, strict=True)) + r" \\"
            for row in self.rows
        ]
        kind, place, most = ("sidewaystable", "p", 28) if len(self.columns) > UPRIGHT else ("table", "htbp", 45)
        parts = [body[i : i + most] for i in range(0, len(body), most)] or [[]]
        note = [r"\par\smallskip\parbox{\linewidth}{\footnotesize " + latex_text(self.note) + "}"] if self.note else []
        lines = []
        for number, part in enumerate(parts, 1):
            of = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
            lines += [
                rf"\begin{{{kind}}}[{place}]", r"\centering", rf"\caption{{{latex_text(self.title)}{of}}}",
                *([rf"\label{{tab:{self.name}}}"] if number == 1 else []),
                r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
                rf"\begin{{tabular}}{{{align}}}", r"\toprule", head + r" \\", r"\midrule", *part, r"\bottomrule",
                r"\end{tabular}}", *(note if number == len(parts) else []), rf"\end{{{kind}}}", "",
            ]  # fmt: skip
        return "\n".join(lines)

    def _words(self) -> list[bool]:
        return [i == 0 or any(isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns))]


def latex_text(text: str) -> str:
    """Plain text for LaTeX: special characters stand for themselves, letters it has no font for are named by their number."""
    plain = "".join(_LATEX.get(c) or (c if ord(c) < LATIN else f"{{[}}U+{ord(c):04X}]") for c in text)
    return re.sub("-(?=-)", "-{}", plain)  # two hyphens, as in --full, are no dash


def file_stem(name: str) -> str:
    """The name of an artefact's files. InputError unless it is made of lower-case letters, digits and underscores."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", name):
        raise InputError(f"An artefact's name must be made of a-z, 0-9 and _; got {name!r}.")
    return name


def _stacked(header: str) -> str:
    """A header over several lines, so that numbers decide how wide a column is."""
    lines = [latex_text(line) for line in textwrap.wrap(header, 14, break_long_words=False)]
    return lines[0] if len(lines) == 1 else r"\shortstack{" + r"\\".join(lines) + "}"


def _latex_cell(column: Column, value: Value) -> str:
    """A printed cell; numbers have a minus sign and no hyphen, long words a ragged edge and no wide gaps."""
    text = latex_text(column.printed(value))
    if column.wrap:
        return rf"\raggedright\let\\\tabularnewline {text}"
    return text if isinstance(value, str) else re.sub(r"-(?=\d)", "$-$", text)


def _in_full(value: Value, wide: bool) -> list[object]:
    """One CSV cell, or three."""
    if isinstance(value, Interval):
        return [value.value, *("" if math.isinf(limit) else limit for limit in (value.low, value.high))]
    single: object = "" if value is None else str(value).lower() if isinstance(value, bool) else value
    return [single, "", ""] if wide else [single]
