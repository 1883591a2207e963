"""The expected form: cells in which it is nearly attained, and versions with less in them that fail."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.expected import expected_of
from fedroute_theory.theorems.kmeans_router.expected_claims import expected_bound
from fedroute_theory.theorems.kmeans_router.one_cell import one_cell
from fedroute_theory.theorems.kmeans_router.race import expected_gap

ONE_LABEL_RATIO = 2.0 / math.sqrt(math.e)
"""One label of chance 1/2 against a rival known to be worth 0, ties lost: bound (1/2) sqrt(1/e), gap 1/4."""


def known_rival(records: int) -> tuple[float, float]:
    """Bound and exact expected gap: a model of quality 1/2 with one label, and one of quality 0 that wins ties."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.0, 0.5]]), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((records + 1, 1)), [0] * records + [1], 0.0)
    geometry = CellGeometry(problem, replace(logs, labels="bernoulli-quality"), estimates)
    return expected_bound(geometry).value, expected_gap(geometry) or 0.0


def expected_extremal() -> Extremal:
    """As tight as known for two models."""
    bound, gap = known_rival(1000)
    return Extremal("one fair label against a rival known to be worth 0", "expected", bound, gap, ONE_LABEL_RATIO, 0.01)


def moved_queries(records: int) -> tuple[float, float, float]:
    """Bound, exact expected gap and bound without mismatch: two models equal at the records, 1/2 apart at the query."""
    problem = Tabular(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]), np.array([[0.5, 0.5], [0.5, 1.0]]), np.zeros((2, 2)))
    logs, estimates = one_cell(problem, np.zeros((2 * records, 1)), [0, 1] * records, 0.5)
    geometry = CellGeometry(problem, replace(logs, labels="bernoulli-quality"), estimates)
    return expected_bound(geometry).value, expected_gap(geometry) or 0.0, bound_for([records, records])


def many_rivals(rivals: int, chance: float) -> float:
    """Expected gap: a model of quality 1 that loses ties, rivals of quality `chance` with one label each."""
    return (1.0 - chance) * (1.0 - (1.0 - chance) ** rivals)


def bound_for(counts: list[int]) -> float:
    """The expected form in one cell without mismatch."""
    table = np.array([counts], dtype=np.float64)
    return expected_of(mass=np.ones(1), s=0.0 * table, counts=table, R=1.0).value


def expected_controls() -> list[Control]:
    """Wrong constant, one model's noise or one rival counted only, no mismatch, labels that depend on each other."""
    _, gap = known_rival(1000)
    small = 0.5 * math.sqrt(1.001 / (2.0 * math.e))
    one_sided = 0.5 * math.sqrt(0.001 / math.e)
    single, crowd = bound_for([1, 1]), many_rivals(10, 0.2)
    copies, hundred = 0.5 * (1.0 - 0.75**2), bound_for([100, 100])
    full, moved, unmoved = moved_queries(500)
    return [
        Control(
            "expected form, wrong constant: (R/2) sqrt(h / (2e))",
            gap > small,
            f"one fair label against a rival of quality 0 with 1000: expected gap {gap:.4f} above {small:.4f}",
            "exact",
        ),
        Control(
            "expected form, wrong h: the noise of the rival only, 1/n for 1/n + 1/n'",
            gap > one_sided,
            f"the same cell: {gap:.4f} above {one_sided:.4f}",
            "exact",
        ),
        Control(
            "expected form, wrong number of rivals: one rival's bound where there are ten",
            bound_for([1] * 11) >= crowd > single,
            f"ten rivals of quality 0.2 with one label each, the best one sure and losing ties: {crowd:.4f} above {single:.4f}",
            "exact",
        ),
        Control(
            "expected form without the mismatch",
            full >= moved > unmoved,
            f"records where the models are equal, queries where they differ by 1/2: {moved:.4f} above {unmoved:.4f}",
            "exact",
        ),
        Control(
            "broken assumption: labels independent",
            copies > hundred,
            f"100 copies of one label each, qualities 0.75 and 0.25, ties lost: {copies:.4f} above {hundred:.4f}",
            "exact",
        ),
    ]
