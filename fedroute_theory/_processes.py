"""Run independent cells serially, over processes, or on an executor; their results do not depend on which."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from typing import TypeVar

Cell = TypeVar("Cell")
Result = TypeVar("Result")


def spawned(workers: int, start: Callable[[], None]) -> ProcessPoolExecutor:
    """New processes, each prepared by `start`."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=start)


def follow_parent() -> None:
    """Let this process end with the one that started it, however that one ends: none is left behind."""
    threading.Thread(target=_followed, daemon=True).start()


def _followed() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def in_order(
    function: Callable[[Cell], Result], cells: Sequence[Cell], workers: int, executor: Executor | None
) -> Iterable[Result]:
    """function(cell) for every cell. workers: new processes (1: none), unless an executor is handed in."""
    if executor is not None:
        yield from executor.map(function, cells)
    elif workers == 1:
        yield from map(function, cells)
    else:
        with spawned(workers, follow_parent) as pool:
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
    pool = spawned(workers, follow_parent) if executor is None else nullcontext(executor)
    with pool as running:
        places = {running.submit(function, cells[place]): place for place in order}
        try:
            for future in as_completed(places):
                yield places[future], future.result()
        finally:
            for future in places:
                future.cancel()
