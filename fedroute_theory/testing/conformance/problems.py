"""What a routing problem must keep: its optimum is one, its gaps are exact, its draws and labels follow its truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray, instance, integer, probability
from fedroute_theory.federation import LABEL_MODELS, draw_logs, uniform_logging
from fedroute_theory.problem import Policy, RoutingProblem
from fedroute_theory.testing.conformance.report import Report, first, refusal, report

ROUNDING = 1e-9


def check_problem(problem: RoutingProblem, *, seed: int = 0, draws: int = 20_000, alpha: float = 1e-6) -> Report:
    """Everything the package relies on in a problem.

    draws: queries and records drawn by each Monte-Carlo check. alpha: chance that a sound problem fails one of them (empirical
    Bernstein intervals, Maurer and Pontil 2009). InputError for what is no problem and for numbers out of range.
    """
    instance("problem", problem, RoutingProblem, "be a RoutingProblem")
    integer("seed", seed, 0)
    integer("draws", draws, 2)
    probability("alpha", alpha)
    named: dict[str, Callable[[RoutingProblem], str]] = {
        "the optimal policy attains the optimum": _optimum,
        "gaps lie between zero and the label range": _gaps,
        "truth lies in its ranges and is what the problem holds": _truth,
        "another price changes the utility and nothing else": _prices,
        "what is no number is refused": _refusals,
        "gaps agree with queries drawn from the law": partial(_drawn_gaps, seed=seed, draws=draws, alpha=alpha),
        "labels are unbiased": partial(_labels, seed=seed, draws=draws, alpha=alpha),
    }
    return report(type(problem).__name__, {name: partial(check, problem) for name, check in named.items()})


def policies(problem: RoutingProblem, seed: int = 0) -> Iterator[tuple[str, Policy]]:
    """Named policies: each model alone, and three that cut the space by random planes."""
    for m, name in enumerate(problem.models):
        yield f"always {name}", partial(_constant, m)
    rng = np.random.default_rng(seed)
    for k in range(3):
        planes = rng.normal(size=(problem.embeddings.shape[1], problem.n_models))
        yield f"random planes {k}", partial(_by_planes, planes)


def _constant(model: int, embeddings: FloatArray) -> IntArray:
    return np.full(len(embeddings), model)


def _by_planes(planes: FloatArray, embeddings: FloatArray) -> IntArray:
    chosen: IntArray = np.argmax(embeddings @ planes, axis=1)
    return chosen


def utility_at(problem: RoutingProblem, embeddings: FloatArray) -> FloatArray:
    """(n, M) true utility at the problem's price."""
    quality, cost = problem.truth(embeddings)
    return quality - problem.lam * cost


def _optimum(problem: RoutingProblem) -> str:
    optimum, value = problem.mean(problem.optimum), problem.value(problem.optimal_policy)
    if abs(optimum - value) > ROUNDING * problem.label_range:
        return f"the optimal policy has value {value:.9g}, the optimum is {optimum:.9g}"
    gap = problem.suboptimality(problem.optimal_policy).value
    return "" if abs(gap) <= ROUNDING * problem.label_range else f"the gap of the optimal policy is {gap:.3g}, not 0"


def _gaps(problem: RoutingProblem) -> str:
    wrong = []
    for name, policy in policies(problem):
        gap, slack = problem.suboptimality(policy), ROUNDING * problem.label_range
        if not -slack <= gap.value <= problem.label_range + slack or not 0.0 <= gap.error < math.inf:
            wrong.append(f"the gap of '{name}' is {gap.value:.6g} +- {gap.error:.2g}, outside [0, {problem.label_range:g}]")
    return first(wrong)


def _truth(problem: RoutingProblem) -> str:
    quality, cost = problem.truth(problem.embeddings)
    shape = problem.quality.shape
    if quality.shape != shape or cost.shape != shape:
        return f"truth has shapes {quality.shape} and {cost.shape}, the problem {shape}"
    for name, found, top in (("quality", quality, 1.0), ("cost", cost, problem.c_max)):
        if not ((found >= -ROUNDING) & (found <= top + ROUNDING)).all():
            return f"true {name} goes from {found.min():.6g} to {found.max():.6g}, outside [0, {top:g}]"
    if len(np.unique(problem.embeddings, axis=0)) < len(problem.embeddings):
        return ""  # rows that share an embedding share the mean of their truths
    apart = max(np.abs(quality - problem.quality).max(), np.abs(cost - problem.cost).max())
    return "" if apart <= ROUNDING else f"truth and the problem's own arrays differ by up to {apart:.3g}"


