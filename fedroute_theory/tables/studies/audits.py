"""Audits of evaluation tables as cells: one partition, one router family, one protocol, in numbers that JSON holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fedroute_theory._validate import InputError
from fedroute_theory.tables.data import read
from fedroute_theory.tables.experiment import Done

if TYPE_CHECKING:
    from fedroute_theory._validate import FloatArray
    from fedroute_theory.audit import AuditReport
    from fedroute_theory.audit.laws import QueryLaw
    from fedroute_theory.audit.rows import RouterRow
    from fedroute_theory.estimates import Estimates
    from fedroute_theory.federation import Logs, Partition
    from fedroute_theory.problems import Table
    from fedroute_theory.sweep import Cell

FIRST = 42
"""The published seed: the first of all, and the one whose frontiers are kept for figures."""

MEASURES = {"sound": "auc", "published": "auc_published"}
"""Protocol -> its measure of area: on the range of cost that all routers share, or on each router's own."""

FAMILIES = {
    "kmeans": "K-means", "mixture": "K-means", "linear": "linear heads", "mixture-linear": "linear heads", "mlp": "MLP",
    "mixture-mlp": "MLP",
}  # fmt: skip
"""Router of an audit -> the family its local, federated and pooled routers belong to."""


def audited(cell: Cell) -> dict[str, Any]:
    """One audit: parameters table, router, protocol, seed, task_alpha, model_alpha.

    global: measure -> router or reference -> area on all test queries. own: measure -> training -> areas on the clients' own
    test queries, one a client (mixture: where the router has mixtures). everywhere: the same on all test queries, for the
    trainings that differ by client. empty: share of (cell, model) pairs without a record, by client. gap, bound: suboptimality
    against the hindsight oracle at the headline price and the bound on its estimation part (None: no bound), by training.
    frontier: envelopes of the first seed, else None. Raises InputError when no client can be compared.
    """
    from fedroute_theory._json import plain
    from fedroute_theory.audit import audit

    wanted = cell.params
    report = audit(
        read(cell), router=wanted["router"], protocol=wanted["protocol"], seed=wanted["seed"],
        task_alpha=wanted["task_alpha"], model_alpha=wanted["model_alpha"], name=wanted["table"]["name"],
    )  # fmt: skip
    if not report.clients:
        raise InputError(f"With seed {wanted['seed']} no client has both train and test rows, so none is compared.")
    clients = [row.client for row in report.clients]
    trainings = ("local", "federated", "pooled", *(["mixture"] if report.personal else []))
    own = {t: [report.router(t, "own", i) for i in clients] for t in trainings}
    everywhere = {t: [report.router(t, "global", i) for i in clients] for t in trainings if t in ("local", "mixture")}
    shared = {t: [report.router(t, "global")] for t in ("federated", "pooled")}
    found: dict[str, Any] = plain(
        {
            "queries": report.queries,
            "clients": clients,
            "empty": [row.coverage.pairs_empty for row in report.clients],
            "global": {measure: report.areas(measure) for measure in MEASURES.values()},
            "own": _areas(own),
            "everywhere": _areas(everywhere),
            "price": float(report.headline),
            "gap": {t: [r.suboptimality[report.headline] for r in rows] for t, rows in (everywhere | shared).items()},
            "bound": {t: [r.bound.get(report.headline) for r in rows] for t, rows in (everywhere | shared).items()},
            "frontier": _frontiers(report) if wanted["seed"] == FIRST else None,
        }
    )
    return found


def _areas(rows: dict[str, list[RouterRow]]) -> dict[str, dict[str, list[float]]]:
    return {m: {t: [getattr(r, m) for r in group] for t, group in rows.items()} for m in MEASURES.values()}


def _frontiers(report: AuditReport) -> dict[str, list[FloatArray]]:
    """Name -> envelopes (V, 2) of cost and quality on all test queries, over the common range of cost."""
    law = report.everywhere
    curves = {
        "local": [row.curve for row in report.locals("global")],
        "federated": [report.router("federated", "global").curve],
        "pooled": [report.router("pooled", "global").curve],
        "best single model": [report.reference("best single model").frontier],
        "oracle": [report.reference("oracle").frontier],
    }
    return {name: [_drawn(law, curve) for curve in group] for name, group in curves.items()}


