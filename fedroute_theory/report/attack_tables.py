"""What a search for violations found, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fedroute_theory.attack import Search
from fedroute_theory.report.text import TextTable, figure, fixed

WHAT = (
    "ratio: gap / bound (lower bounds: bound / gap; identities: the larger of both), or for a bound that holds with "
    "probability 1 - delta its exact probability of failure / delta; above 1 is a violation. certified: 1 / smallest "
    "upper/exact of `brackets`."
)


def certified(slug: str) -> dict[str, float]:
    """Form -> largest certified ratio; empty where no worst case of the theorem is certified or cvxpy is missing."""
    from fedroute_theory._validate import InputError
    from fedroute_theory.certify.brackets import brackets

    try:
        rows = brackets(slug).rows
    except (InputError, ImportError):
        return {}
    best: dict[str, float] = {}
    for row in rows:
        best[row.form] = max(best.get(row.form, 0.0), 1.0 / row.ratio)
    return best


def rows(search: Search, known: Mapping[str, float]) -> list[dict[str, Any]]:
    """One entry a form, in order of falling ratio."""
    ordered = sorted(search.best.values(), key=lambda i: (-i.found.ratio, i.form))
    return [
        instance.plain()
        | {"gap": instance.found.gap, "bound": instance.found.bound, "ratio": instance.found.ratio}  # infinite ones as numbers
        | {
            "certified": None  # certificates are about gaps, not about chances
            if instance.found.delta > 0.0 or instance.form.startswith("event/")
            else known.get(instance.form, known.get(instance.form.split("/")[0])),
            "by phase": {
                phase: reached[instance.form] for phase, reached in search.by_phase.items() if instance.form in reached
            },
            "file": str(search.store.path(instance.form)),
        }
        for instance in ordered
    ]


def table(search: Search, known: Mapping[str, float]) -> TextTable:
    """Form, best ratio by phase, certified ratio, where the instance is."""
    header = ("form", "ratio", "certified", "hypothesis", "optimiser", "shortening", "witnesses", "delta", "where")
    cells = tuple(
        (
            row["form"], fixed(row["ratio"], 6), figure(row["certified"]),
            *(figure(row["by phase"].get(phase)) for phase in ("hypothesis", "optimiser", "shortening", "witnesses")),
            figure(row["delta"]), row["file"],
        )
        for row in rows(search, known)
    )  # fmt: skip
    return TextTable(f"{search.theorem.slug}: {search.evaluations} evaluations", header, cells, WHAT)
