"""frontier: every price of random cases, curves against linear programs, equality where it is claimed."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog

from fedroute_theory.curves import area_between, deficits, envelope, height, sweep
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Bound, NotApplicable
from fedroute_theory.theorems.frontier import formulas
from fedroute_theory.theorems.frontier.claims import claims, two_largest
from fedroute_theory.theorems.frontier.families import PRICES, dear_twin, price_by_price, said, tied

LADDER = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 60)])


def truth_of(problem):
    return sweep(problem.quality, problem.cost, problem.quality, problem.cost, problem.weights)


@given(case=cases())
@settings(max_examples=120)
def test_every_statement_holds_on_random_cases(case):
    for claim in claims(case):
        if not isinstance(claim.answer, Bound):
            assert claim.form == "all-prices-spread"
            assert not case.trained[0][2].routable.all()
            continue
        assert claim.gap <= claim.answer.value + 1e-9
        if claim.gaps.size:
            assert (claim.gaps <= claim.bounds * (1 + 1e-12) + 1e-9).all()
            assert claim.bounds[0] == pytest.approx(claim.answer.value)


@given(case=cases(duplicates=False))
@settings(max_examples=80)
def test_the_sweep_is_the_policy_at_every_price(case):
    """The exact sweep against argmax at sixty prices, and the checked prices against a finer ladder."""
    problem, estimates = case.problem, case.trained[0][2]
    learned = sweep(*estimates.predict(problem.embeddings), problem.quality, problem.cost, problem.weights)
    part = two_largest(problem, estimates.predict(problem.embeddings))
    rows = np.arange(problem.weights.size)
    for price in LADDER[1:]:
        if np.abs(learned.price - price).min(initial=1.0) <= 1e-9 * price:
            continue  # at a break the tie rule decides
        chosen = estimates.utility_at(problem.embeddings, price).argmax(axis=1)
        point = [problem.mean(problem.cost[rows, chosen]), problem.mean(problem.quality[rows, chosen])]
        assert learned.at(np.array([price]))[0] == pytest.approx(point, abs=1e-9)
        gap = problem.replace(lam=price).suboptimality(estimates.policy(price)).value
        assert gap <= (part.a + price * part.b) * (1 + 1e-9) + 1e-9


@given(case=cases(duplicates=False, max_queries=4))
@settings(max_examples=25)
def test_the_optimal_curve_is_the_linear_programs(case):
    problem = case.problem
    best = envelope(truth_of(problem).points)
    n, m = problem.quality.shape
    for budget in np.linspace(best[0, 0], best[-1, 0] + 0.1, 4):
        found = linprog(
            -(problem.weights[:, None] * problem.quality).ravel(),
            A_ub=(problem.weights[:, None] * problem.cost).ravel()[None],
            b_ub=[budget + 1e-12],
            A_eq=np.kron(np.eye(n), np.ones(m)),
            b_eq=np.ones(n),
            method="highs",
        )
        assert -found.fun == pytest.approx(height(best, np.array([budget]))[0], abs=1e-7)


@given(case=cases(duplicates=False))
@settings(max_examples=60)
def test_the_points_of_the_optimal_sweep_are_its_vertices(case):
    points = truth_of(case.problem).points
    kept = envelope(points)
    assert np.abs(height(kept, points[:, 0]) - points[:, 1]).max() <= 1e-9


@pytest.mark.parametrize("lam", PRICES)
def test_the_tie_is_an_equality_at_every_price(lam):
    found = said(tied(lam))
    assert found["all-prices"].gap == pytest.approx(0.3 + 0.4 * lam)
    assert found["all-prices"].answer.value == pytest.approx(0.3 + 0.4 * lam)
    assert found["envelope"].gap == pytest.approx(found["envelope"].answer.value)
    claim = found["all-prices"]
    assert claim.gaps == pytest.approx(claim.bounds)


def test_the_shift_of_the_cost_is_needed():
    case = dear_twin()
    problem, own = case.problem, case.trained[0][2]
    best = envelope(truth_of(problem).points)
    learned = envelope(sweep(*own.predict(problem.embeddings), problem.quality, problem.cost, problem.weights).points)
    assert deficits(best, learned, 0.0).max() > 0.1
    assert deficits(best, learned, 0.2).max() <= 1e-12


def test_a_model_left_out_is_named():
    case = tied(1.0)
    from dataclasses import replace

    own = replace(case.trained[0][2], routable=np.array([[True, False]]))
    found = said(replace(case, trained=[("pooled", None, own)]))
    answer = found["all-prices-spread"].answer
    assert isinstance(answer, NotApplicable)
    assert answer.assumption == "an estimate for every model"
    assert "1" in answer.by_how_much
    assert isinstance(found["all-prices"].answer, Bound)


def test_areas_are_exact_and_bounded():
    best, own = np.array([[0.0, 0.2], [0.5, 0.8]]), np.array([[0.2, 0.2], [0.7, 0.8]])
    gap = area_between(best, own, 0.2, 1.0)
    fine = np.linspace(0.2, 1.0, 200_001)
    assert gap == pytest.approx(np.trapezoid(height(best, fine) - height(own, fine), fine), abs=1e-9)
    assert gap <= formulas.area_deficit(a=0.0, b=0.2, width=0.8, rise=0.6).value + 1e-12
    assert gap == pytest.approx(0.2 * 0.8 - 0.5 * 0.2 * (0.2 + 0.44))  # the same curve moved by b: two strips


def test_one_price_is_not_all_prices():
    single, union = price_by_price(20, 0.1, np.concatenate([[0.0], np.geomspace(0.01, 100.0, 41)]))
    assert single <= 0.1 < union < 0.2


def test_events_of_other_theorems_split_into_the_two_parts():
    at = {"K2": 9.0, "r_q": 0.01, "r_c": 0.04, "c_max": 2.0}
    assert formulas.squared_errors(**at, lam=5.0).value == pytest.approx(3 * (0.1 + 5 * 2 * 0.2))
    given_ = {"L_q": 1.0, "L_c": 0.5, "distance": 0.1, "mismatch": 0.02, "n_min": 50.0, "N": 20.0, "c_max": 2.0, "delta": 0.1}
    w = np.sqrt(np.log(4 * 20 / 0.1) / 100)
    bound = formulas.kmeans(**given_, lam=3.0, hole_mass=0.1)
    assert bound.terms["quality"] == pytest.approx(2 * 0.12 + 2 * w + 0.1)
    assert bound.terms["cost"] == pytest.approx(3 * (2 * 0.5 * 0.12 + 2 * (2 * w + 0.1)))
    assert bound.delta == 0.1
    slope = formulas.envelope_below(a=0.1, b=0.2, slope=0.5)
    assert slope.value == pytest.approx(0.2)


def test_the_calculator_flags_bounds_that_say_no_more_than_the_range():
    at = {"L_q": 1.0, "L_c": 1.0, "distance": 0.1, "mismatch": 0.05, "N": 220, "c_max": 1.0, "lam": 1.0, "delta": 0.05}
    few, many = (formulas.FORMS["kmeans"](**at, n_min=n) for n in (10, 1000))
    assert (few.trivial, few.vacuous, many.vacuous) == (2.0, True, False)
    wide = formulas.FORMS["squared-errors"](K2=4.0, r_q=1.0, r_c=0.0, c_max=3.0, lam=0.25)
    assert (wide.value, wide.trivial, wide.vacuous) == (2.0, 1.75, True)
    prices = formulas.FORMS["all-prices"]
    assert [prices(a=0.8, b=2.0, lam=0.5, c_max=c).vacuous for c in (1.0, 1.6, 1.7)] == [True, True, False]
    errors = {"quality_error": [0.5, 0.4], "cost_error": [0.6, 0.6], "lam": 1.0}
    assert formulas.FORMS["pointwise"](**errors, c_max=1.0).vacuous
    assert not formulas.FORMS["pointwise"](**errors, c_max=1.2).vacuous
    assert formulas.FORMS["envelope"](a=1.0, b=0.0).vacuous
    assert not formulas.FORMS["envelope"](a=0.9, b=0.0).vacuous
    assert formulas.FORMS["area"](a=1.0, b=0.0, width=0.5, rise=0.2).vacuous
    assert not formulas.FORMS["area"](a=0.5, b=0.1, width=0.5, rise=0.2).vacuous


def test_an_area_of_no_width_is_exact_and_not_vacuous():
    area = formulas.FORMS["area"]
    assert not area(a=0.3, b=0.0, width=0.0, rise=0.0).vacuous
    assert area(a=1.0, b=0.0, width=0.5, rise=0.0).vacuous
