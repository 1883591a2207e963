"""mlp-router and client-heterogeneity: every form from loops over records, and the pairs of the coverage one by one."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.selftest.cases.build import class_of_functions, differ, numbers
from fedroute_theory.selftest.cases.functions import KINDS, Records, truths_of
from fedroute_theory.selftest.references.decisions import saturated
from fedroute_theory.selftest.references.squares import random_level, roots, shares
from fedroute_theory.theorems import Case, theorem
from fedroute_theory.theorems.mlp_router.formulas import utility_root_error
from fedroute_theory.theorems.mlp_router.transfer import saturated_levels


def _transfer(problem: RoutingProblem, rho: FloatArray, chosen: list[int], eps: float, one: float) -> dict[str, float]:
    """The four forms of mlp-router; eps, one: root errors from labels apart and from the utility."""
    nu, R, k2, own = problem.weights.tolist(), problem.label_range, [], []
    for w, row, m in zip(nu, rho.tolist(), chosen, strict=True):
        ratio = [w / r if r > 0.0 else math.inf for r in row]
        k2.append(sum(sorted(ratio)[-2:]))
        own.append(ratio[m] + max(v for j, v in enumerate(ratio) if j != m))
    known = {}
    if all(math.isfinite(v) for v in k2):
        known[""] = eps * math.sqrt(sum(w * v for w, v in zip(nu, k2, strict=True)))
    if all(math.isfinite(v) for v in own):
        known["/policy"] = eps * math.sqrt(sum(w * v for w, v in zip(nu, own, strict=True)))
    pairs = [v if math.isfinite(v) else 0.0 for v in own]
    for form, root in (("/range-aware", eps), ("/utility", one)):
        known[form] = saturated(eps=root, mass=nu, k2=pairs, R=R).value
    return known


def networks() -> list[str]:
    """Every form of every training; with a hole in the coverage."""
    found = []
    for kind, holes, seed in ((KINDS[0], False, 5), (KINDS[1], False, 5), (KINDS[0], True, 7)):
        case, known = _networks(kind, holes, seed)
        found += differ(numbers(theorem("mlp-router").claims(case)), known, 1e-7)
    shared = {"S": 2.0, "complexity": 3.0, "n": 90.0, "R": 1.5, "delta": 0.1}
    for free in (True, False):
        level, eta = random_level(2.0 / 1.5**2, 3.0 - math.log(0.1), 90.0, free)
        parts = shares(eta * 2.0 / 1.5**2, 3.0 if free else 3.0 + math.log(4.0), -math.log(0.1))
        found += differ(utility_root_error(**shared, free_eta=free), {k: 1.5 * level**0.5 * v for k, v in parts.items()})
    return found + _outwards()


def _outwards() -> list[str]:
    """One query whose loss stays below the range: the exact value is eps sqrt(k2), and none may be under it."""
    eps, k2 = np.arange(1, 40) / 97.0, 2.0 + np.arange(1, 40) / 7.0
    values, _ = saturated_levels(np.ones(1), k2[:, None], eps, 100.0)
    exact = zip(*([Fraction(v) for v in each.tolist()] for each in (values, eps, k2)), strict=True)
    return [f"{float(v)!r} is under {float(e)!r} sqrt({float(k)!r})" for v, e, k in exact if v**2 < e**2 * k]


@cache
def _networks(kind: str, holes: bool, seed: int) -> tuple[Case, dict[str, float]]:
    case, quality, cost = class_of_functions(kind, holes=holes, seed=seed, records=(1500, 900))
    problem, free = case.problem, kind == "finite-class"
    known: dict[str, float] = {}
    R = problem.label_range
    chosen = (quality.mean(axis=0) - problem.lam * cost.mean(axis=0)).argmax(axis=1).tolist()
    gap = sum(w * (max(u) - u[m]) for w, u, m in zip(problem.weights, problem.utility.tolist(), chosen, strict=True))
    for training, client in (("federated", None), ("local", 0), ("local", 1)):
        records = Records(case, client, quality, cost, truths_of(case))
        S = records.S
        parts = roots(S["quality"], S["cost"], 3.5, records.n, problem.lam, problem.c_max, case.delta, free)
        one = R * math.sqrt(random_level(S["utility"] / R**2, 3.5 - math.log(case.delta), records.n, free)[0])
        for form, value in _transfer(problem, records.law(), chosen, sum(parts.values()), one).items():
            name = f"{training} {client} {kind}{form}"
            known |= {name: value, f"{name} array": value, f"{name} gap": float(gap), f"{name} trivial": R}
    return case, known


def clients() -> list[str]:
    """The pooled truth and both forms of every client."""
    found = []
    for kind in KINDS:
        case, known = _clients(kind)
        found += differ(numbers(theorem("client-heterogeneity").claims(case)), known, 1e-7)
    return found


@cache
def _clients(kind: str) -> tuple[Case, dict[str, float]]:
    case, quality, cost = class_of_functions(kind, truths=True)
    problem, free, federation = case.problem, kind == "finite-class", case.federation
    known: dict[str, float] = {}
    assert federation is not None
    joint = [federation.records[i] * federation.mixture[i][:, None] * federation.logging[i] for i in range(2)]
    both = [sum(j * t[v] for j, t in zip(joint, truths_of(case), strict=True)) / sum(joint) for v in (0, 1)]
    pool: tuple[FloatArray, FloatArray] = both[0], both[1]
    records = Records(case, None, quality, cost, [pool, pool])
    S = records.S
    parts = roots(S["quality"], S["cost"], 3.5, records.n, problem.lam, problem.c_max, case.delta, free)
    chosen = (quality.mean(axis=0) - problem.lam * cost.mean(axis=0)).argmax(axis=1).tolist()
    for j, truth in enumerate(case.truths):
        h = (truth.quality - pool[0]) - truth.lam * (truth.cost - pool[1])
        biases = {
            "": sum(w * (max(r) - min(r)) for w, r in zip(problem.weights, h.tolist(), strict=True)),
            "/policy": sum(w * (max(r) - r[m]) for w, r, m in zip(problem.weights, h.tolist(), chosen, strict=True)),
        }
        moved = _transfer(truth, records.law(), chosen, sum(parts.values()), 0.0)
        gap = sum(w * (max(u) - u[m]) for w, u, m in zip(truth.weights, truth.utility.tolist(), chosen, strict=True))
        for form, bias in biases.items():
            name, value = f"federated {j} {kind}{form}", moved[form] + float(bias)
            known |= {name: value, f"{name} array": value, f"{name} gap": float(gap), f"{name} trivial": truth.label_range}
    return case, known
