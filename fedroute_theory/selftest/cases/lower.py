"""minimax-lower: chances by enumeration, shifts by the normal limit, both sides of a bracket pair by pair."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems.minimax import LIMIT_GAP, TwoPoints, _searched, affinity_error, mirror_error, two_points
from fedroute_theory.selftest.cases.build import differ, numbers
from fedroute_theory.selftest.cases.kmeans import known_case
from fedroute_theory.selftest.references.cells import relative
from fedroute_theory.selftest.slow_router import SlowRouter
from fedroute_theory.theorems import theorem


def outcomes(n_a: int, n_b: int, a: float, b: float) -> float:
    """(1 - TV) / 2 over all outcomes."""

    def law(sign: float) -> FloatArray:
        first = binom.pmf(np.arange(n_a + 1), n_a, 0.5 + sign * a)
        both: FloatArray = np.outer(first, binom.pmf(np.arange(n_b + 1), n_b, 0.5 - sign * b))
        return both

    return 0.5 * float(np.minimum(law(1.0), law(-1.0)).sum())


def coin_pairs() -> list[str]:
    """Errors by enumeration: ties, equal shifts, no records, shifts at the end; affinities label by label."""
    counts = ((3, 5), (5, 3), (4, 4), (0, 4), (6, 0), (1, 1), (12, 30), (0, 0))
    shifts = ((0.1, 0.2), (0.15, 0.15), (0.0, 0.3), (0.25, 0.0), (0.3, 0.05), (0.0, 0.0), (0.5, 0.1), (0.1, 0.5))
    cases = [(n, m, a, b) for n, m in counts for a, b in shifts]
    found, known = {}, {}
    for case in cases:
        found[str(case)], known[str(case)] = mirror_error(*case), outcomes(*case)
    for n, m, a, b in ((3, 5, 0.1, 0.2), (40, 20, 0.05, 0.08)):
        both = (2.0 * math.sqrt(0.25 - a * a)) ** n * (2.0 * math.sqrt(0.25 - b * b)) ** m
        found[f"affinity {n}"] = affinity_error(n, m, a, b)
        known[f"affinity {n}"] = (1.0 - math.sqrt(1.0 - both * both)) / 2.0
    return differ(found, known, 1e-8)


def many_records() -> list[str]:
    """Shifts at the maximiser of the normal limit (and of the affinity beyond enumeration), split as n_b : n_a."""
    top = minimize_scalar(lambda y: -y * norm.cdf(-2.0 * y), bounds=(0.01, 2.0), method="bounded").x
    soft = minimize_scalar(lambda y: -y * (1.0 - math.sqrt(-math.expm1(-4.0 * y * y))), bounds=(0.01, 2.0), method="bounded").x
    found: dict[str, float] = {}
    known: dict[str, float] = {}
    for n_a, n_b, gap in (
        (100, 150, top),
        (70, 400, top),
        (2 * 10**6, 3 * 10**6, soft),
        (400, 100, top),
        (8, 2 * 10**15, soft),
    ):
        g = gap * math.sqrt(1.0 / n_a + 1.0 / n_b)
        a, b = min(0.49, g * n_b / (n_a + n_b)), min(0.49, g * n_a / (n_a + n_b))
        if max(n_a, n_b) > 10**6:
            both = math.exp(n_a * math.log1p(-4.0 * a * a) + n_b * math.log1p(-4.0 * b * b))
            error = (1.0 - math.sqrt(1.0 - both)) / 2.0
        else:
            error = outcomes(n_a, n_b, a, b)
        chosen = two_points(n_a, n_b)
        found |= {f"{n_a} a": chosen.shift_a, f"{n_a} b": chosen.shift_b, f"{n_a} error": chosen.error}
        known |= {f"{n_a} a": a, f"{n_a} b": b, f"{n_a} error": error}
    return differ(found, known, 1e-3)


def searches() -> list[str]:
    """Few records: the better of two searches."""
    found = []
    for n_a, n_b in ((1, 2), (1, 8), (3, 6)):
        value, least = two_points(n_a, n_b).value, _better_search(n_a, n_b)
        if value < least * (1.0 - 1e-7):
            found.append(f"{n_a} and {n_b} records: {value} is below {least}")
    return found


@cache
def _better_search(n_a: int, n_b: int) -> float:
    """From the limit's split and from equal shifts, errors over all outcomes."""
    gap = LIMIT_GAP * math.sqrt(1.0 / n_a + 1.0 / n_b)
    split = min(0.49, gap * n_b / (n_a + n_b)), min(0.49, gap * n_a / (n_a + n_b))

    def at(point: tuple[float, float]) -> TwoPoints:
        return TwoPoints(*point, outcomes(n_a, n_b, *point))

    return max(_searched(at, start).value for start in (split, (gap / 2.0, gap / 2.0)))


def brackets() -> list[str]:
    """The lower bound by its own reference, the upper bound pair by pair, with and without empty pairs."""
    found = []
    for setting in ("few records", "mid-range", "an empty pair"):
        case, _ = known_case(setting)
        problem, estimates = case.problem, case.trained[0][2]
        assert isinstance(estimates, CellEstimates)
        slow = SlowRouter(problem, case.logs, estimates, case.delta, 0.0)
        lower = _lower(setting)
        whole = [
            k for k in range(slow.K)
            if all(slow.logged(k, m) or _mid(estimates, k, m, problem) for m in range(slow.M))
        ]  # fmt: skip
        upper = problem.label_range * sum(slow.mass[k] for k in range(slow.K) if k not in whole)
        if whole:
            mass, counts = [float(slow.mass[k]) for k in whole], [estimates.counts[k].tolist() for k in whole]
            nothing = [[0.0] * slow.M for _ in whole]
            value = relative(mass=mass, s=nothing, counts=counts, N=slow.N, R=slow.R, delta=case.delta).value
            upper += sum(mass) * value
        name = "pooled None bracket"
        known = {name: lower, f"{name} gap": min(slow.R, float(upper) + case.delta * slow.R), f"{name} trivial": math.inf}
        found += differ(numbers(theorem("minimax-lower").claims(case)), known, 1e-3)
    return found


@cache
def _lower(setting: str) -> float:
    """Counts and masses afresh; the value of each pair of counts is tested by itself."""
    case, _ = known_case(setting)
    estimates = case.trained[0][2]
    assert isinstance(estimates, CellEstimates)
    slow = SlowRouter(case.problem, case.logs, estimates, case.delta, 0.0)
    total = 0.0
    for k in range(slow.K):
        a, b, *_ = sorted(len(slow.pairs[k, m]) for m in range(slow.M))
        total += slow.mass[k] * two_points(a, b).value
    return float(total)


def _mid(estimates: CellEstimates, k: int, m: int, problem: RoutingProblem) -> bool:
    return bool(estimates.quality[k, m] == 0.5 and estimates.cost[k, m] == problem.c_max / 2.0)
