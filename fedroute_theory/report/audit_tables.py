"""An audit in words and tables: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fedroute_theory.audit.protocols import NOT_IN_THE_PAPER
from fedroute_theory.audit.references import NOTES
from fedroute_theory.audit.report import AuditReport
from fedroute_theory.audit.rows import RouterRow
from fedroute_theory.report.text import TextTable

NOTHING = "n/a"
"""Of a number that a router does not have."""


def tables(report: AuditReport) -> list[TextTable]:
    """References, routers, clients; and what differs most, where there are bounds to compare."""
    compared = any("bound" in c.terms_local and "bound" in c.terms_federated for c in report.clients)
    return [_references(report), _routers(report), _clients(report), *([_reasons(report)] if compared else [])]


def text_tables(report: AuditReport) -> str:
    """Everything for a terminal: what was audited, tables, and how to read them."""
    parts = [opening(report), *(table.plain() for table in tables(report))]
    points = "\n".join(f"  - {sentence}" for sentence in reading(report))
    return "\n\n".join([*parts, f"Reading\n{points}"]) + "\n"


def markdown(report: AuditReport) -> str:
    """The same as a Markdown document."""
    parts = [f"# Audit of {report.settings.name}", opening(report), *(table.markdown() for table in tables(report))]
    figures = "![Accuracy-cost frontiers](frontier.png)\n\n![Gap and bound by term](terms.png)"
    points = "\n".join(f"- {sentence}" for sentence in reading(report))
    return "\n\n".join([*parts, "## Reading", points, "## Figures", figures]) + "\n"


def opening(report: AuditReport) -> str:
    """What was audited: the population, the models found in it, the units."""
    settings, law = report.settings, report.everywhere
    ours = settings.protocol == "published" and settings.router_name in NOT_IN_THE_PAPER
    protocol = "published protocol (not in the paper: as sound)" if ours else f"{settings.protocol} protocol"
    return (
        f"{settings.name}: {report.queries:,} queries x {law.problem.n_models} models, {report.tasks} tasks; "
        f"{settings.clients} clients, seed {settings.seed}, {settings.router_name} router, {protocol}; "
        f"{law.size:,} test queries.\n"
        f"Models: {', '.join(law.problem.models)}.\n"
        f"Gaps, bounds and gains in units of quality at lam = {report.headline}; areas in [0, 1]."
    )


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def _distance(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _filled(title: str, header: tuple[str, ...], rows: Sequence[tuple[str, ...]], note: str) -> TextTable:
    """A table without the columns in which no row has anything."""
    kept = [k for k in range(len(header)) if not rows or any(row[k] != NOTHING for row in rows)]
    return TextTable(title, tuple(header[k] for k in kept), tuple(tuple(row[k] for k in kept) for row in rows), note)


def _signed(value: float) -> str:
    return f"{value:+.4f}" if abs(value) < 1000 else f"{value:+.4g}"


def _floor(report: AuditReport) -> float:
    """The area of always calling the cheapest single model."""
    law = report.everywhere
    return law.area(law.anchor[None])


def _references(report: AuditReport) -> TextTable:
    lam = report.headline
    rows = []
    for name in report.named_references:
        row = report.reference(name)
        rows.append((
            name, _number(row.auc), _number(row.auc_published), _number(row.suboptimality[lam]), _number(row.quality[lam]),
            f"{row.cost[lam]:.3g}", row.chosen.get(lam, ""),
        ))  # fmt: skip
    note = f"oracle: {NOTES['oracle']}. No area is below {_floor(report):.4f}: everybody can call the cheapest model."
    header = ("reference", "area", "area as published", "suboptimality", "quality", "cost", "model")
    return TextTable("References, all test queries", header, tuple(rows), note)


def _routers(report: AuditReport) -> TextTable:
    lam = report.headline

    def cells(name: str, row: RouterRow) -> tuple[str, ...]:
        parts = (row.suboptimality, row.approximation, row.estimation, row.bound)
        return (name, _number(row.auc), _number(row.auc_published), *(_number(p[lam]) if p else NOTHING for p in parts))

    order = [report.router("federated", "global"), report.router("pooled", "global")]
    order += [*report.locals("global"), *report.mixtures("global")]
    header = ("router", "area", "area as published", "suboptimality", "= approximation", "+ estimation", "<= bound")
    failed = sorted({row.not_applicable for row in order if row.not_applicable})
    bounded = any(row.bound for row in order)
    note = (
        "The bound is on the estimation part (gap to the best policy constant on the router's cells)."
        if bounded
        else "No bounds: the audit computes those of K-means routers that meet their assumptions."
    )
    return _filled("Routers, all test queries", header, [cells(row.name, row) for row in order], " ".join([note, *failed]))


def _clients(report: AuditReport) -> TextTable:
    lam = report.headline
    rows = []
    for c in report.clients:
        local, federated = report.router("local", "own", c.client), report.router("federated", "own", c.client)
        k2 = f"{c.coverage.k2:.3g}" if np.isfinite(c.coverage.k2) else "infinite"
        rows.append((
            str(c.client), str(c.records), str(c.test_records), str(len(c.coverage.models_never_logged)),
            f"{c.coverage.pairs_empty:.0%}", k2, _distance(c.distance_local), _distance(c.distance_federated),
            _number(local.auc), _number(federated.auc), _signed(c.auc_gain_own), _signed(c.auc_gain_global),
            _signed(c.gain_own[lam]), _signed(c.gain_global[lam]),
        ))  # fmt: skip
    header = (
        "client", "records", "test", "models unlogged", "pairs empty", "K2", "dist. alone", "dist. fed.", "own area alone",
        "own area fed.", "area gain own", "area gain all", "gain own", "gain all",
    )  # fmt: skip
    note = "Gains: federated against alone, positive where federating helps; own: the client's test queries, all: everybody's."
    if any(c.distance_local is not None for c in report.clients):
        note += " dist.: mean distance of own test queries to the nearest centre."
    return _filled("Clients, alone and federated", header, rows, " ".join([note, *report.skipped.values()]))


def _reasons(report: AuditReport) -> TextTable:
    rows = tuple((str(c.client), c.why) for c in report.clients)
    note = "The term of bound or gap that differs most, own test queries. A difference in bounds, not a proof of cause."
    return TextTable("What differs most between alone and federated", ("client", "why"), rows, note)


def reading(report: AuditReport) -> list[str]:
    """What the numbers say, one sentence each; a negative result is said as plainly as a positive one."""
    remark = [] if report.lipschitz is None else [report.lipschitz.remark]
    return [*_gains(report), *_mixtures(report), *_levels(report), *_evidence(report), *remark]


def _gains(report: AuditReport) -> list[str]:
    told = {"own": "on their own test queries", "global": "on all test queries"}
    measures = {
        "auc": "in area",
        "auc_published": "in area as published",
        "suboptimality": f"in utility at lam = {report.headline}",
    }
    sentences = []
    for measure, unit in measures.items():
        for scope, where in told.items():
            p = report.gains[measure][scope]
            if p is not None:
                sentences.append(
                    f"{p.gain} of {p.clients} clients gain {where} {unit}, {p.lose} lose (median {_signed(p.median)}; "
                    f"sign test p = {p.p_value:.2g}; 95% interval for the share that gains "
                    f"{p.share_low:.2f} to {p.share_high:.2f})."
                )
    floor = _floor(report)
    stuck = sum(row.auc <= floor + 1e-9 for row in report.locals("global"))
    sentences.append(
        f"{stuck} of {len(report.clients)} local routers do no better than always calling the cheapest model "
        f"(area {floor:.4f}, all test queries)."
    )
    return [*sentences, "One partition and one seed: clients share a federated router, so other draws can differ by more."]


def _mixtures(report: AuditReport) -> list[str]:
    told = {"own": "their own test queries", "global": "all test queries"}
    return [
        f"A client's mixture against its {other} router, area on {where}: {p.gain} of {p.clients} gain, {p.lose} lose (median "
        f"{_signed(p.median)}; sign test p = {p.p_value:.2g})."
        for other, by_scope in report.personal.items()
        for scope, where in told.items()
        for p in [by_scope[scope]]
        if p is not None
    ]


def _levels(report: AuditReport) -> list[str]:
    area = {name: report.router(name, "global").auc for name in ("federated", "pooled")}
    area |= {name: report.reference(name).auc for name in report.named_references}
    sentences = [
        f"Area on all test queries: {d.first} {area[d.first]:.4f}, {d.second} {area[d.second]:.4f}, {_signed(d.value)} "
        f"(95% bootstrap interval over test queries {_signed(d.low)} to {_signed(d.high)}): {d.verdict}."
        for d in report.differences
    ]
    if report.differences[0].low <= 0:
        sentences.append(
            "So these test queries do not show the federated router to be better than one model for all queries (mixed with "
            "others along the budget)."
        )
    if "best cell policy" in area:
        sentences.append(f"With the federated cells no router passes {area['best cell policy']:.4f}.")
    return [
        *sentences,
        f"The oracle's {area['oracle']:.4f} is the maximum over realised outcomes in hindsight, not an optimum that any router "
        "can learn.",
    ]


def _evidence(report: AuditReport) -> list[str]:
    sentences = []
    if report.clients:
        empty = float(np.median([c.coverage.pairs_empty for c in report.clients]))
        place = "task" if report.lipschitz is None else "cell"
        sentences.append(
            f"Alone, a client has no record of {empty:.0%} of the ({place}, model) pairs (median); together they have none of "
            f"{report.coverage.pairs_empty:.1%}."
        )
    sent, logs = (float(np.median([getattr(t, what) for t in report.traffic])) for what in ("sent", "logs"))
    sentences.append(
        f"A client sends {sent / 1e3:,.0f} kB in the federated training, {_ratio(sent, logs)} its logs of "
        f"{logs / 1e3:,.0f} kB (medians)."
    )
    return sentences


def _ratio(sent: float, logs: float) -> str:
    return f"{sent / logs:.1f} times" if sent >= logs else f"one part in {logs / sent:.1f} of"
