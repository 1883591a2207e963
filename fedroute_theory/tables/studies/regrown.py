"""The published experiments on growth, told again on any evaluation table: new models, and new clients."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fedroute_theory.tables.data import read
from fedroute_theory.tables.studies.audits import areas_of, federated_only, partition_of

if TYPE_CHECKING:
    from fedroute_theory.federation import Logs
    from fedroute_theory.problems import Table
    from fedroute_theory.sweep import Cell

NEW_MODELS, NEWCOMERS, SAMPLED = 2, 3, 0.1
"""Models held back at first; clients that join last; share of a client's queries on which new models are logged."""


def new_models(cell: Cell) -> dict[str, Any] | None:
    """Area on all test queries before and after two models join: parameters table, router, protocol, seed.

    The two (one of a table of three models; of two, nothing can be held back: None) are drawn by the seed; records of them
    are left out of the first training. Then every client logs one of them, at random, on a tenth of its train queries.
    """
    import numpy as np

    from fedroute_theory.audit.protocols import router_of
    from fedroute_theory.federation import Logs, logs_from_partition
    from fedroute_theory.routers.growth import add_models

    seed, table = cell.params["seed"], read(cell)
    if table.n_models < 3:
        return None
    rng = np.random.default_rng([seed, NEW_MODELS])
    order = rng.permutation(table.n_models)
    names = tuple(table.models[m] for m in order)
    table = table.replace(quality=table.quality[:, order], cost=table.cost[:, order], models=names)
    partition = partition_of(table, seed)
    everything, known = logs_from_partition(table, partition), max(2, table.n_models - NEW_MODELS)
    first = replace(everything.take(np.flatnonzero(everything.model < known)), n_models=known)
    clients = np.unique(first.client)  # one that has logged new models only is no part of the first federation
    rows = [rng.choice(own, max(1, round(SAMPLED * own.size)), replace=False) for own in (partition.train[i] for i in clients)]
    client, query = np.repeat(clients, [own.size for own in rows]), np.concatenate(rows)
    model = rng.integers(known, table.n_models, query.size)
    more = Logs(
        client, table.embeddings[query], query, model, table.quality[query, model], table.cost[query, model],
        everything.n_clients, table.n_models, "exact", "fixed",
    )  # fmt: skip
    before = federated_only(router_of(cell.params["router"], cell.params["protocol"], table), first, seed)
    after = add_models(before, more, seed=seed)
    return _grown(table, partition, everything, before, after, first)


def new_clients(cell: Cell) -> dict[str, Any]:
    """Area before and after the last three clients join the first seven: parameters as in `new_models`."""
    import numpy as np

    from fedroute_theory.audit.protocols import router_of
    from fedroute_theory.federation import logs_from_partition
    from fedroute_theory.routers.growth import add_clients

    seed, table = cell.params["seed"], read(cell)
    partition = partition_of(table, seed)
    everything = logs_from_partition(table, partition)
    joins = everything.client >= everything.n_clients - NEWCOMERS
    first, more = (everything.take(np.flatnonzero(mask)) for mask in (~joins, joins))
    before = federated_only(router_of(cell.params["router"], cell.params["protocol"], table), first, seed)
    after = add_clients(before, more, seed=seed)
    return _grown(table, partition, everything, before, after, first)


def _grown(table: Table, partition: Any, logs: Logs, before: Any, after: Any, first: Logs) -> dict[str, Any]:
    """Stage -> measure -> area on all test queries, and the mean over the last clients' own."""
    import numpy as np

    from fedroute_theory.audit.laws import QueryLaw

    late = [rows for rows in partition.test[-NEWCOMERS:] if rows.size]
    laws = [QueryLaw.on(table, np.concatenate(partition.test), test="global")]
    laws += [QueryLaw.on(table, rows, test="own", client=i) for i, rows in enumerate(late)]
    found = {}
    for stage, own, state in (("before", first, before), ("after", logs, after)):
        areas = areas_of(table, own, state.federated, laws)
        found[stage] = {m: {"all": a[0], "newcomers": float(np.mean(a[1:]))} for m, a in areas.items()}
    return found
