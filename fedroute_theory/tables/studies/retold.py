"""The published experiments beside the audit, told again on any evaluation table: partition, coverage, rounds, the gap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fedroute_theory.tables.data import read
from fedroute_theory.tables.studies.audits import FIRST, areas_of, federated_only, partition_of

if TYPE_CHECKING:
    from fedroute_theory._validate import FloatArray
    from fedroute_theory.sweep import Cell

ROUNDS = (0, 1, 2, 3, 4, 5)


def facts(cell: Cell) -> dict[str, Any]:
    """Sizes of a table's published partition at the published seed: parameter table."""
    table = read(cell)
    found = partition_of(table, FIRST)
    return {"queries": int(table.weights.size), "models": table.n_models, "tasks": table.n_tasks} | sizes(found, table.n_models)


def sizes(partition: Any, models: int) -> dict[str, Any]:
    """Train rows by client, test rows, empty client-model pairs, and records by model of a partition."""
    import numpy as np

    counts = np.array([np.bincount(logged, minlength=models) for logged in partition.logged_model])
    return {
        "train": [int(rows.size) for rows in partition.train],
        "test": sum(int(rows.size) for rows in partition.test),
        "empty": int((counts == 0).sum()),
        "by_model": counts.sum(axis=0).tolist(),
    }


def coverage(cell: Cell) -> dict[str, Any]:
    """What fills a client's gaps, and what is left: parameters table, protocol, seed; K-means on the federated cells.

    measure -> areas on all test queries, means over clients: own, from the client's own records (a cell without any takes the
    client's means over all cells, a model without any is not routed to); filled, the same with federated estimates where the
    client has no record of a (cell, model) pair; federated, with federated estimates everywhere.
    """
    import numpy as np

    from fedroute_theory.audit.laws import CellSums, QueryLaw
    from fedroute_theory.audit.protocols import router_of
    from fedroute_theory.audit.run import SWEEP
    from fedroute_theory.distances import nearest_centre
    from fedroute_theory.federation import logs_from_partition

    seed, table = cell.params["seed"], read(cell)
    partition = partition_of(table, seed)
    logs = logs_from_partition(table, partition)
    shared = federated_only(router_of("kmeans", cell.params["protocol"], table), logs, seed).federated
    place, _ = nearest_centre(table.embeddings, shared.centres)
    law = QueryLaw.on(table, np.concatenate(partition.test), test="global")
    sums = CellSums.of(law, place[law.rows], shared.n_cells)
    theirs = [np.where(shared.logged, v, np.nan) for v in (shared.quality, shared.cost)]

    def areas(quality: FloatArray, cost: FloatArray) -> tuple[float, float]:
        utility = quality - np.geomspace(*SWEEP)[:, None, None] * cost
        return law.areas(sums.curve(np.where(np.isnan(utility), -np.inf, utility).argmax(axis=2)))

    found: dict[str, list[tuple[float, float]]] = {"own": [], "filled": [], "federated": []}
    for client in np.unique(logs.client):
        held = logs.of_client(int(client))
        pair = place[held.query] * logs.n_models + held.model
        counts = np.bincount(pair, minlength=theirs[0].size).reshape(theirs[0].shape)
        own, filled = [], []
        for labels, other in zip((held.quality, held.cost), theirs, strict=True):
            total = np.bincount(pair, labels, theirs[0].size).reshape(counts.shape)
            mean = np.divide(total, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
            models = counts.sum(axis=0)
            anywhere = np.divide(total.sum(axis=0), models, out=np.full(models.size, np.nan), where=models > 0)
            own.append(np.where(counts.any(axis=1, keepdims=True), mean, anywhere))
            filled.append(np.where(counts > 0, mean, other))
        for name, (quality, cost) in (("own", own), ("filled", filled), ("federated", theirs)):
            found[name].append(areas(quality, cost))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    return {m: {name: float(v[i]) for name, v in means.items()} for i, m in enumerate(("auc", "auc_published"))}


def rounds(cell: Cell) -> dict[str, Any]:
    """Area of the published federated network on all test queries after 0 to 5 rounds: parameters table, seed.

    Every number of rounds is a training of its own with the same draws; after 0 rounds means a rate too small to move weights.
    """
    import numpy as np

    from fedroute_theory.audit.laws import QueryLaw
    from fedroute_theory.audit.protocols import router_of
    from fedroute_theory.federation import logs_from_partition

    seed, table = cell.params["seed"], read(cell)
    partition = partition_of(table, seed)
    logs = logs_from_partition(table, partition)
    router: Any = router_of("mlp", "published", table)
    laws = [QueryLaw.on(table, np.concatenate(partition.test), test="global")]
    found: dict[str, list[float]] = {"auc": [], "auc_published": []}
    for number in ROUNDS:
        still = {"learning_rates": (1e-12,)} if number == 0 else {}
        trained = federated_only(replace(router, rounds=max(1, number), **still), logs, seed)
        for measure, areas in areas_of(table, logs, trained.federated, laws).items():
            found[measure].append(areas[0])
    return found


def suboptimality(cell: Cell) -> dict[str, Any]:
    """Exact gaps and least bounds of K-means routers on a generated problem: parameters protocol, seed.

    A Lipschitz problem on the line with four models and ten clients of 300 records, tasks and models as unevenly spread as in
    the published partition. gap, bound: by training, one number a client for "local"; None where the theorem does not apply.
    """
    import numpy as np

    from fedroute_theory import federation, problems, routers, theorems
    from fedroute_theory.theorems.kmeans_router.claims import LIPSCHITZ_FORMS, claims

    rng = np.random.default_rng([cell.params["seed"], 4])
    problem = problems.Lipschitz.generate(rng, dimension=1, models=4, lam=0.1, sample=400)
    laws = federation.dirichlet(problem, rng, clients=10, records=300, task_alpha=0.6, model_alpha=0.45)
    logs = federation.draw_logs(problem, laws, rng)
    published = replace(routers.KMeansRouter.published(), c_max=problem.c_max)
    router = published if cell.params["protocol"] == "published" else routers.KMeansRouter(c_max=problem.c_max)
    trained = routers.train(router, logs, cell.params["seed"])
    gap: dict[str, list[float]] = {}
    for training, _, estimates in trained.estimates():
        gap.setdefault(training, []).append(problem.suboptimality(estimates.policy(problem.lam)).value)
    case = theorems.Case(problem, laws, logs, trained.estimates(), delta=0.05, messages=trained.messages)
    bound: dict[str, list[float | None]] = {training: [] for training in gap}
    vacuous = 0
    for claim in claims(case, (*LIPSCHITZ_FORMS, "least")):
        if claim.form == "least/kl":
            said = claim.answer if isinstance(claim.answer, theorems.Bound) else None
            bound[claim.training].append(None if said is None else said.value)
            vacuous += said is not None and said.vacuous
    return {"gap": gap, "bound": bound, "vacuous": vacuous}
