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


def messages_of(
    recipe: Recipe, rounds: Sequence[Sequence[int]], counts: Mapping[int, IntArray], sums: Mapping[int, FloatArray],
    scale: Scale, fit: FederatedFit, place: int,
) -> tuple[Message, ...]:  # fmt: skip
    """All that travels in one federation of one repetition of the labels.

    rounds: participants of each. counts: (M,) by client. sums: `cost_sums` by client, empty when the scale is fixed. place: of
    the seed in `fit`. Weights go to every participant and come back in every round, in the tuning once for each rate.
    """
    found: list[Message] = [CostSums(_name(client), own[0]) for client, own in sums.items()]
    if sums:
        found.append(CostScale("server", np.array([scale.centre[0], scale.spread[0]])))
    found += [ModelCounts(_name(client), own) for client, own in counts.items()]
    if fit.losses is not None:
        losses = fit.losses[place, :, :, 0]
        found += _weights(recipe, rounds, "tuning", losses.shape[1])
        found += [ValidationLosses(_name(client), own) for client, own in zip(counts, losses, strict=True)]
        found.append(LearningRate("server", fit.rates[place, :1]))
    return (*found, *_weights(recipe, rounds, "training", 1))


def _weights(recipe: Recipe, rounds: Sequence[Sequence[int]], phase: str, networks: int) -> list[Message]:
    numbers, itemsize = networks * recipe.architecture.n_parameters, np.dtype(recipe.dtype).itemsize
    found: list[Message] = []
    for turn, clients in enumerate(rounds):
        found.append(Parameters("server", phase, turn, numbers, itemsize))
        found += [Parameters(_name(client), phase, turn, numbers, itemsize) for client in clients]
    return found


def _name(client: int) -> str:
    return f"client {client}"
