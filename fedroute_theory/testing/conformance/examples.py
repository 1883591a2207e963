"""Cases on which a theorem is tried: families that meet assumptions and families that break one, at growing sizes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import choice, integer
from fedroute_theory.federation import Federation, draw_logs, explicit, uniform_logging
from fedroute_theory.problems import Lipschitz, Tabular
from fedroute_theory.routers import KMeansRouter
from fedroute_theory.testing.trials import AnyRouter, train_any
from fedroute_theory.theorems import Case
from fedroute_theory.verify.scenarios import World, redrawn, stream
from fedroute_theory.verify.scenarios.base import fresh_labels

Rng = np.random.Generator
CLIENTS, QUERIES, MODELS = 2, 8, 3


@dataclass(frozen=True, eq=False)
class Example:
    """A case with the place it came from. family: what is alike in all sizes. records: of each client."""

    family: str
    records: int
    case: Case

    def __str__(self) -> str:
        return f"{self.family}, {self.records} records a client"


def _table(rng: Rng) -> Tabular:
    return Tabular.generate(rng, queries=QUERIES, dimension=2, models=MODELS, tasks=2, lam=0.5)


def _world(rng: Rng, problem: Tabular | Lipschitz, laws: Federation) -> World:
    return World(problem, laws, draw_logs(problem, laws, rng))


def _uniform(rng: Rng, records: int) -> World:
    problem = _table(rng)
    return _world(rng, problem, uniform_logging(problem, clients=CLIENTS, records=records))


def _line(rng: Rng, records: int) -> World:
    problem = Lipschitz.generate(rng, dimension=1, models=MODELS, lam=0.5, sample=256)
    return _world(rng, problem, uniform_logging(problem, clients=CLIENTS, records=records))


def _tilted(rng: Rng, records: int) -> World:
    """Easy queries are logged far more often than the test law has them: covered, but another law."""
    problem = _table(rng)
    weights = np.where(problem.utility.mean(axis=1) > np.median(problem.utility.mean(axis=1)), 0.95, 0.05) * problem.weights
    rho = np.repeat((weights / weights.sum())[:, None] / MODELS, MODELS, axis=1)
    return _world(rng, problem, explicit(np.stack([rho] * CLIENTS), np.full(CLIENTS, records)))


def _holes(rng: Rng, records: int) -> World:
    """Each model is logged only where it does better than on average."""
    problem = _table(rng)
    better = problem.utility >= np.median(problem.utility, axis=0)
    rho = np.where(better, problem.weights[:, None], 0.0)
    rho = rho / rho.sum(axis=0) / MODELS
    return _world(rng, problem, explicit(np.stack([rho] * CLIENTS), np.full(CLIENTS, records)))


def _disagreeing(rng: Rng, records: int) -> World:
    """Every client's own truth is a little better or worse than the problem's, and its labels follow it."""
    problem = _table(rng)
    shifts = np.linspace(0.0, 0.4, CLIENTS) + 0.1
    truths = tuple(problem.replace(quality=np.clip(problem.quality + shift, 0.0, 1.0)) for shift in shifts)
    laws = uniform_logging(problem, clients=CLIENTS, records=records)
    world = replace(_world(rng, problem, laws), truths=truths)
    own = fresh_labels(world, rng, 1)
    return replace(world, logs=replace(world.logs, quality=own.quality[0], cost=own.cost[0]))


FAMILIES: dict[str, Callable[[Rng, int], World]] = {
    "uniform": _uniform,
    "line": _line,
    "tilted": _tilted,
    "holes": _holes,
    "disagreeing": _disagreeing,
}
"""uniform: a finite problem, every model logged alike everywhere. line: the same on cones over [0, 1]. tilted: queries logged
by another law than the test law. holes: models never logged on half of the queries. disagreeing: clients with own truths."""

SIZES = (40, 200, 1000, 5000)
"""Records a client."""


def example_cases(
    router: AnyRouter | None = None,
    *,
    families: Collection[str] = tuple(FAMILIES),
    sizes: Sequence[int] = SIZES,
    repetitions: int = 200,
    seed: int = 0,
    delta: float = 0.05,
) -> list[Example]:
    """Two clients at each size of each family, trained with redrawn labels (the widest the assumptions allow).

    router: what is trained; default K-means with four cells and the middle of the range where nothing is logged. families: some
    of uniform, line, tilted, holes, disagreeing. sizes: records a client. repetitions: T, the logs' own labels included. seed:
    at least 0. delta: granted to each claim. The problem of a family is the same at all sizes. InputError for an unknown family
    and numbers out of range.
    """
    chosen = router or KMeansRouter.with_clusters(4, empty="mid-range")
    integer("repetitions", repetitions, 1)
    found = []
    for family in families:
        build = FAMILIES[choice("families", family, FAMILIES)]
        for records in sizes:
            rng = stream(integer("seed", seed, 0), "example", family)
            world = build(rng, integer("sizes", records, 1))
            labels = redrawn(world, rng, repetitions)
            trained = train_any(chosen, world.logs, seed, labels)
            parts = (world.problem, world.federation, world.logs, trained.estimates(), delta, trained.messages, labels)
            case = Case(*parts, truths=world.truths)
            found.append(Example(family, records, case))
    return found
