"""mixture-router: two K-means routers of one client and of all, mixed, every form query by query."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.selftest.cases.build import Sample, cell_means, differ, numbers, table
from fedroute_theory.theorems import Bound, Case, theorem
from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight, mixed_widths
from fedroute_theory.theorems.mixture_router.levels import Range, cell_level, one_event_level

SETTINGS = {
    "one weight": (0, 0.3, 0.3, "bernoulli", False, 3000),
    "a weight a model": (1, (0.2, 0.7, 0.5), (0.2, 0.7, 0.5), "bernoulli", False, 3000),
    "quality and cost apart": (2, (0.2, 0.7, 0.5), (0.6, 0.1, 0.9), "bernoulli", False, 3000),
    "exact labels": (3, 0.4, 0.4, "exact", False, 300),
    "an empty pair": (4, 0.3, 0.3, "bernoulli", True, 3000),
    "an empty pair, mixed": (4, 0.6, 0.6, "bernoulli", True, 3000),
    "few records": (5, 1.0, 1.0, "bernoulli", False, 60),
    "the federated side": (6, 0.0, 0.0, "bernoulli", False, 4000),
}


def _mixture(setting: str) -> tuple[Case, MixtureEstimates]:
    seed, weight, cost_weight, labels, hole, size = SETTINGS[setting]
    rng = np.random.default_rng(seed)
    base = table(seed, queries=7, lam=0.4)
    smooth = 0.5 + 0.2 * np.sin(0.6 * base.embeddings + np.arange(3)), 0.5 + 0.2 * base.embeddings * np.arange(1, 4)
    problem = Tabular(base.embeddings, base.weights, *smooth, base.lam, c_max=base.c_max)
    row, model, client = rng.integers(0, 7, size), rng.integers(0, 3, size), rng.integers(0, 3, size)
    if hole:
        model = np.where((problem.embeddings[row, 0] < 0.5) & (model == 2) & (client == 1), 0, model)
    quality, cost = problem.quality[row, model], problem.cost[row, model]
    if labels == "bernoulli":
        quality = (rng.random(size) < quality).astype(float)
        cost = (rng.random(size) < cost / problem.c_max) * problem.c_max
    logs = Logs(client, problem.embeddings[row], row, model, quality, cost, 3, 3, labels, "fixed")
    local = cell_means(problem, logs.of_client(1), np.array([[0.2], [0.7]]))
    federated = cell_means(problem, logs, np.array([[0.1], [0.5], [0.9]]))
    weights = np.broadcast_to(weight, 3).astype(float), np.broadcast_to(cost_weight, 3).astype(float)
    empty = "mixed" if setting == "an empty pair, mixed" else "other-side"
    mixture = MixtureEstimates(local, federated, *weights, empty=empty, label_free=True)
    return Case(problem, None, logs, [("mixture", 1, mixture)]), mixture


class Sides:
    """Both routers of one case, query by query."""

    def __init__(self, case: Case, mixture: MixtureEstimates) -> None:
        self.case, self.problem, self.mixture = case, case.problem, mixture
        self.slope = steepest_slope(case.problem, case.logs).value
        self.R, self.noisy = case.problem.label_range, case.logs.labels != "exact"
        self.sides: list[CellEstimates] = [mixture.local, mixture.federated]  # type: ignore[list-item]
        self.nu = case.problem.weights.tolist()
        self.cell = [[self.nearest(s, float(x)) for x in case.problem.embeddings[:, 0]] for s in (0, 1)]

    def nearest(self, side: int, x: float) -> int:
        """The cell of a point."""
        return min(range(self.sides[side].n_cells), key=lambda k: abs(x - self.sides[side].centres[k, 0]))

    def guess(self, side: int, x: int) -> list[float]:
        """Estimated utilities of one side."""
        k = self.cell[side][x]
        return (self.sides[side].quality[k] - self.problem.lam * self.sides[side].cost[k]).tolist()

    def share(self, x: int, m: int, cost: bool = False) -> float:
        """Weight of the local side; a side without records of the model leaves it to the other."""
        here, there = (self.sides[s].counts[self.cell[s][x], m] > 0 for s in (0, 1))
        if here != there and self.mixture.empty == "other-side":
            return 1.0 if here else 0.0
        return float((self.mixture.cost_weight if cost else self.mixture.quality_weight)[m])

    def mixed(self, x: int) -> list[float]:
        """U_mix."""
        result = []
        for m in range(3):
            q, c = ([s.quality[self.cell[i][x], m], s.cost[self.cell[i][x], m]] for i, s in enumerate(self.sides))
            u, v = self.share(x, m), self.share(x, m, cost=True)
            result.append(u * q[0] + (1 - u) * c[0] - self.problem.lam * (v * q[1] + (1 - v) * c[1]))
        return result

    def gap(self, values: list[list[float]]) -> float:
        """Of the greedy policy."""
        u = self.problem.utility
        return float(
            sum(w * (u[x].max() - u[x, r.index(max(r))]) for x, (w, r) in enumerate(zip(self.nu, values, strict=True)))
        )

    def error(self, side: int, x: int) -> list[float]:
        """U - U_hat."""
        return [float(a) - b for a, b in zip(self.problem.utility[x], self.guess(side, x), strict=True)]

    def bound(self, side: int, x: int, m: int, log_term: float | None) -> float:
        """b of one side: distances, and the width if there is a log term; what a fallback can be off by without records."""
        s, k = self.sides[side], self.cell[side][x]
        if s.counts[k, m] == 0:
            u = s.quality[k, m] - self.problem.lam * s.cost[k, m]
            return float(max(1.0 - u, u + self.problem.lam * self.problem.c_max))
        reach = abs(float(self.problem.embeddings[x, 0]) - s.centres[k, 0]) + s.distance[k, m]
        width = 0.0 if log_term is None else self.R * math.sqrt(log_term / 2.0 / s.counts[k, m])
        return float(self.slope * reach + width)

    def level(self, side: int, delta: float) -> float:
        """E top2(b), delta for this side alone."""
        log_term = math.log(2.0 * int((self.sides[side].counts > 0).sum()) / delta) if self.noisy else None
        return sum(
            w * max(self.bound(side, x, a, log_term) + self.bound(side, x, b, log_term) for a, b in permutations(range(3), 2))
            for x, w in enumerate(self.nu)
        )

    def one_event(self) -> float:
        """The mixed means themselves: Hoeffding over single records of the union, counted one by one."""
        logs, rows = self.case.logs, []
        inside = [[self.nearest(s, float(x)) for x in logs.embedding[:, 0]] for s in (0, 1)]
        means, widths = set(), {}
        for x in range(7):
            k, c = self.cell[0][x], self.cell[1][x]
            for m in range(3):
                u = self.share(x, m)
                ours = [j for j in range(logs.size) if inside[1][j] == c and logs.model[j] == m]
                mine = [j for j in range(logs.size) if logs.client[j] == 1 and inside[0][j] == k and logs.model[j] == m]
                if (u > 0.0 and mine) or (u < 1.0 and ours):
                    means.add((k, c, m))
                if (k, c, m) not in widths:
                    part = {j: u / len(mine) for j in mine}
                    for j in ours:
                        part[j] = part.get(j, 0.0) + (1.0 - u) / len(ours)
                    widths[k, c, m] = sum(v * v for v in part.values())
        log_term = math.log(2.0 * len(means) / self.case.delta)
        for x in range(7):
            b = []
            for m in range(3):
                u = self.share(x, m)
                fixed = u * self.bound(0, x, m, None) + (1.0 - u) * self.bound(1, x, m, None)
                wide = self.R * math.sqrt(log_term / 2.0 * widths[self.cell[0][x], self.cell[1][x], m])
                b.append(fixed + wide * self.noisy)
            rows.append(min(self.R, max(p + q for p, q in permutations(b, 2))))
        return sum(w * r for w, r in zip(self.nu, rows, strict=True))


def osc(values: list[float]) -> float:
    """Largest less least."""
    return max(values) - min(values)


@cache
def _known(setting: str) -> tuple[Case, dict[str, float]]:
    case, mixture = _mixture(setting)
    s = Sides(case, mixture)
    rows, known = range(7), {}
    mixed = [s.mixed(x) for x in rows]
    shares = {(s.share(x, m), s.share(x, m, cost=True)) for x in rows for m in range(3)}
    flat = {v for pair in shares for v in pair}
    if all(len({v for m in range(3) for v in (s.share(x, m), s.share(x, m, cost=True))}) == 1 for x in rows):
        u = [s.share(x, 0) for x in rows]
        known["constant"] = sum(
            w * (a * osc(s.error(0, x)) + (1 - a) * osc(s.error(1, x))) for x, (w, a) in enumerate(zip(s.nu, u, strict=True))
        )
    known["per-model"] = _per_model(s)
    grid = [k / 32.0 for k in range(33)]
    if mixture.constant_weight is not None:
        grid.append(mixture.constant_weight)
    known["disagreement"] = min(
        sum(
            w
            * (
                a * osc(s.error(0, x))
                + (1 - a) * osc(s.error(1, x))
                + osc([a * p + (1 - a) * q - r for p, q, r in zip(s.guess(0, x), s.guess(1, x), mixed[x], strict=True)])
            )
            for x, w in enumerate(s.nu)
        )
        for a in grid
    )
    gaps = dict.fromkeys(known, s.gap(mixed))
    half = case.delta / 2.0
    loc, fed = s.level(0, half), s.level(1, half)
    if len(flat) == 1:
        (a,) = flat
        known["certified"] = a * loc + (1.0 - a) * fed
    known |= {"harmonic": 2.0 / (1.0 / loc + 1.0 / fed), "smaller": min(loc, fed)}
    if all(a == b for a, b in shares):
        known["one-event"] = s.one_event()
    gaps |= dict.fromkeys(("certified", "one-event"), s.gap(mixed))
    a = fed / (loc + fed)
    both = [[a * p + (1 - a) * q for p, q in zip(s.guess(0, x), s.guess(1, x), strict=True)] for x in rows]
    gaps |= {"harmonic": s.gap(both), "smaller": s.gap([s.guess(0 if loc < fed else 1, x) for x in rows])}
    result = {}
    for form, value in known.items():
        name = f"mixture 1 {form}"
        result |= {name: value, f"{name} gap": gaps[form], f"{name} trivial": s.R}
        if form in ("certified", "harmonic", "smaller", "one-event"):
            result[f"{name} array"] = value
    return case, result


def _per_model(s: Sides) -> float:
    total = 0.0
    for x, w in enumerate(s.nu):
        b = []
        for m in range(3):
            u, v = s.share(x, m), s.share(x, m, cost=True)
            e = [s.error(0, x)[m], s.error(1, x)[m]]
            if u == v:
                b.append(u * abs(e[0]) + (1 - u) * abs(e[1]))
                continue
            q = [abs(s.problem.quality[x, m] - side.quality[s.cell[i][x], m]) for i, side in enumerate(s.sides)]
            c = [abs(s.problem.cost[x, m] - side.cost[s.cell[i][x], m]) for i, side in enumerate(s.sides)]
            b.append(u * q[0] + (1 - u) * q[1] + s.problem.lam * (v * c[0] + (1 - v) * c[1]))
        total += w * max(p + q for p, q in permutations(b, 2))
    return float(total)


def mixtures() -> list[str]:
    """Every form of every setting."""
    found = []
    for setting in SETTINGS:
        case, known = _known(setting)
        found += [f"{setting}, {line}" for line in differ(numbers(theorem("mixture-router").claims(case)), known, 1e-8)]
    return found


def one_side() -> list[str]:
    """A side that lacks a model has an infinite level: the other stands alone, at its own level and with its own gap."""
    found = []
    for lost in (0, 1):
        case, mixture = _mixture("one weight")
        centres = [mixture.local.centres, mixture.federated.centres]  # type: ignore[attr-defined]
        gone = (case.logs.model == 2) & (case.logs.client == 1 if lost == 0 else True)
        logs = case.logs.take(np.flatnonzero(~gone))
        sides = [
            cell_means(case.problem, part, c, "exclude") for part, c in zip((logs.of_client(1), logs), centres, strict=True)
        ]
        if lost == 1:  # the local side still has an estimate of model 2, from nowhere: its fallback
            sides[0] = cell_means(case.problem, logs.of_client(1), centres[0])
        other = replace(mixture, local=sides[0], federated=sides[1])
        own = replace(case, logs=logs, trained=[("mixture", 1, other)])
        claims = {c.form: c for c in theorem("mixture-router").claims(own)}
        found += [
            f"{form} with an infinite level" for form in ("certified", "harmonic") if isinstance(claims[form].answer, Bound)
        ]
        alone, answer = Sides(own, other), claims["smaller"].answer
        known = {
            "smaller": alone.level(1 - lost, own.delta / 2.0),
            "gap": alone.gap([alone.guess(1 - lost, x) for x in range(7)]),
        }
        value = answer.value if isinstance(answer, Bound) else math.inf
        found += differ({"smaller": value, "gap": claims["smaller"].gap}, known)
    return found


def sampling() -> list[str]:
    """On a sample of a law: how far the gap of the certified forms may be from the law's, empirical Bernstein."""
    rng, n = np.random.default_rng(1), 600
    quality = rng.random((n, 2))
    problem = Sample(np.arange(float(n))[:, None], np.ones(n), quality, 0.0 * quality, 0.0)
    row, model = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    logs = Logs(
        np.zeros(2 * n, int), problem.embeddings[row], row, model, quality[row, model], 0.0 * row, 1, 2, "exact", "fixed"
    )
    side = cell_means(problem, logs, np.array([[100.0], [451.0]]))
    case = Case(problem, None, logs, [("mixture", 0, MixtureEstimates(side, side, np.ones(2), np.ones(2), label_free=True))])
    claim = next(c for c in theorem("mixture-router").claims(case) if c.form == "certified")
    means = np.stack([quality[:276].mean(axis=0), quality[276:].mean(axis=0)])
    chosen = means.argmax(axis=1)[(np.arange(n) >= 276).astype(int)]
    lost = quality.max(axis=1) - quality[np.arange(n), chosen]
    log = math.log(4e9)
    error = math.sqrt(2.0 * float(np.var(lost, ddof=1)) * log / n) + 7.0 * log / (3.0 * (n - 1))
    return differ({"gap": claim.gap, "error": claim.error}, {"gap": float(lost.mean()), "error": error}, 1e-7)


