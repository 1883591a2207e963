"""Assumptions of theorems as a table."""

from __future__ import annotations

from collections.abc import Sequence

from fedroute_theory.report.text import TextTable, figure
from fedroute_theory.verify.assumed import Assumed

STATES = (("holds", "hold"), ("fails", "fail"), ("unknowable", "unknowable"), ("not measured", "not measured"))
"""State of a row, and the word for it in the summary."""


def table(name: str, lines: Sequence[Assumed]) -> str:
    """All assumptions on one case, trainings that agree in one row; below, what would have to change, and counts of rows."""
    header = ("theorem", "training", "assumption", "state", "clients", "value", "uncertainty", "margin", "how", "where")
    together: dict[tuple[str, ...], list[Assumed]] = {}
    for line in lines:
        together.setdefault((line.theorem, line.assumption, line.state, *_measured(line)), []).append(line)
    rows = tuple(
        (theorem, ", ".join(dict.fromkeys(own.training for own in equal)), assumption, state, _clients(equal), *measured)
        for (theorem, assumption, state, *measured), equal in together.items()
    )
    changes = dict.fromkeys(f"  - {line.theorem}, {line.assumption}: {line.remedy}." for line in lines if line.remedy)
    below = "\n".join(["  What would have to change:", *changes]) if changes else ""
    note = "clients: in the state, of how many. margin: largest value allowed minus the measured one."
    counts = ", ".join(f"{sum(row[3] == state for row in rows)} {word}" for state, word in STATES)
    printed = TextTable(f"Assumptions on {name}", header, rows, note).plain()
    return "\n".join(part for part in (printed, below, f"  {name}: {counts}.") if part)


def _measured(line: Assumed) -> tuple[str, ...]:
    return figure(line.value), _uncertainty(line), figure(line.margin), line.how, line.where


def _clients(equal: Sequence[Assumed]) -> str:
    """Clients of each training, once where they are the same."""
    cells = [
        str(own.clients or "-") if own.state in ("holds", "not measured") else f"{own.failing or own.unknown} of {own.clients}"
        for own in equal
    ]
    return cells[0] if len(set(cells)) == 1 else ", ".join(cells)


def _uncertainty(line: Assumed) -> str:
    if line.value is None:
        return "-"
    if line.error > 0.0:
        return figure(line.error)
    return "unknown" if line.state == "unknowable" else "exact"
