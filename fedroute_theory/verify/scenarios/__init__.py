"""Scenarios: a problem, its clients, a router, sizes. A table: a new scenario is a new row."""

from fedroute_theory._validate import choice, integer
from fedroute_theory.theorems import Case
from fedroute_theory.verify.scenarios.base import (
    REPETITIONS,
    SIZES,
    Scenario,
    World,
    build_case,
    redrawn,
    stream,
)
from fedroute_theory.verify.scenarios.cells import CELLS
from fedroute_theory.verify.scenarios.functions import FUNCTIONS

__all__ = ["REPETITIONS", "SCENARIOS", "SIZES", "Scenario", "World", "build_case", "redrawn", "scenario_case", "stream"]

SCENARIOS = {s.name: s for s in (*CELLS, *FUNCTIONS)}
"""By name."""


def scenario_case(name: str, records: int, seed: int, delta: float = 0.05) -> Case:
    """One scenario by name, with the logs' own labels only.

    records: of each client. seed: at least 0. delta: granted to each claim, in (0, 1). InputError for an unknown name or fewer
    than one record.
    """
    scenario = SCENARIOS[choice("scenario", name, SCENARIOS)]
    return build_case(scenario, integer("records", records, 1), integer("seed", seed, 0), 1, delta)
