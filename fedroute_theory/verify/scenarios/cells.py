"""Scenarios of the K-means router."""

from __future__ import annotations

import numpy as np

from fedroute_theory.federation import dirichlet, draw_logs, logs_from_partition, published_partition, uniform_logging
from fedroute_theory.problems import Lipschitz, Margin, Tabular, Topics, example_table, voronoi
from fedroute_theory.routers import CellLevels, KMeansRouter, MixtureRouter
from fedroute_theory.verify.scenarios.base import SIZES, Rng, Scenario, World


def _tiny(rng: Rng, _: int) -> World:
    problem = Tabular.generate(rng, queries=6, dimension=1, models=2, tasks=2)
    laws = uniform_logging(problem, clients=2, records=6)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _few_points(rng: Rng, records: int) -> World:
    problem = Lipschitz.generate(rng, dimension=2, models=2, strips=2, sample=256)
    laws = uniform_logging(problem, clients=2, records=records)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _tabular(rng: Rng, records: int) -> World:
    problem = Tabular.generate(rng, queries=60, dimension=2, models=4, tasks=5, lam=0.5)
    laws = dirichlet(problem, rng, clients=5, records=records, model_alpha=1.0)
    return World(problem, laws, draw_logs(problem, laws, rng))


def _voronoi(rng: Rng, records: int) -> World:
    problem = voronoi(rng, sites=8, per_site=25, models=4)
    laws = uniform_logging(problem, clients=5, records=records)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _lipschitz_line(rng: Rng, records: int) -> World:
    problem = Lipschitz.generate(rng, dimension=1, models=3, lam=0.1, sample=2048)
    laws = uniform_logging(problem, clients=5, records=records)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _lipschitz(rng: Rng, records: int) -> World:
    problem = Lipschitz.generate(rng, dimension=2, models=4, lam=0.2, sample=2048)
    laws = dirichlet(problem, rng, clients=5, records=records, model_alpha=1.0)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


def _topics(rng: Rng, records: int) -> World:
    problem = Topics.generate(rng, tasks=10, dimension=6, models=5, lam=0.2, sample=2048)
    laws = dirichlet(problem, rng, clients=5, records=records)
    return World(problem, laws, draw_logs(problem, laws, rng))


def _table(rng: Rng, records: int) -> World:
    table = example_table(rng, queries=min(1500, 5 * records), models=6)
    partition = published_partition(table.task, table.n_models, clients=5, seed=int(rng.integers(2**31)))
    weights = np.zeros(table.weights.size)
    weights[np.concatenate(partition.test)] = 1.0
    return World(table.replace(weights=weights, lam=20.0), None, logs_from_partition(table, partition))


def _margin(rng: Rng, records: int) -> World:
    problem = Margin.make(exponent=1.0, others=1)
    laws = uniform_logging(problem, clients=5, records=records)
    return World(problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality"))


_ROUTED = ("kmeans-router", "pooling", "two-pass-kmeans")
_SMALL = dict.fromkeys(SIZES, (6,))

_MIXTURE = MixtureRouter(KMeansRouter.with_clusters(12, empty="mid-range"), "certified", levels=CellLevels(slope=1.0, lam=0.1))

CELLS = (
    Scenario("tiny", _tiny, KMeansRouter.with_clusters(2, empty="mid-range"), _SMALL, ("kmeans-router",)),
    Scenario("few-points", _few_points, KMeansRouter.with_clusters(2), _SMALL, ("two-pass-kmeans",)),
    Scenario("tabular", _tabular, KMeansRouter.with_clusters(6, empty="mid-range"), SIZES),
    Scenario("voronoi", _voronoi, KMeansRouter.with_clusters(8, empty="pooled-mean"), SIZES),
    Scenario("lipschitz-line", _lipschitz_line, KMeansRouter.with_clusters(12, empty="mid-range"), SIZES),
    Scenario("lipschitz", _lipschitz, KMeansRouter.with_clusters(16, empty="mid-range"), SIZES),
    Scenario("margin", _margin, KMeansRouter.with_clusters(8, empty="mid-range"), SIZES),
    Scenario("mixture", _lipschitz_line, _MIXTURE, SIZES, ("mixture-router", "greedy-decomposition")),
    Scenario("topics", _topics, KMeansRouter.with_clusters(12), SIZES, _ROUTED),
    Scenario("table", _table, KMeansRouter.with_clusters(12), dict.fromkeys(SIZES, (300,)), _ROUTED),
)
"""`topics` and `table` leave models without records out of the argmax, which only some theorems allow."""
