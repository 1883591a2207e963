"""coverage-transfer: holds with no tolerance but rounding, is attained, and a cone program finds the same worst case."""

import math
from itertools import combinations, permutations, product

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import SlowRouter, one_sentence

from fedroute_theory.assumptions import coverage
from fedroute_theory.certify import coverage_k2
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Bound, NotApplicable, registry
from fedroute_theory.theorems.coverage_transfer.claims import claims
from fedroute_theory.theorems.coverage_transfer.families import attaining_errors, capped_errors
from fedroute_theory.theorems.coverage_transfer.formulas import best_holes, plain, range_aware, saturated, with_holes


def rows(data, n, values):
    return np.array(data.draw(st.lists(values, min_size=n, max_size=n)), dtype=float)


def law_of(data, n):
    weights = rows(data, n, st.integers(1, 5))
    return weights / weights.sum()


K2 = st.sampled_from((4.0, 5.0, 8.0, 20.0, 100.0, 1000.0))


def answers(case):
    return {claim.form: claim for claim in claims(case)}


@given(case=cases())
def test_every_form_covers_the_gap(case):
    for claim in claims(case):
        if isinstance(claim.answer, Bound):
            assert claim.gap <= claim.answer.value * (1 + 1e-9) + 1e-12


@given(case=cases(holes=False, empty="mid-range"))
def test_forms_are_ordered(case):
    found = {form: claim.answer.value for form, claim in answers(case).items() if isinstance(claim.answer, Bound)}
    assert set(found) == {"plain", "policy", "holes", "range-aware"}
    rounding = 1e-9 * (1 + found["plain"])
    assert found["policy"] <= found["plain"] + rounding
    assert found["holes"] <= min(found["plain"], case.problem.label_range) + rounding
    assert found["range-aware"] <= min(found["plain"], case.problem.label_range) + rounding


def slow_energy(case):
    """E_rho e^2 record law by record law, and K2 in rational arithmetic where it is finite."""
    problem, estimates = case.problem, case.trained[0][2]
    slow = SlowRouter(problem, case.logs, estimates, case.delta, 0.0)
    ratio = case.federation.pooled_coverage(problem)
    energy = 0.0
    for x, m in np.ndindex(ratio.shape):
        k = slow.cell_of_query[x]
        if estimates.routable[k, m]:
            guess = estimates.quality[k, m] - problem.lam * estimates.cost[k, m]
            energy += problem.weights[x] * ratio[x, m] * (problem.utility[x, m] - guess) ** 2
    return energy, coverage_k2(ratio, problem.weights)


@given(case=cases())
def test_the_plain_form_is_the_root_of_energy_times_coverage(case):
    energy, exact = slow_energy(case)
    said = answers(case)["plain"].answer
    if exact is None:
        assert isinstance(said, NotApplicable)
        assert said.assumption == "coverage"
        assert "m" in said.by_how_much
        assert "test mass" in said.by_how_much
    elif isinstance(said, Bound):
        assert said.value == pytest.approx(math.sqrt(energy * float(exact)), rel=1e-9, abs=1e-12)


@given(case=cases(holes=False, empty="exclude"))
def test_a_model_without_estimate_is_named(case):
    estimates = case.trained[0][2]
    cells = estimates.cells(case.problem.embeddings)
    missing = case.problem.weights @ ~estimates.routable.all(axis=1)[cells]
    said = answers(case)["plain"].answer
    if missing > 0:
        assert isinstance(said, NotApplicable)
        assert said.assumption == "an estimate for every model"
    assert isinstance(answers(case)["range-aware"].answer, Bound)


