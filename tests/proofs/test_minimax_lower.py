"""The constants in the proof of minimax-lower are those of the code; that its steps run is tested for all proofs at once."""

from fractions import Fraction

import pytest
from reference import proof_module

from fedroute_theory.problems import two_points
from fedroute_theory.problems.minimax import LIMIT_GAP, mirror_error
from fedroute_theory.theorems.minimax_lower.formulas import affinity


def test_constants_are_the_codes():
    proof = proof_module("minimax-lower")
    constants = proof.CONSTANTS
    for (n_a, n_b), name in {(0, 0): "v(0,0)", (0, 7): "v(0,n)", (1, 1): "v(1,1)"}.items():
        assert two_points(n_a, n_b).value == pytest.approx(float(constants[name]), abs=1e-9)
    assert pytest.approx(constants["normal_gap"], abs=1e-4) == LIMIT_GAP
    large = two_points(10**5, 10**5).value / (2e-5) ** 0.5
    assert large == pytest.approx(constants["normal_limit"], rel=1e-3)
    assert affinity(n_a=1e8, n_b=1e8).value / (2e-8) ** 0.5 == pytest.approx(constants["affinity_limit"], rel=1e-3)
    shifts = Fraction(1, 10), Fraction(1, 4)
    assert mirror_error(3, 5, *map(float, shifts)) == pytest.approx(float(proof.error((3, 5), shifts)))
