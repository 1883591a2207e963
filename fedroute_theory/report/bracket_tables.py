"""Theorems beside certified worst cases, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from fedroute_theory.certify.brackets import Bracket
from fedroute_theory.report.text import TextTable


def table(rows: Sequence[Bracket]) -> TextTable:
    """One row a theorem, form and instance."""
    header = ("theorem", "form", "instance", "lower", "exact", "upper", "upper/exact", "upper/lower", "how")
    cells = tuple(
        (
            row.theorem, row.form, row.instance, "-" if row.lower is None else f"{row.lower:.5g}", f"{row.exact:.5g}",
            f"{row.upper:.5g}", f"{row.ratio:.3f}",
            "-" if row.lower is None else f"{row.spread:.3f}", row.how,
        )
        for row in rows
    )  # fmt: skip
    note = (
        "lower: reached by an explicit instance, or by a lower-bound theorem; - where there is none. exact: other side of the "
        "certificate, or the one route that found the worst case. upper: the theorem. "
        "upper/exact = 1: no smaller bound holds on this instance."
    )
    return TextTable("Brackets", header, cells, note)
