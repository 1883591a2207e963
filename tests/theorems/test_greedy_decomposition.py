"""greedy-decomposition: every line holds with no tolerance but rounding, in its order, and no constant can shrink."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import SlowRouter, pair

from fedroute_theory.testing import cases, error_bounds
from fedroute_theory.theorems import Bound, Case, NotApplicable, registry
from fedroute_theory.theorems.greedy_decomposition import claims, interval_policy, oscillation, top2

ROUNDING = 1e-12
CHAIN = ("error-difference", "oscillation", "sup")


def answers(case):
    return {claim.form: claim for claim in claims(case)}


def value_of(claim):
    assert isinstance(claim.answer, Bound)
    return claim.answer.value


def slow_lines(case):
    """E over queries of each line, model by model."""
    problem, estimates = case.problem, case.trained[0][2]
    slow = SlowRouter(problem, case.logs, estimates, case.delta, 0.0)
    totals = dict.fromkeys((*CHAIN, "top2"), 0.0)
    for x, weight in enumerate(problem.weights):
        k = slow.cell_of_query[x]
        truth, guess = problem.utility[x], estimates.quality[k] - problem.lam * estimates.cost[k]
        kept = [bool(estimates.routable[k, m]) for m in range(problem.n_models)]
        error = [t - g if r else None for t, g, r in zip(truth, guess, kept, strict=True)]
        b = [abs(e) if e is not None else problem.label_range for e in error]
        totals["top2"] += weight * pair(b, b)
        if all(kept):
            totals["oscillation"] += weight * (max(error) - min(error))
            totals["sup"] += weight * 2 * max(abs(e) for e in error)
            totals["error-difference"] += weight * (error[list(truth).index(max(truth))] - error[slow.chosen[k]])
    return totals


@given(case=cases())
def test_every_line_covers_the_gap(case):
    for claim in answers(case).values():
        if isinstance(claim.answer, Bound):
            assert claim.gap <= claim.answer.value + ROUNDING * (1 + claim.answer.value)
            assert claim.error == 0.0
            assert claim.answer.delta == 0.0


@given(case=cases())
def test_the_lines_equal_a_slow_reading(case):
    slow = slow_lines(case)
    scale = max(1.0, *slow.values())
    for form, claim in answers(case).items():
        if isinstance(claim.answer, Bound):
            assert claim.answer.value == pytest.approx(slow[form], abs=1e-12 * scale)


@given(case=cases(empty="mid-range"))
def test_the_lines_come_in_the_order_of_the_chain(case):
    found = answers(case)
    values = [value_of(found[form]) for form in CHAIN]
    scale = ROUNDING * (1 + values[-1])
    assert found["sup"].gap <= values[0] + scale
    assert values[0] <= values[1] + scale
    assert values[1] <= values[2] + scale
    assert values[1] <= value_of(found["top2"]) + scale <= values[2] + 2 * scale


@given(case=cases(empty="exclude"))
def test_with_a_model_left_out_only_the_line_in_b_answers(case):
    estimates = case.trained[0][2]
    cells = estimates.cells(case.problem.embeddings)
    excluded = float(case.problem.weights @ ~estimates.routable.all(axis=1)[cells])
    found = answers(case)
    assert isinstance(found["top2"].answer, Bound)
    for form in CHAIN:
        answer = found[form].answer
        if excluded > 0:
            assert isinstance(answer, NotApplicable)
            assert answer.assumption == "argmax over all models"
            assert f"{excluded:.3g}" in answer.by_how_much
        else:
            assert isinstance(answer, Bound)


@given(b=error_bounds())
def test_top2_is_attained_and_nothing_below_it_holds(b):
    """Tied estimates, errors +b on one and -b on the other of the two largest: the gap is top2 exactly."""
    first, second = np.argsort(b)[::-1][:2]
    value = top2(b=b).value
    assert value == pytest.approx(b[first] + b[second])
    truth = np.zeros_like(b)
    truth[first], truth[second] = b[first], -b[second]
    assert truth.max() - truth[second] == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("factor", [1.0, 1.9, 1.999])
def test_no_factor_below_two_covers_the_tied_family(factor):
    family = {e.form: e for e in registry()["greedy-decomposition"].extremal()}["sup"]
    assert family.gap > factor * family.bound / 2.0


@given(data=st.data(), models=st.integers(2, 5))
def test_oscillation_is_the_range_of_the_errors(data, models):
    errors = np.array(data.draw(st.lists(st.integers(-9, 9).map(float), min_size=models, max_size=models)))
    assert oscillation(errors=errors).value == np.ptp(errors)


@given(data=st.data(), low=error_bounds())
def test_the_interval_line_is_the_worst_corner(data, low):
    high = low + data.draw(error_bounds(models=low.size))
    chosen = data.draw(st.integers(0, low.size - 1))
    worst = max(0.0, max(high[m] for m in range(low.size) if m != chosen) - low[chosen])
    assert interval_policy(high=high, low=low, chosen=chosen).value == pytest.approx(worst, abs=1e-15)


def test_a_single_error_bound_would_be_violated_by_a_router_that_was_trained():
    """Two models, one query; one record each says 1/2 and 1/2 while the truth is 1/4 and 3/4."""
    from fedroute_theory.estimates import CellEstimates
    from fedroute_theory.federation import Logs
    from fedroute_theory.problems import Tabular

    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.25, 0.75]]), np.zeros((1, 2)))
    logs = Logs(np.zeros(2, int), np.zeros((2, 1)), np.zeros(2, int), np.arange(2), np.full(2, 0.5), np.zeros(2), 1, 2)
    half, zero = np.full((1, 2), 0.5), np.zeros((1, 2))
    estimates = CellEstimates(np.zeros((1, 1)), half, zero, np.ones((1, 2), int), zero, np.ones((1, 2), bool))
    found = answers(Case(problem, None, logs, [("pooled", None, estimates)]))
    assert found["sup"].gap == 0.5 > value_of(found["sup"]) / 2.0
    misled = replace(estimates, quality=np.array([[0.75, 0.25]]))
    found = answers(Case(problem, None, logs, [("pooled", None, misled)]))
    assert found["oscillation"].gap == 0.5 <= value_of(found["oscillation"]) == 1.0
