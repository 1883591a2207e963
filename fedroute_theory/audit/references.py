"""What routers are measured against: the oracle, the best single model, the best cell policy, a random choice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.audit.areas import optimal_frontier
from fedroute_theory.audit.laws import CellSums, QueryLaw
from fedroute_theory.audit.rows import ByLam, Placed, Prices

NOTES = {
    "oracle": "the best model of every query after its outcome is seen: no router can learn this, it is no target",
    "best single model": "one model for all queries, the best one on the test outcomes at each price",
    "best cell policy": "one model in each of the federated router's cells, the best one on the test outcomes: no K-means "
    "router with these cells does better",
    "random": "every model equally often, whatever the price",
}
"""Name of a reference and what it is."""


@dataclass(frozen=True, eq=False)
class ReferenceRow:
    """A reference under a test law. auc is that of its exact optimal frontier; auc_published uses the sweep, as for routers.

    utility, suboptimality, cost, quality: by reported price. chosen: model by price (best single model only). frontier: (V, 2)
    cost and quality, cheapest first.
    """

    reference: str
    test: str
    client: int | None
    auc: float
    auc_published: float
    utility: ByLam
    suboptimality: ByLam
    cost: ByLam
    quality: ByLam
    chosen: dict[str, str]
    frontier: FloatArray = field(default_factory=lambda: np.empty((0, 2)), repr=False)


def reference_rows(law: QueryLaw, federated: Placed, prices: Prices) -> list[ReferenceRow]:
    """The references under one test law; no best cell policy for routers without cells."""
    problem, lams = law.problem, np.concatenate([prices.sweep, prices.reported])
    oracle = np.array([law.oracle(float(lam))[1:] for lam in lams])
    single = CellSums.of(law, np.zeros(law.size, dtype=np.int64), 1)
    middle = np.array([[problem.cost.mean(), problem.quality.mean()]])
    picked = single.choices(prices.reported)[:, 0]
    names = dict(zip(prices.keys, (problem.models[m] for m in picked), strict=True))
    best = _utility(oracle, lams)
    curves = {
        "oracle": (oracle, optimal_frontier(problem.quality / law.size, problem.cost / law.size)),
        "best single model": (single.curve(single.choices(lams)), optimal_frontier(single.quality, single.cost)),
        "random": (np.repeat(middle, lams.size, axis=0), middle),
    }
    if federated.cells is not None:
        cells = federated.sums(law)
        curves["best cell policy"] = (cells.curve(cells.choices(lams)), optimal_frontier(cells.quality, cells.cost))
    return [
        _row(name, law, prices, points, frontier, best - _utility(points, lams), names)
        for name in NOTES
        if name in curves
        for points, frontier in [curves[name]]
    ]


def _utility(points: FloatArray, lams: FloatArray) -> FloatArray:
    value: FloatArray = points[:, 1] - lams * points[:, 0]
    return value


def _row(
    name: str,
    law: QueryLaw,
    prices: Prices,
    points: FloatArray,
    frontier: FloatArray,
    gap: FloatArray,
    chosen: dict[str, str],
) -> ReferenceRow:
    size = prices.sweep.size
    at = points[size:]
    return ReferenceRow(
        name,
        law.test,
        law.client,
        law.area(frontier),
        law.areas(points[:size])[1],
        utility=prices.by_lam(_utility(at, prices.reported)),
        suboptimality=prices.by_lam(gap[size:]),
        cost=prices.by_lam(at[:, 0]),
        quality=prices.by_lam(at[:, 1]),
        chosen=chosen if name == "best single model" else {},
        frontier=frontier,
    )
