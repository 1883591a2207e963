"""Router families and protocols of an audit: one table from names to hyperparameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from fedroute_theory._validate import choice
from fedroute_theory.problems import Table
from fedroute_theory.routers import KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, Router
from fedroute_theory.routers.network.choices import CostScaling
from fedroute_theory.routers.network.scaling import cost_sums, scale_from

PROTOCOLS = {
    "sound": "the same budget in every training, models without a record never routed to, areas on one common cost range",
    "published": "the released experiments' own choices: centres, fallbacks, learning rates, averaging by record count, cost "
    "scaled by all rows",
}


def _kmeans(c_max: float, whole: CostScaling = "logged") -> dict[str, Any]:  # noqa: ARG001  (its costs have no scale)
    """Sound: "exclude" for empty pairs. On two public tables and three seeds each, "exclude" and "pooled-mean" differ by less
    than 0.003 in the area of the federated router, and by up to 0.016 with no consistent sign in the mean area of the local
    ones on their own tests; "exclude" needs no invented estimate, so it is kept.
    """
    return {
        "sound": KMeansRouter(empty="exclude", c_max=c_max),
        "published": dataclasses.replace(KMeansRouter.published(), c_max=c_max),
    }


def _mlp(c_max: float, whole: CostScaling = "logged") -> dict[str, Any]:
    """Sound: one grid of learning rates for every training, each choosing on records it holds out; 64-64 units.

    Only the learning rate is tuned. Passes over the records are not: 20 rounds of one pass for everyone in the federation, and
    as many passes for local and pooled trainings, none of which stops early. whole: the published protocol's scale of cost.
    """
    grid = (3e-3, 1e-4, 3e-4, 1e-3, 1e-2)
    return {"sound": MLPRouter(c_max=c_max, learning_rates=grid), "published": MLPRouter.published(c_max, whole)}


def _linear(c_max: float, whole: CostScaling = "logged") -> dict[str, Any]:  # noqa: ARG001  (its costs have no scale)
    """Not in the paper, so both protocols are the same. ridge: of 0.1, 1, 3, 10 and 30 on two public tables, one seed each, 10
    and 30 gave the best federated areas on one and 3 to 30 equal ones on the other; below 1 heads overfit."""
    router = LinearRouter(ridge=10.0, c_max=c_max)
    return {"sound": router, "published": router}


def _mixed(base: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Router]]:
    """Each client's mixture of its local and the federated router.

    Sound: weights from records held out; published: from training errors, with K-means fallbacks mixed in like estimates.
    """

    def made(c_max: float, whole: CostScaling = "logged") -> dict[str, Router]:
        found = base(c_max, whole)
        return {"sound": MixtureRouter(found["sound"]), "published": MixtureRouter.published(found["published"])}

    return made


ROUTERS: Mapping[str, Callable[..., Mapping[str, Router]]] = {
    "kmeans": _kmeans,
    "linear": _linear,
    "mlp": _mlp,
    "mixture": _mixed(_kmeans),
    "mixture-linear": _mixed(_linear),
    "mixture-mlp": _mixed(_mlp),
}
"""Name of a router family -> largest cost, and scale of cost over all rows -> hyperparameters by protocol."""

NOT_IN_THE_PAPER = ("linear", "mixture-linear")
"""Families for which the published protocol is the sound one, since nothing is published of them."""


def router_of(router: str, protocol: str, table: Table) -> Router:
    """The hyperparameters of a router family under a protocol, for a table. InputError for unknown names."""
    choice("router", router, ROUTERS)
    choice("protocol", protocol, PROTOCOLS)
    return ROUTERS[router](table.c_max, scale_of_all_rows(table))[protocol]


def scale_of_all_rows(table: Table) -> tuple[float, float]:
    """Mean and standard deviation of all costs of a table, test rows and unlogged models included, as the released experiments
    scale cost (a spread of 1 where costs do not vary). No client could know it; only the published protocol uses it."""
    scale = scale_from(cost_sums(table.cost.reshape(1, -1)), "logged", table.c_max)
    return float(scale.centre[0]), float(scale.spread[0])


def described(router: Router) -> dict[str, Any]:
    """Hyperparameters as plain values, the family's name first."""
    return {"family": type(router).__name__, **dataclasses.asdict(router)}
