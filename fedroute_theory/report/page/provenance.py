"""Where the page's numbers come from: command, version, seeds, counts, error probabilities; no clock, no host."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fedroute_theory.report.page import grids
from fedroute_theory.report.page.documents import Document
from fedroute_theory.report.page.grids import Grid
from fedroute_theory.report.page.shapes import Json
from fedroute_theory.report.text import figure


def provenance(documents: Sequence[Document]) -> Grid | None:
    """One row a document."""
    rows = [
        grids.row(
            grids.word(d.command), grids.word(d.name), grids.word(d.version), grids.word(_seed(d)),
            grids.word(_counted(d) + ("; interrupted" if d.interrupted else "")),
        )
        for d in documents
    ]  # fmt: skip
    columns = grids.texts("command", "from", "package version", "seed", "what it holds")
    return grids.grid("provenance", "Where the numbers come from", columns, rows)


def _seed(document: Document) -> str:
    value = document.value
    if document.command == "assumptions":
        return ", ".join(dict.fromkeys(str(case["seed"]) for case in value["cases"]))
    if document.command == "compare":
        return ", ".join(map(str, value["seeds"]))
    found = value.get("seed")
    return "-" if found is None else str(found)


def _counted(document: Document) -> str:
    return _COUNTED[document.command](document.value)


def _verified(value: Json) -> str:
    power = ""
    if value["power"] is not None:
        power = f"; power: a violation rate of {figure(value['power'])} would be caught with probability 0.9"
    trials = sum(c["trials"] for c in value["results"])
    counted = ", ".join(
        f"{n:,} {one if n == 1 else many}"
        for n, one, many in (
            (len(value["results"]), "claim", "claims"),
            (trials, "trial", "trials"),
            (len(value["extremal"]), "family", "families"),
            (len(value["controls"]), "control", "controls"),
        )
    )
    return (
        f"{counted}; mode {value['mode']}, delta {value['delta']:g}; claims that rest on trials: {value['randomised']}, "
        f"false-alarm probability {value['false_alarm']:g}{power}"
    )


def _searched(value: Json) -> str:
    done = value.get("evaluations")
    how = "shipped with the package" if done is None else f"{done:,} evaluations"
    return f"{value['theorem']}: {len(value['forms'])} forms, {how}"


def _bracketed(value: Json) -> str:
    return f"{len(value['brackets'])} rows" + (f"; {len(value['unsolved'])} unsolved" if value["unsolved"] else "")


_COUNTED: dict[str, Callable[[Json], str]] = {
    "verify": _verified,
    "sizes": lambda value: f"{value['theorem']} on {value['scenario']}: {len(value['points'])} points",
    "explain": lambda value: f"{value['theorem']} on {value['scenario']}: {len(value['waterfalls'])} forms",
    "assumptions": lambda value: "; ".join(f"{case['case']}: {len(case['assumptions'])} lines" for case in value["cases"]),
    "attack": _searched,
    "brackets": _bracketed,
    "selftest": lambda value: str(value["summary"]),
    "audit": lambda value: f"{value['table']['queries']:,} queries, {len(value['clients'])} clients",
    "compare": lambda value: f"{len(value.get('draws', ()))} audits",
}
"""What a document holds, by command."""
