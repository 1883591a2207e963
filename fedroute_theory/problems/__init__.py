"""Routing problems whose optimal policy is known, one file a family."""

from fedroute_theory.problems.lipschitz import Lipschitz
from fedroute_theory.problems.table import Table, read_table
from fedroute_theory.problems.tabular import Tabular
from fedroute_theory.problems.topics import Topics, example_table
from fedroute_theory.problems.voronoi import voronoi

__all__ = ["Lipschitz", "Table", "Tabular", "Topics", "example_table", "read_table", "voronoi"]
