"""What every inequality loses between the gap of a router taken from a class and the bound: transfer, Minkowski, class."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.coverage_transfer.steps import Transfer
from fedroute_theory.theorems.greedy_steps import Greedy
from fedroute_theory.theorems.least_squares.certified import Certified, functions_with_class, of_training
from fedroute_theory.theorems.least_squares.formulas import random_level
from fedroute_theory.theorems.least_squares.laws import mean_law
from fedroute_theory.theorems.least_squares.steps import CLASS, CONFIDENCE
from fedroute_theory.theorems.mlp_router.claims import claims, roots
from fedroute_theory.theorems.mlp_router.transfer import policy_pairs, saturated_levels
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_MINKOWSKI = "root of E e^2 <= root for quality + lam root for cost (mlp-router, proof, Squared error)"
_JENSEN = "the error of the average is at most the average error of the networks drawn (mlp-router, proof, PAC-Bayes)"
_CLASS = f"kappa, and {CLASS}"

Truth = tuple[FloatArray, FloatArray]


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form of every training whose functions come from a class, at the first repetition."""
    known = {
        (training, client): of_training(case, training, client, estimates, hypotheses)
        for training, client, estimates, hypotheses in functions_with_class(case)
    }
    for claim, _ in judged(claims(case)):
        found = known[claim.training, claim.client]
        form = claim.form.removeprefix(found.hypotheses.kind)
        yield Waterfall.of(claim, chain(case, found, form, (found.problem.quality, found.problem.cost)))


def chain(case: Case, found: Certified, form: str, truth: Truth) -> list[Stage]:
    """From the gap to a form ("", "/policy", "/range-aware" or "/utility"). truth: quality and cost, (n, M) each."""
    problem, weights = found.problem, found.problem.weights
    law = mean_law(case, found.client)
    ratio = np.divide(law, weights[:, None], out=np.zeros_like(law), where=weights[:, None] > 0)
    utility = truth[0] - problem.lam * truth[1]
    choice = Greedy.of(utility, found.utility[0], weights, problem.low)
    given = form != ""
    k2 = policy_pairs(ratio, found.chosen[:1])[0] if given else coverage(ratio, weights).pointwise
    transfer = Transfer(choice, ratio, k2, float((law * choice.error**2).sum()), given)
    level, top = _level(weights, k2, form, problem.label_range), problem.label_range
    if form in ("", "/policy"):
        stages = transfer.stages()
    else:
        stages = transfer.saturated_stages(lambda nu, pairs, eps, _: saturated(nu, pairs, eps, top), top)
    errors = _utility_roots if form == "/utility" else _apart_roots
    return [*stages, *(Stage(name, level(eps), why) for name, eps, why in errors(case, found, truth, law))]


def saturated(weights: FloatArray, k2: FloatArray, eps: float, top: float) -> float:
    """The range-aware value of coverage-transfer."""
    return float(saturated_levels(weights, k2[None], np.array([eps]), top)[0][0])


def _level(weights: FloatArray, k2: FloatArray, form: str, top: float) -> Callable[[float], float]:
    """From a bound on the root mean squared error to one on the gap."""
    if form in ("", "/policy"):
        live = weights > 0
        root = math.sqrt(float(weights[live] @ k2[live]))
        return lambda eps: root * eps
    return lambda eps: saturated(weights, k2, eps, top)


def _members(found: Certified) -> Truth:
    """Quality and cost of the functions behind the router, (k, n, M) each."""
    quality, cost = found.hypotheses.repetition(0).members(found.problem.embeddings)
    return quality, cost


def _apart_roots(case: Case, found: Certified, truth: Truth, law: FloatArray) -> Iterator[tuple[str, float, str]]:
    price = found.problem.lam
    apart = [t - own for t, own in zip(truth, _members(found), strict=True)]
    means = [math.sqrt(float((law * e.mean(axis=0) ** 2).sum())) for e in apart]
    yield "quality and cost apart", means[0] + price * means[1], _MINKOWSKI
    if len(apart[0]) > 1:
        drawn = [math.sqrt(float((law * (e**2).mean(axis=0)).sum())) for e in apart]
        yield "Jensen over the draws", drawn[0] + price * drawn[1], _JENSEN
    excess, chosen = found.excess, found.complexity[:1]
    quality, cost = (random_level(s[:1], chosen, found.n, free_eta=found.finite)[0] for s in (excess.quality, excess.cost))
    yield "class", math.sqrt(float(quality[0])) + price * found.problem.c_max * math.sqrt(float(cost[0])), _CLASS
    yield "confidence", float(roots(case, found).apart[0]), f"{CONFIDENCE}, delta/2 for quality and for cost"


def _utility_roots(case: Case, found: Certified, truth: Truth, law: FloatArray) -> Iterator[tuple[str, float, str]]:
    lam, top = found.problem.lam, found.problem.label_range
    quality, cost = (t - own for t, own in zip(truth, _members(found), strict=True))
    apart = quality - lam * cost
    if len(apart) > 1:
        yield "Jensen over the draws", math.sqrt(float((law * (apart**2).mean(axis=0)).sum())), _JENSEN
    level = random_level(found.excess.utility[:1] / top**2, found.complexity[:1], found.n, free_eta=found.finite)[0]
    yield "class", top * math.sqrt(float(level[0])), _CLASS
    yield "confidence", float(roots(case, found).utility[0]), CONFIDENCE