def _prices(problem: RoutingProblem) -> str:
    prices, optima = np.array([0.0, 0.5, 1.0, 2.0]) * (problem.lam or 1.0), []
    for lam in prices.tolist():
        other = problem.replace(lam=lam)
        if not np.array_equal(other.quality, problem.quality) or not np.array_equal(other.cost, problem.cost):
            return f"quality or cost change with the price {lam:g}"
        if np.abs(other.utility - (problem.quality - lam * problem.cost)).max() > ROUNDING * other.label_range:
            return f"the utility at price {lam:g} is not quality - lam cost"
        if _optimum(other):
            return f"at price {lam:g} {_optimum(other)}"
        optima.append(other.mean(other.optimum))
    slopes = np.diff(optima) / np.diff(prices)
    convex = (np.diff(slopes) >= -ROUNDING * (1.0 + problem.c_max)).all() and (slopes <= ROUNDING).all()
    return "" if convex else f"the optimum is not convex and non-increasing in the price: {optima}"


def _refusals(problem: RoutingProblem) -> str:
    nans = np.full(problem.weights.shape, math.nan)
    bad: list[tuple[str, Any]] = [
        ("lam", math.nan),
        ("lam", -1.0),
        ("c_max", math.nan),
        ("weights", nans),
        ("weights", -np.ones(nans.shape)),
    ]
    refused = [(name, np.ravel(value)[0], refusal(partial(problem.replace, **{name: value}))) for name, value in bad]
    return first([f"'{name}' of {value:g}: {wrong}" for name, value, wrong in refused if wrong])


def bernstein(values: FloatArray, spread: float, alpha: float) -> float:
    """Half-width of the empirical Bernstein interval of a mean of independent values in a range of length `spread`."""
    log = math.log(4.0 / alpha)
    return math.sqrt(2.0 * float(np.var(values, ddof=1)) * log / values.size) + 7.0 * spread * log / (3.0 * (values.size - 1))


def _components(problem: RoutingProblem, rng: np.random.Generator, draws: int) -> IntArray:
    prior = problem.task_law()[1]
    return rng.choice(prior.size, size=draws, p=prior / prior.sum())


def _drawn_gaps(problem: RoutingProblem, *, seed: int, draws: int, alpha: float) -> str:
    rng = np.random.default_rng(seed)
    embeddings, _ = problem.draw(rng, _components(problem, rng, draws), "task")
    utility = utility_at(problem, embeddings)
    tested, wrong = list(policies(problem, seed)), []
    for name, policy in tested:
        loss = utility.max(axis=1) - utility[np.arange(draws), policy(embeddings)]
        gap = problem.suboptimality(policy)
        width = bernstein(loss, problem.label_range, alpha / len(tested)) + gap.error
        if abs(float(loss.mean()) - gap.value) > width:
            wrong.append(
                f"the gap of '{name}' is {gap.value:.6g}, but {loss.mean():.6g} +- {width:.2g} over {draws} queries drawn "
                f"from the problem"
            )
    return first(wrong)


def _labels(problem: RoutingProblem, *, seed: int, draws: int, alpha: float) -> str:
    laws = uniform_logging(problem, clients=1, records=draws)
    wrong = []
    for kind in LABEL_MODELS:
        logs = draw_logs(problem, laws, np.random.default_rng(seed), kind)
        quality, cost = (truth[np.arange(logs.size), logs.model] for truth in problem.truth(logs.embedding))
        for name, label, mean, top in (("quality", logs.quality, quality, 1.0), ("cost", logs.cost, cost, problem.c_max)):
            for m in range(problem.n_models):
                error = (label - mean)[logs.model == m]
                width = bernstein(error, 2.0 * top, alpha / (6 * problem.n_models)) + ROUNDING * (1.0 + top)
                if error.size > 1 and abs(float(error.mean())) > width:
                    wrong.append(
                        f"'{kind}' labels of the {name} of {problem.models[m]} are off by {error.mean():.3g} on average, more "
                        f"than {width:.2g}"
                    )
    return first(wrong)
