"""The constants of proofs/linear-heads are those of the code."""

import math

import pytest
from reference import proof_module

from fedroute_theory.theorems.linear_heads import THEOREM, formulas


def test_constants_are_the_codes():
    constants = proof_module("linear-heads").CONSTANTS
    assert constants["largest_variance"] == formulas.LARGEST_VARIANCE
    assert formulas.bernoulli(p=3, n=7, R=2.0).value == pytest.approx(float(constants["largest_variance"]) * 4 * 3 / 7)
    first, second = constants["deviation"]
    far = math.log(1 / 0.1)
    level = formulas.high_probability(p=3, n=7, delta=0.1)
    assert level.value == pytest.approx((3 + first * math.sqrt(3 * far) + second * far) / 4 / 7)
    assert level.delta == 0.1


def test_traps_have_the_numbers_of_the_controls():
    constants = proof_module("linear-heads").CONSTANTS
    evidence = {c.name: c.evidence for c in THEOREM.controls()}
    for key, name in (("trap_stopped", "logging stopped"), ("trap_copied", "labels that are copies")):
        said = next(text for title, text in evidence.items() if title.startswith(name))
        claimed, true = (float(x) for x in constants[key])
        assert said == f"claimed {claimed:.4g}, exactly {true:.4g}"
