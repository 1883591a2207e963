"""Measure what theorems assume, from a problem or from logs."""

from fedroute_theory.assumptions.coverage import Coverage, coverage, refined_coverage
from fedroute_theory.assumptions.gradients import dissimilarity_along, sampling_variance, smoothness_along
from fedroute_theory.assumptions.lipschitz import Slope, steepest_slope
from fedroute_theory.assumptions.margin import FittedExponent, MarginLaw, fitted_exponent, largest_scale, margin_law, margins
from fedroute_theory.assumptions.optimal_kmeans import ENUMERATION_LIMIT, optimal_inertia
from fedroute_theory.assumptions.quadratic import Quadratics
from fedroute_theory.assumptions.realizability import Realizability, realizability
from fedroute_theory.assumptions.transport import transport_cost, transport_is_exact

__all__ = [
    "ENUMERATION_LIMIT",
    "Coverage",
    "FittedExponent",
    "MarginLaw",
    "Quadratics",
    "Realizability",
    "Slope",
    "coverage",
    "dissimilarity_along",
    "fitted_exponent",
    "largest_scale",
    "margin_law",
    "margins",
    "optimal_inertia",
    "realizability",
    "refined_coverage",
    "sampling_variance",
    "smoothness_along",
    "steepest_slope",
    "transport_cost",
    "transport_is_exact",
]
