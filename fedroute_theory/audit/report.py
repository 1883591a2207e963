"""The result of an audit, and its JSON form: pure Python values, every number finite or None."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory._json import plain
from fedroute_theory.audit.bounds import LipschitzForms
from fedroute_theory.audit.clients import CellCoverage, ClientRow
from fedroute_theory.audit.differences import Difference
from fedroute_theory.audit.laws import QueryLaw
from fedroute_theory.audit.references import NOTES, ReferenceRow
from fedroute_theory.audit.rows import Prices, RouterRow
from fedroute_theory.audit.summary import Paired, Traffic
from fedroute_theory.curves import envelope

SCOPES = ("own", "global")


@dataclass(frozen=True)
class Settings:
    """What was asked for."""

    name: str
    router_name: str
    protocol: str
    clients: int
    task_alpha: float | None
    model_alpha: float | None
    seed: int
    router: Mapping[str, object]
    version: str


@dataclass(frozen=True, eq=False)
class AuditReport:
    """An audit: routers and references under every test law, the clients, what federating brings them.

    headline: the reported price at which routing by task gains most over the best single model. queries, tasks: of the table.
    skipped: client -> one sentence. everywhere: the global test law. gains: measure -> scope ("own", "global") -> paired
    comparison of federated with local. personal: other training -> scope -> paired comparison in area of a client's mixture
    with it (empty for routers without mixtures). differences: of areas on the global test law. coverage: of all records
    together, on the federated cells.
    """

    settings: Settings
    prices: Prices
    headline: str
    everywhere: QueryLaw
    routers: tuple[RouterRow, ...]
    references: tuple[ReferenceRow, ...]
    clients: tuple[ClientRow, ...]
    skipped: Mapping[int, str]
    gains: Mapping[str, Mapping[str, Paired | None]]
    personal: Mapping[str, Mapping[str, Paired | None]]
    differences: tuple[Difference, ...]
    coverage: CellCoverage
    lipschitz: LipschitzForms | None
    traffic: tuple[Traffic, ...]
    queries: int
    tasks: int

    def router(self, training: str, test: str, client: int | None = None) -> RouterRow:
        """One row of `routers`; KeyError when there is none."""
        for row in self.routers:
            if (row.training, row.test, row.client) == (training, test, client):
                return row
        raise KeyError((training, test, client))

    def reference(self, name: str, client: int | None = None) -> ReferenceRow:
        """One row of `references`, by its name: on the global test law, or on one client's own."""
        return next(row for row in self.references if (row.reference, row.client) == (name, client))

    @property
    def named_references(self) -> tuple[str, ...]:
        """Names of the references there are."""
        return tuple(name for name in NOTES if any(row.reference == name for row in self.references))

    def locals(self, test: str) -> list[RouterRow]:
        """The local routers under "global" or "own", by client."""
        return [row for row in self.routers if row.training == "local" and row.test == test]

    def mixtures(self, test: str) -> list[RouterRow]:
        """The clients' own mixtures under "global" or "own", by client."""
        return [row for row in self.routers if row.training == "mixture" and row.test == test]

    def as_json(self) -> dict[str, Any]:
        """Pure Python values; infinite or undefined numbers are None."""
        settings = self.settings
        document = {
            "command": "audit",
            "routers": [{"router": settings.router_name} | _fields(row, "curve") for row in self.routers],
            "references": [
                _fields(row, "frontier") | {"learnable": False, "note": NOTES[row.reference]} for row in self.references
            ],
            "clients": [_client(row) for row in self.clients],
            "skipped": [{"client": i, "reason": reason} for i, reason in self.skipped.items()],
            "summary": {
                "headline_lam": float(self.headline),
                "federated_minus_local": {
                    measure: {scope: dataclasses.asdict(p) if p else None for scope, p in by_scope.items()}
                    for measure, by_scope in self.gains.items()
                },
                "mixture_minus": {
                    other: {scope: dataclasses.asdict(p) if p else None for scope, p in by_scope.items()}
                    for other, by_scope in self.personal.items()
                },
                "auc_differences_global": [dataclasses.asdict(d) for d in self.differences],
                "auc_global": self.areas("auc"),
                "auc_published_global": self.areas("auc_published"),
            },
            "frontiers": self.frontiers(),
            "costs": {
                "clients": [dataclasses.asdict(t) for t in self.traffic],
                "unit": "bytes",
                "note": "sent: what a client sends in the federated training; logs: what sending its records would take",
            },
            "federation": _coverage(self.coverage),
            "table": {
                "name": settings.name,
                "queries": self.queries,
                "test_queries": self.everywhere.size,
                "models": list(self.everywhere.problem.models),
                "tasks": self.tasks,
                "cost_range": [self.everywhere.low, self.everywhere.high],
            }
            | _lipschitz(self.lipschitz),
            "lams": list(self.prices.reported),
            "sweep": {
                "low": self.prices.sweep[0],
                "high": self.prices.sweep[-1],
                "points": self.prices.sweep.size,
            },
            "protocol": settings.protocol,
            "parameters": {
                "clients": settings.clients,
                "task_alpha": settings.task_alpha,
                "model_alpha": settings.model_alpha,
                "router": dict(settings.router),
            },
            "seed": settings.seed,
            "version": settings.version,
        }
        result: dict[str, Any] = plain(document)
        return result

    def frontiers(self) -> list[dict[str, Any]]:
        """Corners of the upper concave envelopes on all test queries: mean cost and mean quality of every router and reference.

        The area of each is taken over the same range of cost; each begins at the cheapest single model.
        """
        rows = [(row.name, row.training, row.curve) for row in self.routers if row.test == "global"]
        rows += [(row.reference, "reference", row.frontier) for row in self.references if row.client is None]
        anchor = self.everywhere.anchor
        return [
            {"name": name, "training": training, "points": envelope(np.vstack([points, anchor])).tolist()}
            for name, training, points in rows
        ]

    def areas(self, measure: str) -> dict[str, float]:
        """Areas on all test queries by router or reference; measure: "auc" or "auc_published"."""
        local = [getattr(row, measure) for row in self.locals("global")]
        named = {name: getattr(self.router(name, "global"), measure) for name in ("federated", "pooled")}
        named |= {name: getattr(self.reference(name), measure) for name in self.named_references}
        if local:
            named |= {"local least": min(local), "local median": float(np.median(local)), "local most": max(local)}
        return named


