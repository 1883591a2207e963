"""The registry: every module of this folder that defines THEOREM."""

from __future__ import annotations

import importlib
import pkgutil

from fedroute_theory._validate import InputError
from fedroute_theory.theorems.base import Case, Claim, Control, Extremal, Formula, Quantity, Theorem
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable

__all__ = [
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


def registry() -> dict[str, Theorem]:
    """All theorems by slug, in the order of their module names."""
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        entry = getattr(importlib.import_module(f"{__name__}.{module.name}"), "THEOREM", None)
        if isinstance(entry, Theorem):
            found[entry.slug] = entry
    return found


def theorem(slug: str) -> Theorem:
    """The theorem of that name, or an InputError that lists the names there are."""
    known = registry()
    if slug not in known:
        raise InputError(f"There is no theorem '{slug}'; there are {', '.join(known)}.")
    return known[slug]
