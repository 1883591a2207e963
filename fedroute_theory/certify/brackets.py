"""How far each theorem is from the truth: certified worst cases of small named instances beside the theorem's bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fedroute_theory._validate import InputError
from fedroute_theory.certify import bracket_clusters, bracket_instances, bracket_routers, bracket_training
from fedroute_theory.certify.bracket_instances import Row
from fedroute_theory.certify.gradient_descent import TOLERANCE as DESCENT_TOLERANCE
from fedroute_theory.certify.solvers import SolverError
from fedroute_theory.theorems import registry, theorem

SLACK = {"gradient-descent": DESCENT_TOLERANCE}
"""Rounding by certificate, relative to the exact value: what its two sides may leave open; 1e-6 for all others."""


@dataclass(frozen=True)
class Bracket:
    """One form of one theorem on one instance: lower <= exact <= upper.

    lower: reached by the certificate's witness or another explicit instance, or a lower-bound theorem; None where the worst
    case was found by one route that says nothing else. exact: the other side of the certificate (its dual value), or that one
    route. upper: the theorem's bound. how: the certificate, or the route.
    """

    theorem: str
    form: str
    instance: str
    lower: float | None
    exact: float
    upper: float
    how: str

    @property
    def ratio(self) -> float:
        """upper / exact: 1 means that no smaller bound holds on this instance."""
        return self.upper / self.exact if self.exact > 0 else math.inf

    @property
    def spread(self) -> float:
        """upper / lower; upper / exact where there is no lower."""
        if self.lower is None:
            return self.ratio
        return self.upper / self.lower if self.lower > 0 else math.inf

    @property
    def ordered(self) -> bool:
        """Whether lower <= exact <= upper, up to SLACK; only exact <= upper where there is no lower."""
        slack = SLACK.get(self.how, 1e-6) * abs(self.exact)
        return (self.lower is None or self.lower <= self.exact + slack) and self.exact <= self.upper + slack


MAKERS: dict[str, Callable[[], Iterator[Row]]] = {
    "greedy-decomposition": bracket_instances.greedy,
    "coverage-transfer": bracket_instances.transfer,
    "margin-rate": bracket_instances.margins,
    "least-squares": bracket_instances.squares,
    "pooling": bracket_instances.pooling,
    "kmeans-router": bracket_clusters.kmeans,
    "two-pass-kmeans": bracket_clusters.clusters,
    "minimax-lower": bracket_instances.minimax,
    "frontier": bracket_instances.frontier,
    "mlp-router": bracket_routers.networks,
    "mixture-router": bracket_routers.mixtures,
    "client-heterogeneity": bracket_routers.clients,
    "linear-heads": bracket_training.heads,
    "fedavg-convergence": bracket_training.descent,
}
"""The rows of each theorem."""


@dataclass(frozen=True)
class Brackets:
    """The rows that were found, and one sentence for every theorem whose rows stop early (none: the table is whole)."""

    rows: tuple[Bracket, ...]
    unsolved: tuple[str, ...] = ()


def brackets(slug: str | None = None, progress: Callable[[str], None] | None = None) -> Brackets:
    """The fixed table, or the rows of one theorem.

    progress: called with the name of each theorem before its rows. Takes up to a minute; needs cvxpy for the cone programs.
    Where a solver fails or is missing, the rows of that theorem stop there and those of the others go on. InputError for a
    theorem without rows.
    """
    if slug is not None and slug not in MAKERS:
        theorem(slug)  # an unknown name has its own sentence
        raise InputError(f"No worst case of '{slug}' is certified, so it has no bracket; there are {', '.join(MAKERS)}.")
    rows: list[Bracket] = []
    unsolved: list[str] = []
    for name, make in MAKERS.items():
        if slug in (None, name) and name in registry():
            if progress is not None:
                progress(name)
            before = len(rows)
            try:
                for row in make():
                    rows.append(Bracket(name, *row))
            except (SolverError, InputError) as error:
                unsolved.append(f"The rows of '{name}' stop after {len(rows) - before}: {error}")
    return Brackets(tuple(rows), tuple(unsolved))