def _fields(row: RouterRow | ReferenceRow, without: str) -> dict[str, Any]:
    return {f.name: getattr(row, f.name) for f in dataclasses.fields(row) if f.name != without}


def _lipschitz(found: LipschitzForms | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "lipschitz": found.slope.value,
        "lipschitz_how": found.slope.how,
        "lipschitz_where": found.slope.where,
        "lipschitz_forms": found.forms,
        "label_range": found.label_range,
        "lipschitz_remark": found.remark,
    }


def _coverage(measured: CellCoverage) -> dict[str, Any]:
    return {
        "models_never_logged": measured.models_never_logged,
        "pairs_empty": measured.pairs_empty,
        "coverage_K2": measured.k2,
        "coverage_where": measured.where,
    }


def _client(row: ClientRow) -> dict[str, Any]:
    return {
        "client": row.client,
        "records": row.records,
        "test_records": row.test_records,
        **_coverage(row.coverage),
        "distance": {"local": row.distance_local, "federated": row.distance_federated},
        "gain_own": row.gain_own,
        "gain_global": row.gain_global,
        "auc_gain_own": row.auc_gain_own,
        "auc_gain_global": row.auc_gain_global,
        "auc_published_gain_own": row.auc_published_gain_own,
        "auc_published_gain_global": row.auc_published_gain_global,
        "bound_terms": {"local": row.terms_local, "federated": row.terms_federated},
        "why": row.why,
    }
