"""Write an audit to a folder: JSON, CSV, Markdown, figures; no file is ever left half written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from fedroute_theory import _json
from fedroute_theory._validate import InputError
from fedroute_theory.audit.report import AuditReport
from fedroute_theory.report.audit_figures import frontier_figure, terms_figure
from fedroute_theory.report.audit_tables import markdown
from fedroute_theory.report.drawing import render

TERMS = ("mismatch", "unlogged", "statistical", "range cap")


def write_report(report: AuditReport, out_dir: str | Path, *, cost_unit: str = "unit of the table") -> list[Path]:
    """Write audit.json, routers.csv, clients.csv, report.md, frontier and terms as .png and .svg; return their paths.

    out_dir: made if it is not there. cost_unit: as printed on the axes. Everything is made in memory first, then written beside
    its place, and moved there when all of it is on the disk: when the disk refuses, an older report stays whole. The same
    report gives the same bytes. Raises InputError, one sentence naming the file, when the disk refuses.
    """
    figures = {"frontier": frontier_figure(report, cost_unit=cost_unit), "terms": terms_figure(report)}
    contents = {
        "audit.json": (json.dumps(report.as_json(), indent=1, sort_keys=True, allow_nan=False) + "\n").encode(),
        "routers.csv": _csv(_router_lines(report)),
        "clients.csv": _csv(_client_lines(report)),
        "report.md": markdown(report).encode(),
    }
    contents |= {f"{name}.{kind}": render(figure, kind) for name, figure in figures.items() for kind in ("png", "svg")}
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder '{folder}' cannot be made: {error.strerror}.") from None
    return _json.put_all({folder / name: data for name, data in contents.items()})


def _csv(lines: Iterable[list[object]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue().encode()


def _router_lines(report: AuditReport) -> Iterable[list[object]]:
    """One line a router, test law and price."""
    yield [
        "router", "training", "client", "test", "lam", "auc", "auc_published", "suboptimality", "approximation", "estimation",
        "bound", *TERMS, "cost", "quality",
    ]  # fmt: skip
    for row in report.routers:
        for lam in report.prices.keys:
            terms = row.terms.get(lam, {})
            yield [
                report.settings.router_name,
                row.training, row.client, row.test, lam, row.auc, row.auc_published, row.suboptimality[lam],
                row.approximation.get(lam), row.estimation.get(lam), row.bound.get(lam), *(terms.get(t) for t in TERMS),
                row.cost[lam], row.quality[lam],
            ]  # fmt: skip


def _client_lines(report: AuditReport) -> Iterable[list[object]]:
    """One line a client and price."""
    yield [
        "client", "lam", "records", "test_records", "models_never_logged", "pairs_empty", "coverage_K2", "distance_local",
        "distance_federated", "auc_gain_own", "auc_gain_global", "gain_own", "gain_global", "why",
    ]  # fmt: skip
    for row in report.as_json()["clients"]:
        for lam in report.prices.keys:
            yield [
                row["client"], lam, row["records"], row["test_records"], " ".join(row["models_never_logged"]),
                row["pairs_empty"], row["coverage_K2"], row["distance"]["local"], row["distance"]["federated"],
                row["auc_gain_own"], row["auc_gain_global"], row["gain_own"][lam], row["gain_global"][lam],
                row["why"] if lam == report.headline else "",
            ]  # fmt: skip
