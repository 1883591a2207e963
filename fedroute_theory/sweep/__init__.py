"""Sweeps: grids of cells, a store that keeps every result, and executors from one process to a cluster."""

from __future__ import annotations

from fedroute_theory.sweep.cells import JSON, Cell, grid
from fedroute_theory.sweep.cluster import dask
from fedroute_theory.sweep.executors import Executors, borrowed, processes
from fedroute_theory.sweep.run import Failure, Progress, run, waiting
from fedroute_theory.sweep.salvage import salvage
from fedroute_theory.sweep.store import Store

__all__ = [
    "JSON",
    "Cell",
    "Executors",
    "Failure",
    "Progress",
    "Store",
    "borrowed",
    "dask",
    "grid",
    "processes",
    "run",
    "salvage",
    "waiting",
]
