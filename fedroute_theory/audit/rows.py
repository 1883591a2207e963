"""One trained router under one test law: areas, gaps, their two parts, the bound and its terms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.audit.bounds import failed_assumption, relative_bound
from fedroute_theory.audit.laws import CellSums, QueryLaw
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Table
from fedroute_theory.theorems.bound import NotApplicable

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
    """A trained router and where it puts the rows of the table.

    cells: (n,) nearest centre of every row of the table; distance: (n,) to it. failed: the assumption of the bound that this
    training breaks, or None.
    """

    training: str
    client: int | None
    estimates: CellEstimates
    logs: Logs
    cells: IntArray
    distance: FloatArray
    failed: NotApplicable | None

    @classmethod
    def on(cls, table: Table, training: str, client: int | None, estimates: CellEstimates, logs: Logs) -> Placed:
        """Find the cell of every row of the table; logs: the records behind the training."""
        cells, distance = nearest_centre(table.embeddings, estimates.centres)
        return cls(training, client, estimates, logs, cells, distance, failed_assumption(table, logs, estimates))

    def sums(self, law: QueryLaw) -> CellSums:
        """The router's cells under a test law."""
        return CellSums.of(law, self.cells[law.rows], self.estimates.n_cells)

    def choices(self, lams: FloatArray) -> IntArray:
        """(S, K) model chosen in each cell at each price."""
        return np.stack([self.estimates.choices(float(lam)) for lam in lams])


@dataclass(frozen=True, eq=False)
class RouterRow:
    """A router under a test law. suboptimality = approximation + estimation at each price, estimation at most `bound`.

    client: the owner of a local router, or the client whose test queries are meant (test "own"), else None. auc, auc_published:
    in [0, 1]. bound: empty where `not_applicable` says why. terms: price -> term -> contribution to the bound. cost, quality:
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
        """Short name: "local 3", "federated", "pooled"."""
        return f"local {self.client}" if self.training == "local" else self.training


def router_row(placed: Placed, law: QueryLaw, prices: Prices) -> RouterRow:
    """Evaluate one router under one test law, exactly (the table is the truth)."""
    sums = placed.sums(law)
    curve = sums.curve(placed.choices(prices.sweep))
    lams = prices.reported
    reached = sums.curve(placed.choices(lams))
    value, best = reached[:, 1] - lams * reached[:, 0], sums.best(lams)
    oracle = np.array([law.oracle(float(lam))[0] for lam in lams])
    bound, terms = {}, {}
    if placed.failed is None:
        for name, lam in zip(prices.keys, lams, strict=True):
            answer = relative_bound(law.problem.replace(lam=float(lam)), placed.logs, placed.estimates)
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
        approximation=prices.by_lam(oracle - best),
        estimation=prices.by_lam(best - value),
        bound=bound,
        terms=terms,
        cost=prices.by_lam(reached[:, 0]),
        quality=prices.by_lam(reached[:, 1]),
        not_applicable="" if placed.failed is None else str(placed.failed),
        curve=curve,
    )
