"""Personal routers: every client mixes its local and the federated estimates of one base router."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fedroute_theory._validate import (
    FloatArray,
    InputError,
    IntArray,
    choice,
    function,
    instance,
    integer,
    number,
    probability,
    reject,
)
from fedroute_theory.estimates import CellEstimates, Estimates, MixtureEstimates
from fedroute_theory.estimates.mixture import EMPTY_SIDES, has_records
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.routers.checks import check_costs, checked_labels
from fedroute_theory.routers.kmeans import KMeansRouter
from fedroute_theory.routers.linear import LinearRouter
from fedroute_theory.routers.mlp import MLPRouter
from fedroute_theory.routers.parties import parties_of
from fedroute_theory.routers.trained import Trained

if TYPE_CHECKING:
    from fedroute_theory.theorems.mixture_router.levels import Range

WEIGHT_CHOICES = {
    "validation": "inverse to the mean absolute error on held-out records of the client, of routers trained without them",
    "certified": "one weight B_fed / (B_loc + B_fed) from levels that the client can compute",
    "training-error": "inverse to the mean absolute error on the client's own training records, as published",
}


class Levels(Protocol):
    """A bound on E osc(U - U_hat) of one side that a client computes from the estimates and its own records.

    It must not depend on the other side, and holds with probability 1 - delta/2 for the delta it declares.
    """

    def __call__(self, estimates: Estimates, own: Logs, /) -> float:
        """The level, infinite where nothing is known."""


@dataclass(frozen=True)
class CellLevels:
    """Levels of K-means estimates by the sharp form of kmeans-router, on the client's own logged queries.

    slope: Lipschitz constant declared for every utility. lam, c_max: the client's price and the upper end of cost labels.
    delta: of both sides together, half for each. A client knows everything else: its records, and the centres, counts and
    mean distances of the federated estimates. The level is of the mean over its logged queries, not of their law, and it
    depends on queries, models and counts only, so the weights are label-free (unless a fallback is made of labels).

    InputError for negative numbers and a delta outside (0, 1).
    """

    slope: float
    delta: float = 0.05
    lam: float = 0.0
    c_max: float = 1.0

    def __post_init__(self) -> None:
        for name in ("slope", "lam", "c_max"):
            number(name, getattr(self, name), 0.0)
        probability("delta", self.delta)

    def __call__(self, estimates: Estimates, own: Logs, /) -> float:
        """Mean over its logged queries of the two largest error bounds. InputError for other than K-means estimates, and for
        costs above c_max."""
        from fedroute_theory.theorems.mixture_router.levels import cell_level

        check_costs(self.c_max, own.cost)
        if not isinstance(estimates, CellEstimates):
            raise InputError(f"The 'levels' parameter must suit the base router; CellLevels got {type(estimates).__name__}.")
        everywhere = np.full(own.size, 1.0 / own.size)
        return cell_level(estimates, own.embedding, everywhere, self.declared, self.delta / 2.0)

    @property
    def declared(self) -> Range:
        """What is declared of the utilities."""
        from fedroute_theory.theorems.mixture_router.levels import Range

        return Range(self.slope, self.lam, self.c_max)


@dataclass(frozen=True)
class MixtureRouter:
    """Hyperparameters of personal mixtures.

    base: hyperparameters of the router that is mixed. weights: one of WEIGHT_CHOICES, or one number in [0, 1], the share of
    the local side everywhere. levels: for "certified": a function of estimates and a client's records, or the two numbers
    (B_loc, B_fed) of every client. held_out: share of a client's records for "validation". empty: one of EMPTY_SIDES.

    Weights inverse to errors are model by model, for quality and cost apart; a model of which a client has no record to judge
    by is the federated side's alone. Raises InputError for a value of another type or out of range.
    """

    base: KMeansRouter | LinearRouter | MLPRouter = field(default_factory=KMeansRouter)
    weights: str | float = "validation"
    levels: Levels | Mapping[int, tuple[float, float]] | None = None
    held_out: float = 0.25
    empty: str = "other-side"

    def __post_init__(self) -> None:
        bases = (KMeansRouter, LinearRouter, MLPRouter)
        instance("base", self.base, bases, "be a router with local and federated estimates")
        if isinstance(self.weights, str):
            choice("weights", self.weights, WEIGHT_CHOICES)
        else:
            number("weights", self.weights, 0.0, 1.0)
        if (self.weights == "certified") != (self.levels is not None):
            raise InputError(
                f"The 'levels' parameter must be given for certified weights, and only for them; got {self.levels}."
            )
        if isinstance(self.levels, Mapping):
            for client, pair in self.levels.items():
                _check_pair(client, pair)
        elif self.levels is not None:
            function("levels", self.levels, "be a function, such as CellLevels(...), or two numbers a client")
        number("held_out", self.held_out, 0.0, 1.0, open_low=True, open_high=True)
        choice("empty", self.empty, EMPTY_SIDES)

    @classmethod
    def published(cls, base: KMeansRouter | LinearRouter | MLPRouter) -> MixtureRouter:
        """Close to the released experiments: weights from training errors.

        A model that the client never logged stands on the federated side alone, since no training error gives it a weight, and
        so does an empty pair of cell and model. Only over the K-means router of the released experiments an empty pair counts
        with its fallback, as there: at a cost of 1e6 the mixture keeps the models seen on both sides.
        """
        theirs = isinstance(base, KMeansRouter) and base.empty == "published"
        return cls(base, "training-error", empty="mixed" if theirs else "other-side")


def _check_pair(client: object, pair: object) -> None:
    """InputError unless a client's index comes with two levels."""
    integer("levels", client, 0)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise reject("levels", "hold two numbers a client", f"{pair!r} for client {client}")
    for level in pair:
        number("levels", level, 0.0)


