"""Differences of areas on the same test queries, with the uncertainty that the choice of test queries leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.audit.areas import area
from fedroute_theory.audit.laws import QueryLaw
from fedroute_theory.audit.rows import Placed, Prices

RESAMPLES = 200


@dataclass(frozen=True)
class Difference:
    """value: first area minus second on the test queries; low, high: 95% percentile bootstrap over test queries, the trained
    routers held fixed. The best single model is picked anew in every resample, which favours it."""

    first: str
    second: str
    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Whether the sign is settled by these test queries."""
        if self.low > 0:
            return f"{self.first} is better"
        return f"{self.first} is worse" if self.high < 0 else "no clear difference"


def area_differences(
    law: QueryLaw, placed: Mapping[str, Placed], prices: Prices, *, seed: int, pairs: tuple[tuple[str, str], ...]
) -> list[Difference]:
    """Compare areas of trained routers and of the "best single model" pair by pair, on one test law.

    placed: name -> router. pairs: (first, second) names. seed: of the resampling.
    """
    counts = np.random.default_rng(seed).multinomial(law.size, np.full(law.size, 1.0 / law.size), RESAMPLES)
    weights = np.vstack([np.ones(law.size), counts]) / law.size
    quality, cost = weights @ law.problem.quality, weights @ law.problem.cost
    cheapest = np.array([np.lexsort((-q, c))[0] for q, c in zip(quality, cost, strict=True)])
    curves = {"best single model": np.stack([cost, quality], axis=2)}
    for name, router in placed.items():
        chosen = router.choices(prices.sweep)[:, router.group[law.rows]]
        rows = np.arange(law.size)
        curves[name] = np.stack(
            [weights @ values[rows, chosen].T for values in (law.problem.cost, law.problem.quality)], axis=2
        )

    def areas(name: str) -> FloatArray:
        return np.array([
            area(curve, np.array([c[at], q[at]]), float(c.min()), float(c.max()))
            for curve, c, q, at in zip(curves[name], cost, quality, cheapest, strict=True)
        ])  # fmt: skip

    found = {name: areas(name) for name in {name for pair in pairs for name in pair}}
    result = []
    for first, second in pairs:
        difference = found[first] - found[second]
        low, high = np.quantile(difference[1:], [0.025, 0.975])
        result.append(Difference(first, second, float(difference[0]), float(low), float(high)))
    return result