@given(data=st.data(), n=st.integers(1, 4), models=st.integers(2, 4), t=st.sampled_from((0.001, 0.01)))
def test_the_plain_form_is_attained_by_errors_along_the_least_covered_pair(data, n, models, t):
    weights, ratio = law_of(data, n), rows(data, n * models, st.sampled_from((0.1, 0.2, 0.3, 0.9))).reshape(n, models)
    error, gap, eps = attaining_errors(ratio, weights, t)
    k2 = float(coverage_k2(ratio, weights))
    assert eps**2 == pytest.approx(sum(weights[x] * ratio[x, m] * error[x, m] ** 2 for x, m in np.ndindex(n, models)))
    assert gap == pytest.approx(t * k2, rel=1e-9)
    assert gap == pytest.approx(plain(eps=eps, K2=k2).value, rel=1e-9)
    assert gap > plain(eps=eps, K2=0.999 * k2).value


@given(
    data=st.data(), n=st.integers(1, 5), eps=st.sampled_from((0.0, 0.01, 0.1, 0.3, 0.6, 2.0)), top=st.sampled_from((1.0, 2.5))
)
def test_range_aware_is_below_plain_holes_and_range(data, n, eps, top):
    weights, k2 = law_of(data, n), rows(data, n, st.one_of(K2, st.just(math.inf)))
    value = saturated(weights, k2, eps, top).value
    assert 0.0 <= value <= top * (1 + 1e-12)
    for size in range(n + 1):
        for hole in combinations(range(n), size):
            kept = [x for x in range(n) if x not in hole]
            if np.isfinite(k2[kept]).all():
                form = with_holes(eps=eps, K2_covered=weights[kept] @ k2[kept], hole_mass=weights[list(hole)].sum(), R=top)
                assert value <= form.value * (1 + 1e-9) + 1e-15


def program(weights, k2, eps, top):
    """max E g subject to E g^2 / k2 <= eps^2, 0 <= g <= R."""
    gap = cp.Variable(len(weights))
    used = cp.sum_squares(cp.multiply(np.sqrt(weights / k2), gap))
    problem = cp.Problem(cp.Maximize(weights @ gap), [used <= eps**2, gap >= 0, gap <= top])
    problem.solve(solver=cp.CLARABEL)
    assert problem.status == "optimal"
    return float(problem.value)


@settings(max_examples=25)
@given(data=st.data(), n=st.integers(1, 5), eps=st.sampled_from((0.02, 0.1, 0.25, 0.5, 1.5)), top=st.sampled_from((1.0, 2.5)))
def test_range_aware_is_the_value_of_the_reduced_cone_program(data, n, eps, top):
    weights, k2 = law_of(data, n), rows(data, n, K2)
    found = range_aware(eps=eps, mass=weights, k2=k2, R=top).value
    assert found == pytest.approx(program(weights, k2, eps, top), rel=1e-5)


@pytest.mark.parametrize("eps", [0.05, 0.2, 0.4, 0.8])
def test_range_aware_is_the_worst_gap_over_all_truths_and_estimates(eps):
    """A program for every choice of best and routed model: nothing about pairs, weights or duality is assumed."""
    weights, rho = np.array([0.3, 0.7]), np.array([[0.05, 0.1], [0.6, 0.25]])
    w = weights[:, None] / rho
    truth, guess = cp.Variable((2, 2)), cp.Variable((2, 2))
    limits = [cp.norm(cp.multiply(np.sqrt(rho), truth - guess), "fro") <= eps, truth >= 0, truth <= 1]
    worst = 0.0
    for choice in product(permutations(range(2), 2), repeat=2):
        gap = sum(weights[x] * (truth[x, a] - truth[x, b]) for x, (a, b) in enumerate(choice))
        greedy = [guess[x, b] >= guess[x, m] for x, (_, b) in enumerate(choice) for m in range(2)]
        problem = cp.Problem(cp.Maximize(gap), limits + greedy)
        problem.solve(solver=cp.CLARABEL)
        assert problem.status == "optimal"
        worst = max(worst, float(problem.value))
    assert saturated(weights, w.sum(axis=1), eps, 1.0).value == pytest.approx(worst, rel=1e-5)


