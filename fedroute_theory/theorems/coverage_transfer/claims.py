"""What coverage-transfer claims of a case: every form with the exact squared error under each training's own logging law."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory.assumptions import coverage
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.coverage_transfer.formulas import best_holes, plain, saturated, with_holes


def claims(case: Case) -> Iterable[Claim]:
    """Plain, policy and hole forms, with the exact squared error under each training's own logging law."""
    problem = case.problem
    if case.federation is None:
        return
    clients = case.federation.coverage(problem)
    pooled = case.federation.pooled_coverage(problem)
    rows, weights = np.arange(problem.weights.size), problem.weights
    for training, client, estimates in case.trained:
        fitted = estimates.repetition(0)
        utility = fitted.utility_at(problem.embeddings, problem.lam)
        chosen = utility.argmax(axis=1)
        ratio = pooled if client is None else clients[client]
        gap = problem.gap_of(problem.optimum - problem.utility[rows, chosen])
        estimated = np.isfinite(utility)
        error = np.where(estimated, problem.utility - np.where(estimated, utility, 0.0), 0.0)
        squared = weights * (ratio * error**2).sum(axis=1)
        missing = float(weights @ ~estimated.all(axis=1))
        everywhere = Measurement("an estimate for every model", missing == 0.0, missing, how="test mass without one", limit=0.0)
        for form, measured in {
            "plain": coverage(ratio, weights),
            "policy": coverage(ratio, weights, chosen),
        }.items():
            covered = Measurement(
                "coverage",
                math.isfinite(measured.k2),
                measured.k2 if math.isfinite(measured.k2) else None,
                how="K2, exact at the test queries",
                where=measured.where(problem.models),
            )
            answer: Answer
            if not covered.holds:
                answer = NotApplicable("coverage", f"K2 is infinite: {covered.where}")
            elif not everywhere.holds:
                answer = NotApplicable("an estimate for every model", f"none on test mass {missing:.3g}")
            else:
                answer = Bound(plain(eps=math.sqrt(squared.sum()), K2=measured.k2).terms, trivial=problem.label_range)
            yield Claim(form, training, client, fitted.n, answer, gap.value, gap.error, assumptions=(covered, everywhere))
        k2 = np.where(estimated.all(axis=1), coverage(ratio, weights).pointwise, np.inf)
        hole, eps, outside = best_holes(weights, k2, squared, problem.label_range)
        bound = with_holes(eps=eps, K2_covered=outside, hole_mass=hole, R=problem.label_range)
        yield Claim("holes", training, client, fitted.n, bound, gap.value, gap.error)
        outside_holes = math.sqrt(float(squared[np.isfinite(k2)].sum()))
        bound = saturated(weights, k2, outside_holes, problem.label_range)
        yield Claim("range-aware", training, client, fitted.n, bound, gap.value, gap.error)
