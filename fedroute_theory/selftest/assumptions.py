"""Every assumption of every theorem has a control that breaks it, and only it."""

from __future__ import annotations

from dataclasses import dataclass

from fedroute_theory.theorems import theorem


@dataclass(frozen=True)
class Broken:
    """One assumption: the controls that break it and whether each is caught."""

    assumption: str
    controls: tuple[str, ...]
    caught: bool
    evidence: str


def broken_assumptions(slug: str) -> tuple[Broken, ...]:
    """For every assumption of a theorem: its controls. Not caught where there is none."""
    found = theorem(slug)
    made = found.controls()
    result = []
    for name in found.assumptions:
        own = [c for c in made if c.breaks == name]
        evidence = "; ".join(c.evidence for c in own) or "no control breaks it"
        result.append(Broken(name, tuple(c.name for c in own), bool(own) and all(c.caught for c in own), evidence))
    return tuple(result)
