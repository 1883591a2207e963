"""The independent second route: exact enumeration, rational arithmetic, and optimisation programs with both sides."""

from fedroute_theory.certify.certificate import PROGRAMS, Certificate, Check, Reached, Replay, replay
from fedroute_theory.certify.client_worst_case import client_worst_case
from fedroute_theory.certify.coverage_worst_case import coverage_worst_case
from fedroute_theory.certify.enumeration import conclusion_failure
from fedroute_theory.certify.frontier_program import frontier_program
from fedroute_theory.certify.gradient_descent import gradient_descent
from fedroute_theory.certify.kmeans_worst_case import kmeans_worst_case
from fedroute_theory.certify.least_squares import least_squares
from fedroute_theory.certify.linear_heads import linear_heads
from fedroute_theory.certify.margin_worst_case import margin_worst_case
from fedroute_theory.certify.minimax_game import minimax_game
from fedroute_theory.certify.mixture_worst_case import mixture_worst_case
from fedroute_theory.certify.network_quantile import network_quantile
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
    "client_worst_case",
    "conclusion_failure",
    "coverage_k2",
    "coverage_worst_case",
    "frontier_program",
    "gradient_descent",
    "greedy_lines",
    "kmeans_worst_case",
    "least_squares",
    "line_cells",
    "linear_heads",
    "margin_worst_case",
    "minimax_game",
    "mixture_worst_case",
    "network_quantile",
    "optimal_kmeans",
    "pooling_sides",
    "replay",
    "suboptimality",
    "transfer_squared",
]
