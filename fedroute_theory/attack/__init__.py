"""A search for violations: for every theorem the largest gap / bound over problems, laws, counts and truths."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from fedroute_theory._validate import InputError, integer, number
from fedroute_theory.attack.arena import FLOOR, VIOLATION, Arena, Attempt, Part
from fedroute_theory.attack.arenas import ARENAS, arena_named, arenas_of
from fedroute_theory.attack.instance import Instance, drift, judged, load, replay
from fedroute_theory.attack.search import Budget, Search, start
from fedroute_theory.attack.shrink import script, shrink, tidy
from fedroute_theory.attack.store import Store
from fedroute_theory.theorems import Theorem, theorem

__all__ = [
    "ARENAS",
    "FLOOR",
    "VIOLATION",
    "Arena",
    "Attempt",
    "Instance",
    "Part",
    "Search",
    "arena_named",
    "arenas_of",
    "attack",
    "drift",
    "found",
    "judged",
    "load",
    "replay",
    "script",
    "shrink",
    "tidy",
]


def attack(
    entry: Theorem | str,
    folder: Path | str,
    *,
    minutes: float | None = None,
    evaluations: int | None = None,
    seed: int = 0,
    report: Callable[[Search], None] = lambda _: None,
) -> Search:
    """Search for violations of a theorem until the budget is used up.

    entry: a slug of the registry, or any other theorem. folder: where the search keeps its state and finds; a search that is
    there is resumed. minutes: of this session. evaluations: of all sessions together; the same seed and number give the same
    result. report: called after each evaluation. InputError for an unknown slug, no or an empty budget, a folder that cannot be
    written, a damaged file, or without Hypothesis.
    """
    known = theorem(entry) if isinstance(entry, str) else entry
    if minutes is None and evaluations is None:
        raise InputError("The search needs a budget; got neither 'minutes' nor 'evaluations'.")
    integer("seed", seed, 0)
    if evaluations is not None:
        integer("evaluations", evaluations, 1)
    limit = None if minutes is None else 60.0 * number("minutes", minutes, 0.0, open_low=True)
    deadline = None if limit is None else time.monotonic() + limit
    search = start(known, Store(Path(folder), known.slug), seed, Budget(evaluations, deadline), report)
    search.run()
    return search


def found() -> list[Instance]:
    """The worst cases that searches have found so far, one for each theorem and form, as shipped with the package."""
    return [load(path) for path in sorted((Path(__file__).parent / "found").glob("*/*.json"))]
