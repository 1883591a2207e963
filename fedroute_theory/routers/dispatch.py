"""One `train` and one `descent_of` for all routers: tables from hyperparameters to the functions that do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fedroute_theory._validate import InputError
from fedroute_theory.federation import Descent, Labels, Logs
from fedroute_theory.routers import kmeans, linear, mixture, mlp
from fedroute_theory.routers.kmeans import KMeansRouter
from fedroute_theory.routers.linear import LinearRouter
from fedroute_theory.routers.mixture import MixtureRouter
from fedroute_theory.routers.mlp import MLPRouter
from fedroute_theory.routers.trained import Trained

Router = KMeansRouter | LinearRouter | MLPRouter | MixtureRouter

_TRAINERS: dict[type, Callable[..., Trained[Any]]] = {
    KMeansRouter: kmeans.train,
    LinearRouter: linear.train,
    MLPRouter: mlp.train,
    MixtureRouter: mixture.train,
}

_DESCENTS: dict[type, Callable[..., Descent]] = {LinearRouter: linear.descent_of, MLPRouter: mlp.descent_of}


def train(router: Router, logs: Logs, seed: int, labels: Labels | None = None) -> Trained[Any]:
    """Train local, federated and pooled on the same logs.

    router: hyperparameters of any router family. labels: redrawn labels of the same records (T, D); the estimates then have a
    leading axis of T repetitions. seed: in [0, 2^32). Raises InputError for an unknown kind of router, labels that are no
    labels of these records, and costs above the router's c_max.
    """
    if type(router) not in _TRAINERS:
        raise InputError(f"The 'router' parameter must be one of {', '.join(t.__name__ for t in _TRAINERS)}; got {router!r}.")
    return _TRAINERS[type(router)](router, logs, seed, labels)


def descent_of(router: Router, logs: Logs, seed: int) -> Descent:
    """How the federated training of a router on these logs descends: what the theorem on FedAvg reads.

    seed: as in `train`. Raises InputError for a router that does not descend.
    """
    if type(router) not in _DESCENTS:
        names = " or ".join(t.__name__ for t in _DESCENTS)
        raise InputError(f"The 'router' parameter must be one that descends, {names}; got {type(router).__name__}.")
    return _DESCENTS[type(router)](router, logs, seed)
