"""One `add_models` and one `add_clients` for all routers: tables from hyperparameters to functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fedroute_theory._validate import InputError, instance, integer
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.routers.growth import kmeans, linear, mlp
from fedroute_theory.routers.growth.grown import Grown, as_grown, check_clients, check_models
from fedroute_theory.routers.kmeans import KMeansRouter
from fedroute_theory.routers.linear import LinearRouter
from fedroute_theory.routers.mlp import MLPRouter
from fedroute_theory.routers.trained import Trained

Step = Callable[[Grown, Logs, Labels | None, int], Grown]

_MODELS: dict[type, Step] = {KMeansRouter: kmeans.add_models, LinearRouter: linear.add_models, MLPRouter: mlp.add_models}
_CLIENTS: dict[type, Step] = {KMeansRouter: kmeans.add_clients, LinearRouter: linear.add_clients, MLPRouter: mlp.add_clients}


def add_models(before: Trained[Any] | Grown, logs: Logs, labels: Labels | None = None, seed: int = 0) -> Grown:
    """Add models to a federated router from the clients' records of them; what is known of the old ones stays as it is.

    before: the router as trained or grown. logs: records of new models only (index n_models of the estimates or more), from
    known clients. labels: redrawn labels of these records (T, D), as many repetitions as the estimates have. seed: of the
    descent of networks, in [0, 2^32).

    K-means: centres stay, columns of counts and sums are added. Linear heads: new heads by least squares. MLP: the new heads
    alone are trained by federated averaging, the trunk and the old heads stay to the last bit. Raises InputError for a known
    model, an unknown client, embeddings of another dimension, costs above the router's c_max, or a router that cannot grow.
    """
    start = as_grown(before)
    step = _step(_MODELS, start)
    _check_arguments(logs, labels, seed)
    check_models(start, logs)
    return step(start, logs, labels, seed)


def add_clients(before: Trained[Any] | Grown, logs: Logs, labels: Labels | None = None, seed: int = 0) -> Grown:
    """Let new clients join a federated router with their own records; nobody else does anything.

    before: the router as trained or grown. logs: records of newcomers only, of known models. labels, seed: as in `add_models`.

    K-means: the newcomers' counts and sums on the given centres are added; linear heads: their Gram matrices and moments. MLP:
    federated averaging goes on among the newcomers alone, with a penalty on leaving the earlier outputs (distillation). Raises
    InputError for a known client, other models, embeddings of another dimension, costs above the router's c_max, or a router
    that cannot grow.
    """
    start = as_grown(before)
    step = _step(_CLIENTS, start)
    _check_arguments(logs, labels, seed)
    check_clients(start, logs)
    return step(start, logs, labels, seed)


def _check_arguments(logs: Logs, labels: Labels | None, seed: int) -> None:
    instance("logs", logs, Logs, "be Logs")
    if labels is not None:
        instance("labels", labels, Labels, "be None or Labels")
    integer("seed", seed, 0, 2**32 - 1)


def _step(table: dict[type, Step], before: Grown) -> Step:
    if type(before.router) not in table:
        kinds = ", ".join(t.__name__ for t in table)
        raise InputError(f"The router must be one of {kinds} to grow; got {type(before.router).__name__}.")
    return table[type(before.router)]
