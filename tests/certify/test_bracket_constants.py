"""Programs of the bracket table by other routes, and versions of their theorems with a wrong constant: each must be caught."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.certify import client_worst_case, gradient_descent, linear_heads, mixture_worst_case, network_quantile
from fedroute_theory.certify.bracket_routers import NU, RATIO, boxes_worst_case, gaps_of, linear_networks
from fedroute_theory.certify.bracket_training import quadratic_value
from fedroute_theory.theorems import theorem
from fedroute_theory.theorems.least_squares.constants import SHARP

# --- mixtures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_program_is_the_constant_form_up_to_the_range(seed):
    rng = np.random.default_rng(seed)
    nu, u, (local, federated) = rng.dirichlet(np.ones(3)), rng.random(), rng.uniform(0.0, 1.2, 2)
    found = mixture_worst_case(nu, np.full(3, u), np.array([local]), np.array([federated]))
    assert found.primal == pytest.approx(min(1.0, u * local + (1 - u) * federated), abs=1e-9)
    assert found.check().holds


def test_mixtures_with_a_smaller_constant_are_caught():
    exact = mixture_worst_case(NU, np.full(3, 0.6), np.array([0.2]), np.array([0.3])).primal
    bound = theorem("mixture-router").forms["harmonic"](B_loc=0.2, B_fed=0.3, delta=0.05)
    assert exact == pytest.approx(bound.value)
    assert max(bound.terms.values()) < 0.51 * exact  # B B' / (B + B') without the factor 2
    aligned = mixture_worst_case(NU, np.full(3, 0.5), np.array([0.2]), np.array([0.4])).primal
    assert math.sqrt(0.5 * 0.2**2 + 0.5 * 0.4**2) > aligned > math.hypot(0.5 * 0.2, 0.5 * 0.4)  # errors that average out
    u, mine, ours = np.array([0.2, 0.5, 0.9]), np.array([0.3, 0.2, 0.1]), np.array([0.1, 0.4, 0.2])
    mixed = np.sort(u * mine + (1 - u) * ours)
    assert boxes_worst_case(u, mine, ours) == pytest.approx(mixed[1:].sum())
    assert boxes_worst_case(u, mine, ours) > mixed[0] + mixed[1] + 1e-3  # two smallest in place of the two largest


# --- clients --------------------------------------------------------------------------------------------------------------


def test_a_client_pays_error_and_bias_in_full():
    k2 = float(NU @ np.sort(1.0 / RATIO, axis=1)[:, 1:].sum(axis=1))
    found = client_worst_case(NU, NU[:, None] * RATIO, 0.05, 0.1)
    assert found.primal == pytest.approx(0.05 * math.sqrt(k2) + 0.1, rel=1e-6)
    assert found.primal > 1.05 * (0.05 * math.sqrt(k2) + 0.5 * 0.1)  # half the bias
    assert found.primal > 1.05 * math.hypot(0.05 * math.sqrt(k2), 0.1)  # squares added
    for eps, bias in ((0.5, 0.6), (1.0, 0.1), (5.0, 2.0)):
        bounded = client_worst_case(NU, NU[:, None] * RATIO, eps, bias)
        assert bounded.check().failures == ()
        assert bounded.primal == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_random_instance_beats_the_client_program(seed):
    rng = np.random.default_rng(seed)
    rho = NU[:, None] * RATIO
    found = client_worst_case(NU, rho, 0.2, 0.15)
    for _ in range(300):
        own, bias, error = rng.random((3, 3)), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
        bias *= 0.15 / (NU @ np.ptp(bias, axis=1))
        error *= 0.2 / math.sqrt((rho * error**2).sum())
        chosen = (own - bias - error).argmax(axis=1)
        assert NU @ (own.max(axis=1) - own[np.arange(3), chosen]) <= found.dual + 1e-9


# --- networks -------------------------------------------------------------------------------------------------------------


def test_the_quantile_is_that_of_all_sequences_of_records():
    truths, laws, records = np.array([[0.2, 0.9], [0.6, 0.5]]), np.array([[0.5, 0.5], [0.9, 0.1]]), [2, 2]
    functions, left = np.array([[0.3, 0.9], [0.5, 0.5], [1.0, 0.0]]), np.array([0.01, 0.05, 0.3])
    mass = np.array([2, 2])[:, None] * laws
    truth = (mass * truths).sum(axis=0) / mass.sum(axis=0)
    law = {}
    for draws in product(product((0, 1), repeat=2), repeat=4):
        chance, excess = 1.0, np.zeros(3)
        for client, (point, label) in zip((0, 0, 1, 1), draws, strict=True):
            mean = truths[client, point]
            chance *= laws[client, point] * (mean if label else 1 - mean)
            excess += (functions[:, point] - label) ** 2 - (truth[point] - label) ** 2
        value = round(float((0.46 * 4 * left - excess).max()), 9)
        law[value] = law.get(value, 0.0) + chance
    for delta in (0.3, 0.05):
        reached, level = 0.0, None
        for value in sorted(law):
            reached += law[value]
            if level is None and reached >= 1 - delta:
                level = value
        found = network_quantile(functions, truths, laws, left, np.array(records), 0.46, delta)
        assert found.primal == pytest.approx(level, abs=1e-8)


@pytest.mark.parametrize(("factor", "holds"), [(SHARP, True), (0.7, False), (1.0, False)])
def test_a_larger_constant_of_the_error_is_caught(factor, holds):
    """The function 1 against 64 fair coins."""
    one, delta = np.ones((1, 1)), 2.64e-4
    found = network_quantile(one, 0.5 * one, one, np.array([0.25]), np.array([64]), factor, delta)
    assert (found.primal <= math.log(1.0 / delta)) == holds


def test_gaps_of_networks_by_hand():
    linear = linear_networks(np.array([-0.6, 0.6]))
    assert linear[1].tolist() == pytest.approx([0.8, 0.2, 0.2, 0.8])
    # the truth prefers model 0 at query 0 and model 1 at query 1 by 0.6; opposite weights swap both, equal ones tie
    assert gaps_of(linear, linear[1]).tolist() == pytest.approx([0.6, 0.0, 0.6, 0.6])


# --- heads ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chances", [["1/2"] * 5, ["1/7", "2/3", 0, 1, "1/2"]])
def test_the_mean_of_all_outcomes_is_the_leverage_formula(chances):
    design = [[1, 0, 0], [1, 1, 1], [1, 2, 4], [1, 3, 9], [1, "7/2", 0]]
    found = linear_heads(design, chances)
    x, f = np.array([[float(Fraction(v)) for v in row] for row in design]), np.array([float(Fraction(v)) for v in chances])
    hat = x @ np.linalg.solve(x.T @ x, x.T)
    bound = theorem("linear-heads").forms["leverages"](h=np.diag(hat), s2=f * (1 - f), bias=float(((f - hat @ f) ** 2).mean()))
    assert found.primal == pytest.approx(bound.value, abs=1e-12)
    largest = theorem("linear-heads").forms["bernoulli"](p=3, n=5, R=1.0, bias=bound.terms["bias"]).value
    assert found.primal <= largest + 1e-12


def test_heads_with_a_smaller_constant_are_caught():
    design, fair = [[1, k] for k in range(6)], ["1/2"] * 6
    assert linear_heads(design, fair).primal == pytest.approx(2 / 24, abs=1e-15)
    assert linear_heads(design, fair).primal > 2 / (5 * 6)  # p / (5 n)
    assert linear_heads(design, fair).primal > 1 / 24  # one feature forgotten
    assert linear_heads(design, fair, 0.05).primal > (2 + 0.0) / 24  # the quantile without its deviation


@pytest.mark.parametrize(
    ("design", "chances", "words"),
    [
        ([[1, 1], [1, 1]], [0, 1], "full column rank"),
        ([[1], [1]], [0], "as many as there are chances"),
        ([[1]] * 11, [0] * 11, "1 to 10 rows"),
        ([[1]], [2], r"lie in \[0, 1\]"),
    ],
)
def test_designs_that_do_not_fit_are_refused(design, chances, words):
    with pytest.raises(InputError, match=words):
        linear_heads(design, chances)


# --- FedAvg ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("eta", "steps", "every"), [(0.3, 1, 1), (1.5, 3, 1), (0.4, 6, 2), (0.2, 6, 3)])
def test_no_smooth_function_is_worse_than_the_quadratic(eta, steps, every):
    found = gradient_descent(eta / 2.0, steps, every=every, smoothness=2.0, gap=0.5)
    assert found.check().holds
    assert found.primal == pytest.approx(quadratic_value(eta, steps, every), rel=2e-6)  # L gap = 1


def test_fedavg_with_a_smaller_constant_is_caught():
    exact = gradient_descent(1.0, 4).primal
    sharp = theorem("fedavg-convergence").forms["sharp"](
        gap=1.0, eta=1.0, tau=1, T=4, L=1.0, sigma=0.0, A=1.0, N=1, beta=1.0, kappa=0.0
    )
    assert exact == pytest.approx(sharp.value, rel=1e-6)
    assert exact > 1.0 / 4.0 + 1e-3  # gap / (eta T): the descent at half its price
    assert gradient_descent(0.25, 8).primal > 0.95 * 8 / 7 / 2  # the constant 8/7 of 2 / (2 - eta L), less one in twenty


@pytest.mark.parametrize(
    ("arguments", "words"), [((0.5, 5, 2), "multiple of every = 2"), ((2.5, 2, 1), "'eta'"), ((0.5, 9, 1), "'steps'")]
)
def test_steps_that_do_not_fit_are_refused(arguments, words):
    eta, steps, every = arguments
    with pytest.raises(InputError, match=words):
        gradient_descent(eta, steps, every=every)


def test_levels_and_laws_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="one entry or one a query"):
        mixture_worst_case(NU, np.ones(3), np.ones(2), np.ones(1))
    with pytest.raises(InputError, match="positive sum"):
        mixture_worst_case(np.zeros(3), np.ones(3), np.ones(1), np.ones(1))
    with pytest.raises(InputError, match="sum to at most 1"):
        client_worst_case(NU, RATIO, 0.1, 0.1)
    one = np.ones((1, 1))
    with pytest.raises(InputError, match="positive sum"):
        network_quantile(one, one, 0 * one, np.ones(1), np.array([2]), 0.4, 0.1)
    wide = np.full((1, 4), 0.5)
    with pytest.raises(InputError, match="smaller for 4 points"):
        network_quantile(wide, wide, wide, np.ones(1), np.array([64]), 0.4, 0.1)
