"""What the page says of audits and comparisons of evaluation tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fedroute_theory.audit.rows import key
from fedroute_theory.report.page import figures, grids
from fedroute_theory.report.page.documents import Document
from fedroute_theory.report.page.grids import Cell, Grid
from fedroute_theory.report.page.shapes import Json
from fedroute_theory.report.text import figure

SCOPES = {"own": "own test queries", "global": "all test queries"}
MEASURES = {"auc": "area", "auc_published": "area as published", "suboptimality": "utility at the headline price"}


@dataclass(frozen=True)
class Audited:
    """One audit or comparison. svg: empty where there is no figure."""

    anchor: str
    title: str
    text: str
    svg: str
    grids: tuple[Grid, ...]


def audited(document: Document, place: int) -> Audited:
    """The section of one `audit` or `compare` document."""
    make = _audit if document.command == "audit" else _compare
    return make(document.value, f"{document.command}-{place}")


def _audit(value: Json, name: str) -> Audited:
    table = value["table"]
    text = (
        f"{table['queries']:,} queries x {len(table['models'])} models, {value['parameters']['clients']} clients, "
        f"{table['test_queries']:,} test queries, {value['protocol']} protocol, seed {value['seed']}. "
        "Clients share a federated router, so other partitions can differ by more than these intervals say."
    )
    svg = figures.frontier_figure(value, f"{name}-frontier") if value["frontiers"] else ""
    made = (_areas(value, name), _gains(value, name), _clients(value, name))
    return Audited(name, f"Audit of {table['name']}", text, svg, tuple(g for g in made if g is not None))


def _areas(value: Json, name: str) -> Grid | None:
    published = value["summary"].get("auc_published_global", {})
    rows = [
        grids.row(grids.word(who), grids.number(area), grids.number(published.get(who)))
        for who, area in value["summary"]["auc_global"].items()
    ]
    columns = (*grids.texts("router or reference"), *grids.numbers("area", "area as published"))
    note = "Areas under accuracy against cost, in [0, 1]; oracle, best single model, best cell policy: in hindsight."
    return grids.grid(f"{name}-areas", "Areas on all test queries", columns, rows, note)


def _gains(value: Json, name: str) -> Grid | None:
    rows = []
    for measure, by_scope in value["summary"].get("federated_minus_local", {}).items():
        for scope, paired in by_scope.items():
            if paired is not None:
                low, high = paired["share_low"], paired["share_high"]
                rows.append(
                    grids.row(
                        grids.word(MEASURES.get(measure, measure)), grids.word(SCOPES.get(scope, scope)),
                        grids.number(paired["gain"]), grids.number(paired["lose"]), grids.number(paired["median"]),
                        Cell(f"{low:.2f} to {high:.2f}", repr(low)), grids.number(paired["p_value"]),
                    )
                )  # fmt: skip
    columns = (
        *grids.texts("measure", "on"),
        *grids.numbers("clients gain", "clients lose", "median gain", "share that gains, 95% interval", "sign test p"),
    )  # fmt: skip
    return grids.grid(f"{name}-gains", "Which clients gain from federating", columns, rows)


def _clients(value: Json, name: str) -> Grid | None:
    headline = key(value["summary"]["headline_lam"])
    rows = []
    for c in value["clients"]:
        k2 = grids.number(c["coverage_K2"]) if c["coverage_K2"] is not None else Cell("infinite", "1e308")
        rows.append(
            grids.row(
                grids.number(c["client"]), grids.number(c["records"]), grids.number(c["test_records"]),
                Cell(f"{c['pairs_empty']:.0%}", repr(c["pairs_empty"])), k2,
                *map(_gain, (c["auc_gain_own"], c["auc_gain_global"])),
                *(_gain(_at(c.get(gain, {}), headline)) for gain in ("gain_own", "gain_global")), grids.word(c["why"]),
                gains="gains" if c["auc_gain_own"] > 0 else "loses" if c["auc_gain_own"] < 0 else "equal",
            )
        )  # fmt: skip
    columns = (
        *grids.numbers("client", "records", "test queries", "pairs without a record", "K2 alone", "area gain, own queries",
        "area gain, all queries", f"utility gain at lam {headline}, own", f"utility gain at lam {headline}, all"),
        *grids.texts("what differs most"),
    )  # fmt: skip
    note = "Gains: federated minus alone, positive where federating helps. What differs most: a difference in bounds, no proof."
    return grids.grid(f"{name}-clients", "Clients, federated against alone", columns, rows, note, "gains")


def _compare(value: Json, name: str) -> Audited:
    rows = [
        grids.row(
            *map(grids.word, (line["router"], line["protocol"], MEASURES.get(line["measure"], line["measure"]))),
            grids.number(line["seeds"]), _interval(line["areas"].get("federated")),
            *(_interval(line["differences"].get(other)) for other in ("local most", "pooled", "best single model")),
            router=line["router"], protocol=line["protocol"],
        )
        for line in value["lines"]
    ]  # fmt: skip
    columns = (
        *grids.texts("router", "protocol", "measure"),
        *grids.numbers("seeds", "federated", "minus best local", "minus pooled", "minus best single model"),
    )
    note = "Means over seeds of partition and training on the same table; [95% Student interval over seeds]."
    made = grids.grid(f"{name}-lines", f"{value['table']}: routers and protocols", columns, rows, note, "router", "protocol")
    text = f"{value['clients']} clients, {len(value['seeds'])} seeds."
    return Audited(name, f"Comparison on {value['table']}", text, "", () if made is None else (made,))


def _at(by_price: Json, headline: str) -> float | None:
    found = by_price.get(headline)
    return found if isinstance(found, int | float) else None


def _gain(value: float | None) -> Cell:
    return grids.number(None) if value is None else Cell(f"{value:+.4f}" if abs(value) < 1000 else f"{value:+.4g}", repr(value))


def _interval(found: Any) -> Cell:
    """A mean with its limits."""
    if not isinstance(found, dict) or found.get("value") is None:
        return grids.number(None)
    low, high = (found.get(end) for end in ("low", "high"))
    limits = "" if low is None or high is None else f" [{figure(low)}, {figure(high)}]"
    return Cell(f"{figure(found['value'])}{limits}", repr(found["value"]))
