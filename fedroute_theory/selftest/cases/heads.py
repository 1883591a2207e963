"""linear-heads: hat matrices by dense algebra, moments of single labels by enumeration."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import AffineFeatures, FunctionEstimates, LinearPredictor
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.selftest.cases.build import differ, numbers, table, two_draws
from fedroute_theory.theorems import Case, theorem
from fedroute_theory.theorems.linear_heads.claims import measure
from fedroute_theory.theorems.linear_heads.smoother import Smoother


def hat(design: FloatArray, ridge: float) -> FloatArray:
    """H from the normal equations."""
    inverse = np.linalg.pinv(design.T @ design + ridge * np.eye(design.shape[1]), rcond=1e-10)
    result: FloatArray = design @ inverse @ design.T
    return result


def moments(p: float) -> tuple[float, float, float]:
    """Second, third and fourth central moments of a coin."""
    return tuple(p * (1.0 - p) ** k + (1.0 - p) * (-p) ** k for k in (2, 3, 4))  # type: ignore[return-value]


def excess(H: FloatArray, f: FloatArray, third: list[tuple[float, float, float]]) -> tuple[float, float, float, float]:
    """(variance part, bias part, their sum, variance) of |H y - f|^2: y' A y about its mean, term by term."""
    A, rest = H.T @ H, f - H @ f
    slope = -2.0 * H.T @ rest
    s2 = [m[0] for m in third]
    variance = 0.0
    n = len(f)
    for i in range(n):
        m2, m3, m4 = third[i]
        variance += A[i, i] ** 2 * (m4 - m2**2) + 2.0 * A[i, i] * slope[i] * m3 + slope[i] ** 2 * m2
        variance += 2.0 * sum(A[i, j] ** 2 * s2[i] * s2[j] for j in range(n) if j != i)
    noise, bias = sum(A[i, i] * s2[i] for i in range(n)), float(rest @ rest)
    return float(noise), bias, float(noise) + bias, float(variance)


def smoothers() -> list[str]:
    """Every number of a smoother, with and without a penalty, of full rank or not."""
    found = []
    for seed, ridge, thin in ((0, 0.0, False), (1, 0.7, False), (2, 0.0, True)):
        rng = np.random.default_rng(seed)
        design, f = rng.normal(size=(7, 3)), rng.random(7)
        if thin:
            design[:, 2] = design[:, 0] - 2.0 * design[:, 1]
        third = [moments(p) for p in rng.random(7)]
        H, s = hat(design, ridge), Smoother.of(design, ridge)
        y, w = rng.random(7), rng.normal(size=3)
        columns = tuple(np.array(c) for c in zip(*third, strict=True))
        noise, bias, total, variance = excess(H, f, third)
        got = {
            "rank": s.rank, "noise": float(s.leverages @ columns[0]), "bias": float(s.misfit(f) @ s.misfit(f)),
            "mean": s.mean_by_covariance(f, columns[0]), "variance": s.variance_of_excess(f, columns),  # type: ignore[arg-type]
            "fitted": float(np.linalg.norm(s.left @ s.fitted(y) - H @ y)),
            "values": float(np.linalg.norm(s.left @ s.values(w) - design @ w)),
            "excess": float(s.excess(s.fitted(y), f)), "last leverage": float(s.leverages[-1]),
        }  # fmt: skip
        known = {
            "rank": 2 if thin else 3, "noise": noise, "bias": bias, "mean": total, "variance": variance, "fitted": 0.0,
            "values": 0.0, "excess": float(((H @ y - f) ** 2).sum()), "last leverage": float((H.T @ H)[-1, -1]),
        }  # fmt: skip
        found += differ(got, known, 1e-8)
    return found


