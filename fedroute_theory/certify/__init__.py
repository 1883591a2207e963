"""The independent second route: exact enumeration, rational arithmetic, and optimisation programs with both sides."""

from fedroute_theory.certify.certificate import PROGRAMS, Certificate, Check, Reached, Replay, replay
from fedroute_theory.certify.coverage_worst_case import coverage_worst_case
from fedroute_theory.certify.enumeration import conclusion_failure
from fedroute_theory.certify.frontier_program import frontier_program
from fedroute_theory.certify.kmeans_worst_case import kmeans_worst_case
from fedroute_theory.certify.least_squares import least_squares
from fedroute_theory.certify.margin_worst_case import margin_worst_case
from fedroute_theory.certify.minimax_game import minimax_game
from fedroute_theory.certify.optimal_kmeans import optimal_kmeans
from fedroute_theory.certify.rational import coverage_k2, suboptimality
from fedroute_theory.certify.rational_bounds import LineCells, greedy_lines, line_cells, pooling_sides, transfer_squared
from fedroute_theory.certify.solvers import SolverError

__all__ = [
    "PROGRAMS",
    "Certificate",
    "Check",
    "LineCells",
    "Reached",
    "Replay",
    "SolverError",
    "conclusion_failure",
    "coverage_k2",
    "coverage_worst_case",
    "frontier_program",
    "greedy_lines",
    "kmeans_worst_case",
    "least_squares",
    "line_cells",
    "margin_worst_case",
    "minimax_game",
    "optimal_kmeans",
    "pooling_sides",
    "replay",
    "suboptimality",
    "transfer_squared",
]
