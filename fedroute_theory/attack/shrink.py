"""The shortest reproducer of a violation: fewest queries, models and records first, then the shortest decimals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values
from fedroute_theory.attack.arenas import arena_named
from fedroute_theory.attack.instance import Instance, renewed
from fedroute_theory.theorems import Theorem

DECIMALS = 8
"""Most decimals that are tried before a number is left as it is."""


def shrink(instance: Instance, theorem: Theorem, tries: int = 3000) -> Instance:
    """A violation as small and as short as it stays one; the instance itself if it is none. At most `tries` evaluations."""
    return _reduced(instance, theorem, tries, lambda found: found.violated)


def tidy(instance: Instance, theorem: Theorem, tries: int = 500, loss: float = 1e-5) -> Instance:
    """The instance as small and as short as its ratio falls by at most `loss` of itself. At most `tries` evaluations."""
    return _reduced(instance, theorem, tries, lambda found: found.ratio >= (1.0 - loss) * instance.found.ratio)


def _reduced(instance: Instance, theorem: Theorem, tries: int, keep: Callable[[Attempt], bool]) -> Instance:
    arena = arena_named(instance.theorem, instance.arena)
    best = instance

    def kept(values: Values) -> bool:
        nonlocal best
        found = _of_form(arena.attempts(theorem, values), instance.form)
        if found is None or not keep(found):
            return False
        best = renewed(instance, found, arena.plain(values))
        return True

    reduce(arena, arena.read(instance.parameters), kept, tries)
    return best


def reduce(arena: Arena, values: Values, keep: Callable[[Values], bool], tries: int) -> None:
    """Offer `keep` smaller and shorter instances, each from the last one that it kept; `values` first. At most `tries`."""
    left, best = tries, values

    def accept(trial: Values) -> bool:
        nonlocal best, left
        if left <= 0:
            return False
        left -= 1
        try:
            checked = arena.read(arena.plain(trial))
        except InputError:
            return False
        if not keep(checked):
            return False
        best = checked
        return True

    if not accept(values):
        return
    while any(accept(smaller) for smaller in _smaller(arena, best)):
        pass
    for part in arena.parts:
        _shorten(part, lambda: best, accept)


def _of_form(attempts: list[Attempt], form: str) -> Attempt | None:
    return next((a for a in attempts if a.form == form), None)


def _smaller(arena: Arena, values: Values) -> Iterator[Values]:
    """The instance with one query, model, record, ... less."""
    for size in arena.sizes:
        if values[size] <= 1:
            continue
        for index in range(values[size] - 1, -1, -1):
            yield without(arena, values, size, index)


def without(arena: Arena, values: Values, size: str, index: int) -> Values:
    """The instance with one entry of a size taken out; what pointed to it points to the one before."""
    result = dict(values)
    result[size] = values[size] - 1
    for part in arena.parts:
        value = values[part.name]
        for axis in [i for i, name in enumerate(part.axes) if name == size]:
            value = np.delete(value, index, axis=axis)
        if part.high == size:
            value = np.maximum(np.where(np.asarray(value) >= index, np.asarray(value) - 1, value), 0)
            value = value if part.axes else int(value)
        result[part.name] = value
    return result


def _shorten(part: Part, current: Callable[[], Values], accept: Callable[[Values], bool]) -> None:
    """Round all entries of a parameter at once, as far as it goes, then each alone; zero is the shortest number."""
    if part.whole:
        return
    for decimals in range(DECIMALS + 1):
        values = current()
        if accept(values | {part.name: _rounded(values[part.name], decimals)}):
            break
    values = current()
    if not part.axes:
        return
    for place in np.ndindex(np.shape(values[part.name])):
        for decimals in (-1, *range(DECIMALS + 1)):
            now = current()
            trial = np.array(now[part.name])
            short = 0.0 if decimals < 0 else round(float(trial[place]), decimals)
            if short == trial[place]:
                break
            trial[place] = short
            if accept(now | {part.name: trial}):
                break


def _rounded(value: Any, decimals: int) -> Any:
    return np.round(value, decimals) + 0.0 if isinstance(value, np.ndarray) else round(value, decimals)


def script(instance: Instance, source: str = "") -> str:
    """A Python program that builds the instance and prints gap, bound and ratio.

    source: "module:NAME" of a theorem that is not in the registry.
    """
    module, _, name = source.partition(":")
    own = [f"from {module} import {name}"] if name else []
    entry = name or f"theorem({instance.theorem!r})"
    rows = [f"    {k!r}: {v!r}," for k, v in instance.parameters.items()]
    return "\n".join(
        [
            "from fedroute_theory.attack import arena_named",
            *(own or ["from fedroute_theory.theorems import theorem"]),
            "",
            f"arena = arena_named({instance.theorem!r}, {instance.arena!r})",
            "instance = arena.read({",
            *rows,
            "})",
            f"for found in arena.attempts({entry}, instance):",
            f"    if found.form == {instance.form!r}:",
            "        print('gap', found.gap, 'bound', found.bound, 'ratio', found.ratio, 'terms', dict(found.terms))",
            "",
        ]
    )
