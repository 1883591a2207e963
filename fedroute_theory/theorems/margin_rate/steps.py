"""What the margin proof loses: spreads for losses, worst losses for realised ones, a power for the law."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage, margins
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.coverage_transfer.steps import Transfer
from fedroute_theory.theorems.greedy_steps import greedy
from fedroute_theory.theorems.margin_rate.claims import Errors, claims, strata_shrink
from fedroute_theory.theorems.margin_rate.lines import split, two_model_loss
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_PROOF = "margin-rate, proof"
_WORST = f"the worst losses with this second moment and this law of the margin: loss = 0 or loss >= D ({_PROOF}, law)"
_SPREAD = f"loss <= Z, the spread of the errors, query by query ({_PROOF}, Two facts i)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form of every training, at the first repetition."""
    problem = case.problem
    margin = margins(problem.utility)
    known = {
        (training, client): (own.utility_at(problem.embeddings, problem.lam), Errors.of(problem, own))
        for training, client, own in ((t, i, e.repetition(0)) for t, i, e in case.trained)
    }
    for claim, answer in judged(claims(case)):
        fitted, errors = known[claim.training, claim.client]
        if claim.form in ("chained", "joint"):
            yield Waterfall.of(claim, _through_coverage(case, claim.client, claim.form, fitted, errors, margin))
        else:
            yield Waterfall.of(claim, _stages(case, claim.form, errors, margin, answer))


def _stages(case: Case, form: str, errors: Errors, margin: FloatArray, answer: Bound) -> list[Stage]:
    problem = case.problem
    weights, loss, reach = problem.weights, errors.loss, errors.reach
    lost = loss > 0.0
    if form == "margin":
        passed = problem.mean(np.where(margin <= reach, reach, 0.0))
        return [
            Stage("spread of the errors", problem.mean(np.where(lost, reach, 0.0)), _SPREAD),
            Stage("wherever it passes the margin", passed, f"a loss needs D <= Z ({_PROOF}, Two facts ii)"),
        ]

    def worst(squared: float) -> float:
        if form == "two-model":
            return two_model_loss(margin, weights, squared)
        return sum(split(margin, weights, squared, problem.label_range))

    moments = [problem.mean(values) for values in (loss**2, np.where(lost, reach, 0.0) ** 2, reach**2)]
    stages = [
        Stage("worst losses", worst(moments[0]), _WORST),
        Stage("spread of the errors", worst(moments[1]), _SPREAD),
        Stage("errors that cost nothing", worst(moments[2]), f"E Z^2 counts queries without a loss too ({_PROOF}, law)"),
    ]
    if form == "power":
        power = f"P(D <= t) <= min(1, (t/t0)^a) for the law of the margin, and no cap at the range ({_PROOF}, l2)"
        strata = strata_shrink(problem)
        power += f"; t0 is below the family's own: {strata}" if strata else ""
        stages.append(Stage("power law", answer.value, power))
    return stages


def _through_coverage(
    case: Case, client: int | None, form: str, estimate: FloatArray, errors: Errors, margin: FloatArray
) -> list[Stage]:
    problem = case.problem
    assert case.federation is not None
    laws = case.federation
    ratio = laws.pooled_coverage(problem) if client is None else laws.coverage(problem)[client]
    weights, top = problem.weights, problem.label_range
    k2 = np.where(errors.estimated.all(axis=1), coverage(ratio, weights).pointwise, np.inf)
    live, covered = weights > 0, np.isfinite(k2)
    squared = weights * (ratio * errors.error**2).sum(axis=1)
    choice = greedy(problem, estimate)
    paid = np.where(covered, Transfer(choice, ratio, k2, 0.0).paid, 0.0)
    if form == "joint":
        inverse = np.where(covered, 1.0 / np.where(covered, k2, 1.0), 0.0)
        moments = [float(weights @ (errors.loss**2 * inverse)), float(weights @ paid), float(squared[covered].sum())]
        names = (
            ("worst losses", f"the worst losses with this E[loss^2/k2] ({_PROOF}, chained, joint)"),
            ("two numbers", f"loss^2 <= k2 (e^2/w + e'^2/w') for largest and least error ({_PROOF}, chained, joint)"),
            ("all models", f"two models' squared errors are at most all models' ({_PROOF}, chained, joint)"),
        )
        return [
            Stage(name, sum(split(margin, weights, s2, top, k2)), why) for s2, (name, why) in zip(moments, names, strict=True)
        ]
    largest = float(k2[live].max())
    pair = float(weights[live] @ (k2[live] * paid[live]))
    every = float(weights[live] @ (k2[live] * (ratio * errors.error**2).sum(axis=1)[live]))
    second = [problem.mean(errors.loss**2), problem.mean(errors.reach**2), pair, every, largest * float(squared.sum())]
    through = (
        ("worst losses", _WORST),
        ("spread of the errors", _SPREAD),
        ("two numbers", f"Z^2 <= k2 (e^2/w + e'^2/w') ({_PROOF}, chained, joint)"),
        ("all models", f"two models' squared errors are at most all models' ({_PROOF}, chained, joint)"),
        ("largest k2", f"k2 <= sup k2 at every query ({_PROOF}, chained, joint)"),
    )
    assert math.isfinite(largest)
    return [Stage(name, sum(split(margin, weights, s2, top)), why) for s2, (name, why) in zip(second, through, strict=True)]
