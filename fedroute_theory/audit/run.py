"""Audit a full query x model table: split it over clients, train, evaluate everything exactly, bound, compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from fedroute_theory import __version__
from fedroute_theory._validate import FloatArray, InputError, array, integer
from fedroute_theory.audit.bounds import lipschitz_forms
from fedroute_theory.audit.clients import ClientRow, Compared, cell_coverage, client_row
from fedroute_theory.audit.differences import area_differences
from fedroute_theory.audit.laws import CellSums, QueryLaw
from fedroute_theory.audit.protocols import described, router_of
from fedroute_theory.audit.references import reference_rows
from fedroute_theory.audit.report import SCOPES, AuditReport, Settings
from fedroute_theory.audit.rows import Placed, Prices, RouterRow, router_row
from fedroute_theory.audit.summary import paired, traffic
from fedroute_theory.federation import Partition, logs_from_partition, published_partition
from fedroute_theory.problems import Table
from fedroute_theory.routers import train
from fedroute_theory.theorems import Case

SWEEP = (1e-2, 1e7, 100)
"""Least and greatest price and their number, geometric: the published sweep for costs in dollars."""

LARGEST_LAM = 1e12
"""Largest price accepted."""

COMPARISONS = (("federated", "best single model"), ("federated", "pooled"))
"""Areas compared on all test queries."""

Progress = Callable[[str], None]


def audit(
    table: Table,
    *,
    clients: int = 10,
    task_alpha: float = 0.6,
    model_alpha: float = 0.45,
    seed: int = 42,
    lams: Sequence[float] | None = None,
    router: str = "kmeans",
    protocol: str = "sound",
    name: str = "table",
    progress: Progress | None = None,
) -> AuditReport:
    """Split a table over clients by the published partition and audit local, federated and pooled routers of one family.

    Parameters
    ----------
    table : full query x model table; its own `lam` is not used.
    clients, task_alpha, model_alpha, seed : of the partition (`federation.published_partition`); the seed also trains.
    lams : prices (units of quality per unit of cost, in [0, 1e12]) at which gaps and bounds are reported. Default: the powers
        of ten between which choices change. Areas always sweep 100 prices from 1e-2 to 1e7.
    router : one of ROUTERS.
    protocol : one of PROTOCOLS.
    name : what to call the table in the report.
    progress : called with one line of text before each stage.

    Raises InputError for parameters out of range and for a table whose partition leaves no train or no test row.
    """
    labels = [table.task_names[t] for t in table.task] if table.task_names else table.task
    partition = published_partition(
        labels, table.n_models, clients=clients, task_alpha=task_alpha, model_alpha=model_alpha, seed=seed
    )
    report = audit_partition(
        table, partition, seed=seed, lams=lams, router=router, protocol=protocol, name=name, progress=progress
    )
    settings = dataclasses.replace(report.settings, task_alpha=float(task_alpha), model_alpha=float(model_alpha))
    return dataclasses.replace(report, settings=settings)


def table_case(table: Table, *, router: str = "kmeans", protocol: str = "sound", clients: int = 10, seed: int = 42) -> Case:
    """What theorems may look at on a table: the published partition, one trained router family, the test rows as test law.

    router, protocol, clients, seed: as in `audit`, and InputError as there; the table keeps its own price.
    """
    labels = [table.task_names[t] for t in table.task] if table.task_names else table.task
    partition = published_partition(labels, table.n_models, clients=clients, seed=seed)
    weights = np.zeros(table.weights.size)
    weights[np.concatenate(partition.test)] = 1.0
    if not weights.any():
        raise InputError("The partition leaves no test row; it needs more queries or fewer clients.")
    logs = logs_from_partition(table, partition)
    trained = train(router_of(router, protocol, table), logs, seed)
    return Case(table.replace(weights=weights), None, logs, trained.estimates(), messages=trained.messages)


def audit_partition(
    table: Table,
    partition: Partition,
    *,
    seed: int = 42,
    lams: Sequence[float] | None = None,
    router: str = "kmeans",
    protocol: str = "sound",
    name: str = "table",
    progress: Progress | None = None,
) -> AuditReport:
    """Audit a partition of your own: which rows each client trains on, tests on, and which model each train row called.

    seed, lams, router, protocol, name, progress: as in `audit`, and InputError as there; the concentrations are unknown and
    reported as None.
    """
    tell = progress or _silent
    hyperparameters = router_of(router, protocol, table)
    seed = integer("seed", seed, 0, 2**32 - 1)
    reported = None if lams is None else np.unique(array("lams", lams, (None,), 0.0, LARGEST_LAM))
    for part, held in (("train", partition.train), ("test", partition.test)):
        if sum(own.size for own in held) == 0:
            raise InputError(f"The partition of '{name}' leaves no {part} row; it needs more queries or fewer clients.")

    tell("training local, federated and pooled routers")
    logs = logs_from_partition(table, partition)
    trained = train(hyperparameters, logs, seed)
    federated = Placed.on(table, "federated", None, trained.federated, logs)
    pooled = Placed.on(table, "pooled", None, trained.pooled, logs)
    everywhere = QueryLaw.on(table, np.concatenate(partition.test), test="global")
    by_task = CellSums.of(everywhere, everywhere.problem.task, table.n_tasks)
    prices = _prices(by_task, reported)
    headline = _headline(by_task, everywhere, prices)

    tell("evaluating on all test queries")
    skipped = _skipped(partition)
    routers = [router_row(placed, everywhere, prices) for placed in (federated, pooled)]
    references = reference_rows(everywhere, federated, prices)
    rows: list[ClientRow] = []
    for client, estimates in trained.local.items():
        if client in skipped:
            continue
        tell(f"evaluating client {client}")
        local = Placed.on(table, "local", client, estimates, logs.of_client(client))
        own = QueryLaw.on(table, partition.test[client], test="own", client=client)
        compared = Compared(*(router_row(p, law, prices) for law in (own, everywhere) for p in (local, federated)))
        rows.append(client_row(local, federated, own, everywhere, compared, headline))
        routers += [compared.local_global, compared.local_own, compared.federated_own, router_row(pooled, own, prices)]
        if client in trained.personal:
            mixture = Placed.on(table, "mixture", client, trained.personal[client], logs)
            routers += [router_row(mixture, law, prices) for law in (everywhere, own)]
        references += reference_rows(own, federated, prices)

    tell("comparing areas over resampled test queries")
    differences = area_differences(
        everywhere, {"federated": federated, "pooled": pooled}, prices, seed=seed, pairs=COMPARISONS
    )  # fmt: skip
    tell("measuring the Lipschitz constant")
    at_headline = everywhere.problem.replace(lam=float(prices.reported[prices.keys.index(headline)]))
    measures: dict[str, Callable[[ClientRow, str], float]] = {
        "auc": lambda row, scope: getattr(row, f"auc_gain_{scope}"),
        "auc_published": lambda row, scope: getattr(row, f"auc_published_gain_{scope}"),
        "suboptimality": lambda row, scope: getattr(row, f"gain_{scope}")[headline],
    }
    return AuditReport(
        settings=Settings(
            name, router, protocol, len(partition.train), None, None, seed, described(hyperparameters), __version__
        ),
        prices=prices,
        headline=headline,
        everywhere=everywhere,
        routers=tuple(routers),
        references=tuple(references),
        clients=tuple(rows),
        skipped=skipped,
        gains={
            measure: {scope: paired(read(row, scope) for row in rows) for scope in SCOPES} for measure, read in measures.items()
        },
        personal={
            other: {scope: paired(_area_gains(routers, "mixture", other, scope)) for scope in SCOPES}
            for other in ("local", "federated")
            if trained.personal
        },
        differences=tuple(differences),
        coverage=cell_coverage(logs, everywhere, federated),
        lipschitz=None if federated.cells is None else lipschitz_forms(at_headline, logs, federated.cells),
        traffic=tuple(traffic(trained.messages, logs)),
        queries=int(table.weights.size),
        tasks=int(np.unique(table.task).size),
    )


def _area_gains(rows: Sequence[RouterRow], first: str, second: str, scope: str) -> list[float]:
    """Area of `first` minus area of `second` on the same test law, client by client (the global law once for all)."""
    area = {(row.training, row.client): row.auc for row in rows if row.test == scope}
    clients = [client for training, client in area if training == first]
    return [area[first, i] - area.get((second, i), area.get((second, None), np.nan)) for i in clients]


def _silent(_: str) -> None:
    return


def _skipped(partition: Partition) -> dict[int, str]:
    reasons = {}
    for client, (train_rows, test_rows) in enumerate(zip(partition.train, partition.test, strict=True)):
        missing = [part for part, own in (("train", train_rows), ("test", test_rows)) if own.size == 0]
        if missing:
            reasons[client] = (
                f"Client {client} has no {' and no '.join(missing)} rows, so it is not compared; "
                "what rows it has still count in the federated and pooled routers and in the global test."
            )
    return reasons


def _prices(by_task: CellSums, reported: FloatArray | None) -> Prices:
    """The sweep, and the reported prices: by default the powers of ten among which the best policy by task changes.

    By task and not by cell, so that the two protocols report the same prices.
    """
    sweep = np.geomspace(*SWEEP)
    if reported is None:
        decades = 10.0 ** np.arange(np.log10(SWEEP[0]), np.log10(SWEEP[1]) + 0.5)
        choices = by_task.choices(decades)
        moves = np.flatnonzero((choices[1:] != choices[:-1]).any(axis=1))
        kept = np.arange(moves[0], moves[-1] + 2) if moves.size else np.array([decades.size // 2])
        reported = decades[kept]
    return Prices(sweep, reported)


def _headline(by_task: CellSums, law: QueryLaw, prices: Prices) -> str:
    """The reported price at which the best policy by task beats the best single model most, as a share of the spread of utility
    that the models' mean costs can make.

    The middle one where it never does.
    """
    lams = prices.reported
    single = (by_task.quality.sum(axis=0) - lams[:, None] * by_task.cost.sum(axis=0)).max(axis=1)
    gain = (by_task.best(lams) - single) / (1.0 + lams * (law.high - law.low))
    return prices.keys[int(gain.argmax()) if gain.max() > 1e-9 else lams.size // 2]
