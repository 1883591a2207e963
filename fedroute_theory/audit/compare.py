"""Router families and protocols side by side on one table, over several draws of the partition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any

from fedroute_theory import __version__
from fedroute_theory._json import plain
from fedroute_theory._processes import in_order
from fedroute_theory._validate import InputError, choice, integer
from fedroute_theory.audit.protocols import PROTOCOLS, ROUTERS
from fedroute_theory.audit.report import AuditReport
from fedroute_theory.audit.run import audit
from fedroute_theory.intervals import Interval, mean, share
from fedroute_theory.problems import Table

AREAS = ("auc", "auc_published")
"""Measures of area: on the common cost range, and as published on each router's own range."""


@dataclass(frozen=True)
class Draw:
    """One audit in numbers: a router family, a protocol, a seed.

    areas: measure -> router or reference -> area on all test queries ("local most" is the best client-local router there).
    gaining: measure -> scope ("own", "global") -> clients that gain from federating; clients: of how many. mixture: scope ->
    clients whose mixture beats the federated router (absent for routers without mixtures).
    """

    router: str
    protocol: str
    seed: int
    areas: dict[str, dict[str, float]]
    gaining: dict[str, dict[str, int]]
    clients: int
    mixture: dict[str, int]

    @classmethod
    def of(cls, report: AuditReport) -> Draw:
        """The numbers of an audit. InputError when no client can be compared."""
        if not report.clients:
            raise InputError(f"With seed {report.settings.seed} no client has both train and test rows, so none is compared.")
        gaining = {
            measure: {scope: paired.gain for scope, paired in report.gains[measure].items() if paired is not None}
            for measure in AREAS
        }
        mixed = {scope: paired.gain for scope, paired in report.personal.get("federated", {}).items() if paired is not None}
        settings = report.settings
        areas = {measure: report.areas(measure) for measure in AREAS}
        return cls(settings.router_name, settings.protocol, settings.seed, areas, gaining, len(report.clients), mixed)


@dataclass(frozen=True)
class Line:
    """One router family under one protocol and one measure of area, over all seeds.

    seeds: how many. areas: router or reference -> mean. differences: federated minus another, paired by seed.
    beats_every_local: share of seeds in which the federated area is above every client-local router's on all test queries.
    every_client_gains: scope -> share of seeds in which all clients gain. gaining: scope -> mean share of clients that gain.
    mixture: scope -> mean share of clients whose mixture beats the federated router.
    """

    router: str
    protocol: str
    measure: str
    seeds: int
    areas: dict[str, Interval]
    differences: dict[str, Interval]
    beats_every_local: Interval
    every_client_gains: dict[str, Interval]
    gaining: dict[str, Interval]
    mixture: dict[str, Interval]


AGAINST = ("local most", "local median", "pooled", "best single model")


def line_of(draws: Sequence[Draw], measure: str) -> Line:
    """Summarise the seeds of one router family and protocol."""
    areas = [draw.areas[measure] for draw in draws]
    scopes = sorted(set.intersection(*(set(draw.gaining[measure]) for draw in draws)), reverse=True)
    return Line(
        draws[0].router,
        draws[0].protocol,
        measure,
        len(draws),
        {name: mean([a[name] for a in areas]) for name in areas[0]},
        {name: mean([a["federated"] - a[name] for a in areas]) for name in AGAINST},
        share([a["federated"] > a["local most"] for a in areas]),
        {s: share([d.gaining[measure][s] == d.clients for d in draws]) for s in scopes},
        {s: mean([d.gaining[measure][s] / d.clients for d in draws]) for s in scopes},
        {s: mean([d.mixture[s] / d.clients for d in draws]) for s in draws[0].mixture},
    )


@dataclass(frozen=True)
class Comparison:
    """All draws, and one line a router family, protocol and measure.

    name: of the table. clients: N. seeds: they redraw partition and training, never the table.
    """

    name: str
    clients: int
    seeds: tuple[int, ...]
    draws: tuple[Draw, ...]

    def lines(self) -> list[Line]:
        """In the order of the draws."""
        groups: dict[tuple[str, str], list[Draw]] = {}
        for draw in self.draws:
            groups.setdefault((draw.router, draw.protocol), []).append(draw)
        return [line_of(own, measure) for measure in AREAS for own in groups.values()]

    def as_json(self) -> dict[str, Any]:
        """Plain values; infinite limits are None."""
        document: dict[str, Any] = plain(
            {
                "table": self.name,
                "clients": self.clients,
                "seeds": list(self.seeds),
                "lines": [asdict(line) for line in self.lines()],
                "draws": [asdict(draw) for draw in self.draws],
                "version": __version__,
            }
        )
        return document


Progress = Callable[[int, int, Draw], None]
Arguments = tuple[Table, str, str, str, int, int, float, float]


def compare(
    table: Table,
    *,
    routers: Sequence[str] = ("kmeans",),
    protocols: Sequence[str] = ("sound", "published"),
    seeds: Sequence[int] = tuple(range(42, 52)),
    clients: int = 10,
    task_alpha: float = 0.6,
    model_alpha: float = 0.45,
    name: str = "table",
    workers: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Audit every router family under every protocol with every seed.

    routers, protocols: names in ROUTERS and PROTOCOLS. seeds: one partition and training each. clients, task_alpha,
    model_alpha, name: as in `audit`. workers: processes, unless an executor is handed in; results do not depend on it.
    progress: called with (done, total, draw). InputError for values out of range, and for no router, protocol or seed.
    """
    for router in routers:
        choice("router", router, ROUTERS)
    for protocol in protocols:
        choice("protocol", protocol, PROTOCOLS)
    for seed in seeds:
        integer("seed", seed, 0, 2**32 - 1)
    cells: list[Arguments] = [
        (table, name, router, protocol, seed, clients, task_alpha, model_alpha)
        for router in routers
        for protocol in protocols
        for seed in seeds
    ]
    if not cells:
        raise InputError("A comparison needs at least one router, one protocol and one seed.")
    found: list[Draw] = []
    for draw in in_order(draw_of, cells, integer("workers", workers, 1), executor):
        found.append(draw)
        if progress is not None:
            progress(len(found), len(cells), draw)
    return Comparison(name, clients, tuple(seeds), tuple(found))


def draw_of(arguments: Arguments) -> Draw:
    """One audit, in numbers."""
    table, name, router, protocol, seed, clients, task_alpha, model_alpha = arguments
    report = audit(
        table, clients=clients, task_alpha=task_alpha, model_alpha=model_alpha, seed=seed, router=router, protocol=protocol,
        name=name,
    )  # fmt: skip
    return Draw.of(report)
