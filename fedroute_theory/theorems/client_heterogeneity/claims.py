"""What the theorem says of routers trained on the records of clients that disagree."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.assumed import ROUTED, caveat, refusal
from fedroute_theory.theorems.least_squares.certified import Certified, certified, functions_with_class
from fedroute_theory.theorems.least_squares.laws import joint_laws
from fedroute_theory.theorems.mlp_router import formulas
from fedroute_theory.theorems.mlp_router.claims import roots
from fedroute_theory.theorems.mlp_router.transfer import mean_pairs, policy_pairs


def pooled_truth(case: Case) -> tuple[FloatArray, FloatArray]:
    """f_pool of quality and cost, (n, M) each, at the rows of the problem; the plain mean over clients where nobody logs.

    Rows that share an embedding are one query to every router, so their laws are added up first.
    """
    laws, problem = case.federation, case.problem
    assert laws is not None
    place = np.unique(problem.embeddings, axis=0, return_inverse=True)[1].ravel()
    joint = laws.shares[:, None, None] * joint_laws(laws, problem)
    merged = np.zeros((int(place.max()) + 1, joint.shape[0], joint.shape[2]))
    np.add.at(merged, place, joint.transpose(1, 0, 2))
    weight = merged[place].transpose(1, 0, 2)
    total = weight.sum(axis=0)
    truths = [t.truth(problem.embeddings) for t in case.truths]
    quality, cost = (
        np.where(
            total > 0.0,
            np.divide((weight * values).sum(axis=0), total, out=np.zeros_like(total), where=total > 0.0),
            values.mean(axis=0),
        )
        for values in (np.stack([t[0] for t in truths]), np.stack([t[1] for t in truths]))
    )
    return quality, cost


def claims(case: Case) -> Iterable[Claim]:
    """For every router trained on all records and every client: its own gap against the pooled bound and its own bias."""
    laws = case.federation
    if not case.truths:
        return
    placed = Measurement(
        "records on the problem's rows", bool((case.logs.query >= 0).all()), how="f_pool is known at rows of a finite problem"
    )
    shared = Measurement(
        "clients share queries, price and range",
        all(_same_setting(case.problem, truth) for truth in case.truths),
        how="embeddings, weights, lam and c_max of every client's problem",
    )
    known = laws is not None and bool(placed.holds) and bool(shared.holds)
    pool = pooled_truth(case) if known else case.problem.truth(case.problem.embeddings)
    for training, owner, estimates, hypotheses in functions_with_class(case):
        if owner is not None:
            continue
        target = tuple(value[case.logs.query] for value in pool)
        found = certified(case, training, None, estimates, hypotheses, case.problem, (target[0], target[1]))
        refused = next((NotApplicable(m.name, m.how) for m in (shared, placed) if not m.holds), None)
        refused = refused or refusal(found.measured, ROUTED)
        for j in range(len(case.truths)):
            yield from _client_claims(case, found, j, pool, refused, (placed, shared))


def _client_claims(
    case: Case,
    found: Certified,
    j: int,
    pool: tuple[FloatArray, FloatArray],
    refused: NotApplicable | None,
    extra: tuple[Measurement, ...],
) -> Iterable[Claim]:
    problem, forms = case.truths[j], {form: f"{found.hypotheses.kind}{form}" for form in ("", "/policy")}
    measured = (*(found.measured[name] for name in ROUTED), *extra)
    if refused is not None and not _same_setting(case.problem, problem):  # the router was not evaluated at these queries
        for name in forms.values():
            yield Claim(name, found.training, j, found.n, refused, math.nan, assumptions=measured)
        return
    weights = problem.weights
    own = problem.truth(problem.embeddings)
    utility = own[0] - problem.lam * own[1]
    lost = problem.optimum - problem.utility[np.arange(weights.size), found.chosen]
    gaps, gap = lost @ weights, problem.gap_of(lost[0])
    bias = utility - (pool[0] - problem.lam * pool[1])
    for form, name in forms.items():
        answer: Answer | None = refused
        bounds, found_here = np.full(gaps.shape, np.inf), measured
        if refused is None:
            assert case.federation is not None
            ratio = case.federation.pooled_coverage(case.problem)
            whole = coverage(ratio, weights)
            k2 = np.full(len(gaps), whole.k2) if form == "" else mean_pairs(weights, policy_pairs(ratio, found.chosen))
            own_bias = np.full(len(gaps), weights @ np.ptp(bias, axis=1)) if form == "" else policy_bias(bias, found, weights)
            place = whole.where(problem.models)
            known = bool(np.isfinite(k2[0]))
            covered = Measurement("coverage", known, float(k2[0]) if known else None, how="K2 at the test queries", where=place)
            found_here = (*measured, covered)
            answer = NotApplicable("coverage", f"K2 is infinite: {place}")
            if known:
                root = roots(case, found)
                terms = formulas.scaled(root.apart_terms, math.sqrt(k2[0])) | {"client's own bias": float(own_bias[0])}
                answer = Bound(terms, case.delta, trivial=problem.label_range, notes=caveat(found.measured))
                bounds = root.apart * np.sqrt(k2) + own_bias
        assert answer is not None
        yield Claim(
            name, found.training, j, found.n, answer, gap.value, gap.error, bounds, gaps, found_here, gaps.size > 1
        )  # fmt: skip


def _same_setting(one: RoutingProblem, other: RoutingProblem) -> bool:
    """Whether two problems differ in their truths only."""
    if not np.array_equal(one.embeddings, other.embeddings) or one.n_models != other.n_models:
        return False
    same_law = float(np.abs(one.weights - other.weights).max()) <= 1e-12  # a copy normalises them again, which may round
    return same_law and one.lam == other.lam and one.c_max == other.c_max


def policy_bias(bias: FloatArray, found: Certified, weights: FloatArray) -> FloatArray:
    """(T,) E_nu max(0, max_m h(x, m) - h(x, pi_hat))."""
    chosen = bias[np.arange(weights.size), found.chosen]
    pointwise: FloatArray = np.maximum(bias.max(axis=1) - chosen, 0.0)
    total: FloatArray = pointwise @ weights
    return total
