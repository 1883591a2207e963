"""greedy-decomposition, coverage-transfer, pooling, margin-rate and frontier on tables whose numbers are known exactly."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import numpy as np

from fedroute_theory import lines
from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage
from fedroute_theory.certify import greedy_lines, pooling_sides, transfer_squared
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.selftest.cases.build import a_cell_a_query, differ, laws, no_logs, numbers, table
from fedroute_theory.selftest.references.decisions import saturated
from fedroute_theory.selftest.references.rates import joint, l2_terms, law, power_loss, two_model_law
from fedroute_theory.theorems import Case, theorem
from fedroute_theory.theorems.margin_rate import lines as code

OUT = ((1, 2),)


def _guess(problem: Tabular, seed: int) -> FloatArray:
    noise = np.random.default_rng(seed).normal(0.0, 0.25, problem.utility.shape)
    return problem.utility + noise


def pairs() -> list[str]:
    """Every ordered pair of models, with models that are ruled out."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        models = 2 + seed % 3
        up, down = rng.normal(size=(2, 5, models))
        if seed % 4 == 0:
            up = np.where(rng.random(up.shape) < 0.4, -np.inf, up)
        if seed % 8 == 4:
            up[:, 1:] = -np.inf
        if seed % 5 == 0:
            down = up
        low = rng.normal(size=down.shape)
        worst, (best, chosen) = lines.worst_pair(up, down), lines.worst_pair_models(up, down)
        policy = lines.policy_line(up, low, np.full(5, seed % models))
        for x in range(5):
            value = max(up[x, a] + down[x, b] for a, b in permutations(range(models), 2))
            rival = max(up[x, m] for m in range(models) if m != seed % models) - low[x, seed % models]
            reached = up[x, best[x]] + down[x, chosen[x]]
            named = value == -np.inf or (best[x] != chosen[x] and reached == value)
            if worst[x] != value or not named or policy[x] != max(0.0, rival):
                found.append(f"seed {seed}, row {x}: {worst[x]} is not {value}")
    return found


def greedy() -> list[str]:
    """All lines in fractions; with a model left out, the two largest errors with the range in its place."""
    found = []
    for seed in range(3):
        problem = table(seed)
        utility = _guess(problem, seed)
        exact = {k: float(v) for k, v in greedy_lines(problem, utility).items()}
        known = _with_gap({k: v for k, v in exact.items() if k != "gap"}, exact["gap"], problem)
        found += differ(_claimed("greedy-decomposition", problem, utility), known)
        left = _claimed("greedy-decomposition", problem, utility, OUT)
        sizes = np.abs(problem.utility - utility)
        sizes[OUT[0]] = problem.label_range
        top2 = sum(w * sum(sorted(row)[-2:]) for w, row in zip(problem.weights, sizes, strict=True))
        found += differ(left, _with_gap({"top2": top2}, _gap(problem, utility, OUT), problem))
    return found


def _claimed(slug: str, problem: Tabular, utility: FloatArray, out: tuple[tuple[int, int], ...] = ()) -> dict[str, float]:
    case = Case(problem, None, no_logs(problem), [("pooled", None, a_cell_a_query(problem, utility, out))])
    return numbers(theorem(slug).claims(case))


def _with_gap(bounds: dict[str, float], gap: float, problem: Tabular) -> dict[str, float]:
    result: dict[str, float] = {}
    for form, value in bounds.items():
        name = f"pooled None {form}"
        result |= {name: value, f"{name} gap": gap, f"{name} trivial": problem.label_range}
    return result


def _gap(problem: Tabular, utility: FloatArray, out: tuple[tuple[int, int], ...] = ()) -> float:
    total = 0.0
    for x, row in enumerate(utility.tolist()):
        open_models = [m for m in range(len(row)) if (x, m) not in out]
        chosen = max(open_models, key=lambda m, row=row: row[m])  # type: ignore[misc]
        total += problem.weights[x] * (problem.utility[x].max() - problem.utility[x, chosen])
    return float(total)


def _tables(problem: Tabular, ratio: FloatArray, utility: FloatArray) -> tuple[list[float], list[float], list[float]]:
    """(k2, k2 of the policy, squared error) query by query; 0 stands for no coverage."""
    k2, own, squared = [], [], []
    for x, row in enumerate(ratio.tolist()):
        w = [1.0 / r if r > 0.0 else math.inf for r in row]
        chosen = int(np.argmax(utility[x]))
        both = max(a + b for a, b in permutations(w, 2))
        k2.append(both if math.isfinite(both) else 0.0)
        own.append(w[chosen] + max(v for m, v in enumerate(w) if m != chosen))
        error = problem.utility[x] - utility[x]
        squared.append(float(problem.weights[x] * sum(r * e * e for r, e in zip(row, error, strict=True))))
    return k2, own, squared


