"""Results of the experiments with evaluation tables, found by table, kind, router family and protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fedroute_theory.tables.experiment import Done
from fedroute_theory.tables.studies.audits import FAMILIES, FIRST, MEASURES
from fedroute_theory.tables.studies.verdicts import Measured

PROTOCOLS = ("published", "sound")

Of = Callable[[Any, str], float | None]
"""A number of a result and a measure of area; None where it has none."""


@dataclass(frozen=True)
class Results:
    """The results on one table (or on none), found by kind, family and protocol."""

    done: tuple[Done, ...]

    @classmethod
    def on(cls, done: Sequence[Done], table: str | None) -> Results:
        return cls(tuple(one for one in done if one.params.get("table", {}).get("name") == table))

    @property
    def mixtures(self) -> Results:
        """Those that have clients' mixtures."""
        return Results(tuple(one for one in self.done if one.params.get("router", "").startswith("mixture")))

    def of(self, kind: str, family: str | None = None, protocol: str | None = None) -> dict[int, Any]:
        """Seed -> result; empty where it was not computed."""
        return {
            one.params.get("seed", FIRST): one.result
            for one in self.done
            if one.params["kind"] == kind
            and (family is None or FAMILIES[one.params["router"]] == family)
            and (protocol is None or one.params["protocol"] == protocol)
        }

    def measured(self, of: Of, kind: str, family: str | None) -> list[Measured]:
        """A number of the result and the protocol's measure of area, seed by seed, by protocol."""
        return [
            Measured.of(None if r is None else of(r, MEASURES[p]) for r in self.of(kind, family, p).values()) for p in PROTOCOLS
        ]
