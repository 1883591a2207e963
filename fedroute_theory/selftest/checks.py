"""The checks that mutants are put to, theorem by theorem: each returns what it found wrong, nothing where all is right."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

import numpy as np

from fedroute_theory.attack import Instance, drift, judged
from fedroute_theory.attack import found as shipped
from fedroute_theory.certify.brackets import brackets as certified
from fedroute_theory.selftest.references import REFERENCES, differences
from fedroute_theory.theorems import theorem

CASES_FIRST = ("minimax-lower",)
"""Where the reference needs a search that a mutant can make long."""

Check = Callable[[], Iterable[str]]
"""What is wrong, one sentence each: the first is enough, so that the dear ones say it as they find it."""


def reference(slug: str) -> Iterator[str]:
    """Every formula of the calculator beside its independent reference."""
    forms, known = theorem(slug).forms, REFERENCES[slug]
    yield from (f"no reference for the form '{name}'" for name in forms if name not in known)
    yield from (f"{name} at {d}" for name in known if name in forms for d in differences(forms[name], known[name]))


def extremal(slug: str) -> list[str]:
    """Every tight family reproduces its ratio, to both sides."""
    return [f"{e.form} on {e.name}: {e.measured} is not {e.ratio}" for e in theorem(slug).extremal() if not e.reproduced]


def controls(slug: str) -> list[str]:
    """Every wrong statement is recognised as wrong."""
    return [f"not caught: {c.name}" for c in theorem(slug).controls() if not c.caught]


def found(slug: str) -> list[str]:
    """The worst cases that searches have found give the gap and bound they gave, and none is above its bound."""
    replayed = [(instance, judged(instance)) for instance in shipped_cases(slug)]
    above = [f"{instance.form} is violated: ratio {now.ratio}" for instance, now in replayed if now.violated]
    return above + [moved for instance, now in replayed if (moved := drift(instance, now))]


@cache
def shipped_cases(slug: str) -> tuple[Instance, ...]:
    """The found cases of one theorem."""
    return tuple(instance for instance in shipped() if instance.theorem == slug)


def brackets(slug: str) -> list[str]:
    """Certified worst cases are at most the theorem's bound, and reached; needs the solvers."""
    rows = certified(slug)
    wrong = [f"not {b.lower} <= {b.exact} <= {b.upper}: {b.form} on {b.instance}" for b in rows.rows if not b.ordered]
    return wrong + list(rows.unsolved)


def checks(slug: str, every: bool = False) -> Mapping[str, Check]:
    """The checks of a theorem by name, the cheapest first. every: those that take seconds a mutant as well."""
    from fedroute_theory.selftest.cases import CASES

    known: dict[str, Check] = {"reference": lambda: reference(slug)}
    cases = dict(CASES.get(slug, {}))
    named = cases | known if slug in CASES_FIRST else known | cases
    if every:
        named |= {"found": lambda: found(slug), "brackets": lambda: brackets(slug)}
    return named | {"extremal": lambda: extremal(slug), "controls": lambda: controls(slug)}


def complaint(check: Check) -> str:
    """The first thing that a check finds wrong, or nothing; an error is a complaint too."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return next(iter(check()), "")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
