"""Every claim of a verification, the families where bounds are tight, and the wrong statements."""

from __future__ import annotations

from fedroute_theory.report.page import grids
from fedroute_theory.report.page.grids import Grid
from fedroute_theory.report.page.shapes import Json
from fedroute_theory.report.page.summary import anchor


def every(run: Json) -> Grid | None:
    """All claims, to sort and to filter."""
    rows = [
        grids.row(
            grids.word(c["theorem"], link=anchor(c["theorem"])), *map(grids.word, (c["form"], c["scenario"], c["training"])),
            grids.verdict(c["verdict"]),
            grids.number(c["n"]), grids.number(c["gap"]), grids.bound(c["bound"], c["vacuous"]), grids.number(c["ratio"]),
            grids.word(c["largest_term"] or "-"), grids.number(c["violations"]), grids.number(c["trials"]),
            grids.number(c["delta"]),
            theorem=c["theorem"], training=c["training"], verdict=c["verdict"], bound=_says(c),
        )
        for c in run["results"]
    ]  # fmt: skip
    columns = (
        *grids.texts("theorem", "form", "scenario", "training", "verdict"),
        *grids.numbers("records", "gap", "bound", "bound/gap"), *grids.texts("largest term"),
        *grids.numbers("above the bound", "trials", "delta"),
    )  # fmt: skip
    note = (
        "Local: means over the clients. Gap and bound in the theorem's unit; the gap of minimax-lower is an upper bound on the "
        "worst table's. Above the bound: trials (redrawn labels, clients) whose gap is above it. delta: probability with which "
        "the bound may fail; 0: never."
    )
    return grids.grid(
        "claims",
        "Claims: one row a form, scenario, size and training",
        columns,
        rows,
        note,
        "theorem",
        "training",
        "verdict",
        "bound",
    )


def _says(claim: Json) -> str:
    if claim["bound"] is None:
        return "none"
    return grids.VACUOUS if claim["vacuous"] else "says something"


def families(run: Json) -> Grid | None:
    """Families in which bound / gap is known."""
    rows = [
        grids.row(
            grids.word(f["theorem"], link=anchor(f["theorem"])), grids.word(f["form"]), grids.word(f["name"]),
            grids.number(f["measured_ratio"]), grids.number(f["ratio"]),
            grids.word("reproduced" if f["reproduced"] else "MISSED"),
        )
        for f in run["extremal"]
    ]  # fmt: skip
    columns = (*grids.texts("theorem", "form", "family"), *grids.numbers("bound/gap", "predicted"), *grids.texts("outcome"))
    return grids.grid("families", "Extremal families: where a bound is tight, or how far from tight", columns, rows)


def controls(run: Json) -> Grid | None:
    """Wrong statements and broken assumptions."""
    rows = [
        grids.row(
            grids.word(c["theorem"], link=anchor(c["theorem"])), grids.word(c["name"]),
            grids.word("caught" if c["caught"] else "NOT CAUGHT"), grids.word(c["how"]), grids.word(c["evidence"]),
        )
        for c in run["controls"]
    ]  # fmt: skip
    columns = grids.texts("theorem", "wrong on purpose", "outcome", "how", "evidence")
    return grids.grid("controls", "Negative controls: wrong on purpose, and caught", columns, rows)
