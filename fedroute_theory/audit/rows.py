"""One trained router under one test law: areas, gaps, their two parts, the bound and its terms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.audit.bounds import failed_assumption, relative_bound
from fedroute_theory.audit.laws import CellSums, QueryLaw
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates, Estimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Table
from fedroute_theory.theorems.bound import NotApplicable

TRUTH_UNKNOWN = NotApplicable(
    "truth known",
    "a bound on a fitted function needs its excess risk over the expected outcomes, and a table holds one outcome a query",
)
"""Why no router without cells has a bound on a table."""

ByLam = dict[str, float]
"""A number for each reported price; the key is the price as printed (`key`)."""


def key(lam: float) -> str:
    """A price as printed and as a key of the report: the shortest form that differs by less than 1e-11 of it."""
    return format(lam, ".12g")


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of one unit of cost in units of quality: `sweep` (S,) draws the curves, `reported` (r,) gets gaps and bounds."""

    sweep: FloatArray
    reported: FloatArray

    @property
    def keys(self) -> tuple[str, ...]:
        """The reported prices as printed."""
        return tuple(key(lam) for lam in self.reported)

    def by_lam(self, values: FloatArray) -> ByLam:
        """Numbers (r,) by reported price."""
        return {name: float(value) for name, value in zip(self.keys, values, strict=True)}


@dataclass(frozen=True, eq=False)
class Placed:
    """A trained router and what it says of every row of the table.

    group: (n,) for each row of the table its group, on which the router is constant: its cell, or the row itself. quality,
    cost: (G, M) what the router estimates there, NaN where it must not go. place: (n,) the partition on which coverage is
    counted: the router's cells, or the table's tasks for routers without cells. distance: (n,) to the centre, None without
    cells. failed: the assumption of the bound that this training breaks, or None.
    """

    training: str
    client: int | None
    estimates: Estimates
    logs: Logs
    group: IntArray
    quality: FloatArray
    cost: FloatArray
    place: IntArray
    distance: FloatArray | None
    failed: NotApplicable | None

    @classmethod
    def on(cls, table: Table, training: str, client: int | None, estimates: Estimates, logs: Logs) -> Placed:
        """Find what the router says of every row of the table; logs: the records behind the training."""
        if isinstance(estimates, CellEstimates):
            cells, distance = nearest_centre(table.embeddings, estimates.centres)
            quality, cost = (np.where(estimates.routable, v, np.nan) for v in (estimates.quality, estimates.cost))
            failed = failed_assumption(table, logs, estimates)
            return cls(training, client, estimates, logs, cells, quality, cost, cells, distance, failed)
        quality, cost = estimates.predict(table.embeddings)
        rows = np.arange(table.weights.size)
        return cls(training, client, estimates, logs, rows, quality, cost, table.task, None, TRUTH_UNKNOWN)

    @property
    def cells(self) -> CellEstimates | None:
        """The estimates where they are constant on cells, else None."""
        return self.estimates if isinstance(self.estimates, CellEstimates) else None

    @property
    def places(self) -> str:
        """What coverage is counted on, in a word."""
        return "cells" if self.cells is not None else "tasks"

    def sums(self, law: QueryLaw) -> CellSums:
        """The router's groups under a test law."""
        return CellSums.of(law, self.group[law.rows], len(self.quality))

    def choices(self, lams: FloatArray) -> IntArray:
        """(S, G) model chosen in each group at each price, ties to the lowest index."""
        never = np.isnan(self.quality)
        return np.stack([np.where(never, -np.inf, self.quality - lam * self.cost).argmax(axis=1) for lam in lams])


@dataclass(frozen=True, eq=False)
class RouterRow:
    """A router under a test law. suboptimality = approximation + estimation at each price, estimation at most `bound`.

    approximation, estimation: empty for a router without cells, where no best cell policy splits the gap. client: the owner of
    a local or mixture router, or the client whose test queries are meant (test "own"), else None. auc, auc_published: in
    [0, 1]. bound: empty where `not_applicable` says why. terms: price -> term -> contribution to the bound. cost, quality:
    means at each price. curve: (S, 2) mean cost and quality over the sweep. All gaps in units of quality.
    """

    training: str
    client: int | None
    test: str
    test_records: int
    auc: float
    auc_published: float
    suboptimality: ByLam
    approximation: ByLam
    estimation: ByLam
    bound: ByLam
    terms: dict[str, dict[str, float]]
    cost: ByLam
    quality: ByLam
    not_applicable: str = ""
    curve: FloatArray = field(default_factory=lambda: np.empty((0, 2)), repr=False)

    @property
    def name(self) -> str:
        """Short name: "local 3", "mixture 3", "federated", "pooled"."""
        return f"{self.training} {self.client}" if self.training in ("local", "mixture") else self.training


def router_row(placed: Placed, law: QueryLaw, prices: Prices) -> RouterRow:
    """Evaluate one router under one test law, exactly (the table is the truth)."""
    sums = placed.sums(law)
    curve = sums.curve(placed.choices(prices.sweep))
    lams = prices.reported
    reached = sums.curve(placed.choices(lams))
    value = reached[:, 1] - lams * reached[:, 0]
    oracle = np.array([law.oracle(float(lam))[0] for lam in lams])
    approximation, estimation, bound, terms = {}, {}, {}, {}
    if placed.cells is not None:
        best = sums.best(lams)
        approximation, estimation = prices.by_lam(oracle - best), prices.by_lam(best - value)
    if placed.cells is not None and placed.failed is None:
        for name, lam in zip(prices.keys, lams, strict=True):
            answer = relative_bound(law.problem.replace(lam=float(lam)), placed.logs, placed.cells)
            bound[name], terms[name] = answer.value, dict(answer.terms)
    area, published = law.areas(curve)
    return RouterRow(
        placed.training,
        placed.client if law.client is None else law.client,
        law.test,
        law.size,
        area,
        published,
        suboptimality=prices.by_lam(oracle - value),
        approximation=approximation,
        estimation=estimation,
        bound=bound,
        terms=terms,
        cost=prices.by_lam(reached[:, 0]),
        quality=prices.by_lam(reached[:, 1]),
        not_applicable="" if placed.failed is None else str(placed.failed),
        curve=curve,
    )