def pieces() -> list[str]:
    """Infinite levels, models without an estimate, no logged pair at all."""
    inf = np.inf
    levels: FloatArray = np.array([[inf, 1.0], [2.0, inf], [inf, inf], [0.0, 0.0], [1.0, 3.0]])
    found = harmonic_weight(levels[:, 0], levels[:, 1]).tolist()
    wrong = differ({str(i): v for i, v in enumerate(found)}, {str(i): v for i, v in enumerate((0.0, 1.0, 0.5, 0.5, 0.75))})
    alone = mixed_widths(np.array([1.0, 0.0]), np.array([4, 0]), np.array([0, 9]), np.array([0, 0]), 2.0, 1.5).tolist()
    wrong += differ(
        {"mine": alone[0], "ours": alone[1]}, {"mine": 1.5 * math.sqrt(2.0 / 8.0), "ours": 1.5 * math.sqrt(2.0 / 18.0)}
    )
    point, law = np.zeros((1, 1)), np.ones(1)
    nothing = np.zeros((1, 2), int)
    bare = CellEstimates(point, np.array([[0.2, 0.7]]), np.array([[1.0, 0.4]]), nothing, 0.0 * nothing, nothing == 0)
    declared = Range(1.0, 0.5, 2.0)
    off = max(1.0 - (0.2 - 0.5), (0.2 - 0.5) + 1.0) + max(1.0 - (0.7 - 0.2), (0.7 - 0.2) + 1.0)
    wrong += differ({"bare": cell_level(bare, point, law, declared, 0.1)}, {"bare": off})
    two = replace(bare, quality=np.stack([bare.quality, 0.0 * bare.quality]), cost=np.stack([bare.cost, 0.0 * bare.cost]))
    wide = max(1.0, 1.0) + max(1.0, 1.0)
    off_two = max(off - 1.5, 1.0) + 1.5
    wrong += differ({"two": cell_level(two, point, law, declared, None)}, {"two": max(wide, off_two)})
    closed = replace(bare, routable=np.array([[True, False]]))
    if cell_level(closed, point, law, declared, 0.1) != inf:
        wrong.append("a model without an estimate has a finite level")
    half = np.full(2, 0.5)
    logs = Logs(np.zeros(1, int), point, np.zeros(1, int), np.zeros(1, int), half[:1], half[:1], 1, 2, "bernoulli", "fixed")
    both = one_event_level(MixtureEstimates(bare, bare, half, half, label_free=True), logs, point, law, declared, 0.1)
    return wrong + differ({"cut off": both}, {"cut off": 2.0})
