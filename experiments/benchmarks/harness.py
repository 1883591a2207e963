"""What every benchmark measures with: works in alternation, ratios within one run, processes of their own, peak memory."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Row:
    """One ratio of what was measured: median, least and largest over the repetitions of one run.

    unit: "x" for a quotient of two measurements of one kind. what, against: what was divided by what. context: the numbers
    behind it, with their units in their names.
    """

    name: str
    what: str
    against: str
    ratio: float
    low: float
    high: float
    unit: str
    context: Mapping[str, float] = field(default_factory=dict)


def summary(
    name: str, what: str, against: str, ratios: Sequence[float], *, unit: str = "x", context: Mapping[str, float] | None = None
) -> Row:
    """The row of one ratio a repetition, at least one."""
    return Row(name, what, against, statistics.median(ratios), min(ratios), max(ratios), unit, dict(context or {}))


def compared(name: str, what: str, against: str, found: Mapping[str, Sequence[float]], *, each: str = "s") -> Row:
    """found[what] / found[against], repetition by repetition; the context has the median of both, in units of `each`."""
    ratios = [a / b for a, b in zip(found[what], found[against], strict=True)]
    return summary(
        name, what, against, ratios, context={f"{side} [{each}]": statistics.median(found[side]) for side in (what, against)}
    )


def alternate(
    works: Mapping[str, Callable[[], object]], repetitions: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each work in every repetition, after one run of each that does not count.

    All works take turns, every second time in reverse, so that a machine that gets busier slows them all alike.
    """
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for repetition in range(repetitions):
        for name in list(works)[:: -1 if repetition % 2 else 1]:
            begun = clock()
            works[name]()
            found[name].append(clock() - begun)
    return found


def fresh(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """function(...) in a new process, which may start others: memory, threads and compiled programs are its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def peak_mib() -> float:
    """Peak resident memory of this process so far. A child starts with that of its parent: keep the parent small."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
