"""What the page says of one theorem: statement, figure, waterfall, assumptions, worst cases, brackets, mutants."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fedroute_theory.report.page import figures, grids
from fedroute_theory.report.page.documents import Document
from fedroute_theory.report.page.grids import Grid
from fedroute_theory.report.page.shapes import Json
from fedroute_theory.report.page.summary import anchor
from fedroute_theory.report.size_figures import size_table, unit_of
from fedroute_theory.report.text import figure
from fedroute_theory.report.waterfall_tables import vacuous, verdict
from fedroute_theory.theorems import registry
from fedroute_theory.theorems.waterfall import Waterfall

GIVES = {
    "sizes": "bound and gap against records: fedroute-theory report --json report.json",
    "explain": "the slack waterfall: fedroute-theory explain {slug} --json explain.json",
    "assumptions": "measured assumptions: fedroute-theory assumptions {slug} --json assumptions.json",
    "attack": "worst cases found: fedroute-theory attack {slug} --json attack.json",
    "brackets": "certified worst cases: fedroute-theory brackets {slug} --json brackets.json",
}
"""What a theorem's section lacks without a document of the command, and the command that gives it."""


@dataclass(frozen=True)
class Part:
    """A figure with the table that says the same, or a table alone; text goes above."""

    title: str
    text: str
    svg: str = ""
    grid: Grid | None = None


@dataclass(frozen=True)
class Section:
    """All of one theorem. absent: sentences on what no document holds."""

    slug: str
    anchor: str
    title: str
    kind: str
    statement: str
    verdicts: str
    parts: tuple[Part, ...]
    absent: str


def sections(documents: Sequence[Document]) -> list[Section]:
    """One a theorem that some document speaks of, in the order of the registry; theorems of one's own after them."""
    spoken = dict.fromkeys(slug for document in documents for slug in _speaks_of(document))
    known = [slug for slug in registry() if slug in spoken]
    return [_section(slug, documents) for slug in (*known, *(slug for slug in spoken if slug not in registry()))]


def _speaks_of(document: Document) -> Iterable[str]:
    value = document.value
    if document.command in ("sizes", "explain", "attack"):
        return [value["theorem"]]
    rows = {"verify": "results", "brackets": "brackets", "selftest": "theorems"}.get(document.command)
    if rows:
        return [row["theorem"] for row in value[rows]]
    return [row["theorem"] for case in value.get("cases", ()) for row in case["assumptions"]]


def _section(slug: str, documents: Sequence[Document]) -> Section:
    entry = registry().get(slug)
    name = anchor(slug)
    of = {command: [d.value for d in documents if d.command == command and slug in _speaks_of(d)] for command in GIVES}
    parts: list[Part] = []
    for command, make in _MAKERS.items():
        for place, value in enumerate(of[command]):
            parts += make(slug, value, f"{name}-{command}-{place}")
    parts += _mutants(slug, documents, f"{name}-selftest")
    missing = [said.format(slug=slug) for command, said in GIVES.items() if not of[command]]
    absent = f"Not given: {'; '.join(missing)}." if missing else ""
    title, kind, statement = ("", "", "") if entry is None else (entry.title, entry.kind, entry.statement)
    return Section(slug, name, title, kind, statement, _verdicts(slug, documents), tuple(parts), absent)


def _verdicts(slug: str, documents: Sequence[Document]) -> str:
    own = [c for d in documents if d.command == "verify" for c in d.value["results"] if c["theorem"] == slug]
    said = [f"{sum(c['verdict'] == v for c in own)} {v}" for v in dict.fromkeys(c["verdict"] for c in own)]
    empty = sum(c["vacuous"] for c in own)
    return f"{', '.join(said)} of {len(own)} claims; {empty} bounds vacuous." if own else ""


def _sizes(slug: str, value: Json, name: str) -> list[Part]:
    points = figures.points(value)
    if not points:
        return [Part("Bound and gap against records", "The file holds no point.")]
    table = size_table(slug, value["scenario"], points)
    rows = [
        grids.row(
            grids.word(p.training), grids.number(p.records), grids.number(p.gap), grids.bound(p.bound, p.vacuous),
            grids.number(p.bound / p.gap if p.gap > 0.0 else None),
        )
        for p in points
    ]  # fmt: skip
    columns = (*grids.texts("training"), *grids.numbers("records", "gap", "bound", "bound/gap"))
    empty = sum(p.vacuous for p in points)
    text = f"Exact gap and bound in the unit of {unit_of(slug)}, seed {value['seed']}. {empty} of {len(points)} bounds vacuous."
    svg = figures.sizes_figure(value, name)
    return [
        Part("Bound and gap against records", text, svg, grids.grid(f"{name}-table", table.title, columns, rows, table.note))
    ]


def _slack(slug: str, value: Json, name: str) -> list[Part]:
    entries = value["waterfalls"]
    shown = next((e for e in entries if e["form"] == value.get("form")), entries[0] if entries else None)
    who = "" if value.get("client") is None else f" client {value['client']}"
    place = f"{value['scenario']}, {value['records']:,} records a client, seed {value['seed']}, {value['training']}{who}"
    if shown is None:
        return [Part("Slack waterfall", f"The theorem has no bound on {place}.")]
    found = figures.waterfall(value, shown)
    said = [
        verdict(found),
        f"The bound is {vacuous(found)}." if found.vacuous else "",
        f"Note: {found.note}." if found.note else "",
    ]
    svg = figures.slack_figure(value, found, place, name)
    title = f"{slug} ({found.form}) on {place}: what each step loses"
    return [Part("Slack waterfall", " ".join(filter(None, said)), svg, _steps(found, f"{name}-table", title))]


