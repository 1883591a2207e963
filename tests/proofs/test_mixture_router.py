"""The constants of the proof of mixture-router are those of the code."""

import numpy as np
import pytest
from reference import proof_module
from scipy.stats import binom

from fedroute_theory.theorems.mixture_router import formulas
from fedroute_theory.theorems.mixture_router.families import aligned
from fedroute_theory.theorems.mixture_router.traps import coin_gaps

CONSTANTS = proof_module("mixture-router").CONSTANTS


def test_the_harmonic_factor_is_the_codes():
    assert CONSTANTS["harmonic_factor"] == formulas.HARMONIC_FACTOR
    value = formulas.harmonic(B_loc=3.0, B_fed=5.0, delta=0.1).value
    assert value == pytest.approx(CONSTANTS["harmonic_factor"] * 15 / 8)
    far = formulas.harmonic(B_loc=1.0, B_fed=1e12, delta=0.1).value
    assert far == pytest.approx(CONSTANTS["harmonic_over_smaller"])


def test_the_aligned_family_is_the_codes():
    problem, mixture = aligned()
    assert problem.suboptimality(mixture.policy(0.0)).value == float(CONSTANTS["aligned_gap"])


def test_expected_gaps_agree_in_fractions():
    exact = proof_module("mixture-router").expected_gap
    assert coin_gaps(local=1, federated=25, weight=1.0) == pytest.approx(float(exact(1, None)), abs=1e-14)


def test_the_failure_of_shared_records_taken_as_independent():
    width = formulas.weighted_width(n_loc=100, n_fed=100, shared=0, u=0.5, N=1, R=1.0, delta=0.05).value
    sums = np.arange(101)
    failure = binom.pmf(sums, 100, 0.5)[np.abs(sums / 100 - 0.5) > width].sum()
    assert failure == pytest.approx(CONSTANTS["trap_failure"], rel=1e-10)
