"""The kill matrix: every mutant of every theorem against every check, over processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from fedroute_theory._processes import in_order
from fedroute_theory._validate import InputError, integer
from fedroute_theory.selftest.assumptions import Broken, broken_assumptions
from fedroute_theory.selftest.checks import Check, checks, complaint
from fedroute_theory.selftest.equivalent import EQUIVALENT
from fedroute_theory.selftest.mutants import Mutant, found, planted
from fedroute_theory.selftest.targets import TARGETS
from fedroute_theory.theorems import theorem

CHUNK = 40
"""Mutants of one cell: what one process does at a time."""

KILLED, SURVIVED, EQUAL = "killed", "survived", "equivalent"


@dataclass(frozen=True)
class Outcome:
    """One mutant.

    ran: which checks were run on it. killed_by: which of them failed. reason: where it can make no difference, why.
    """

    mutant: Mutant
    ran: tuple[str, ...]
    killed_by: tuple[str, ...]
    reason: str = ""

    @property
    def state(self) -> str:
        """killed, equivalent (listed, with a reason, and not killed) or survived."""
        return KILLED if self.killed_by else EQUAL if self.reason else SURVIVED


@dataclass(frozen=True)
class Result:
    """The theorem `slug`: its checks, its mutants, its broken assumptions, and what is wrong with the checks themselves."""

    slug: str
    checks: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    assumptions: tuple[Broken, ...]
    wrong: tuple[str, ...]

    def count(self, state: str) -> int:
        """How many mutants ended in a state."""
        return sum(o.state == state for o in self.outcomes)

    @property
    def proven(self) -> bool:
        """Every mutant killed or listed, every assumption caught, nothing wrong with the checks."""
        return not self.count(SURVIVED) and not self.wrong and all(b.caught for b in self.assumptions)


@dataclass(frozen=True)
class Cell:
    """The mutants of a theorem from `start` on, at most CHUNK. every: all checks, also those that take seconds."""

    slug: str
    start: int
    every: bool


def mutants(slug: str) -> list[Mutant]:
    """All mutants of a theorem, in source order."""
    return [m for target in TARGETS[slug] for m in found(target)]


def tried(mutant: Mutant, named: Mapping[str, Check], every: bool) -> Outcome:
    """One mutant against the checks in their order; without `every` up to the first that fails."""
    ran: list[str] = []
    killed: list[str] = []
    with planted(mutant):
        for name, check in named.items():
            ran.append(name)
            if complaint(check):
                killed.append(name)
                if not every:
                    break
    return Outcome(mutant, tuple(ran), tuple(killed), EQUIVALENT.get(mutant.name, ""))


@cache
def unbroken(slug: str, every: bool) -> tuple[str, ...]:
    """What the checks say of the package as it is: nothing, or the matrix means nothing. Also works the references out."""
    said = {name: complaint(check) for name, check in checks(slug, every).items()}
    return tuple(f"{slug}: the check '{name}' fails unbroken: {c}" for name, c in said.items() if c)


def run_cell(cell: Cell) -> list[Outcome]:
    """The outcomes of one cell. Nothing is tried where a check fails already."""
    if unbroken(cell.slug, cell.every):
        return []
    named = checks(cell.slug, cell.every)
    return [tried(m, named, cell.every) for m in mutants(cell.slug)[cell.start : cell.start + CHUNK]]


def run(
    slugs: Sequence[str] = (), *, workers: int = 1, every: bool = False, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """The kill matrix of theorems.

    slugs: which (none: all). workers: processes; the result does not depend on it. every: all checks, also those that take
    seconds, and each on every mutant. progress: called with one line a step. InputError for an unknown theorem.
    """
    integer("workers", workers, 1)
    for slug in slugs:
        theorem(slug)
        if slug not in TARGETS:
            raise InputError(f"The theorem '{slug}' has no modules in selftest/targets.py.")
    wanted = list(slugs or TARGETS)
    cells = [Cell(slug, start, every) for slug in wanted for start in range(0, len(mutants(slug)), CHUNK)]
    outcomes: dict[str, list[Outcome]] = {slug: [] for slug in wanted}
    for i, (cell, done) in enumerate(zip(cells, in_order(run_cell, cells, workers, None), strict=True)):
        outcomes[cell.slug] += done
        progress(f"{i + 1}/{len(cells)} {cell.slug}: {len(outcomes[cell.slug])} mutants")
    found_here = in_order(broken_assumptions, wanted, 1, None)
    return [_result(slug, tuple(outcomes[slug]), broken, every) for slug, broken in zip(wanted, found_here, strict=True)]


def _result(slug: str, outcomes: tuple[Outcome, ...], broken: tuple[Broken, ...], every: bool) -> Result:
    owned = {t.module for t in TARGETS[slug]}
    names = {o.mutant.name for o in outcomes}
    listed = [n for n in EQUIVALENT if n.split(" ", maxsplit=1)[0] in owned and _owner(n) == slug]
    stale = [f"listed as equivalent, but there is no such mutant: {n}" for n in listed if outcomes and n not in names]
    killed = [f"listed as equivalent, but killed: {o.mutant.name}" for o in outcomes if o.reason and o.killed_by]
    return Result(slug, tuple(checks(slug, every)), outcomes, broken, (*unbroken(slug, every), *stale, *killed))


def _owner(name: str) -> str:
    """The theorem whose table of targets holds the module of a mutant's name."""
    module = name.split(" ", maxsplit=1)[0]
    return next(slug for slug, targets in TARGETS.items() if any(t.module == module for t in targets))
