"""Run independent cells serially, over processes, or on an executor; results come in the order of the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Cell = TypeVar("Cell")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Cell], Result], cells: Sequence[Cell], workers: int, executor: Executor | None
) -> Iterable[Result]:
    """function(cell) for every cell. workers: new processes (1: none), unless an executor is handed in."""
    if executor is not None:
        yield from executor.map(function, cells)
    elif workers == 1:
        yield from map(function, cells)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(function, cells)
