"""What every inequality loses for a client with a truth of its own: its bias, then the steps of the pooled router."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.client_heterogeneity.claims import claims, policy_bias, pooled_truth
from fedroute_theory.theorems.least_squares.certified import Certified, certified, functions_with_class
from fedroute_theory.theorems.mlp_router.steps import chain
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged, scaled

_PROOF = "(client-heterogeneity, proof 2)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Every client under every router trained on all records, at the first repetition."""
    held = judged(claims(case))
    if not held:
        return
    pool = pooled_truth(case)
    target = (pool[0][case.logs.query], pool[1][case.logs.query])
    known = {
        training: certified(case, training, None, estimates, hypotheses, case.problem, target)
        for training, client, estimates, hypotheses in functions_with_class(case)
        if client is None
    }
    for claim, _ in held:
        assert claim.client is not None
        found = known[claim.training]
        form = claim.form.removeprefix(found.hypotheses.kind)
        yield Waterfall.of(claim, _stages(case, found, claim.client, form, pool))


def _stages(case: Case, found: Certified, client: int, form: str, pool: tuple[FloatArray, FloatArray]) -> list[Stage]:
    problem, weights = case.truths[client], case.problem.weights
    rows, chosen = np.arange(weights.size), found.chosen[0]
    pooled = pool[0] - problem.lam * pool[1]
    quality, cost = problem.truth(problem.embeddings)
    bias = quality - problem.lam * cost - pooled
    best = (bias + pooled).argmax(axis=1)
    shared = float(weights @ (pooled.max(axis=1) - pooled[rows, chosen]))
    own = float(weights @ (bias[rows, best] - bias[rows, chosen]))
    paid = float(weights @ np.ptp(bias, axis=1)) if form == "" else float(policy_bias(bias, found, weights)[0])
    what = "E osc h" if form == "" else "E max(0, max h - h(pi_hat))"
    return [
        Stage("pooled optimum", own + shared, f"U_pool(pi*) <= max U_pool {_PROOF}"),
        Stage("client's own bias", paid + shared, f"E[h(pi*) - h(pi_hat)] <= {what} {_PROOF}"),
        *scaled(chain(case, found, form, pool), offset=paid),
    ]