@cache
def _case(labels: str, ridge: float) -> tuple[Case, dict[str, float]]:
    """Two models, heads fitted by normal equations in two repetitions."""
    rng = np.random.default_rng(11)
    base = table(3, queries=6, models=2)
    points = np.concatenate([base.embeddings, rng.random((6, 1))], axis=1)
    problem = Tabular(points, base.weights, base.quality, base.cost, base.lam, c_max=base.c_max)
    row, model = rng.integers(0, 6, 30), np.arange(30) % 2
    truth = {"quality": problem.quality[row, model], "cost": problem.cost[row, model] / problem.c_max}
    drawn = {k: (rng.random(30) < v).astype(float) for k, v in truth.items()}
    if labels != "bernoulli":
        drawn["cost"] = truth["cost"]
    logs = Logs(
        np.zeros(30, int), points[row], row, model, drawn["quality"], drawn["cost"] * problem.c_max, 1, 2, labels, "fixed"
    )
    both = two_draws(problem, logs, rng)
    if labels != "bernoulli":
        both = Labels(both.quality, np.stack([logs.cost] * 2))
    features = np.concatenate([np.ones((30, 1)), points[row]], axis=1)
    weight = np.zeros((2, 3, 2, 2))
    known: dict[str, float] = {}
    for which, label in enumerate(("quality", "cost")):
        top = problem.c_max if label == "cost" else 1.0
        noise = bias = spread = realised = 0.0
        for m in (0, 1):
            at = np.flatnonzero(model == m)
            design, f = features[at], truth[label][at]
            H = hat(design, ridge)
            noisy = label == "quality" or labels == "bernoulli"
            third = [moments(p) if noisy else (0.0, 0.0, 0.0) for p in f]
            parts = excess(H, f, third)
            noise, bias, spread = noise + parts[0], bias + parts[1], spread + parts[3]
            for t in (0, 1):
                y = getattr(both, label)[t, at]
                weight[t, :, m, which] = np.linalg.solve(design.T @ design + ridge * np.eye(3), design.T @ y)
            realised += float(((H @ getattr(both, label)[0, at] / top - f) ** 2).sum())
        L, p = -math.log(0.05), 6
        forms = {
            "leverages": ((noise + bias) / 30, (noise + bias) / 30),
            "bernoulli": (p / 120 + bias / 30, (noise + bias) / 30),
        }
        if ridge == 0.0:
            forms["high-probability"] = ((p + 2.0 * math.sqrt(p * L) + 2.0 * L) / 120 + bias / 30, realised / 30)
        if spread > 1e-12:
            sd = math.sqrt(spread) / 30
            forms["repetitions"] = (sd * math.sqrt(math.log(2e9)), math.nan)
        for form, (bound, gap) in forms.items():
            name = f"pooled None {form}/{label}"
            known |= {name: bound, f"{name} array": bound, f"{name} trivial": math.inf}
            known |= {} if math.isnan(gap) else {f"{name} gap": gap}
    predictor = LinearPredictor(AffineFeatures(), weight, problem.c_max, ridge)
    estimates = FunctionEstimates(predictor, np.bincount(model, minlength=2), np.ones(2, bool))
    return Case(problem, None, logs, [("pooled", None, estimates)], labels=both), known


def heads() -> list[str]:
    """Every form of both labels."""
    found = []
    for labels, ridge in (("bernoulli", 0.0), ("bernoulli-quality", 0.0), ("bernoulli", 0.4)):
        case, known = _case(labels, ridge)
        claimed = numbers(theorem("linear-heads").claims(case))
        found += differ({k: v for k, v in claimed.items() if not ("repetitions" in k and "gap" in k)}, known, 1e-7)
    return found


def distances() -> list[str]:
    """How far heads are from least squares: the worst repetition's root mean square over the records."""
    case, _ = _case("bernoulli", 0.0)
    fitted = case.trained[0][2]
    assert isinstance(fitted, FunctionEstimates)
    exact = fitted.predictor
    assert isinstance(exact, LinearPredictor)
    away = np.zeros(exact.weight.shape)
    away[0, :, 0, 0], away[1, :, 1, 0] = (0.1, 0.4, -0.2), (0.2, 0.1, 0.3)
    features = np.concatenate([np.ones((case.logs.size, 1)), case.logs.embedding], axis=1)
    squares = [
        sum(float(row @ away[t, :, m, 0]) ** 2 for row, m in zip(features, case.logs.model, strict=True)) for t in (0, 1)
    ]
    found = measure(case, None, replace(exact, weight=exact.weight + away), "quality")
    return differ({"off": found.off_fit}, {"off": math.sqrt(max(squares) / case.logs.size)}, 1e-7)
