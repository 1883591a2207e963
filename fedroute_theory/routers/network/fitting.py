"""Fitting with a learning rate chosen on held-out training records; the grid trains together with everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.routers.network.fedavg import FedAvg, Holdings, federate
from fedroute_theory.routers.network.objective import Arrays
from fedroute_theory.routers.network.recipe import Data, Recipe, Variants
from fedroute_theory.routers.network.scaling import Scale
from fedroute_theory.routers.network.streams import BATCHES, HELD_OUT, Budget, held_out, padded, stream
from fedroute_theory.routers.network.training import descend, loss_sums

TUNING, TRAINING = 0, 1
"""Phases of a fit; each has streams of its own."""


@dataclass(frozen=True)
class Tuning:
    """rates: learning rates to choose from, one for no choice. share: of a party's records that the choice is judged by."""

    rates: tuple[float, ...]
    share: float


def fit_apart(
    recipe: Recipe, budget: Budget, tuning: Tuning, data: Data, parties: Sequence[tuple[int, int, IntArray]],
    start: Mapping[str, Any], scales: Sequence[Scale], trainable: Mapping[str, Any] | None = None,
) -> tuple[Arrays, FloatArray]:  # fmt: skip
    """Each party alone on its records; returns weights with leading axes (A, R) and the learning rates chosen (A, R).

    parties: (seed, party, rows) of every one of A. start: leading axes (A or 1, 1). scales: of every party, for R repetitions.
    """
    seeds = [seed for seed, _, _ in parties]
    place = [party for _, party, _ in parties]

    def trained(held: Sequence[IntArray], variants: Variants, phase: int) -> Arrays:
        rngs = [stream(seed, BATCHES, party, phase) for seed, party in zip(seeds, place, strict=True)]
        plan = budget.plan(held, rngs, budget.shape(rows.size for rows in held))
        return descend(recipe, start, data, plan, variants, trainable)

    rates = np.full((len(parties), data.quality.shape[0]), tuning.rates[0])
    if len(tuning.rates) > 1:
        parts = [held_out(rows, tuning.share, stream(seed, HELD_OUT, party)) for seed, party, rows in parties]
        grid = _grid(tuning.rates, scales)
        judged = loss_sums(recipe, trained([fit for fit, _ in parts], grid, TUNING), data, padded([v for _, v in parts]), grid)
        rates = best(tuning.rates, judged.reshape(len(parties), len(tuning.rates), -1))
    return trained([rows for _, _, rows in parties], at_rates(rates, scales), TRAINING), rates


@dataclass(frozen=True, eq=False)
class FederatedFit:
    """weights: leading axes (seeds, R). rates: (seeds, R) learning rates chosen. losses: (seeds, clients, G, R) that the
    clients sent for the choice, None without one."""

    weights: Arrays
    rates: FloatArray
    losses: FloatArray | None


def fit_federated(
    recipe: Recipe, budget: Budget, tuning: Tuning, fedavg: FedAvg, data: Data, holdings: Holdings, seeds: Sequence[int],
    start: Mapping[str, Any], scale: Scale, trainable: Mapping[str, Any] | None = None,
) -> FederatedFit:  # fmt: skip
    """Federated averaging for several seeds at the rate chosen; arguments as in `federated_rates`."""
    rates, losses = federated_rates(recipe, budget, tuning, fedavg, data, holdings, seeds, start, scale, trainable)
    held, variants = [holdings] * len(seeds), at_rates(rates, [scale] * len(seeds))
    weights = federate(recipe, budget, fedavg, data, held, seeds, start, variants, TRAINING, trainable)
    return FederatedFit(weights, rates, losses)


def federated_rates(
    recipe: Recipe, budget: Budget, tuning: Tuning, fedavg: FedAvg, data: Data, holdings: Holdings, seeds: Sequence[int],
    start: Mapping[str, Any], scale: Scale, trainable: Mapping[str, Any] | None = None,
) -> tuple[FloatArray, FloatArray | None]:  # fmt: skip
    """(seeds, R) the rates that minimise the sum of the clients' held-out losses, and those losses (None: no choice).

    budget: of one client in one round. start: leading axes (seeds or 1, 1). A client holds out the same records as for its
    own fit.
    """
    scales, losses = [scale] * len(seeds), None
    rates = np.full((len(seeds), scale.centre.size), tuning.rates[0])
    if len(tuning.rates) > 1:
        parts = [{c: held_out(rows, tuning.share, stream(seed, HELD_OUT, c)) for c, rows in holdings.items()} for seed in seeds]
        grid = _grid(tuning.rates, scales)
        held = [{c: fit for c, (fit, _) in part.items()} for part in parts]
        weights = federate(recipe, budget, fedavg, data, held, seeds, start, grid, TUNING, trainable)
        rows = padded([judge for part in parts for _, judge in part.values()])
        spread_out = {name: np.repeat(np.asarray(value), len(holdings), axis=0) for name, value in weights.items()}
        everywhere = Variants(grid.repetition, *(np.repeat(x, len(holdings), axis=0) for x in grid[1:]))
        judged = loss_sums(recipe, spread_out, data, rows, everywhere)
        losses = judged.reshape(len(seeds), len(holdings), len(tuning.rates), -1)
        rates = best(tuning.rates, losses.sum(axis=1))
    return rates, losses


def best(rates: Sequence[float], losses: FloatArray) -> FloatArray:
    """(A, R) rate of the least loss among (A, G, R); the first of equals, so the first where nothing is held out."""
    chosen = np.where(np.isfinite(losses), losses, np.inf).argmin(axis=1)
    found: FloatArray = np.asarray(rates, dtype=np.float64)[chosen]
    return found


def at_rates(rates: FloatArray, scales: Sequence[Scale]) -> Variants:
    """All repetitions at the rates (A, R) of their parties."""
    centre, spread = (np.stack([getattr(s, name) for s in scales]) for name in ("centre", "spread"))
    return Variants(np.arange(rates.shape[1]), rates, centre, spread)


def _grid(rates: Sequence[float], scales: Sequence[Scale]) -> Variants:
    """Every rate with every repetition, rates outermost."""
    repetitions = scales[0].centre.size
    centre, spread = (np.stack([np.tile(getattr(s, name), len(rates)) for s in scales]) for name in ("centre", "spread"))
    each = np.broadcast_to(np.repeat(np.asarray(rates, dtype=np.float64), repetitions), centre.shape)
    return Variants(np.tile(np.arange(repetitions), len(rates)), each, centre, spread)
