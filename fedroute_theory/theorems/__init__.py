"""The registry: every module of this folder that defines THEOREM, and what installed packages add by an entry point."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from fedroute_theory._validate import InputError
from fedroute_theory.theorems.base import Claim, Control, Extremal, Theorem
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.formula import C_MAX, DELTA, K2, LAM, RANGE, Formula, Quantity

__all__ = [
    "C_MAX",
    "DELTA",
    "K2",
    "LAM",
    "RANGE",
    "Answer",
    "Bound",
    "Case",
    "Claim",
    "Control",
    "Extremal",
    "Formula",
    "Measurement",
    "NotApplicable",
    "Quantity",
    "Theorem",
    "registry",
    "theorem",
]


ENTRY_POINTS = "fedroute_theory.theorems"
"""The group of entry points by which a package offers theorems of its own."""


def registry() -> dict[str, Theorem]:
    """All theorems by slug: the package's own in the order of their module names, then those of entry points by name.

    Raises InputError for an entry point that cannot be loaded or is no theorem, or whose slug is taken.
    """
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        entry = getattr(importlib.import_module(f"{__name__}.{module.name}"), "THEOREM", None)
        if isinstance(entry, Theorem):
            found[entry.slug] = entry
    for point in _offered(tuple(sys.path)):
        try:
            entry = point.load()
        except Exception as error:  # another package's module may raise anything
            said = " ".join(str(error).split())
            raise InputError(
                f"The entry point '{point.name}' ({point.value}) cannot be loaded: {type(error).__name__}: {said}."
            ) from error
        if not isinstance(entry, Theorem):
            raise InputError(f"The entry point '{point.name}' must be a Theorem; got {type(entry).__name__}.")
        if entry.slug in found:
            raise InputError(f"The entry point '{point.name}' must have a slug of its own; '{entry.slug}' is taken.")
        found[entry.slug] = entry
    return found


@cache
def _offered(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Entry points of the packages found on `path`, which is sys.path. Kept: reading every package's data takes 20 ms."""
    del path
    return tuple(sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name))


def theorem(slug: str) -> Theorem:
    """The theorem named `slug`, or an InputError that lists the names there are."""
    known = registry()
    if slug not in known:
        raise InputError(f"There is no theorem '{slug}'; there are {', '.join(known)}.")
    return known[slug]
