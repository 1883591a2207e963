"""Run independent cells serially, over processes, or on an executor; their results do not depend on which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
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


def as_done(
    function: Callable[[Cell], Result], cells: Sequence[Cell], workers: int, executor: Executor | None, order: Sequence[int]
) -> Iterable[tuple[int, Result]]:
    """(place, function(cell)) of every cell as it is done, so that an interruption loses none that is.

    order: places in the order in which they start; with the longest first, none of them is alone at the end. workers, executor:
    as of `in_order`.
    """
    if executor is None and workers == 1:
        yield from ((place, function(cells[place])) for place in order)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if executor is None else nullcontext(executor)
    with pool as running:
        places = {running.submit(function, cells[place]): place for place in order}
        try:
            for future in as_completed(places):
                yield places[future], future.result()
        finally:
            for future in places:
                future.cancel()
