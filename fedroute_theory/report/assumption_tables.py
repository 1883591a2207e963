"""Assumptions of theorems as tables that fit a terminal of WIDTH columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fedroute_theory.report.bracket_tables import WIDTH
from fedroute_theory.report.text import TextTable, figure
from fedroute_theory.verify.assumed import NOT_MEASURED, Assumed

STATES = (("holds", "hold"), ("fails", "fail"), ("unknowable", "unknowable"), (NOT_MEASURED, "not measured"))
"""State of a row, and the word for it in the summary."""

NOTE = (
    "training: all is local, federated and pooled. clients: in the state, of how many. margin: largest allowed value - value."
)


def text(name: str, lines: Sequence[Assumed]) -> str:
    """All assumptions on one case, theorem by theorem: measured or not, how, what would have to change; counts."""
    slugs = dict.fromkeys(line.theorem for line in lines)
    parts, states = [f"Assumptions on {name}"], []
    for slug in slugs:
        together = _together([line for line in lines if line.theorem == slug])
        states += [equal[0].state for equal in together]
        parts.append(_theorem(slug, together))
    counts = ", ".join(f"{states.count(state)} {word}" for state, word in STATES)
    return "\n\n".join([*parts, "\n".join([*_wrapped(NOTE), f"  {name}: {counts}."])])


def nothing_measured(lines: Sequence[Assumed]) -> str:
    """Why a case shows nothing of any assumption; empty where it shows something."""
    if any(line.state != NOT_MEASURED for line in lines):
        return ""
    return "; ".join(dict.fromkeys(line.how for line in lines))


def _together(lines: Sequence[Assumed]) -> list[list[Assumed]]:
    """Lines of trainings that agree in everything that is printed."""
    found: dict[tuple[str, ...], list[Assumed]] = {}
    for line in lines:
        key = (line.assumption, line.state, figure(line.value), _uncertainty(line), figure(line.margin), line.how, line.where)
        found.setdefault(key, []).append(line)
    return list(found.values())


def _theorem(slug: str, together: Sequence[list[Assumed]]) -> str:
    """One table, and below it how each number was found, what was not measured, and what would help."""
    header = ("assumption", "state", "training", "clients", "value", "uncertainty", "margin", "how")
    notes: dict[str, int] = {}
    missing: dict[str, list[str]] = {}
    rows = []
    for equal in together:
        line = equal[0]
        if line.state == NOT_MEASURED:
            missing.setdefault(line.how, []).append(line.assumption)
            continue
        said = f"{line.how}; at {line.where}" if line.where else line.how
        place = str(notes.setdefault(said, len(notes) + 1)) if said else "-"
        numbers = (figure(line.value), _uncertainty(line), figure(line.margin))
        rows.append((line.assumption, line.state, _trainings(equal), _clients(equal), *numbers, place))
    parts = [TextTable(slug, header, tuple(rows)).plain()] if rows else [slug]
    for said, number in notes.items():
        parts += _wrapped(f"{number}: {said}")
    for why, names in missing.items():
        parts += _wrapped(f"not measured ({why}): {', '.join(names)}")
    changes = dict.fromkeys(f"{e[0].assumption}: {line.remedy}" for e in together for line in e if line.remedy)
    for change in changes:
        parts += _wrapped(f"would have to change, {change}")
    return "\n".join(parts)


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="     ")


def _trainings(equal: Sequence[Assumed]) -> str:
    names = dict.fromkeys(line.training for line in equal)
    return "all" if {"local", "federated", "pooled"} == set(names) else ", ".join(names)


def _clients(equal: Sequence[Assumed]) -> str:
    """Clients of each training, once where they are the same."""
    cells = [
        str(own.clients or "-") if own.state == "holds" else f"{own.failing or own.unknown} of {own.clients}" for own in equal
    ]
    return cells[0] if len(set(cells)) == 1 else ", ".join(cells)


def _uncertainty(line: Assumed) -> str:
    if line.value is None:
        return "-"
    if line.error > 0.0:
        return figure(line.error)
    return "unknown" if line.state == "unknowable" else "exact"
