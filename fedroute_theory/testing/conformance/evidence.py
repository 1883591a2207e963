"""What a router's estimates rest on: a client's own records, messages, counts, and nothing where there is no record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory.estimates import CellEstimates, Estimates
from fedroute_theory.federation import Logs
from fedroute_theory.testing.conformance.report import first
from fedroute_theory.testing.conformance.trainings import World, apart, counted, differ, named

UNNAMED = ("exclude", "pooled-mean")
"""Fallbacks of estimates by cells that put no constant where there is no record; a constant that is named is not silent."""


def own_records(world: World) -> str:
    """The records of client 0 change: the other clients' own routers stay."""
    wrong = []
    for client in sorted(set(world.changed.local) - {0}):
        far = apart(world.trained.local[client], world.changed.local[client], world.problem.embeddings)
        if far > world.tolerance:
            wrong.append(f"when the records of client 0 change, local {client} predictions {differ(far)}")
    return first(wrong)


def sent_records(world: World) -> str:
    """The records of client 0 change and the federated estimates follow: it must have told the server something."""
    far = apart(world.trained.federated, world.changed.federated, world.problem.embeddings)
    if far <= world.tolerance or "client 0" in {message.sender for message in world.trained.messages}:
        return ""
    return f"when the records of client 0 change, federated predictions {differ(far)}, and it sent no message"


def counts(world: World) -> str:
    """Records of each model behind local and pooled estimates; clients may withhold some from the federated ones."""
    logs, trained = world.logs, world.trained
    if sorted(trained.local) != list(range(logs.n_clients)):
        return f"there are local estimates of the clients {sorted(trained.local)}, records of {list(range(logs.n_clients))}"
    wrong = []
    for name, estimates, most in [
        *((f"local {client}", e, counted(logs, client)) for client, e in sorted(trained.local.items())),
        ("pooled", trained.pooled, counted(logs)),
        ("federated", trained.federated, counted(logs)),
    ]:
        stated = np.asarray(estimates.counts_by_model)
        fits = stated.shape == most.shape and (stated <= most).all() if name == "federated" else np.array_equal(stated, most)
        if not fits:
            wrong.append(f"{name} estimates count {stated.tolist()} records by model, the logs have {most.tolist()}")
    return first(wrong)


def absent_records(world: World) -> str:
    """A model that nobody tried, and the pairs of a cell and a model without a record, hold no zero that is not named."""
    gone = world.logs.n_models - 1
    rest = replace(world.logs, model=np.where(world.logs.model == gone, 0, world.logs.model))
    wrong = [_zero_of(name, e, world, gone) for name, e in named(world.train(rest))]
    wrong += [_zero_cell(name, e, world.logs) for name, e in world.estimates()]
    return first([text for text in wrong if text])


def _zero_of(name: str, estimates: Estimates, world: World, model: int) -> str:
    if getattr(estimates, "empty", UNNAMED[0]) not in UNNAMED:
        return ""
    quality, cost = estimates.predict(world.problem.embeddings)
    fitted = {"quality": quality} | ({"cost": cost} if world.logs.cost.any() else {})
    stated = [what for what, value in fitted.items() if (value[..., model] == 0.0).all()]
    if not stated:
        return ""
    return f"{name}: nobody tried model {model}, yet it has {' and '.join(stated)} 0 everywhere, not NaN"


def _zero_cell(name: str, estimates: Estimates, logs: Logs) -> str:
    if not isinstance(estimates, CellEstimates) or estimates.empty not in UNNAMED:
        return ""
    quality = estimates.repetition(0).quality
    ever = np.array([logs.quality[logs.model == m].max(initial=0.0) > 0 for m in range(logs.n_models)])
    silent = ~estimates.logged & estimates.routable & ever & (quality == 0.0)
    if not silent.any():
        return ""
    cell, model = (int(i) for i in np.argwhere(silent)[0])
    return f"{name}: no record of model {model} in cell {cell}, yet its quality there is 0, not NaN"