def train(router: MixtureRouter, logs: Logs, seed: int, labels: Labels | None = None) -> Trained[Any]:
    """Train the base router on the logs and mix, client by client (`personal`). Nothing more travels.

    labels: redrawn labels of the same records (T, D); weights that depend on labels then have a leading axis of T. "validation"
    trains twice: once without the held-out records, for the weights, and once on everything.
    """
    from fedroute_theory.routers.dispatch import train as train_base

    everyone = checked_labels(logs, labels, router.base.c_max)
    trained = train_base(router.base, logs, seed, labels)
    weights: dict[int, tuple[FloatArray, FloatArray]] = {}
    label_free = False
    if router.weights == "training-error":
        for client, local in trained.local.items():
            rows = np.flatnonzero(logs.client == client)
            weights[client] = error_weights(local, trained.federated, logs, everyone, rows)
    elif router.weights == "validation":
        held = _held_out(logs, router.held_out, seed)
        rest = np.setdiff1d(np.arange(logs.size), held)
        without = train_base(router.base, logs.take(rest), seed, _of_rows(labels, rest))
        for client in trained.local:
            rows = held[logs.client[held] == client]
            weights[client] = error_weights(without.local[client], without.federated, logs, everyone, rows)
    else:
        label_free = router.weights != "certified" or (
            isinstance(router.levels, CellLevels)
            and isinstance(router.base, KMeansRouter)
            and router.base.empty in ("mid-range", "published")  # the other fallbacks are means of labels
        )
        for client, local in trained.local.items():
            u = _one_weight(router, client, local, trained.federated, logs.of_client(client))
            weights[client] = np.full(logs.n_models, u), np.full(logs.n_models, u)
    personal: dict[int, Estimates] = {
        client: MixtureEstimates(trained.local[client], trained.federated, *weights[client], router.empty, label_free)
        for client in trained.local
    }
    return replace(trained, router=router, personal=personal)


def error_weights(
    local: Estimates, federated: Estimates, logs: Logs, labels: Labels, rows: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Weights (..., M) of the local side for quality and cost, inverse to the mean absolute errors on the records `rows`.

    Records count where both sides have records of the model called (in the query's cell). 1/2 where both errors are zero, 0
    for a model without such a record.
    """
    shape = (*labels.quality.shape[:-1], logs.n_models)
    if rows.size == 0:
        return np.zeros(shape), np.zeros(shape)
    points, called = logs.embedding[rows], logs.model[rows]
    place = np.arange(rows.size), called
    judged = (has_records(local, points) & has_records(federated, points))[place]
    of_model = (called[:, None] == np.arange(logs.n_models)).astype(np.float64)
    found = []
    for label, mine, ours in zip((labels.quality, labels.cost), local.predict(points), federated.predict(points), strict=True):
        errors = [np.abs(side[..., place[0], place[1]] - label[..., rows]) for side in (mine, ours)]
        kept = judged & np.isfinite(errors[0] + errors[1])
        own, far = ((np.where(kept, e, 0.0) @ of_model) for e in errors)
        total = own + far
        weight = np.divide(far, total, out=np.full(total.shape, 0.5), where=total > 0.0)
        found.append(np.where(kept.astype(np.float64) @ of_model > 0.0, weight, 0.0))
    return found[0], found[1]


def _one_weight(router: MixtureRouter, client: int, local: Estimates, federated: Estimates, own: Logs) -> float:
    from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight

    if router.levels is None:
        return float(router.weights)
    if isinstance(router.levels, Mapping):
        if client not in router.levels:
            raise InputError(f"The 'levels' parameter must name every client; client {client} is missing.")
        levels = list(router.levels[client])
    else:
        levels = [_level(router.levels(side, own)) for side in (local, federated)]
    return float(harmonic_weight(np.asarray(levels[0]), np.asarray(levels[1])))


def _level(found: Any) -> float:
    """A level that a function gave: infinite where nothing is known. InputError for no number, a negative one, NaN."""
    return math.inf if isinstance(found, float) and found == math.inf else number("levels", found, 0.0)


def _held_out(logs: Logs, share: float, seed: int) -> IntArray:
    """Places of the held-out records: a share of every client's, at least one and never all (none where it has one)."""
    found = []
    for party, rows in parties_of(logs).rows.items():
        count = min(rows.size - 1, max(1, round(share * rows.size)))
        found.append(np.random.default_rng([seed, 1, party]).permutation(rows)[:count])
    return np.sort(np.concatenate(found))


def _of_rows(labels: Labels | None, rows: IntArray) -> Labels | None:
    return None if labels is None else Labels(labels.quality[..., rows], labels.cost[..., rows])
