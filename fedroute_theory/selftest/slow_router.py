"""One K-means router and its records read slowly, cell by cell and query by query: no formula shared with the theorem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
from scipy.optimize import brentq, linprog

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem


def pair(up: Sequence[float], down: Sequence[float]) -> float:
    """max over m != m' of up[m] + down[m'], by looking at every ordered pair."""
    return max(up[a] + down[b] for a, b in permutations(range(len(up)), 2))


def best_rival(high: Sequence[float], low: Sequence[float], chosen: int) -> float:
    """Best rival's upper end less the chosen model's lower end, at least 0."""
    return max(0.0, max(h for m, h in enumerate(high) if m != chosen) - low[chosen])


def binary_divergence(a: float, p: float) -> float:
    """kl(a, p) of two coins."""
    total = 0.0
    for x, y in ((a, p), (1.0 - a, 1.0 - p)):
        if x > 0.0:
            total += math.inf if y <= 0.0 else x * math.log(x / y)
    return total


def divergence_interval(mean: float, level: float) -> tuple[float, float]:
    """Ends of {p : kl(mean, p) <= level} by bracketing root finding."""

    def end(limit: float) -> float:
        if mean == limit:
            return limit
        inner = limit + (mean - limit) * 1e-13
        if binary_divergence(mean, inner) <= level:
            return limit
        return float(brentq(lambda p: binary_divergence(mean, p) - level, mean, inner, xtol=1e-15, rtol=1e-14))

    return end(0.0), end(1.0)


class SlowRouter:
    """One router and its records, cell by cell and query by query, straight from the definitions.

    delta: failure probability of the event. slope: Lipschitz constant of the utilities.
    """

    def __init__(self, problem: RoutingProblem, logs: Logs, estimates: CellEstimates, delta: float, slope: float) -> None:  # noqa: D107
        self.problem, self.logs, self.estimates, self.delta, self.slope = problem, logs, estimates, delta, slope
        self.lo, self.hi = -problem.lam * problem.c_max, 1.0
        self.R = self.hi - self.lo
        self.K, self.M = estimates.counts.shape
        truth = problem.truth(logs.embedding)
        self.truth = truth[0] - problem.lam * truth[1]
        self.cell_of_record = [self.nearest(x) for x in logs.embedding]
        self.cell_of_query = [self.nearest(x) for x in problem.embeddings]
        self.pairs = {
            (k, m): [j for j in range(logs.size) if self.cell_of_record[j] == k and logs.model[j] == m]
            for k, m in product(range(self.K), range(self.M))
        }
        self.N = sum(bool(rows) for rows in self.pairs.values())
        self.mass = [sum(problem.weights[x] for x in self.queries(k)) for k in range(self.K)]
        self.kept = [[m for m in range(self.M) if estimates.routable[k, m]] for k in range(self.K)]
        self.value = estimates.quality - problem.lam * estimates.cost
        self.best = [max((self.value[k, m] for m in self.kept[k]), default=self.lo) for k in range(self.K)]
        self.chosen = [
            next((m for m in self.kept[k] if self.value[k, m] == self.best[k]), 0) for k in range(self.K)
        ]  # ties to the lowest index

    def nearest(self, x: FloatArray) -> int:
        squares = [sum((a - b) ** 2 for a, b in zip(x, c, strict=True)) for c in self.estimates.centres]
        return squares.index(min(squares))

    def queries(self, k: int) -> list[int]:
        return [x for x, cell in enumerate(self.cell_of_query) if cell == k]

    def logged(self, k: int, m: int) -> bool:
        return bool(self.pairs[k, m])

    def deviation(self, k: int, m: int, width: str) -> tuple[float, float]:
        """(up, down) of a logged pair's mean around its estimate."""
        if width == "exact":
            return 0.0, 0.0
        n, log_term = len(self.pairs[k, m]), math.log(2 * self.N / self.delta)
        if width == "hoeffding":
            return (self.R * math.sqrt(log_term / (2 * n)),) * 2
        unit = min(1.0, max(0.0, (self.value[k, m] - self.lo) / self.R))
        low, high = divergence_interval(unit, log_term / n)
        return self.R * (high - unit), self.R * (unit - low)

    def sides(self, k: int, m: int, width: str) -> tuple[float, float, float]:
        """(estimate, up, down); a pair without records counts as tied with the chosen model, up to the top of the range."""
        if self.logged(k, m):
            return (self.value[k, m], *self.deviation(k, m, width))
        can_be_chosen = m in self.kept[k] and self.value[k, m] >= self.best[k]
        return self.best[k], self.hi - self.best[k], self.best[k] - self.lo if can_be_chosen else -math.inf

    def distance(self, x: int, k: int, m: int, form: str) -> float:
        if not self.logged(k, m):
            return 0.0
        point, centre, rows = self.problem.embeddings[x], self.estimates.centres[k], self.pairs[k, m]
        records = [self.logs.embedding[j] for j in rows]
        if form == "pairwise":
            return sum(math.dist(point, r) for r in records) / len(rows)
        return math.dist(point, centre) + sum(math.dist(centre, r) for r in records) / len(rows)

    def pointwise(self, form: str, width: str) -> float:
        """sharp, pairwise and policy: an expectation over queries."""
        total = 0.0
        for x, weight in enumerate(self.problem.weights):
            k = self.cell_of_query[x]
            estimate, up, down = zip(*(self.sides(k, m, width) for m in range(self.M)), strict=True)
            reach = [self.slope * self.distance(x, k, m, form) for m in range(self.M)]
            if form == "policy":
                high = [min(self.hi, e + r + u) for e, r, u in zip(estimate, reach, up, strict=True)]
                low = [max(self.lo, e - r - d) for e, r, d in zip(estimate, reach, down, strict=True)]
                total += weight * best_rival(high, low, self.chosen[k])
            else:
                wide = [r + u for r, u in zip(reach, up, strict=True)], [r + d for r, d in zip(reach, down, strict=True)]
                total += weight * min(self.R, pair(*wide))
        return total

    def cell_mean(self, k: int, m: int) -> float:
        return float(sum(self.problem.weights[x] * self.problem.utility[x, m] for x in self.queries(k)) / self.mass[k])

    def by_cells(self, width: str, spread: bool) -> float:
        total = 0.0
        for k in range(self.K):
            if self.mass[k] == 0:
                continue
            up, down = [], []
            for m in range(self.M):
                shift = 0.0
                if self.logged(k, m):
                    rows = self.pairs[k, m]
                    exact = self.logs.labels == "exact"
                    realised = self.value[k, m] if exact else sum(self.truth[j, m] for j in rows) / len(rows)
                    shift = self.cell_mean(k, m) - realised
                _, above, below = self.sides(k, m, width)
                up.append(shift + above)
                down.append(below - shift)
            far = self.slope * self.query_spread(k) if spread else 0.0
            total += self.mass[k] * min(self.R, far + pair(up, down))
        return total

    def query_spread(self, k: int) -> float:
        law = [(self.problem.weights[x] / self.mass[k], self.problem.embeddings[x]) for x in self.queries(k)]
        return float(sum(p * q * math.dist(a, b) for p, a in law for q, b in law))

    def three_terms(self, width: str) -> float:
        live = [k for k in range(self.K) if self.mass[k] > 0]
        distance = sum(
            w * math.dist(x, self.estimates.centres[k])
            for w, x, k in zip(self.problem.weights, self.problem.embeddings, self.cell_of_query, strict=True)
        )
        mismatch = sum(
            self.mass[k] * max((self.transport(k, m) for m in range(self.M) if self.logged(k, m)), default=0.0) for k in live
        )
        holes = sum(self.mass[k] for k in live if not all(self.logged(k, m) for m in range(self.M)))
        fixed = 2 * self.slope * (distance + mismatch) + self.R * holes
        counts = [len(self.pairs[k, m]) for k in live for m in range(self.M) if self.logged(k, m)]
        if width == "hoeffding" and counts:
            return float(fixed + 2 * self.R * math.sqrt(math.log(2 * self.N / self.delta) / (2 * min(counts))))
        statistical = 0.0
        for k in live:
            known = [m for m in range(self.M) if self.logged(k, m)]
            sides = [self.deviation(k, m, width) for m in known]
            if len(known) > 1:
                statistical += self.mass[k] * pair([u for u, _ in sides], [d for _, d in sides])
        return float(fixed + statistical)

    def transport(self, k: int, m: int) -> float:
        """W1 between the cell's test queries and the pair's records, as a linear program over couplings."""
        rows = [x for x in self.queries(k) if self.problem.weights[x] > 0]
        law = [self.problem.weights[x] / self.mass[k] for x in rows]
        records = [self.logs.embedding[j] for j in self.pairs[k, m]]
        n, r = len(rows), len(records)
        cost = [math.dist(self.problem.embeddings[x], y) for x in rows for y in records]
        equal = np.zeros((n + r, n * r))
        for i, j in product(range(n), range(r)):
            equal[i, i * r + j] = equal[n + j, i * r + j] = 1.0
        found = linprog(cost, A_eq=equal[:-1], b_eq=[*law, *[1 / r] * r][:-1], method="highs")
        assert found.status == 0
        return float(found.fun)

    def bound(self, form: str, width: str) -> float:
        if form in ("sharp", "pairwise", "policy"):
            return self.pointwise(form, width)
        return self.three_terms(width) if form == "three-terms" else self.by_cells(width, form == "spread")

    def gap(self, against: str = "oracle") -> float:
        """Gap of the router against the oracle or against the best policy constant on the cells."""
        routed = sum(
            w * self.problem.utility[x, self.chosen[self.cell_of_query[x]]] for x, w in enumerate(self.problem.weights)
        )
        if against == "oracle":
            return float(float(self.problem.weights @ self.problem.optimum) - routed)
        best = [max(self.cell_mean(k, m) for m in range(self.M)) for k in range(self.K) if self.mass[k] > 0]
        return float(sum(p * u for p, u in zip([p for p in self.mass if p > 0], best, strict=True)) - routed)
