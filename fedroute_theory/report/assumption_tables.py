"""Assumptions of theorems as a table."""

from __future__ import annotations

from collections.abc import Sequence

from fedroute_theory.report.text import TextTable, figure
from fedroute_theory.verify.assumed import Assumed


def table(name: str, lines: Sequence[Assumed]) -> str:
    """Everything measured on one case, for a terminal; what would have to change goes below the table."""
    header = ("theorem", "training", "assumption", "state", "clients", "value", "uncertainty", "margin", "how", "where")
    rows = tuple(
        (
            line.theorem,
            line.training,
            line.assumption,
            line.state,
            str(line.clients) if line.state == "holds" else f"{line.failing or line.unknown} of {line.clients}",
            figure(line.value),
            _uncertainty(line),
            figure(line.margin),
            line.how,
            line.where,
        )
        for line in lines
    )
    changes = dict.fromkeys(f"  - {line.theorem}, {line.assumption}: {line.remedy}." for line in lines if line.remedy)
    below = "\n".join(["  What would have to change:", *changes]) if changes else ""
    note = "clients: in the state, of how many. margin: largest value allowed minus the measured one."
    return "\n".join(part for part in (TextTable(f"Assumptions on {name}", header, rows, note).plain(), below) if part)


def _uncertainty(line: Assumed) -> str:
    if line.value is None:
        return "-"
    if line.error > 0.0:
        return figure(line.error)
    return "unknown" if line.state == "unknowable" else "exact"
