"""Router families and protocols of an audit: one table from names to hyperparameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from fedroute_theory._validate import choice
from fedroute_theory.routers import KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, Router

PROTOCOLS = {
    "sound": "the same budget in every training, models without a record never routed to, areas on one common cost range",
    "published": "the released experiments' own choices: centres, fallbacks, learning rates, averaging by record count",
}


def _kmeans(c_max: float) -> dict[str, Any]:
    """Sound: "exclude" for empty pairs. On two public tables and three seeds each, "exclude" and "pooled-mean" differ by less
    than 0.003 in the area of the federated router, and by up to 0.016 with no consistent sign in the mean area of the local
    ones on their own tests; "exclude" needs no invented estimate, so it is kept.
    """
    return {
        "sound": KMeansRouter(empty="exclude", c_max=c_max),
        "published": dataclasses.replace(KMeansRouter.published(), c_max=c_max),
    }


def _mlp(c_max: float) -> dict[str, Any]:
    """Sound: one grid of learning rates for every training, each choosing on records it holds out; 64-64 units."""
    grid = (3e-3, 1e-4, 3e-4, 1e-3, 1e-2)
    return {"sound": MLPRouter(c_max=c_max, learning_rates=grid), "published": MLPRouter.published(c_max)}


def _linear(c_max: float) -> dict[str, Any]:
    """Not in the paper, so both protocols are the same. ridge: of 0.1, 1, 3, 10 and 30 on two public tables, one seed each, 10
    and 30 gave the best federated areas on one and 3 to 30 equal ones on the other; below 1 heads overfit."""
    router = LinearRouter(ridge=10.0, c_max=c_max)
    return {"sound": router, "published": router}


def _mixed(base: Callable[[float], dict[str, Any]]) -> Callable[[float], dict[str, Router]]:
    """Each client's mixture of its local and the federated router.

    Sound: weights from records held out; published: from training errors, with fallbacks mixed in like estimates.
    """

    def made(c_max: float) -> dict[str, Router]:
        found = base(c_max)
        return {"sound": MixtureRouter(found["sound"]), "published": MixtureRouter.published(found["published"])}

    return made


ROUTERS: Mapping[str, Callable[[float], Mapping[str, Router]]] = {
    "kmeans": _kmeans,
    "linear": _linear,
    "mlp": _mlp,
    "mixture": _mixed(_kmeans),
    "mixture-linear": _mixed(_linear),
    "mixture-mlp": _mixed(_mlp),
}
"""Name of a router family -> largest cost -> hyperparameters by protocol."""

NOT_IN_THE_PAPER = ("linear", "mixture-linear")
"""Families for which the published protocol is the sound one, since nothing is published of them."""


def router_of(router: str, protocol: str, c_max: float) -> Router:
    """The hyperparameters of a router family under a protocol. InputError for unknown names."""
    choice("router", router, ROUTERS)
    choice("protocol", protocol, PROTOCOLS)
    return ROUTERS[router](c_max)[protocol]


def described(router: Router) -> dict[str, Any]:
    """Hyperparameters as plain values, the family's name first."""
    return {"family": type(router).__name__, **dataclasses.asdict(router)}
