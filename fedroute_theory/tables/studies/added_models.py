"""New models of a federated router: added to it, against training afresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fedroute_theory.federation import Federation, draw_logs
from fedroute_theory.routers.growth import add_models
from fedroute_theory.tables.studies.growing import (
    SITES,
    family_problem,
    family_router,
    federated_only,
    joined,
    judged,
    record_bytes,
)

KNOWN, NEW, CLIENTS, RECORDS = 4, 2, 6, 1000
"""Models at first, models that come later; clients, and first records of each."""


def measured(family: str, seed: int, shares: Sequence[float]) -> dict[str, Any]:
    """Before, and for every share: grown and afresh; gaps, bounds, bytes, squared error of the new models."""
    router = family_router(family)
    rng = np.random.default_rng([seed, 21])
    problem = family_problem(rng, KNOWN + NEW)
    new = np.arange(KNOWN + NEW) >= KNOWN

    def laws(records: int, model_law: np.ndarray[Any, Any]) -> Federation:
        tasks = np.tile(problem.task_law()[1], (CLIENTS, 1))
        return Federation(np.full(CLIENTS, records), tasks, np.tile(model_law / model_law.sum(), (CLIENTS, SITES, 1)))

    first_laws = laws(RECORDS, 1.0 * ~new)
    first = draw_logs(problem, first_laws, rng)
    most = round(max(shares) * RECORDS)
    pool = draw_logs(problem, laws(most, 1.0 * new), rng)  # client by client, `most` records each
    start = federated_only(router, replace(first, n_models=KNOWN), seed)
    before = judged(problem, first_laws, first, start.federated) | {"bytes": start.nbytes, "raw": record_bytes(first)}
    found = []
    for share in shares:
        count = round(share * RECORDS)
        more = pool.take(np.flatnonzero(np.arange(pool.size) % most < count))
        whole = joined([first, more], CLIENTS)
        after = laws(RECORDS + count, np.where(new, share / NEW, 1.0 / KNOWN))
        grown, afresh = add_models(start, more, seed=seed), federated_only(router, whole, seed)
        entry: dict[str, Any] = {
            "share": share,
            "records": more.size / NEW,
            "raw": record_bytes(more),
            "raw_all": record_bytes(whole),
        }
        for name, state in (("grown", grown), ("afresh", afresh)):
            # A network's old heads keep the scale of their costs; the error is of the utilities that are routed by.
            wrong = problem.utility - state.federated.utility_at(problem.embeddings, problem.lam)
            wrong = np.where(np.isfinite(wrong), wrong, problem.label_range)[:, new]
            entry[name] = judged(problem, after, whole, state.federated) | {
                "bytes": state.nbytes, "error": problem.mean((wrong**2).mean(axis=1)),
            }  # fmt: skip
        found.append(entry)
    return {"before": before, "shares": found}
