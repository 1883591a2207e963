"""The three trainings of the MLP router on the same logs, for one or several seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, integer
from fedroute_theory.estimates import FunctionEstimates
from fedroute_theory.federation import Labels, Logs, Message
from fedroute_theory.networks import Architecture
from fedroute_theory.routers.checks import checked_labels
from fedroute_theory.routers.network.divergence import Descended
from fedroute_theory.routers.network.fedavg import FedAvg, path
from fedroute_theory.routers.network.fitting import TRAINING, Tuning, at_rates, federated_rates, fit_apart, fit_federated
from fedroute_theory.routers.network.objective import Arrays
from fedroute_theory.routers.network.predictor import NetworkPredictor
from fedroute_theory.routers.network.recipe import Data, Recipe, on_device
from fedroute_theory.routers.network.scaling import Scale, cost_sums, scale_from
from fedroute_theory.routers.network.streams import CERTIFICATE, SERVER, Budget, initial_weights, stream
from fedroute_theory.routers.network.traffic import messages_of
from fedroute_theory.routers.parties import Parties, parties_of

if TYPE_CHECKING:
    from fedroute_theory.routers.mlp import MLPRouter

LOCAL, FEDERATED, POOLED = range(3)
"""The trainings, as places of certificate streams."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A router, logs and labels, ready to train. labels: quality and cost (R, D). repeated: whether the estimates have the
    axis of repetitions. parties: the clients that have records. sums: `cost_sums` of each. start: leading axes (seeds, 1).
    """

    router: MLPRouter
    logs: Logs
    labels: Labels
    repeated: bool
    seeds: tuple[int, ...]
    parties: Parties
    sums: dict[int, FloatArray]
    recipe: Recipe
    start: dict[str, FloatArray]
    data: Data

    def local(self) -> list[dict[int, FunctionEstimates]]:
        """By seed and client."""
        held = self.parties.rows
        parties = [(seed, party, rows) for seed in self.seeds for party, rows in held.items()]
        scales = [self._scale(self.sums[party]) for _ in self.seeds for party in held]
        start = {name: np.repeat(value, len(held), axis=0) for name, value in self.start.items()}
        rates = self.router.local_learning_rates or self.router.learning_rates
        tuning = Tuning(rates, self.router.held_out)
        weights, chosen = fit_apart(self.recipe, self.baseline(), tuning, self.data, parties, start, scales)
        done = []
        for i, (seed, party, rows) in enumerate(parties):
            own = self._descended(f"client {self.parties.client[party]}", weights, chosen, i, rows)
            done.append(self._estimates(own, scales[i], stream(seed, CERTIFICATE, LOCAL, party)))
        clients = list(self.parties.client.values())
        each = len(clients)
        return [dict(sorted(zip(clients, done[i * each : (i + 1) * each], strict=True))) for i in range(len(self.seeds))]

    def pooled(self) -> list[FunctionEstimates]:
        """By seed."""
        everything = self.parties.everyone
        scale = self._scale(sum(self.sums.values(), np.zeros(3)))
        parties = [(seed, SERVER, everything) for seed in self.seeds]
        tuning = Tuning(self.router.pooled_learning_rates or self.router.learning_rates, self.router.held_out)
        scales = [scale] * len(parties)
        weights, chosen = fit_apart(self.recipe, self.baseline(), tuning, self.data, parties, self.start, scales)
        done = [self._descended("the pool", weights, chosen, i, everything) for i in range(len(self.seeds))]
        return [
            self._estimates(own, scale, stream(seed, CERTIFICATE, POOLED)) for own, seed in zip(done, self.seeds, strict=True)
        ]

    def federated(self) -> list[tuple[FunctionEstimates, tuple[Message, ...]]]:
        """By seed, with the messages of one repetition."""
        router, everything, held = self.router, self.parties.everyone, self.parties.rows
        fedavg, scale = self.fedavg(), self._scale(sum(self.sums.values(), np.zeros(3)))
        tuning = Tuning(router.learning_rates, router.held_out)
        fit = fit_federated(
            self.recipe, self.budget(), tuning, fedavg, self.data, held, self.seeds, self.start, scale
        )  # fmt: skip
        counts = {party: np.bincount(self.logs.model[rows], minlength=self.logs.n_models) for party, rows in held.items()}
        sums = self.sums if router.cost_scaling == "logged" else {}
        done = [self._descended("the federation", fit.weights, fit.rates, i, everything) for i in range(len(self.seeds))]
        return [
            (
                self._estimates(done[i], scale, stream(seed, CERTIFICATE, FEDERATED)),
                messages_of(self.recipe, fedavg.drawn(list(held), seed), self.parties, counts, sums, scale, fit, i),
            )
            for i, seed in enumerate(self.seeds)
        ]

    def federated_path(self) -> tuple[Scale, FloatArray, list[Arrays]]:
        """Scale of cost, rates (seeds, R), and the server's weights at the start of every round and after the last."""
        fedavg, scale = self.fedavg(), self._scale(sum(self.sums.values(), np.zeros(3)))
        tuning, budget = Tuning(self.router.learning_rates, self.router.held_out), self.budget()
        rates, _ = federated_rates(
            self.recipe, budget, tuning, fedavg, self.data, self.parties.rows, self.seeds, self.start, scale
        )  # fmt: skip
        variants, held = at_rates(rates, [scale] * len(self.seeds)), [self.parties.rows] * len(self.seeds)
        weights = path(self.recipe, budget, fedavg, self.data, held, self.seeds, self.start, variants, TRAINING)
        return scale, rates, list(weights)

    def fedavg(self) -> FedAvg:
        """The server's part."""
        return FedAvg(self.router.rounds, self.router.participants, self.router.heads)

    def budget(self) -> Budget:
        """What one client may use in one round."""
        return Budget(self.router.batch, self.router.local_epochs, self.router.local_steps)

    def _scale(self, sums: FloatArray) -> Scale:
        return scale_from(sums, self.router.cost_scaling, self.router.c_max)

    def baseline(self) -> Budget:
        """What local and pooled trainings may use: as much as a client uses in the federation on average."""
        router, clients = self.router, len(self.parties.rows)
        if router.baseline_epochs is not None:
            return Budget(router.batch, router.baseline_epochs)
        share = min(router.participants or clients, clients) / clients
        if router.local_steps is not None:
            return Budget(router.batch, None, max(1, round(router.rounds * router.local_steps * share)))
        return Budget(router.batch, max(1, round(router.rounds * (router.local_epochs or 1) * share)))

    def _descended(self, who: str, weights: Arrays, rates: FloatArray, i: int, rows: IntArray) -> Descended:
        """The training of the i-th of A parties, by seed, from weights (A, R) and learning rates (A, R)."""
        seed = i * len(self.seeds) // len(rates)
        start = {name: value[seed, 0] for name, value in self.start.items()}
        own = {name: np.asarray(value)[i].astype(np.float64) for name, value in weights.items()}
        return Descended(who, rates[i], start, own, rows)

    def _estimates(self, done: Descended, scale: Scale, rng: np.random.Generator) -> FunctionEstimates:
        """Estimates of one party from its weights and the records behind them."""
        done.check(self.recipe.architecture, scale, self.logs, self.labels)
        router, rows, place = self.router, done.rows, slice(None) if self.repeated else 0
        own = {name: value[place] for name, value in done.weights.items()}
        pairs = sorted(set(zip(scale.centre, scale.spread, strict=True)))
        pairs = pairs if len(pairs) == 1 else list(zip(scale.centre, scale.spread, strict=True))
        architectures = tuple(
            replace(self.recipe.architecture, cost_centre=float(c), cost_spread=float(s), c_max=router.c_max) for c, s in pairs
        )
        counts = np.bincount(self.logs.model[rows], minlength=self.logs.n_models)
        routable = counts > 0 if router.unlogged == "exclude" else np.ones(counts.size, dtype=np.bool_)
        if router.certificate is None:
            return FunctionEstimates(NetworkPredictor(architectures, own), counts, routable)
        labels = Labels(self.labels.quality[place][..., rows], self.labels.cost[place][..., rows])
        certified = router.certificate(architectures[0], own, self.logs.take(rows), labels, rng)
        return replace(certified, routable=routable)


