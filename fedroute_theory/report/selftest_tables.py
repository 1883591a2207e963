"""The kill matrix as tables: mutant by check, operator by theorem, assumption by control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedroute_theory.report.text import TextTable
from fedroute_theory.selftest.run import EQUAL, KILLED, SURVIVED, Outcome, Result

_STATES = (KILLED, EQUAL, SURVIVED)


def matrix(result: Result) -> TextTable:
    """One row a mutant, one column a check: x failed (killed it), . passed, blank was not needed."""

    def cell(outcome: Outcome, check: str) -> str:
        return "x" if check in outcome.killed_by else "." if check in outcome.ran else ""

    rows = tuple(
        (o.mutant.name, o.mutant.operator, *(cell(o, check) for check in result.checks), o.state) for o in result.outcomes
    )
    return TextTable(result.slug, ("mutant", "operator", *result.checks, "state"), rows)


def operators(results: Sequence[Result]) -> TextTable:
    """Mutants by theorem and operator, and what became of them."""
    names = sorted({o.mutant.operator for r in results for o in r.outcomes})
    rows = tuple(
        (
            r.slug,
            *(str(sum(o.mutant.operator == name for o in r.outcomes)) for name in names),
            str(len(r.outcomes)),
            *(str(r.count(state)) for state in _STATES),
        )
        for r in results
    )
    note = "x: the check fails on the mutant, so it is killed; .: the check passes; blank: it was dead already."
    return TextTable("Mutants", ("theorem", *names, "all", *_STATES), rows, note)


def assumptions(results: Sequence[Result]) -> TextTable:
    """Every assumption with the controls that break it."""
    rows = tuple(
        (r.slug, b.assumption, "caught" if b.caught else "NOT CAUGHT", "; ".join(b.controls) or "none")
        for r in results
        for b in r.assumptions
    )
    return TextTable("Broken assumptions", ("theorem", "assumption", "state", "controls"), rows)


def summary(results: Sequence[Result]) -> str:
    """The last line."""
    every = sum(len(r.outcomes) for r in results)
    counts = {state: sum(r.count(state) for r in results) for state in _STATES}
    broken = [b for r in results for b in r.assumptions]
    return (
        f"{every} mutants, {counts[KILLED]} killed, {counts[EQUAL]} equivalent (listed), {counts[SURVIVED]} survived; "
        f"{len(broken)} assumptions, {sum(b.caught for b in broken)} caught"
    )


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """Everything, for a file."""
    return {
        "summary": summary(results),
        "theorems": [
            {
                "theorem": r.slug,
                "checks": list(r.checks),
                "wrong": list(r.wrong),
                "mutants": [
                    {
                        "name": o.mutant.name, "operator": o.mutant.operator, "state": o.state, "ran": list(o.ran),
                        "killed_by": list(o.killed_by), "reason": o.reason,
                    }
                    for o in r.outcomes
                ],
                "assumptions": [
                    {"assumption": b.assumption, "controls": list(b.controls), "caught": b.caught, "evidence": b.evidence}
                    for b in r.assumptions
                ],
            }
            for r in results
        ],
    }  # fmt: skip
