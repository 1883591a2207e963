"""Scenarios of routers that fit functions: linear heads and networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory.federation import dirichlet, draw_logs, uniform_logging
from fedroute_theory.problems import Gaussian, Tabular, Teacher
from fedroute_theory.routers import FedAvg, LinearRouter, MLPRouter
from fedroute_theory.routers.certified import GaussianPosterior, Quantised
from fedroute_theory.routers.network.predictor import Certifier
from fedroute_theory.verify.scenarios.base import Rng, Scenario, World, fresh_labels

SMALL = {"quick": (100,), "default": (100, 1000), "full": (100, 1000, 10000)}
"""Records a client, by mode, for linear heads."""

ONCE = {"quick": (100,), "default": (300,), "full": (300, 3000)}
"""Records a client, by mode, for networks, which are trained anew in every repetition."""


FRESH = {"quick": (450,), "default": (450,), "full": (1800,)}
"""Clients with 60 records each, by mode."""


_FEW_BITS = Quantised(bits=(3, 4), steps=4, polish=1)
"""For hundreds of trainings: the bounds are those of the default certificate up to a few per cent, in a third of the time."""


def _network(certificate: Certifier) -> MLPRouter:
    """The teacher's own architecture, with everything that a bound needs fixed before the data."""
    return MLPRouter(
        hidden=(6,), activation="tanh", layer_norm=False, dropout=0.0, clip=None, batch=None, learning_rates=(3e-2,), rounds=10,
        local_epochs=None, local_steps=5, cost_scaling=(0.5, 0.15), unlogged="routable", certificate=certificate,
    )  # fmt: skip


def _gaussian(rng: Rng, records: int) -> World:
    problem = Gaussian.generate(rng, tasks=3, dimension=4, models=3, lam=0.1, sample=2048)
    laws = dirichlet(problem, rng, clients=5, records=records, model_alpha=2.0)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _teacher(rng: Rng, records: int) -> World:
    problem = Teacher.generate(rng, tasks=3, lam=0.2, sample=1024)
    laws = dirichlet(problem, rng, clients=3, records=records, model_alpha=2.0)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _fresh(rng: Rng, clients: int) -> World:
    """Clients with one law and records of their own: each client-local router is a trial of a statement about fresh records."""
    problem = Teacher.generate(rng, tasks=1, sample=256)
    laws = uniform_logging(problem, clients=clients, records=60)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _disagreeing(rng: Rng, records: int) -> World:
    """Three clients with truths of their own on the same queries; labels follow each client's truth."""
    shared = Tabular.generate(rng, queries=40, dimension=2, models=3, tasks=3, lam=0.2)
    truths = tuple(
        shared.replace(quality=np.clip(shared.quality + rng.uniform(-0.2, 0.2, shared.quality.shape), 0.0, 1.0))
        for _ in range(3)
    )
    laws = dirichlet(shared, rng, clients=3, records=records, model_alpha=2.0)
    world = World(shared, laws, draw_logs(shared, laws, rng, "bernoulli-quality"), truths)
    own = fresh_labels(world, rng, 1)
    return replace(world, logs=replace(world.logs, quality=own.quality[0], cost=own.cost[0]))


_DESCENTS = ("fedavg-convergence",)

_SLOW = FedAvg(rounds=1000, local_steps=4, step=0.003, noise=0.1)
"""Steps so short that the forms with fixed constants apply to most draws of the clients, and the sharp form to all seen."""

_PLAIN = MLPRouter(
    hidden=(6,), activation="tanh", layer_norm=False, dropout=0.0, optimiser="sgd", clip=None, batch=None,
    learning_rates=(1e-2,), rounds=10, heads="records", local_epochs=None, local_steps=5, cost_scaling=(0.5, 0.15),
)  # fmt: skip
"""All that the theorem on FedAvg asks of a protocol; of a network's objective it asks more than can be measured."""

FUNCTIONS = (
    Scenario("gaussian", _gaussian, LinearRouter(), SMALL, trials=2),
    Scenario("teacher-quantised", _teacher, _network(_FEW_BITS), ONCE, seconds=50.0),
    Scenario("teacher-pac-bayes", _teacher, _network(GaussianPosterior(draws=8, steps=5)), ONCE, seconds=90.0),
    Scenario(
        "teacher-fresh",
        _fresh,
        _network(Quantised(bits=4, steps=4, polish=1)),
        FRESH,
        ("least-squares", "mlp-router"),
        redraws=False,
        trainings=("local",),
        seconds=25.0,
    ),
    Scenario(
        "descending",
        _gaussian,
        LinearRouter(solver=_SLOW),
        SMALL,
        _DESCENTS,
        redraws=False,
        descends=True,
        trainings=("local",),
    ),
    Scenario("descending-network", _teacher, _PLAIN, ONCE, _DESCENTS, redraws=False, descends=True, trainings=("local",)),
    Scenario(
        "disagreeing",
        _disagreeing,
        _network(_FEW_BITS),
        ONCE,
        ("client-heterogeneity",),
        trainings=("federated", "pooled"),
        seconds=35.0,
    ),
)
