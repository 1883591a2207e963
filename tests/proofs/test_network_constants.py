"""The constants of the proofs about fitted functions are those of the code."""

import math
from fractions import Fraction

import pytest
import sympy
from reference import proof_module

from fedroute_theory.theorems import registry
from fedroute_theory.theorems.client_heterogeneity.formulas import alone_from
from fedroute_theory.theorems.least_squares import constants, formulas
from fedroute_theory.theorems.mlp_router.families import CHAIN_RATIO
from fedroute_theory.theorems.mlp_router.formulas import finite_class, pac_bayes, utility

LEAST_SQUARES = proof_module("least-squares")
NETWORK = proof_module("mlp-router").CONSTANTS
CLIENTS = proof_module("client-heterogeneity").CONSTANTS
AT_ZERO = {"K2": 4.0, "S_q": 0.0, "S_c": 0.0, "n": 1e9, "lam": 0.0, "c_max": 1.0, "delta": 0.1}


def decimal(value):
    return Fraction(repr(value))


def test_the_table_of_etas_and_kappas_is_the_proved_one():
    assert {decimal(eta): decimal(kappa) for eta, kappa in constants.TABLE} == LEAST_SQUARES.KAPPA
    assert constants.ETAS.tolist() == [eta for eta, _ in constants.TABLE]
    assert constants.KAPPAS.tolist() == [kappa for _, kappa in constants.TABLE]


def test_the_named_constants_are_the_proved_ones():
    proved = LEAST_SQUARES.CONSTANTS
    assert decimal(constants.SHARP) == proved["kappa_one"] == NETWORK["kappa_one"] == CLIENTS["kappa_one"]
    assert decimal(constants.BEST) == proved["kappa_best"] == NETWORK["kappa_best"] == CLIENTS["kappa_best"]
    assert float(sympy.N(proved["simple"])) == pytest.approx(constants.SIMPLE, rel=1e-15)
    assert tuple(decimal(eta) for eta in constants.PAC_ETAS) == proved["adaptive_etas"]
    assert len(constants.PAC_ETAS) == NETWORK["grid"]
    best = max(LEAST_SQUARES.KAPPA, key=LEAST_SQUARES.KAPPA.get)
    assert best == proved["best_eta"]


def test_the_forms_use_them():
    log_term, n = math.log(10), 1e9
    given = {"S": 0.0, "log_class": 0.0, "delta": 0.1, "n": n}
    assert formulas.random_design(**given).value * n == pytest.approx(log_term / float(CLIENTS["kappa_best"]), rel=1e-6)
    assert formulas.random_design_eta(**given, eta=1.0).value * n == pytest.approx(
        log_term / float(NETWORK["kappa_one"]), rel=1e-6
    )
    fixed = formulas.fixed_design(**given).value * n
    assert fixed == pytest.approx(LEAST_SQUARES.CONSTANTS["fixed"] * log_term)
    priced = log_term + math.log(len(LEAST_SQUARES.CONSTANTS["adaptive_etas"]))
    averaged = formulas.pac_bayes(S=0.0, log_ratio=0.0, delta=0.1, n=n).value * n
    assert averaged == pytest.approx(priced / float(NETWORK["kappa_one"]), rel=1e-6)


def test_two_events_are_paid_for_and_one_for_one_price():
    best = float(NETWORK["kappa_best"])
    both = math.log(NETWORK["events"] / 0.1)
    assert finite_class(**AT_ZERO, log_class=0.0).value == pytest.approx(2 * math.sqrt(both / (best * 1e9)), rel=1e-6)
    one = utility(K2=4.0, S=0.0, log_class=0.0, n=1e9, R=1.0, delta=0.1).value
    assert one == pytest.approx(2 * math.sqrt(math.log(10) / (best * 1e9)), rel=1e-6)
    grid = pac_bayes(**AT_ZERO, log_ratio=0.0).value
    assert grid == pytest.approx(
        2 * math.sqrt((both + math.log(NETWORK["grid"])) / (float(NETWORK["kappa_one"]) * 1e9)), rel=1e-6
    )


def test_the_ratios_of_tight_families_are_the_proved_ones():
    assert pytest.approx(math.sqrt(1 / (2 * float(NETWORK["kappa_best"])))) == CHAIN_RATIO
    assert {e.ratio for e in registry()["mlp-router"].extremal()} == {CHAIN_RATIO}
    assert {e.ratio for e in registry()["client-heterogeneity"].extremal()} == {CLIENTS["bias_ratio"]}


def test_the_crossover_uses_the_proved_constant():
    v = 0.3**2 / 4.0
    expected = math.log(2 / 0.1) / -math.log(1 - float(CLIENTS["kappa_best"]) * v)
    found = alone_from(federated=0.3, K2=4.0, log_class=0.0, lam=0.0, c_max=1.0, delta=0.1).value
    assert found == pytest.approx(expected)


def test_the_numbers_of_the_statements_are_the_codes():
    assert f"{constants.SHARP:g} n" in registry()["mlp-router"].statement
    assert f"c = {constants.BEST:g}" in registry()["client-heterogeneity"].statement
