"""What the steps for linear heads lose: variances for their largest value, one draw for its mean, a chi-square tail."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fedroute_theory.estimates import FunctionEstimates, LinearPredictor
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.linear_heads import formulas
from fedroute_theory.theorems.linear_heads.claims import Heads, claims, measure
from fedroute_theory.theorems.waterfall import EVENT, Stage, Waterfall, judged

_PROOF = "linear-heads, proof"
_IDENTITY = f"an identity: leverages times variances, and the bias ({_PROOF} 1)"
_LARGEST = f"a label in an interval of length R has variance at most R^2/4, the hat matrix trace at most p ({_PROOF} 2)"
_SAMPLING = f"the robust mean of the repetitions; fails with probability at most {formulas.MISS_PROBABILITY:g} ({_PROOF} 6)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form, quality and cost, training by training."""
    predictors = {
        (training, client): estimates.predictor
        for training, client, estimates in case.trained
        if isinstance(estimates, FunctionEstimates) and isinstance(estimates.predictor, LinearPredictor)
    }
    known: dict[tuple[str, int | None, str], Heads] = {}
    for claim, answer in judged(claims(case)):
        form, label = claim.form.split("/")
        place = (claim.training, claim.client, label)
        if place not in known:
            known[place] = measure(case, claim.client, predictors[claim.training, claim.client], label)
        yield Waterfall.of(claim, _stages(form, known[place], answer, case.delta))


def _stages(form: str, found: Heads, answer: Bound, delta: float) -> list[Stage]:
    mean = found.variance + found.bias
    largest = formulas.LARGEST_VARIANCE * found.ranks / found.n
    if form == "leverages":
        return [Stage("leverages", mean, _IDENTITY)]
    if form == "bernoulli":
        return [Stage("largest variance", largest + found.bias, _LARGEST)]
    if form == "repetitions":
        return [Stage("sampling error", answer.value, _SAMPLING)]
    log, unit = math.log(1.0 / delta), formulas.LARGEST_VARIANCE / found.n
    spread = largest + 2.0 * unit * math.sqrt(found.ranks * log)
    tail = f"Hoeffding's lemma and the tail of chi-square with p degrees, {EVENT} ({_PROOF} 4)"
    return [
        Stage("mean over labels", mean, f"this draw against the mean over labels: no inequality, either sign ({_PROOF} 1)"),
        Stage("largest variance", largest + found.bias, _LARGEST),
        Stage("chi-square spread", spread + found.bias, f"2 sqrt(p log(1/delta)): {tail}"),
        Stage("chi-square tail", spread + 2.0 * unit * log + found.bias, f"2 log(1/delta): {tail}"),
    ]
