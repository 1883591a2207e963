"""The constants in the proof of frontier are those of the code; that its steps run is tested for all proofs at once."""

import math

import pytest
from reference import proof_module

from fedroute_theory.theorems import registry
from fedroute_theory.theorems.frontier.families import controls
from fedroute_theory.theorems.frontier.formulas import kmeans


def test_constants_are_the_codes():
    constants = proof_module("frontier").CONSTANTS
    assert {e.ratio for e in registry()["frontier"].extremal()} == {constants["ratio_at_extremal"]}
    bound = kmeans(L_q=0.0, L_c=0.0, distance=0.0, mismatch=0.0, n_min=8.0, N=5.0, c_max=1.0, lam=0.0, delta=0.1)
    width = math.sqrt(math.log(constants["log_factor"] * 5 / 0.1) / 16)
    assert bound.value == pytest.approx(constants["errors_of_each_kind"] * width)
    assert f"{constants['one_price_union']:.4f}" in controls()[0].evidence
