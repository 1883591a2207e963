"""Scenarios: a problem, its clients, a router, sizes. A table: a new scenario is a new row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from fedroute_theory._validate import IntArray, choice, integer
from fedroute_theory.federation import (
    Federation,
    Labels,
    Logs,
    dirichlet,
    draw_labels,
    draw_logs,
    logs_from_partition,
    published_partition,
    uniform_logging,
)
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Lipschitz, Tabular, Topics, example_table, voronoi
from fedroute_theory.routers import KMeansRouter, Router, train
from fedroute_theory.theorems import Case

Rng = np.random.Generator
Built = tuple[RoutingProblem, Federation | None, Logs]

SIZES = {"quick": (300,), "default": (300, 3000), "full": (300, 3000, 30000)}
"""Records a client, by mode."""

REPETITIONS = {"quick": 450, "default": 600, "full": 600}
"""Redrawn labels, by mode: enough that no violation at all shows a rate below delta = 0.05."""


@dataclass(frozen=True)
class Scenario:
    """name: as printed. build: generator and records a client -> problem, laws, logs. router: its hyperparameters.

    sizes: records a client, by mode. theorems: the slugs it is meant for (empty: all).
    """

    name: str
    build: Callable[[Rng, int], Built]
    router: Router
    sizes: Mapping[str, tuple[int, ...]]
    theorems: tuple[str, ...] = ()


def _tiny(rng: Rng, _: int) -> Built:
    problem = Tabular.generate(rng, queries=6, dimension=1, models=2, tasks=2)
    laws = uniform_logging(problem, clients=2, records=6)
    return problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality")


def _few_points(rng: Rng, records: int) -> Built:
    problem = Lipschitz.generate(rng, dimension=2, models=2, strips=2, sample=256)
    laws = uniform_logging(problem, clients=2, records=records)
    return problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality")


def _tabular(rng: Rng, records: int) -> Built:
    problem = Tabular.generate(rng, queries=60, dimension=2, models=4, tasks=5, lam=0.5)
    laws = dirichlet(problem, rng, clients=5, records=records, model_alpha=1.0)
    return problem, laws, draw_logs(problem, laws, rng)


def _voronoi(rng: Rng, records: int) -> Built:
    problem = voronoi(rng, sites=8, per_site=25, models=4)
    laws = uniform_logging(problem, clients=5, records=records)
    return problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality")


def _lipschitz_line(rng: Rng, records: int) -> Built:
    problem = Lipschitz.generate(rng, dimension=1, models=3, lam=0.1, sample=2048)
    laws = uniform_logging(problem, clients=5, records=records)
    return problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality")


def _lipschitz(rng: Rng, records: int) -> Built:
    problem = Lipschitz.generate(rng, dimension=2, models=4, lam=0.2, sample=2048)
    laws = dirichlet(problem, rng, clients=5, records=records, model_alpha=1.0)
    return problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality")


def _topics(rng: Rng, records: int) -> Built:
    problem = Topics.generate(rng, tasks=10, dimension=6, models=5, lam=0.2, sample=2048)
    laws = dirichlet(problem, rng, clients=5, records=records)
    return problem, laws, draw_logs(problem, laws, rng)


def _table(rng: Rng, records: int) -> Built:
    table = example_table(rng, queries=min(1500, 5 * records), models=6)
    partition = published_partition(table.task, table.n_models, clients=5, seed=int(rng.integers(2**31)))
    weights = np.zeros(table.weights.size)
    weights[np.concatenate(partition.test)] = 1.0
    return table.replace(weights=weights, lam=20.0), None, logs_from_partition(table, partition)


_ROUTED = ("kmeans-router", "pooling", "two-pass-kmeans")
_SMALL = dict.fromkeys(SIZES, (6,))

SCENARIOS = {
    s.name: s
    for s in (
        Scenario("tiny", _tiny, KMeansRouter.with_clusters(2, empty="mid-range"), _SMALL, ("kmeans-router",)),
        Scenario("few-points", _few_points, KMeansRouter.with_clusters(2), _SMALL, ("two-pass-kmeans",)),
        Scenario("tabular", _tabular, KMeansRouter.with_clusters(6, empty="mid-range"), SIZES),
        Scenario("voronoi", _voronoi, KMeansRouter.with_clusters(8, empty="pooled-mean"), SIZES),
        Scenario("lipschitz-line", _lipschitz_line, KMeansRouter.with_clusters(12, empty="mid-range"), SIZES),
        Scenario("lipschitz", _lipschitz, KMeansRouter.with_clusters(16, empty="mid-range"), SIZES),
        Scenario("topics", _topics, KMeansRouter.with_clusters(12), SIZES, _ROUTED),
        Scenario("table", _table, KMeansRouter.with_clusters(12), dict.fromkeys(SIZES, (300,)), _ROUTED),
    )
}
"""By name. `topics` and `table` leave models without records out of the argmax, which only some theorems allow."""


def stream(seed: int, *place: str | int) -> Rng:
    """The random stream of one place in the run; it depends on the seed and the place only."""
    words = [crc32(p.encode()) if isinstance(p, str) else p for p in place]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def build_case(scenario: Scenario, records: int, seed: int, repetitions: int, delta: float) -> Case:
    """Draw the scenario, train the three routers with redrawn labels, and hand over what theorems may look at."""
    rng = stream(seed, scenario.name, records)
    problem, laws, logs = scenario.build(rng, records)
    router_seed = int(rng.integers(2**31))
    labels = redrawn(problem, logs, rng, repetitions)
    trained = train(scenario.router, logs, router_seed, labels)
    return Case(problem, laws, logs, trained.estimates(), delta, trained.messages)


def scenario_case(name: str, records: int, seed: int, delta: float = 0.05) -> Case:
    """One scenario by name, with the logs' own labels only. InputError for an unknown name or fewer than one record."""
    scenario = SCENARIOS[choice("scenario", name, SCENARIOS)]
    return build_case(scenario, integer("records", records, 1), integer("seed", seed, 0), 1, delta)


def redrawn(problem: RoutingProblem, logs: Logs, rng: Rng, repetitions: int) -> Labels:
    """The logs' own labels as the first repetition, then fresh ones; noise-free labels have one repetition."""
    own = Labels(logs.quality[None], logs.cost[None])
    if logs.labels == "exact":
        return own
    rows: IntArray = np.arange(logs.size)
    quality, cost = (truth[rows, logs.model] for truth in problem.truth(logs.embedding))
    fresh = draw_labels(quality, cost, problem.c_max, rng, logs.labels, repetitions - 1)
    return Labels(np.concatenate([own.quality, fresh.quality]), np.concatenate([own.cost, fresh.cost]))