def bench(router: MLPRouter, logs: Logs, seeds: Sequence[int], labels: Labels | None) -> Bench:
    """Everything a training needs, checked.

    Raises InputError for labels of another shape than (T, D), a cost above c_max, a seed outside [0, 2^32).
    """
    checked = tuple(integer("seed", seed, 0, 2**32 - 1) for seed in seeds)
    if not checked:
        raise InputError("The 'seeds' parameter must hold at least one seed; got none.")
    given = checked_labels(logs, labels, router.c_max)
    quality, cost = (np.atleast_2d(np.asarray(v, dtype=np.float64)) for v in (given.quality, given.cost))
    architecture = Architecture(logs.embedding.shape[1], router.hidden, logs.n_models, router.activation, router.layer_norm)
    recipe = Recipe(architecture, router.optimiser, router.weight_decay, router.clip, router.dropout, dtype=router.precision)
    parties = parties_of(logs, router.drawn_by)
    sums = {party: cost_sums(cost[:, rows]) for party, rows in parties.rows.items()}
    starts = [initial_weights(architecture, seed) for seed in checked]
    start = {name: np.stack([one[name] for one in starts])[:, None] for name in architecture.shapes}
    data = on_device(recipe, logs.embedding, logs.model, quality, cost)
    return Bench(router, logs, Labels(quality, cost), labels is not None, checked, parties, sums, recipe, start, data)