def _steps(found: Waterfall, name: str, title: str) -> Grid | None:
    rows = [grids.row(grids.word("gap"), grids.number(found.gap), grids.number(None), grids.number(None), grids.word("exact"))]
    rows += [
        grids.row(
            grids.word(step.name), grids.number(step.value), grids.number(step.slack),
            grids.number(step.share if step.share == step.share else None), grids.word(step.why),
        )
        for step in found.steps
    ]  # fmt: skip
    columns = (*grids.texts("step"), *grids.numbers("value", "slack", "share of slack"), *grids.texts("why"))
    return grids.grid(name, title, columns, rows)


def _assumptions(slug: str, value: Json, name: str) -> list[Part]:
    rows, counts = [], dict.fromkeys(("holds", "fails", "unknowable", "not measured"), 0)
    for case in value["cases"]:
        for a in case["assumptions"]:
            if a["theorem"] != slug:
                continue
            counts[a["state"]] = counts.get(a["state"], 0) + 1
            how = f"{a['how']}; at {a['where']}" if a["where"] else a["how"]
            cells = (grids.word(a["assumption"]), grids.word(a["state"], "state " + a["state"].replace(" ", "-")))
            found = (grids.number(a["value"]), grids.number(a["error"]), grids.number(a["margin"]))
            place = (grids.word(case["case"]), grids.word(a["training"]))
            rows.append(grids.row(*cells, *place, *found, grids.word(how), grids.word(a["remedy"])))
    columns = (
        *grids.texts("assumption", "state", "case", "training"), *grids.numbers("value", "uncertainty", "margin"),
        *grids.texts("how measured", "what would have to change"),
    )  # fmt: skip
    text = ", ".join(f"{state}: {n}" for state, n in counts.items() if n) + "."
    made = grids.grid(f"{name}-table", f"{slug}: assumptions with measured values", columns, rows)
    return [Part("Assumptions, measured", text, grid=made)]


def _worst(slug: str, value: Json, name: str) -> list[Part]:
    forms = sorted(value["forms"], key=lambda f: -_ratio(f))
    if not forms:
        return [Part("Worst cases found", "The search found nothing.")]
    rows = [
        grids.row(
            *map(grids.word, (f["form"], f["arena"])),
            *map(grids.number, (f["gap"], f["bound"], f["ratio"], f["delta"])),
            grids.word(_short(f["parameters"])),
        )
        for f in forms
    ]  # fmt: skip
    columns = (
        *grids.texts("form", "arena"),
        *grids.numbers("gap, or chance of failure", "bound, or delta", "ratio", "delta"),
        *grids.texts("parameters of the instance"),
    )
    worst = forms[0]
    text = f"Nearest to a violation: {worst['form']}, ratio {figure(_ratio(worst))}; above 1 is a violation."
    note = "ratio: gap / bound (lower bounds: bound / gap), or exact probability of failure / delta where delta is not 0."
    return [
        Part("Worst cases found", text, grid=grids.grid(f"{name}-table", f"{slug}: worst cases found", columns, rows, note))
    ]


def _ratio(form: Json) -> float:
    """The ratio of a worst case; JSON has none where no factor on the bound covers the gap."""
    return math.inf if form["ratio"] is None else float(form["ratio"])


def _brackets(slug: str, value: Json, name: str) -> list[Part]:
    own = [b for b in value["brackets"] if b["theorem"] == slug]
    rows = [
        grids.row(
            *map(grids.word, (b["form"], b["instance"])), *map(grids.number, (b["lower"], b["exact"], b["upper"])),
            grids.number(b["upper"] / b["exact"] if b["exact"] > 0 else None), grids.word(b["how"]),
        )
        for b in own
    ]  # fmt: skip
    columns = (*grids.texts("form", "instance"), *grids.numbers("lower", "exact", "upper", "upper/exact"), *grids.texts("how"))
    made = grids.grid(f"{name}-table", f"{slug}: certified worst cases of small instances", columns, rows)
    return [Part("Certified worst cases", "lower <= exact <= upper; upper is the theorem's bound.", grid=made)]


def _mutants(slug: str, documents: Sequence[Document], name: str) -> list[Part]:
    found = [t for d in documents if d.command == "selftest" for t in d.value["theorems"] if t["theorem"] == slug]
    parts = []
    for place, own in enumerate(found):
        states = dict.fromkeys(m["state"] for m in own["mutants"])
        text = ", ".join(f"{sum(m['state'] == s for m in own['mutants'])} {s}" for s in states)
        rows = [
            grids.row(*map(grids.word, (m["name"], m["operator"], m["state"], ", ".join(map(str, m["killed_by"])))))
            for m in own["mutants"]
        ]
        columns = grids.texts("mutant", "operator", "state", "killed by")
        made = grids.grid(f"{name}-{place}-table", f"{slug}: formulas broken on purpose", columns, rows)
        parts.append(Part("Broken on purpose", f"{len(rows)} mutants: {text}.", grid=made))
    return parts


def _short(parameters: Json) -> str:
    """All parameters in JSON, cut where they are long."""
    text = json.dumps(parameters, ensure_ascii=False)
    return text if len(text) <= 400 else text[:400] + " ..."


_MAKERS = {"sizes": _sizes, "explain": _slack, "assumptions": _assumptions, "attack": _worst, "brackets": _brackets}
