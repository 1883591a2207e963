"""What the margin rate says about trained routers: the true errors and the exact law of the margin at the test queries."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray
from fedroute_theory.assumptions import FittedExponent, coverage, fitted_exponent, largest_scale, margin_law, margins
from fedroute_theory.estimates import Estimates
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Margin
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.margin_rate.formulas import l2_rate
from fedroute_theory.theorems.margin_rate.lines import split, two_model_loss


@dataclass(frozen=True, eq=False)
class Errors:
    """A router's errors at the test queries, row by row.

    estimated: (n, M) where there is an estimate. error: (n, M) U - U_hat, 0 where there is none. loss: (n,) utility lost.
    reach: (n,) what the loss cannot exceed: the spread of the errors, or the sum of the two largest |e| (R without an
    estimate) where a model is left out, and the range R.
    """

    estimated: BoolArray
    error: FloatArray
    loss: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, problem: RoutingProblem, fitted: Estimates) -> Errors:
        """Those of one repetition of the estimates."""
        utility = fitted.utility_at(problem.embeddings, problem.lam)
        chosen = problem.utility[np.arange(problem.weights.size), utility.argmax(axis=1)]
        estimated = np.isfinite(utility)
        error = np.where(estimated, problem.utility - np.where(estimated, utility, 0.0), 0.0)
        sizes = np.sort(np.where(estimated, np.abs(error), problem.label_range), axis=1)
        reach = np.where(estimated.all(axis=1), np.ptp(error, axis=1), sizes[:, -2:].sum(axis=1))
        return cls(estimated, error, problem.optimum - chosen, np.minimum(reach, problem.label_range))


def claims(case: Case) -> Iterable[Claim]:
    """Every form with the true errors of every training; deterministic, exact at the test queries."""
    problem = case.problem
    margin = margins(problem.utility)
    law = margin_law(margin, problem.weights)
    fit = fitted_exponent(law) if law.values.size else None
    a = 1.0 if fit is None else min(max(fit.value, 0.05), 50.0)
    t0 = largest_scale(law, a)
    measured = (
        Measurement(
            "margin exponent",
            True,
            None if fit is None else fit.value,
            0.0 if fit is None else fit.error,
            _fitted(fit, getattr(problem, "exponent", None)),
        ),
        _scale(problem, t0, a),
    )
    squared_of = _coverage(case)
    for training, client, estimates in case.trained:
        fitted = estimates.repetition(0)
        errors = Errors.of(problem, fitted)
        gap = problem.gap_of(errors.loss)
        s = math.sqrt(problem.mean(errors.reach**2))
        bounds: dict[str, Answer] = {
            "margin": _bound(problem, {"spread": problem.mean(np.where(margin <= errors.reach, errors.reach, 0.0))}),
            "law": _two_terms(problem, split(margin, problem.weights, s**2, problem.label_range)),
            "power": _bound(problem, dict(l2_rate(s=s, a=a, t0=t0).terms if math.isfinite(t0) else {"error": 0.0})),
        }
        if problem.n_models == 2:
            lost = two_model_loss(margin, problem.weights, s**2)
            bounds["two-model"] = _bound(problem, {"margins up to u": lost})
        covered: tuple[Measurement, ...] = ()
        if client in squared_of:
            ratio = squared_of[client]
            covered = (_covered(problem, ratio),)
            bounds |= _through_coverage(problem, errors, margin, ratio)
        for form, answer in bounds.items():
            assumptions = {"power": measured, "chained": covered}.get(form, ())
            yield Claim(form, training, client, fitted.n, answer, gap.value, gap.error, assumptions=assumptions)


def _fitted(fit: FittedExponent | None, known: float | None) -> str:
    """How the exponent was found; on finitely many queries every exponent is valid with the largest t0 that goes with it."""
    own = "" if known is None else f", the family's own is {known:g}"
    if fit is None:
        return f"1 is taken, too few margins to fit: finite population only; unknowable beyond it{own}"
    return f"fit to {fit.effective:.0f} smallest margins: finite population only; unknowable beyond it{own}"


def _scale(problem: RoutingProblem, t0: float, a: float) -> Measurement:
    """t0 of the finite population; where the family's own is known, the distance to it is the uncertainty."""
    found = t0 if math.isfinite(t0) else None
    how = f"largest t0 for exponent {a:.3g} at the test queries: finite population only; unknowable beyond it"
    if not isinstance(problem, Margin) or found is None:
        return Measurement("margin condition", True, found, how=how)
    strata = strata_shrink(problem)
    own = f", the family's own is {problem.scale:g} for exponent {problem.exponent:g}{f': {strata}' if strata else ''}"
    return Measurement("margin condition", True, found, abs(problem.scale - found), how + own)


def strata_shrink(problem: RoutingProblem) -> str:
    """Why t0 at the test queries is below the family's own, in words; empty where it is not known to be."""
    if not isinstance(problem, Margin) or math.isinf(problem.exponent):
        return ""
    share = problem.exponent / (problem.exponent + 1.0)
    return f"queries are means of strata, and the first stratum's is a/(a+1) = {share:.3g} of its edge, however many there are"


def _covered(problem: RoutingProblem, ratio: FloatArray) -> Measurement:
    """What the chained form multiplies by: sup k2, not its mean K2."""
    found = coverage(ratio, problem.weights)
    finite = math.isfinite(found.largest)
    value = found.largest if finite else None
    return Measurement("coverage", finite, value, how="sup k2 at the test queries", where=found.where(problem.models))


def _coverage(case: Case) -> dict[int | None, FloatArray]:
    """d rho / d nu behind each client's training and behind the trainings on all records (None)."""
    if case.federation is None:
        return {}
    own = case.federation.coverage(case.problem)
    return {None: case.federation.pooled_coverage(case.problem), **dict(enumerate(own))}


def _through_coverage(problem: RoutingProblem, errors: Errors, margin: FloatArray, ratio: FloatArray) -> dict[str, Answer]:
    """The chained form (sup k2) and the joint one (k2 query by query), with the exact error under the logging law."""
    weights = problem.weights
    pair = coverage(ratio, weights)
    k2 = np.where(errors.estimated.all(axis=1), pair.pointwise, np.inf)
    squared = weights * (ratio * errors.error**2).sum(axis=1)
    covered = np.isfinite(k2)
    live = weights > 0
    joint = split(margin, weights, float(squared[covered].sum()), problem.label_range, k2)
    missing = float(weights @ ~errors.estimated.all(axis=1))
    chained: Answer
    if pair.hole_mass > 0.0:
        chained = NotApplicable("coverage", f"sup k2 is infinite: {pair.where(problem.models)}")
    elif missing > 0.0:
        chained = NotApplicable("an estimate for every model", f"none on test mass {missing:.3g}")
    else:
        top = float(k2[live].max()) * float(squared.sum())
        chained = _two_terms(problem, split(margin, weights, top, problem.label_range))
    return {"chained": chained, "joint": _two_terms(problem, joint)}


def _two_terms(problem: RoutingProblem, terms: tuple[float, float]) -> Bound:
    return _bound(problem, {"error": terms[0], "margin": terms[1]})


def _bound(problem: RoutingProblem, terms: dict[str, float]) -> Bound:
    return Bound(terms, trivial=problem.label_range)
