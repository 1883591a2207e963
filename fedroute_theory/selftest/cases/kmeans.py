"""kmeans-router on small routers, beside the slow reading of the same router."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext
from functools import cache

import numpy as np
from scipy.optimize import minimize_scalar

from fedroute_theory.assumptions import steepest_slope, transport_is_exact
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs, draw_labels
from fedroute_theory.problems import Tabular
from fedroute_theory.selftest.cases.build import cell_means, differ, no_logs, numbers, table
from fedroute_theory.selftest.references.cells import rival
from fedroute_theory.selftest.slow_router import SlowRouter
from fedroute_theory.theorems import Bound, Case, theorem
from fedroute_theory.theorems.kmeans_router.cells import EXACT_PAIRWISE, CellGeometry
from fedroute_theory.theorems.kmeans_router.widths import kl_interval

FORMS = ("sharp", "policy", "pairwise", "spread", "three-terms", "relative")
SETTINGS = {
    "many records": (0, "bernoulli", 240, False, "published"),
    "an empty pair": (1, "bernoulli", 200, True, "published"),
    "mid-range": (2, "bernoulli-quality", 200, True, "mid-range"),
    "few records": (3, "bernoulli", 30, False, "published"),
    "exact labels": (4, "exact", 60, False, "published"),
    "exact labels, an empty pair": (5, "exact", 60, True, "mid-range"),
    "an empty pair is chosen": (7, "bernoulli-quality", 600, True, "published"),
    "a model left out": (8, "bernoulli-quality", 150, True, "exclude"),
    "a plane": (6, "bernoulli-quality", 900, False, "published"),
}


def _router(seed: int, labels: str, size: int, hole: bool, empty: str) -> Case:
    """Records on the rows of a table; with a hole nobody logs model 2 in the first cell."""
    rng = np.random.default_rng(seed)
    problem = table(seed, queries=9, lam=0.4)
    smooth = 0.5 + 0.3 * np.sin(2.0 * problem.embeddings + np.arange(3)), 0.4 + 0.2 * problem.embeddings * np.arange(1, 4)
    if seed == 7:
        smooth = smooth[0] - 0.45 * (np.arange(3) != 2), smooth[1]
    points, centres = problem.embeddings, np.array([[0.25], [0.8]])
    if seed == 6:
        points, centres = np.concatenate([points, rng.random((9, 1))], axis=1), rng.random((2, 2))
    problem = Tabular(points, problem.weights, *smooth, problem.lam, c_max=problem.c_max)
    row, model = rng.integers(0, 9, size), rng.integers(0, 3, size)
    if hole:
        model = np.where((points[row, 0] < 0.6) & (model == 2), 0, model)
    quality, cost = problem.quality[row, model], problem.cost[row, model]
    if labels != "exact":
        drawn = draw_labels(quality, cost, problem.c_max, rng, labels, 1)
        quality, cost = drawn.quality[0], drawn.cost[0]
    logs = Logs(np.zeros(size, int), points[row], row, model, quality, cost, 1, 3, labels, "fixed")
    return Case(problem, None, logs, [("pooled", None, cell_means(problem, logs, centres, empty, 0.9 if seed == 7 else 0.5))])


@cache
def known_case(setting: str) -> tuple[Case, dict[str, float]]:
    """A case and every number that its claims must give."""
    case = _router(*SETTINGS[setting])
    problem, estimates = case.problem, case.trained[0][2]
    assert isinstance(estimates, CellEstimates)
    slow = SlowRouter(problem, case.logs, estimates, case.delta, steepest_slope(problem, case.logs).value)
    known: dict[str, float] = {}
    for width in ("exact",) if case.logs.labels == "exact" else ("hoeffding", "kl"):
        values = {form: float(slow.bound(form, width)) for form in FORMS}
        if setting == "a plane":
            values.pop("three-terms")
        else:
            values["least"] = min(v for k, v in values.items() if k != "relative")
        for form, value in values.items():
            name = f"pooled None {form}/{width}"
            gap = slow.gap("cells" if form == "relative" else "oracle")
            known |= {name: value, f"{name} array": value, f"{name} gap": gap, f"{name} trivial": slow.R}
    name = "pooled None expected"
    return case, known | {name: expected(slow, case.logs.labels == "exact"), f"{name} trivial": slow.R}


def expected(slow: SlowRouter, exact: bool) -> float:
    """The expected form for the true best model of every cell, sup and min by search."""
    total = 0.0
    for k in range(slow.K):
        truth = [slow.cell_mean(k, m) for m in range(slow.M)]
        best = truth.index(max(truth))
        if best not in slow.kept[k]:
            total += slow.mass[k] * slow.R
            continue
        sides = []
        for m in range(slow.M):
            rows = slow.pairs[k, m]
            if m not in slow.kept[k]:  # never chosen: no rival
                sides.append((math.inf, math.inf, 0.0))
            elif rows:
                d = truth[m] - sum(slow.truth[j, m] for j in rows) / len(rows)
                sides.append((d, -d, 0.0 if exact else 1.0 / len(rows)))
            else:
                constant = slow.estimates.empty == "mid-range"
                sides.append((slow.R / 2, slow.R / 2, 0.0) if constant else (0.0, 0.0, math.inf))

        def loss(c: float, sides: list[tuple[float, float, float]] = sides, best: int = best) -> float:
            value = c
            for m, (_, down, h) in enumerate(sides):
                if m != best and math.isfinite(down):
                    s, noise = sides[best][0] + down, sides[best][2] + h
                    value += rival(s, noise, slow.R, c) if noise > 0.0 else min(max(s - c, 0.0), slow.R - c)
            return value

        inner = minimize_scalar(loss, bounds=(0.0, slow.R), method="bounded", options={"xatol": 1e-9})
        total += slow.mass[k] * min(loss(0.0), loss(slow.R), float(inner.fun))
    return float(total)


def routers() -> Iterator[str]:
    """Every form and width of every setting."""
    for setting in SETTINGS:
        case, known = known_case(setting)
        claimed = {k: v for k, v in numbers(theorem("kmeans-router").claims(case)).items() if "event" not in k}
        claimed.pop("pooled None expected gap", None)
        if setting == "a plane":
            claimed = {k: v for k, v in claimed.items() if k in known}
        yield from (f"{setting}, {line}" for line in differ(claimed, known, 1e-6))


@cache
def _policy_terms(setting: str, width: str) -> dict[str, float]:
    """Terms of the policy form, each at the pair of chosen model and best rival."""
    case, _ = known_case(setting)
    estimates = case.trained[0][2]
    assert isinstance(estimates, CellEstimates)
    slow = SlowRouter(case.problem, case.logs, estimates, case.delta, steepest_slope(case.problem, case.logs).value)
    terms = dict.fromkeys(("estimated margin", "distance", "records", "statistical", "unlogged"), 0.0)
    for x, w in enumerate(case.problem.weights.tolist()):
        k, rows = slow.cell_of_query[x], []
        for m in range(slow.M):
            estimate, up, down = slow.sides(k, m, width)
            logged = float(slow.logged(k, m))
            near = slow.slope * math.dist(case.problem.embeddings[x], estimates.centres[k]) * logged
            far = slow.slope * slow.distance(x, k, m, "sharp") - near
            rows.append((estimate, near, far, up * logged, up * (1.0 - logged), down * logged, down if not logged else 0.0))
        c = slow.chosen[k]
        r = max((m for m in range(slow.M) if m != c), key=lambda m, rows=rows: sum(rows[m][:5]))  # type: ignore[misc]
        terms["estimated margin"] += w * (rows[r][0] - rows[c][0])
        terms["distance"] += w * (rows[r][1] + rows[c][1])
        terms["records"] += w * (rows[r][2] + rows[c][2])
        terms["statistical"] += w * (rows[r][3] + rows[c][5])
        terms["unlogged"] += w * (rows[r][4] + rows[c][6])
    return terms


def policy_terms() -> Iterator[str]:
    """Every term of the policy form but the cut at the range, which is what is left."""
    for setting in ("many records", "an empty pair", "an empty pair is chosen"):
        case, _ = known_case(setting)
        for claim in theorem("kmeans-router").claims(case):
            form, _, width = claim.form.partition("/")
            if form == "policy" and isinstance(claim.answer, Bound):
                terms = {k: v for k, v in claim.answer.terms.items() if k != "range cap"}
                yield from (f"{setting}, {line}" for line in differ(terms, _policy_terms(setting, width), 1e-6))


def large_cells() -> list[str]:
    """What is put in the place of a distance or a transport cost where there are too many pairs."""
    rng = np.random.default_rng(0)
    size = EXACT_PAIRWISE + 1
    points, nothing = rng.random((size, 1)), np.zeros((size, 2))
    problem = Tabular(points, np.ones(size), nothing, nothing)
    one = CellEstimates(np.array([[0.5]]), nothing[:1], nothing[:1], np.ones((1, 2), int), nothing[:1], np.ones((1, 2), bool))
    wide = float(CellGeometry(problem, no_logs(problem), one).query_spread[0])
    found = differ({"spread": wide}, {"spread": math.sqrt(2.0 * float(np.var(points)))})
    case, _ = known_case("a plane")
    estimates = case.trained[0][2]
    assert isinstance(estimates, CellEstimates)
    geometry = CellGeometry(case.problem, case.logs, estimates)
    for k, value in enumerate(geometry.mismatch):
        rows = np.flatnonzero(geometry.cell == k)
        if transport_is_exact(2, rows.size, int((geometry.record_cell == k).sum()) // 4):
            continue
        law = case.problem.weights[rows] / case.problem.weights[rows].sum()
        costs = []
        for m in range(3):
            own = case.logs.embedding[(geometry.record_cell == k) & (case.logs.model == m)]
            far = [math.dist(a, b) for a in case.problem.embeddings[rows] for b in own]
            costs.append(float(law @ np.array(far).reshape(len(rows), -1).mean(axis=1)))
        found += differ({f"mismatch {k}": float(value)}, {f"mismatch {k}": max(costs)})
    return found


def intervals() -> list[str]:
    """No records: everything is possible. Else no end is inside the exact interval."""
    low, high = kl_interval(np.array([0.3, 0.2]), np.array([0, 10**9]), 3.0)
    found = differ({"low": float(low[0]), "high": float(high[0])}, {"low": 0.0, "high": 1.0})
    means = np.arange(1, 16) / 16.0
    for counts in (2, 30, 1_000, 10**5, 10**7):
        for mean, *ends in zip(means, *kl_interval(means, np.full(15, counts), 3.0), strict=True):
            found += [f"the end {e!r} is inside at {mean} of {counts}" for e in ends if _divergence(mean, e) * counts < 3]
    return found


def _divergence(mean: float, end: float) -> Decimal:
    """kl(mean, end) to 50 digits; infinite where it is."""
    with localcontext(prec=50):
        pairs = [(Decimal(mean), Decimal(end)), (1 - Decimal(mean), 1 - Decimal(end))]
        return sum((p * (p / q).ln() if q else Decimal("inf") for p, q in pairs), Decimal(0))
