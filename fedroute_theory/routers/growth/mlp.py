"""Growth of an MLP router: new heads on a frozen trunk, or further rounds among newcomers with distillation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, integer
from fedroute_theory.estimates import FunctionEstimates
from fedroute_theory.federation import Labels, Logs, Message, Parameters
from fedroute_theory.networks import Architecture
from fedroute_theory.routers.growth.grown import Grown, after, check_dimension, check_labels
from fedroute_theory.routers.network.predictor import NetworkPredictor
from fedroute_theory.routers.parties import parties_of

if TYPE_CHECKING:
    from fedroute_theory.routers.network.fitting import FederatedFit

DISTILLATION = 1.0
"""Weight of the distance to the earlier outputs, next to the loss on the newcomers' labels."""


def add_models(before: Grown, logs: Logs, labels: Labels | None, seed: int) -> Grown:
    """Federated averaging of the new heads only; they start as those of a fresh network do."""
    from fedroute_theory.routers.network.streams import START, stream

    old, predictor = _before(before, logs)
    known, extra = old.n_models, logs.n_models - old.n_models
    architecture = replace(predictor.architecture, models=logs.n_models)
    width = architecture.shapes["heads.weight"][0]
    rng, lead = stream(integer("seed", seed, 0, 2**32 - 1), START, known), predictor.leading
    start = dict(predictor.weights)
    for name, shape in (("heads.weight", (width, extra, 2)), ("heads.bias", (extra, 2))):
        new = np.broadcast_to(rng.uniform(-1.0, 1.0, shape) / np.sqrt(width), (*lead, *shape))
        start[name] = np.concatenate([start[name], new], axis=-2)
    moves = (np.arange(logs.n_models) >= known).astype(np.float64)[:, None]
    mask = {name: np.zeros(()) for name in architecture.shapes if not name.startswith("heads")}
    mask |= {"heads.weight": moves[None], "heads.bias": moves}
    trained, sent = _descend(before, predictor, architecture, start, logs, labels, seed, mask)
    weights = dict(predictor.weights)  # the trunk and the old heads as they were, whatever type the descent computed in
    for name in ("heads.weight", "heads.bias"):
        weights[name] = np.concatenate([weights[name], trained[name][..., known:, :]], axis=-2)
    numbers = extra * (width + 1) * 2
    sent = tuple(
        replace(m, numbers=m.numbers // architecture.n_parameters * numbers) if isinstance(m, Parameters) else m for m in sent
    )
    return after(before, _estimates(before, old, predictor, architecture, weights, logs), sent)


def add_clients(before: Grown, logs: Logs, labels: Labels | None, seed: int) -> Grown:
    """Federated averaging of all weights goes on among the newcomers, close to the earlier outputs on their queries."""
    old, predictor = _before(before, logs)
    architecture = predictor.architecture
    weights, sent = _descend(before, predictor, architecture, dict(predictor.weights), logs, labels, seed, None)
    grown = _estimates(before, old, predictor, architecture, weights, logs)
    return after(before, grown, sent, np.unique(logs.client))


def _before(before: Grown, logs: Logs) -> tuple[FunctionEstimates, NetworkPredictor]:
    old = before.federated
    assert isinstance(old, FunctionEstimates)
    if not isinstance(old.predictor, NetworkPredictor):
        raise InputError("Networks with a certificate cannot grow: their class is fixed before the data; train without one.")
    check_dimension(logs, old.predictor.architecture.inputs)
    return old, old.predictor


def _descend(
    before: Grown, predictor: NetworkPredictor, architecture: Architecture, start: dict[str, FloatArray], logs: Logs,
    labels: Labels | None, seed: int, mask: dict[str, FloatArray] | None,
) -> tuple[dict[str, FloatArray], tuple[Message, ...]]:  # fmt: skip
    """Rounds from the given weights; without a mask all move, and the earlier outputs are the teacher."""
    from fedroute_theory.routers.network.divergence import Descended
    from fedroute_theory.routers.network.fedavg import FedAvg
    from fedroute_theory.routers.network.fitting import Tuning, fit_federated
    from fedroute_theory.routers.network.recipe import Recipe, on_device
    from fedroute_theory.routers.network.scaling import Scale
    from fedroute_theory.routers.network.streams import Budget
    from fedroute_theory.routers.network.traffic import messages_of

    router, repeated = before.router, bool(predictor.leading)
    own = check_labels(before, logs, labels, predictor.leading)
    repetitions = predictor.leading[0] if repeated else 1
    scales = predictor.architectures * (repetitions if len(predictor.architectures) == 1 else 1)
    scale = Scale(np.array([a.cost_centre for a in scales]), np.array([a.cost_spread for a in scales]))
    teacher = None if mask is not None else _teacher(predictor, logs.embedding)
    recipe = Recipe(
        architecture, router.optimiser, router.weight_decay, router.clip, router.dropout,
        0.0 if teacher is None else DISTILLATION, router.precision,
    )  # fmt: skip
    data = on_device(recipe, logs.embedding, logs.model, own.quality, own.cost, teacher)
    first = {name: np.asarray(v)[None] if repeated else np.asarray(v)[None, None] for name, v in start.items()}
    parties = parties_of(logs, router.drawn_by)
    fedavg = FedAvg(router.rounds, router.participants, router.heads)
    budget = Budget(router.batch, router.local_epochs, router.local_steps)
    # Grown step by step, several federations share a seed; their batches must not.
    place = int(np.random.SeedSequence([integer("seed", seed, 0, 2**32 - 1), len(before.messages)]).generate_state(1)[0])
    fit: FederatedFit = fit_federated(
        recipe, budget, Tuning(router.learning_rates, router.held_out), fedavg, data, parties.rows, (place,), first, scale, mask
    )
    counts = {party: np.bincount(logs.model[rows], minlength=logs.n_models) for party, rows in parties.rows.items()}
    sent = messages_of(recipe, fedavg.drawn(list(parties.rows), place), parties, counts, {}, scale, fit, 0)
    found = {name: np.asarray(v[0], dtype=np.float64) for name, v in fit.weights.items()}
    everyone = Labels(np.atleast_2d(own.quality), np.atleast_2d(own.cost))
    grown = Descended("the federation", fit.rates[0], {n: v[0] for n, v in first.items()}, found, parties.everyone)
    grown.check(architecture, scale, logs, everyone)
    return (found if repeated else {name: v[0] for name, v in found.items()}), sent


def _teacher(predictor: NetworkPredictor, embeddings: FloatArray) -> FloatArray:
    """(R, D, M, 2) earlier quality and cost z-score."""
    from scipy.special import expit

    raw = predictor.architecture.outputs(predictor.weights, embeddings)
    both: FloatArray = np.stack([expit(raw[..., 0]), raw[..., 1]], axis=-1)
    return both if predictor.leading else both[None]


def _estimates(
    before: Grown, old: FunctionEstimates, predictor: NetworkPredictor, architecture: Architecture,
    weights: dict[str, FloatArray], logs: Logs,
) -> FunctionEstimates:  # fmt: skip
    architectures: Sequence[Architecture] = [replace(a, models=architecture.models) for a in predictor.architectures]
    new: IntArray = np.bincount(logs.model, minlength=logs.n_models)
    counts = new + np.pad(old.counts, (0, logs.n_models - old.n_models))
    routable = counts > 0 if before.router.unlogged == "exclude" else np.ones(counts.size, dtype=np.bool_)
    return FunctionEstimates(NetworkPredictor(tuple(architectures), weights), counts, routable)
