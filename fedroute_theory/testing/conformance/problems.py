"""What a routing problem must keep: its optimum is one, its gaps are exact, its draws and labels follow its truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fedroute_theory._validate import instance, integer, probability
from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.testing.conformance.draws import ROUNDING, drawn_gaps, policies, task_draws, unbiased_labels
from fedroute_theory.testing.conformance.report import Report, first, refusal, report

PAIRED = 1000
"""Queries of which all pairs are compared with a Lipschitz constant that a family states."""


def check_problem(problem: RoutingProblem, *, seed: int = 0, draws: int = 20_000, alpha: float = 1e-6) -> Report:
    """Everything the package relies on in a problem.

    draws: queries and records drawn by each Monte-Carlo check, at least 2. alpha: in (0, 1), chance that a sound problem fails
    one of them (empirical Bernstein intervals, Maurer and Pontil 2009). seed: at least 0, of the draws.
    InputError for what is no problem and for numbers out of range.
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
        "its models in another order are the same problem": _relabelled,
        "a Lipschitz constant that it states is one": partial(_lipschitz, seed=seed),
        "what is no number is refused": _refusals,
        "gaps agree with queries drawn from the law": partial(drawn_gaps, seed=seed, draws=draws, alpha=alpha / 3),
        "queries drawn given a task or a row belong to it": partial(task_draws, seed=seed, draws=draws, alpha=alpha / 3),
        "labels are unbiased": partial(unbiased_labels, seed=seed, draws=draws, alpha=alpha / 3),
    }
    return report(type(problem).__name__, {name: partial(check, problem) for name, check in named.items()})


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


def _relabelled(problem: RoutingProblem) -> str:
    order = np.arange(problem.n_models)[::-1]
    other = problem.relabelled(order)
    pairs = zip(other.truth(problem.embeddings), problem.truth(problem.embeddings), strict=True)
    apart = max(float(np.abs(theirs - ours[:, order]).max()) for theirs, ours in pairs)
    if apart > ROUNDING * (1.0 + problem.c_max):
        return f"the truth of the problem with its models turned round differs by up to {apart:.3g}"
    return _optimum(other)


def _lipschitz(problem: RoutingProblem, *, seed: int) -> str:
    """Theorems take the constant that a family states (`lipschitz`) as it is."""
    stated = getattr(problem, "lipschitz", None)
    if stated is None:
        return ""
    live = np.flatnonzero(problem.weights > 0)
    kept = np.random.default_rng(seed).permutation(live)[:PAIRED]
    weights = np.isin(np.arange(problem.weights.size), kept).astype(np.float64)
    plain = RoutingProblem(problem.embeddings, weights, problem.quality, problem.cost, problem.lam, models=problem.models)
    found = steepest_slope(plain)
    if found.value <= stated * (1.0 + 1e-6) + ROUNDING:
        return ""
    return f"utilities rise by {found.value:.6g} a unit of distance ({found.where}), more than the {stated:.6g} it states"