def test_the_example_of_the_proof():
    weights, k2 = np.array([1 / 3, 2 / 3]), np.array([60.0, 20 / 3])
    assert plain(eps=0.12, K2=weights @ k2).value == pytest.approx(0.5933, abs=5e-5)
    assert with_holes(eps=0.12, K2_covered=weights[1] * k2[1], hole_mass=1 / 3, R=1.0).value == pytest.approx(0.5863, abs=5e-5)
    assert saturated(weights, k2, 0.12, 1.0).value == pytest.approx(0.5316, abs=5e-5)


@given(data=st.data(), n=st.integers(1, 4), mu=st.sampled_from((0.001, 0.05, 0.2, 3.0)))
def test_range_aware_is_attained_by_capped_errors(data, n, mu):
    weights, ratio = law_of(data, n), rows(data, n * 3, st.sampled_from((0.1, 0.3, 0.5))).reshape(n, 3)
    gap, eps = capped_errors(ratio, weights, mu, 1.0)
    k2 = coverage(ratio, weights).pointwise
    assert saturated(weights, k2, eps, 1.0).value == pytest.approx(gap, rel=1e-9)
    assert saturated(weights, k2, 0.99 * eps, 1.0).value < gap or gap == pytest.approx(1.0)


@given(data=st.data(), n=st.integers(1, 5), eps=st.sampled_from((0.01, 0.05, 0.2, 0.5)))
def test_best_holes_at_one_error_level_beat_every_subset(data, n, eps):
    """All of the error sits on a best covered query, so every set of holes but the whole leaves the same error."""
    weights, k2 = law_of(data, n), rows(data, n, K2)
    squared = np.zeros(n)
    squared[np.argsort(k2, kind="stable")[0]] = eps**2
    hole, left, covered = best_holes(weights, k2, squared, 1.0)
    found = with_holes(eps=left, K2_covered=covered, hole_mass=min(1.0, hole), R=1.0).value
    every = [
        weights[list(b)].sum() + eps * math.sqrt(sum(weights[x] * k2[x] for x in range(n) if x not in b))
        for size in range(n + 1)
        for b in combinations(range(n), size)
    ]
    assert found == pytest.approx(min(every), rel=1e-12)


@given(data=st.data(), n=st.integers(1, 5), top=st.sampled_from((1.0, 3.0)))
def test_best_holes_with_the_error_outside_beat_every_threshold(data, n, top):
    weights, k2 = law_of(data, n), rows(data, n, st.one_of(K2, st.just(math.inf)))
    squared = rows(data, n, st.sampled_from((0.0, 0.001, 0.01, 0.1)))
    hole, left, covered = best_holes(weights, k2, squared, top)
    found = top * hole + left * math.sqrt(covered)
    thresholds = []
    for limit in [*sorted(k for k in set(k2) if math.isfinite(k)), -1.0]:
        kept = k2 <= limit
        inside = math.sqrt(squared[kept].sum() * (weights[kept] @ k2[kept])) if kept.any() else 0.0
        thresholds.append(top * weights[~kept].sum() + inside)
    assert found <= min(thresholds) * (1 + 1e-12) + 1e-15


def test_holes_with_the_error_outside_need_not_be_the_least_of_all_subsets():
    """Why the threshold claim is for one error level: here the best hole is the well covered query with all the error."""
    weights, k2, squared = np.array([0.1, 0.9]), np.array([4.0, 5.0]), np.array([10.0, 0.0])
    hole, left, covered = best_holes(weights, k2, squared, 1.0)
    assert hole + left * math.sqrt(covered) == pytest.approx(1.0)
    assert 0.1 + math.sqrt(0.0 * 0.9 * 5.0) == pytest.approx(0.1)


@pytest.mark.parametrize("shrunk", [0.5, 0.9, 0.999])
def test_no_smaller_constant_covers_the_family(shrunk):
    for family in registry()["coverage-transfer"].extremal():
        assert family.gap > shrunk * family.bound


def test_lists_of_other_lengths_are_refused():
    one_sentence(lambda: range_aware(eps=0.1, mass=np.ones(2), k2=np.ones(3), R=1.0), "'k2'", "3")
