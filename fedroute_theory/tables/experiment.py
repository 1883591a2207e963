"""What one file of experiments/ states: its cells, what a cell computes, and the tables and figures made of the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedroute_theory._validate import integer, number
from fedroute_theory.report.plots import Plot
from fedroute_theory.report.result_tables import ResultTable
from fedroute_theory.tables.data import EvaluationTable

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

Artefact = ResultTable | Plot
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What a user asked for. full: the larger grid; tables: evaluation tables, or none for the one the package makes."""

    full: bool = False
    tables: tuple[EvaluationTable, ...] = ()


@dataclass(frozen=True)
class Done:
    """A cell's parameters and its result, plain JSON values."""

    params: Params
    result: Any


@dataclass(frozen=True)
class Experiment:
    """One table or figure of experiments/NAME.py, under the name EXPERIMENT.

    title: one line. version: raise it by one whenever `compute` gives other results for the same parameters; older results are
    then computed anew. cells: the parameters of every cell (plain JSON values that fix the result, the seed among them).
    compute: a cell to a plain JSON value (None, never NaN); a function of its module, pure. present: from all cells, in the
    order of `cells`, to tables and figures; quick, since it runs every time. seconds: of a cell on one core, roughly, until
    times have been measured. default: whether it is made when no name is given. reads: experiments whose cells it presents
    as well, after its own; a cell that several experiments present is computed once.

    InputError for a version that is no whole number of at least 1, and for seconds that are not positive.
    """

    title: str
    version: int
    cells: Callable[[Request], Sequence[Params]]
    compute: Callable[[Cell], Any]
    present: Callable[[Sequence[Done]], Sequence[Artefact]]
    seconds: float = 1.0
    default: bool = True
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """InputError for a version that is no whole number of at least 1, and for seconds that are not positive."""
        integer("version", self.version, 1, 2**31 - 1)
        number("seconds", self.seconds, 0.0, open_low=True)
