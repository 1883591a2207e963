"""The constants in the proof of margin-rate are those of the code; that its steps run is tested for all proofs at once."""

import pytest
import sympy
from reference import proof_module

from fedroute_theory.theorems import registry
from fedroute_theory.theorems.margin_rate.formulas import l2_rate, l2_simple, sup_rate
from fedroute_theory.theorems.margin_rate.lines import kappa, power_split


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0, 4.0])
def test_constants_are_the_codes(a):
    constants = proof_module("margin-rate").CONSTANTS
    symbol = next(iter(constants["kappa"].free_symbols))
    at = {name: float(sympy.N(constants[name].subs(symbol, a))) for name in ("kappa", "edge", "lead", "exponent")}
    assert kappa(a) == pytest.approx(at["kappa"])
    s = 0.5 * at["edge"] ** 0.5
    assert l2_rate(s=s, a=a, t0=1.0).value == pytest.approx(at["lead"] * s ** at["exponent"])
    assert power_split(at["edge"] ** 0.5, a)[1] == pytest.approx(at["kappa"])  # t = t0 exactly at the edge
    t = (s**2 / (float(constants["simple"]) * (1 + a))) ** (1 / (a + 2))
    assert l2_simple(s=s, a=a, t0=1.0).value == pytest.approx(s**2 / t + float(constants["simple"]) * t ** (1 + a))
    assert sup_rate(eps=0.1, a=a, t0=1.0).value == pytest.approx((constants["sup_factor"] * 0.1) ** (1 + a))
    assert {e.ratio for e in registry()["margin-rate"].extremal()} == {constants["ratio_at_extremal"]}
