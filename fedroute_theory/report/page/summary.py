"""What a verification found, first things first: what holds, what is loose, vacuous, not applicable or open."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fedroute_theory.report.page import grids
from fedroute_theory.report.page.grids import Grid
from fedroute_theory.report.page.shapes import Json
from fedroute_theory.report.verification_tables import EXACT_FORMS
from fedroute_theory.verify import Verdict
from fedroute_theory.verify.run import PROMISED

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Count:
    """One number of the summary. look: a class of the style sheet."""

    value: str
    label: str
    look: str = ""


def anchor(slug: str) -> str:
    """The id of a theorem's section."""
    return "theorem-" + "".join(c if c.isalnum() or c == "-" else "-" for c in slug)


def counts(run: Json) -> list[Count]:
    """How many claims have each verdict, how many bounds are vacuous, families and wrong statements."""
    claims = run["results"]
    of = {verdict: sum(c["verdict"] == verdict for c in claims) for verdict in Verdict}
    bounded = [c for c in claims if c["bound"] is not None]
    looks = {v: "" if v is Verdict.VIOLATED and not of[v] else f"verdict {str(v).lower().replace(' ', '-')}" for v in Verdict}
    found = [Count(f"{of[v]:,}", str(v), looks[v]) for v in Verdict]
    vacuous = sum(c["vacuous"] for c in bounded)
    found.append(Count(f"{vacuous:,} of {len(bounded):,}", "bounds vacuous: no more than the utility range", "vacuous"))
    families, controls = run["extremal"], run["controls"]
    found.append(Count(f"{sum(f['reproduced'] for f in families)} of {len(families)}", "extremal families reproduced"))
    found.append(Count(f"{sum(c['caught'] for c in controls)} of {len(controls)}", "wrong statements caught"))
    return found


def sentence(run: Json) -> str:
    """The outcome in one sentence, with the chance of a false alarm."""
    claims = run["results"]
    violated = sum(c["verdict"] == Verdict.VIOLATED for c in claims)
    missed = sum(not f["reproduced"] for f in run["extremal"]) + sum(not c["caught"] for c in run["controls"])
    judged = sum(c["bound"] is not None for c in claims)
    head = "No bound was judged"
    if judged:
        head = (
            f"{violated:,} of {judged:,} claims with a bound are violated"
            if violated
            else f"None of {judged:,} bounds is violated"
        )
    alarm = f"; a true one would be called violated with probability at most {run['false_alarm']:g} in the whole run"
    tail = f"; {missed} families or controls failed" if missed else ""
    broken = sum(c.get("refused_by") in PROMISED for c in claims)
    tail += f"; {broken} claims fell because a router broke its promise" if broken else ""
    tail += "".join(f"; {other['theorem']}: {other['wrong']}" for other in run.get("unstated", ()))
    tail += "".join(f"; nothing was judged on {name}" for name in run.get("silent", ()))
    return head + (alarm if run["randomised"] else "") + tail + "."


def overview(run: Json) -> Grid | None:
    """One row a theorem."""
    rows = []
    for slug, own in _by(run["results"], _theorem).items():
        ratios = [c["ratio"] for c in loose({"results": own})]
        of = [sum(c["verdict"] == v for c in own) for v in Verdict]
        bounded = [c for c in own if c["bound"] is not None]
        vacuous = sum(c["vacuous"] for c in bounded)
        rows.append(
            grids.row(
                grids.word(slug, link=anchor(slug)), grids.number(len(own)), *map(grids.number, of),
                grids.number(vacuous), grids.number(min(ratios, default=None)), grids.number(max(ratios, default=None)),
            )
        )  # fmt: skip
    columns = (
        *grids.texts("theorem"), *grids.numbers("claims", *(str(v).lower() for v in Verdict), "bounds vacuous"),
        *grids.numbers("least bound/gap", "largest bound/gap"),
    )  # fmt: skip
    note = "bound/gap: of bounds that are not vacuous, lower bounds aside, where there is a gap; 1 is tight. A dash: none such."
    return grids.grid("overview", "Theorems: verdicts and how loose the bounds are", columns, rows, note)


