"""mixture-router: two K-means routers of one client and of all, mixed, every form query by query."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.selftest.cases.build import Sample, cell_means, differ, numbers
from fedroute_theory.selftest.cases.sides import SETTINGS, Sides, mixture_case
from fedroute_theory.theorems import Bound, Case, theorem
from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight, mixed_widths
from fedroute_theory.theorems.mixture_router.levels import Range, cell_level, one_event_level


def osc(values: list[float]) -> float:
    """Largest less least."""
    return max(values) - min(values)


@cache
def _known(setting: str) -> tuple[Case, dict[str, float]]:
    case, mixture = mixture_case(setting)
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
    result: dict[str, float] = {}
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
        case, mixture = mixture_case("one weight")
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
        np.zeros(2 * n, int), problem.embeddings[row], row, model, quality[row, model], np.zeros(2 * n), 1, 2, "exact", "fixed"
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
