"""Measure what theorems assume, from a problem or from logs."""

from fedroute_theory.assumptions.coverage import Coverage, coverage, refined_coverage
from fedroute_theory.assumptions.lipschitz import Slope, steepest_slope
from fedroute_theory.assumptions.optimal_kmeans import ENUMERATION_LIMIT, optimal_inertia
from fedroute_theory.assumptions.transport import transport_cost, transport_is_exact

__all__ = [
    "ENUMERATION_LIMIT",
    "Coverage",
    "Slope",
    "coverage",
    "optimal_inertia",
    "refined_coverage",
    "steepest_slope",
    "transport_cost",
    "transport_is_exact",
]