def loosest(run: Json) -> Grid | None:
    """The largest ratio of every theorem, of bounds that say something."""
    largest = [max(own, key=lambda c: c["ratio"]) for own in _by(loose(run), _theorem).values()]
    rows = [
        grids.row(
            grids.word(c["theorem"], link=anchor(c["theorem"])), *map(grids.word, (c["form"], c["scenario"], c["training"])),
            *map(grids.number, (c["n"], c["gap"], c["bound"], c["ratio"])), grids.word(c["largest_term"]),
        )
        for c in sorted(largest, key=lambda c: -c["ratio"])
    ]  # fmt: skip
    columns = (
        *grids.texts("theorem", "form", "scenario", "training"), *grids.numbers("records", "gap", "bound", "bound/gap"),
        *grids.texts("largest term"),
    )  # fmt: skip
    note = "The loosest bound of each theorem that is not vacuous. A gap near 0 makes any bound look loose."
    return grids.grid("loosest", "What is loose: the largest bound/gap of each theorem", columns, rows, note)


def loose(run: Json) -> list[Json]:
    """Upper bounds and comparisons that say something, with their ratio; exact failure probabilities aside."""
    return [
        c
        for c in run["results"]
        if c["ratio"] is not None and not c["vacuous"] and c["kind"] != "lower" and c["form"].split("/")[0] not in EXACT_FORMS
    ]


def vacuous(run: Json) -> Grid | None:
    """Where bounds say no more than the utility range."""
    bounded = [c for c in run["results"] if c["bound"] is not None]
    rows = []
    for (slug, form), own in _by(bounded, lambda c: (str(c["theorem"]), str(c["form"]))).items():
        empty = [c for c in own if c["vacuous"]]
        if empty:
            where = ", ".join(dict.fromkeys(f"{c['scenario']} ({c['training']})" for c in empty))
            share = (grids.number(len(empty)), grids.number(len(own)))
            rows.append(grids.row(grids.word(slug, link=anchor(slug)), grids.word(form), *share, grids.word(where)))
    columns = (*grids.texts("theorem", "form"), *grids.numbers("vacuous", "of"), *grids.texts("where"))
    return grids.grid("vacuous", "Vacuous bounds: they hold and say no more than the utility range", columns, rows)


def refused(run: Json) -> Grid | None:
    """Claims without a bound, by the assumption that fails."""
    silent = [c for c in run["results"] if c["verdict"] == Verdict.NOT_APPLICABLE]
    rows = []
    for (slug, assumption), own in _by(silent, lambda c: (str(c["theorem"]), str(c.get("refused_by", "")))).items():
        where = ", ".join(dict.fromkeys(c["scenario"] for c in own))
        cells = (grids.word(assumption or "not stated"), grids.number(len(own)), grids.word(where), grids.word(own[0]["notes"]))
        rows.append(grids.row(grids.word(slug, link=anchor(slug)), *cells))
    columns = (*grids.texts("theorem", "assumption that fails"), *grids.numbers("claims"), *grids.texts("where", "for example"))
    return grids.grid("refused", "Not applicable: which assumption fails, and by how much", columns, rows)


def undecided(run: Json) -> Grid | None:
    """Claims that the trials leave open, and violated ones."""
    rows = [
        grids.row(
            grids.word(c["theorem"], link=anchor(c["theorem"])), *map(grids.word, (c["form"], c["scenario"], c["training"])),
            *map(grids.number, (c["violations"], c["trials"], c["delta"])), grids.verdict(c["verdict"]),
        )
        for c in run["results"]
        if c["verdict"] in (Verdict.INCONCLUSIVE, Verdict.VIOLATED)
    ]  # fmt: skip
    columns = (
        *grids.texts("theorem", "form", "scenario", "training"), *grids.numbers("above the bound", "trials", "delta"),
        *grids.texts("verdict"),
    )  # fmt: skip
    return grids.grid("undecided", "Violated claims, and claims that the trials leave open", columns, rows)


NOTHING = {
    "undecided": "No claim is violated, and the trials leave none open.",
    "refused": "Every claim meets its assumptions: none is not applicable.",
    "vacuous": "No bound is vacuous.",
}
"""What is said of tables without rows."""


def nothing_open(made: set[str]) -> str:
    """Of the tables that are not there because they would be empty."""
    return " ".join(said for name, said in NOTHING.items() if name not in made)


def renamed(grid: Grid, suffix: str) -> Grid:
    """A table of another run has a name of its own."""
    return replace(grid, name=grid.name + suffix)


def _by(claims: Sequence[Json], key: Callable[[Json], Key]) -> dict[Key, list[Json]]:
    found: dict[Key, list[Json]] = {}
    for claim in claims:
        found.setdefault(key(claim), []).append(claim)
    return found


def _theorem(claim: Json) -> str:
    return str(claim["theorem"])
