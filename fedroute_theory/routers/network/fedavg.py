"""Federated averaging: rounds of local training from common weights, and the server's average of what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fedroute_theory._validate import IntArray
from fedroute_theory.routers.network.objective import Arrays
from fedroute_theory.routers.network.recipe import Data, Recipe, Variants, placed
from fedroute_theory.routers.network.streams import BATCHES, Budget, stream
from fedroute_theory.routers.network.training import descend

Holdings = Mapping[int, IntArray]
"""Rows of the records of every client that has any, by party (`parties`), which numbers its streams."""

FEDERATED = 2  # place of federated batches in a party's streams


@dataclass(frozen=True)
class FedAvg:
    """rounds: how many. participants: clients a round, drawn without replacement; None for all. heads: one of AVERAGES."""

    rounds: int
    participants: int | None
    heads: str

    def drawn(self, clients: Sequence[int], seed: int) -> list[list[int]]:
        """The clients of every round, from a generator of their own: `default_rng(seed).choice` of places among the clients as
        they are listed, once a round, as published."""
        if self.participants is None or self.participants >= len(clients):
            return [list(clients)] * self.rounds
        rng = np.random.default_rng(seed)
        places = [rng.choice(len(clients), self.participants, replace=False) for _ in range(self.rounds)]
        return [[clients[int(place)] for place in chosen] for chosen in places]


def federate(
    recipe: Recipe, budget: Budget, fedavg: FedAvg, data: Data, holdings: Sequence[Holdings], seeds: Sequence[int],
    start: Mapping[str, Any], variants: Variants, phase: int, trainable: Mapping[str, Any] | None = None,
) -> Arrays:  # fmt: skip
    """Weights of the final round, leading axes (seeds, V); arguments as in `path`."""
    *_, last = path(recipe, budget, fedavg, data, holdings, seeds, start, variants, phase, trainable)
    return last


def path(
    recipe: Recipe, budget: Budget, fedavg: FedAvg, data: Data, holdings: Sequence[Holdings], seeds: Sequence[int],
    start: Mapping[str, Any], variants: Variants, phase: int, trainable: Mapping[str, Any] | None = None,
) -> Iterator[Arrays]:  # fmt: skip
    """The server's weights at the start of every round and after the last, leading axes (seeds, V).

    budget: of one client in one round; every round starts a fresh optimiser. holdings: of the same clients, for each seed.
    start: leading axes (seeds or 1, V or 1). variants: rate, centre, spread (seeds, V). phase: keeps the streams of several
    federations with one seed apart. trainable: as in `descend`.
    """
    clients, versions = list(holdings[0]), variants.repetition.size
    model, models = np.asarray(data.model), recipe.architecture.models
    counts = [{c: np.bincount(model[rows], minlength=models) for c, rows in held.items()} for held in holdings]
    shape = budget.shape(rows.size for held in holdings for rows in held.values())
    lead = (len(seeds), versions)
    with recipe.precision():  # left before every yield: it is not for whoever reads the weights
        weights = {k: placed(v, recipe.dtype, (*lead, *v.shape[2:])) for k, v in start.items()}
    yield weights
    for turn, chosen in enumerate(zip(*(fedavg.drawn(clients, seed) for seed in seeds), strict=True)):
        places = [(i, client) for i, round_ in enumerate(chosen) for client in round_]
        rngs = [stream(seeds[i], BATCHES, client, FEDERATED, phase, turn) for i, client in places]
        plan = budget.plan([holdings[i][client] for i, client in places], rngs, shape)
        each = len(places) // len(seeds)
        own = Variants(
            variants.repetition, *(np.repeat(x, each, axis=0) for x in (variants.rate, variants.centre, variants.spread))
        )
        with recipe.precision():
            sent = weights if len(seeds) == 1 else {name: jnp.repeat(value, each, axis=0) for name, value in weights.items()}
            returned = descend(recipe, sent, data, plan, own, trainable)
            evidence = np.array([[counts[i][client] for client in round_] for i, round_ in enumerate(chosen)])
            weights = averaged(weights, returned, evidence, fedavg.heads)
        yield weights


def averaged(weights: Arrays, returned: Arrays, evidence: IntArray, heads: str) -> Arrays:
    """The server's step: weights plus the average of the clients' changes, so what nobody changed stays to the last bit.

    weights: leading axes (seeds, V). returned: (seeds x k, V), client by client. evidence: (seeds, k, M) records of each
    model. heads: one of `choices.AVERAGES`.
    """
    dtype = weights["heads.bias"].dtype
    records = evidence.sum(axis=-1)
    trunk = records / records.sum(axis=1, keepdims=True)
    own = evidence / np.maximum(evidence.sum(axis=1, keepdims=True), 1)
    shares = own if heads == "evidence" else np.broadcast_to(trunk[..., None], own.shape)
    after: Arrays = _averaged(weights, returned, placed(trunk, dtype), placed(shares, dtype))
    return after


@jax.jit
def _averaged(weights: Arrays, returned: Arrays, trunk: jax.Array, heads: jax.Array) -> Arrays:
    found = {}
    for name, value in weights.items():
        back = returned[name].reshape(*trunk.shape, *value.shape[1:])
        share = trunk[:, :, None]
        if name.startswith("heads"):
            models = back.shape[-2]
            share = heads.reshape(*trunk.shape, *(1,) * (back.ndim - 4), models, 1)
        else:
            share = share.reshape(*trunk.shape, *(1,) * (back.ndim - 2))
        found[name] = value + (share * (back - value[:, None])).sum(axis=1)
    return found