def transfer() -> list[str]:
    """Fractions for the plain form, every threshold of k2 for the holes, caps one by one for the range-aware form."""
    found = []
    for seed, holes in ((0, False), (1, True), *((s, False) for s in range(2, 8))):
        problem = table(seed)
        utility, federation = _guess(problem, seed), laws(problem, seed, holes=holes)
        ratio, R, nu = federation.pooled_coverage(problem), problem.label_range, problem.weights.tolist()
        k2, own, squared = _tables(problem, ratio, utility)
        known = {}
        if not holes:
            eps = math.sqrt(sum(squared))
            known["plain"] = math.sqrt(float(transfer_squared(problem, ratio, utility)))
            known["policy"] = eps * math.sqrt(sum(w * k for w, k in zip(nu, own, strict=True)))
        levels = sorted({0.0, *k2})
        known["holes"] = min(
            R * sum(w for w, k in zip(nu, k2, strict=True) if not 0.0 < k <= top)
            + math.sqrt(
                sum(s for s, k in zip(squared, k2, strict=True) if 0.0 < k <= top)
                * sum(w * k for w, k in zip(nu, k2, strict=True) if 0.0 < k <= top)
            )
            for top in levels
        )
        outside = math.sqrt(sum(s for s, k in zip(squared, k2, strict=True) if k > 0.0))
        known["range-aware"] = saturated(eps=outside, mass=nu, k2=k2, R=R).value
        case = Case(problem, federation, no_logs_of_two(problem), [("pooled", None, a_cell_a_query(problem, utility))])
        found += differ(
            numbers(theorem("coverage-transfer").claims(case)), _with_gap(known, _gap(problem, utility), problem), 1e-8
        )
        measured = coverage(ratio, problem.weights, utility.argmax(axis=1))
        if not np.allclose(measured.pointwise, own):
            found.append("policy pairs")
        if measured.largest != max(float(k) for k, w in zip(measured.pointwise, nu, strict=True) if w > 0.0):
            found.append("largest pair")
    return found


def no_logs_of_two(problem: Tabular) -> Logs:
    """Records that say nothing, of two clients."""
    return replace(no_logs(problem), n_clients=2)


def pooling() -> list[str]:
    """Both sides in fractions."""
    problem, records = table(3), (7, 40, 100)
    federation = laws(problem, 3, records)
    ratios = list(federation.coverage(problem))
    together, alone = pooling_sides(problem, ratios, records)
    k2 = [
        sum(w * max(1 / a + 1 / b for a, b in permutations(r, 2)) for w, r in zip(problem.weights, t, strict=True))
        for t in ratios
    ]
    best = min(k / n for k, n in zip(k2, records, strict=True))
    case = Case(problem, federation, replace(no_logs(problem), n_clients=3), [])
    known: dict[str, float] = {}
    for form, value in (("per-record", best), ("effective-size", float(alone))):
        name = f"federated None {form}"
        known |= {name: value, f"{name} gap": float(together), f"{name} trivial": math.inf}
    return differ(numbers(theorem("pooling").claims(case)), known)


def margins() -> list[str]:
    """True errors and margins by hand, bounds by search; two and three models, one left out, holes in coverage."""
    found = []
    for seed, models, out, holes in ((0, 3, (), False), (1, 3, OUT, False), (2, 2, (), False), (3, 3, (), True)):
        problem = table(seed, models=models)
        utility, federation = _guess(problem, seed), laws(problem, seed, holes=holes)
        error = problem.utility - utility
        osc = np.array([max(e) - min(e) for e in error.tolist()])
        for x, m in out:
            error[x, m] = 0.0
            rest = sorted(abs(e) for k, e in enumerate(error[x].tolist()) if k != m)
            osc[x] = problem.label_range + rest[-1]
        reach, R, nu = np.minimum(osc, problem.label_range).tolist(), problem.label_range, problem.weights.tolist()
        margin = [_margin(row) for row in problem.utility.tolist()]
        s = math.sqrt(sum(w * r * r for w, r in zip(nu, reach, strict=True)))
        known = {
            "margin": sum(w * r for w, r, d in zip(nu, reach, margin, strict=True) if d <= r),
            "law": law(s=s, margin=margin, mass=nu, R=R).value,
        }
        if models == 2:
            known["two-model"] = two_model_law(s=s, margin=margin, mass=nu).value
        ratio = federation.pooled_coverage(problem)
        k2, _, _ = _tables(problem, ratio, utility)
        squared = [float(w * (r * e**2).sum()) for w, r, e in zip(nu, ratio, error, strict=True)]
        k2 = [0.0 if any(x == o for o, _ in out) else k for x, k in enumerate(k2)]
        eps = math.sqrt(sum(v for v, k in zip(squared, k2, strict=True) if k > 0.0))
        known["joint"] = joint(eps=eps, margin=margin, k2=k2, mass=nu, R=R).value
        if not out and not holes:
            known["chained"] = law(s=math.sqrt(max(k2) * sum(squared)), margin=margin, mass=nu, R=R).value
        case = Case(problem, federation, no_logs_of_two(problem), [("pooled", None, a_cell_a_query(problem, utility, out))])
        claimed = {k: v for k, v in numbers(theorem("margin-rate").claims(case)).items() if "power" not in k}
        found += differ(claimed, _with_gap(known, _gap(problem, utility, out), problem), 1e-7)
    return found


def powers() -> list[str]:
    """The power law's pieces by quadrature, below, between and above the scale."""
    found, known = {}, {}
    for t in (0.3, 0.9, 1.4, 2.0, 3.5):
        found[f"loss at {t}"], known[f"loss at {t}"] = code.power_loss(t, 1.3), power_loss(t, 1.3)
    for s in (0.2, 0.7, 1.0, 1.8):
        found[f"bound at {s}"], known[f"bound at {s}"] = sum(code.power_split(s, 1.3)), sum(l2_terms(s, 1.3, 1.0))
    return differ(found, known, 1e-7)


def _margin(row: list[float]) -> float:
    smaller = [v for v in row if v < max(row)]
    return max(row) - max(smaller) if smaller else math.inf
