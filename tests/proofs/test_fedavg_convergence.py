"""The constants of the proof are those of the code."""

import pytest
from reference import proof_module

from fedroute_theory.theorems.fedavg_convergence import formulas


def test_fedavg_constants_are_the_codes():
    constants = proof_module("fedavg-convergence").CONSTANTS
    assert pytest.approx([float(c) for c in constants["explicit"]], rel=1e-15) == formulas.EXPLICIT
    for ours, theirs in zip(formulas.TWO_SETS, constants["two_sets"], strict=True):
        assert ours == pytest.approx([float(c) for c in theirs], rel=1e-15)
    assert float(constants["step_limit"]) == formulas.STEP_LIMIT


def test_explicit_constants_are_those_of_its_young_parameters():
    """At the largest step with beta = 1 and many local steps the linear form stays below each constant, and near it."""
    tau, constants = 4000, proof_module("fedavg-convergence").CONSTANTS
    g = formulas.growth(0.25 / tau, tau, 1.0)
    mu, c = float(constants["mu"]), float(constants["c"])
    terms = formulas._linear(g, 2.0, g.noise, 1.0, 1.0, 1.0, mu, c).terms
    x = 0.25 / tau
    reached = (terms["initial gap"], terms["noise"], terms["local noise drift"] / (x**2 * (tau - 1)),
               terms["heterogeneity drift"] / (x**2 * tau * (tau - 1)))  # fmt: skip
    for found, constant in zip(reached, formulas.EXPLICIT, strict=True):
        assert 0.8 * constant < found <= constant