def _drawn(law: QueryLaw, curve: FloatArray) -> FloatArray:
    """The envelope with the cheapest model, at 25 costs of the common range spread evenly in their logarithm."""
    import numpy as np

    from fedroute_theory.curves import envelope, height

    costs = np.geomspace(law.low, law.high, 25) if law.low > 0.0 else np.linspace(law.low, law.high, 25)
    drawn: FloatArray = np.stack([costs, height(envelope(np.vstack([curve, law.anchor])), costs)], axis=1)
    return drawn


def gains(result: Mapping[str, Any], scope: str, measure: str, training: str = "federated", over: str = "local") -> list[float]:
    """Area of a training minus another's, client by client, on the clients' "own" test queries or on "all", from an audit."""
    if scope == "own":
        first, second = (result["own"][measure][t] for t in (training, over))
    else:
        shared, by_client, size = result["global"][measure], result["everywhere"][measure], len(result["clients"])
        first, second = (by_client[t] if t in by_client else [shared[t]] * size for t in (training, over))
    return [a - b for a, b in zip(first, second, strict=True)]


def groups(done: Sequence[Done]) -> dict[tuple[str, str, str], list[Done]]:
    """(table, family, protocol) -> its audits, one a seed."""
    found: dict[tuple[str, str, str], list[Done]] = {}
    for one in done:
        place = (one.params["table"]["name"], FAMILIES[one.params["router"]], one.params["protocol"])
        found.setdefault(place, []).append(one)
    return found


def stems(tables: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name -> its part of file names, of tables' parameters. InputError when two names have the same."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(table["name"] for table in tables):
        stem = re.sub("[^a-z0-9]", "_", name.lower())
        other = next((known for known, own in found.items() if own == stem), None)
        if other is not None:
            raise InputError(f"The tables '{other}' and '{name}' would have the same file names ('{stem}'); rename one.")
        found[name] = stem
    return found


def made(tables: Iterable[Mapping[str, Any]]) -> str:
    """A sentence for notes on the tables that the package makes itself; empty where all are files."""
    names = dict.fromkeys(table["name"] for table in tables if "digest" not in table)
    return "".join(
        f"'{name}' is data made by this package and says nothing of RouterBench or of real models. " for name in names
    )


def partition_of(table: Table, seed: int) -> Partition:
    """The published partition of a table with its published concentrations."""
    from fedroute_theory.federation import published_partition

    labels = [table.task_names[t] for t in table.task] if table.task_names else table.task
    return published_partition(labels, table.n_models, seed=seed)


def federated_only(router: Any, logs: Logs, seed: int) -> Any:
    """The federated router alone, ready to grow."""
    import numpy as np

    from fedroute_theory.routers import KMeansRouter, kmeans, mlp
    from fedroute_theory.routers.growth import Grown

    train = kmeans.train_federated if isinstance(router, KMeansRouter) else mlp.train_federated
    estimates, messages = train(router, logs, seed)
    return Grown(router, estimates, messages, messages, frozenset(np.unique(logs.client).tolist()), seed)


def areas_of(table: Table, logs: Logs, estimates: Estimates, laws: Sequence[QueryLaw]) -> dict[str, list[float]]:
    """Measure -> area under each law. table: its first models are those that the estimates know."""
    import numpy as np

    from fedroute_theory.audit.rows import Placed
    from fedroute_theory.audit.run import SWEEP

    known = estimates.n_models
    seen = table.replace(quality=table.quality[:, :known], cost=table.cost[:, :known], models=table.models[:known])
    placed = Placed.on(seen, "federated", None, estimates, logs)
    choices = placed.choices(np.geomspace(*SWEEP))
    both = [law.areas(placed.sums(law).curve(choices)) for law in laws]
    return {"auc": [area for area, _ in both], "auc_published": [area for _, area in both]}
