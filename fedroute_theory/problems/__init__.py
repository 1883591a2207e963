"""Routing problems whose optimal policy is known, one file a family."""

from fedroute_theory.problems.gaussian import Gaussian, LinearPolicy
from fedroute_theory.problems.lipschitz import Lipschitz
from fedroute_theory.problems.margin import Margin
from fedroute_theory.problems.minimax import minimax, two_points
from fedroute_theory.problems.sampled import SampledProblem
from fedroute_theory.problems.table import Table, read_table
from fedroute_theory.problems.tabular import Tabular
from fedroute_theory.problems.teacher import Teacher
from fedroute_theory.problems.topics import Topics, example_table
from fedroute_theory.problems.voronoi import voronoi

__all__ = [
    "Gaussian",
    "LinearPolicy",
    "Lipschitz",
    "Margin",
    "SampledProblem",
    "Table",
    "Tabular",
    "Teacher",
    "Topics",
    "example_table",
    "minimax",
    "read_table",
    "two_points",
    "voronoi",
]
