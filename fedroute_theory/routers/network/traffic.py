"""The messages of a federated training, in the order in which they travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.federation import (
    CostScale,
    CostSums,
    LearningRate,
    Message,
    ModelCounts,
    Parameters,
    ValidationLosses,
)
from fedroute_theory.routers.network.fitting import FederatedFit
from fedroute_theory.routers.network.recipe import Recipe
from fedroute_theory.routers.network.scaling import Scale
from fedroute_theory.routers.parties import Parties


def messages_of(
    recipe: Recipe, rounds: Sequence[Sequence[int]], parties: Parties, counts: Mapping[int, IntArray],
    sums: Mapping[int, FloatArray], scale: Scale, fit: FederatedFit, place: int,
) -> tuple[Message, ...]:  # fmt: skip
    """All that travels in one federation of one repetition of the labels, clients in the order of their indices.

    rounds: participants of each, as parties. counts: (M,) by party. sums: `cost_sums` by party, empty when the scale is fixed.
    place: of the seed in `fit`. Weights go to every participant and come back in every round, in the tuning once for each rate.
    """
    order = {party: f"client {parties.client[party]}" for party in parties.in_index_order()}
    senders = [[name for party, name in order.items() if party in round_] for round_ in rounds]
    found: list[Message] = [CostSums(name, sums[party][0]) for party, name in order.items() if party in sums]
    if sums:
        found.append(CostScale("server", np.array([scale.centre[0], scale.spread[0]])))
    found += [ModelCounts(name, counts[party]) for party, name in order.items()]
    if fit.losses is not None:
        losses = dict(zip(parties.rows, fit.losses[place, :, :, 0], strict=True))
        found += _weights(recipe, senders, "tuning", fit.losses.shape[2])
        found += [ValidationLosses(name, losses[party]) for party, name in order.items()]
        found.append(LearningRate("server", fit.rates[place, :1]))
    return (*found, *_weights(recipe, senders, "training", 1))


def _weights(recipe: Recipe, rounds: Sequence[Sequence[str]], phase: str, networks: int) -> list[Message]:
    numbers, itemsize = networks * recipe.architecture.n_parameters, np.dtype(recipe.dtype).itemsize
    found: list[Message] = []
    for turn, senders in enumerate(rounds):
        found.append(Parameters("server", phase, turn, numbers, itemsize))
        found += [Parameters(sender, phase, turn, numbers, itemsize) for sender in senders]
    return found
