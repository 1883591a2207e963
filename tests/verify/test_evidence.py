"""Evidence: a bound that is too small is called violated, whatever else is right; a number that is none never holds."""

import dataclasses
import math

import numpy as np
import pytest

from fedroute_theory.theorems import Bound, Claim, NotApplicable
from fedroute_theory.verify.evidence import shared, weigh
from fedroute_theory.verify.samples import ROUNDING, Verdict


def claim(value, gap, *, delta=0.0, kind="upper", bounds=None, gaps=None, n=10, client=None):
    return Claim(
        "form",
        "pooled",
        client,
        n,
        Bound({"a": value}, delta, kind, trivial=1.0),
        gap,
        bounds=np.empty(0) if bounds is None else np.asarray(bounds, float),
        gaps=np.empty(0) if gaps is None else np.asarray(gaps, float),
    )


def verdict(*claims):
    return weigh("theorem", "scenario", claims).verdict


def test_a_bound_below_its_gap_is_violated_and_above_it_holds():
    assert verdict(claim(0.5, 0.4)) is Verdict.HOLDS
    assert verdict(claim(0.5, 0.5)) is Verdict.HOLDS
    assert verdict(claim(0.4, 0.5)) is Verdict.VIOLATED


def test_only_rounding_is_forgiven():
    assert verdict(claim(0.5, 0.5 + 0.9 * ROUNDING)) is Verdict.HOLDS
    assert verdict(claim(0.5, 0.5 + 1.1 * ROUNDING)) is Verdict.VIOLATED
    assert ROUNDING <= 1e-9


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_repetitions_are_counted_one_by_one(rate):
    gaps = np.where(np.arange(600) < 600 * rate, 0.9, 0.1)
    found = weigh("t", "s", [claim(0.5, gaps[0], delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)])
    assert found.trials == 600
    assert found.violations == 600 * rate
    assert found.verdict is (Verdict.VIOLATED if rate else Verdict.HOLDS)
    assert found.power is not None


def test_clients_are_pooled_and_their_means_reported():
    found = weigh("t", "s", [claim(0.5, 0.2, client=0, n=3), claim(0.7, 0.8, client=1, n=4)])
    assert found.bound == pytest.approx(0.6)
    assert found.gap == pytest.approx(0.5)
    assert found.n == 7
    assert found.clients == 2
    assert (found.trials, found.violations) == (2, 1)
    assert found.terms == {"a": pytest.approx(0.6)}
    assert found.ratio == pytest.approx(1.2)
    assert found.largest_term == "a"


def refusal(client):
    return Claim("form", "local", client, 5, NotApplicable("coverage", "K2 is infinite"), 0.3)


def test_a_refusal_is_no_evidence():
    found = weigh("t", "s", [refusal(0), refusal(1)])
    assert found.verdict is Verdict.NOT_APPLICABLE
    assert found.bound is None
    assert found.ratio is None
    assert "coverage" in found.notes
    mixed = weigh("t", "s", [claim(0.4, 0.5), refusal(1)])
    assert mixed.verdict is Verdict.VIOLATED
    assert "for 1 of 2 clients" in mixed.notes


def test_a_number_that_is_none_never_holds():
    assert verdict(claim(0.5, math.nan)) is not Verdict.HOLDS
    assert verdict(claim(0.5, 0.1, bounds=[math.nan], gaps=[0.1])) is not Verdict.HOLDS


def test_gaps_that_are_no_numbers_never_hold():
    gaps = np.full(600, np.nan)
    assert verdict(claim(0.5, 0.1, delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)) is not Verdict.HOLDS


def test_a_lower_bound_is_compared_the_other_way_round():
    assert verdict(claim(0.3, 0.5, kind="lower")) is Verdict.HOLDS
    assert verdict(claim(0.5, 0.3, kind="lower")) is Verdict.VIOLATED


def test_a_comparison_is_an_upper_bound():
    assert verdict(claim(0.5, 0.3, kind="comparison")) is Verdict.HOLDS
    assert verdict(claim(0.3, 0.5, kind="comparison")) is Verdict.VIOLATED


def test_an_identity_is_compared_on_both_sides():
    assert verdict(claim(0.5, 0.5, kind="identity")) is Verdict.HOLDS
    assert verdict(claim(0.5, 0.4, kind="identity")) is Verdict.VIOLATED
    assert verdict(claim(0.4, 0.5, kind="identity")) is Verdict.VIOLATED


@pytest.mark.parametrize("violations", [0, 20, 300])
def test_trials_on_the_same_records_settle_only_what_they_can(violations):
    """Given one draw of the records the rate may exceed delta although a statement about fresh records is true."""
    gaps = np.where(np.arange(600) < violations, 0.9, 0.1)
    made = claim(0.5, 0.1, delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)
    found = weigh("t", "s", [dataclasses.replace(made, given_records=True)])
    assert found.verdict is (Verdict.HOLDS if violations == 0 else Verdict.INCONCLUSIVE)
    assert found.power is None
    assert (verdict(made) is Verdict.VIOLATED) == (violations == 300)


def test_json_has_no_infinity_and_keeps_the_names():
    found = weigh("t", "s", [claim(0.5, 0.0)]).as_json()
    wanted = [
        "theorem",
        "scenario",
        "training",
        "n",
        "bound",
        "gap",
        "gap_error",
        "ratio",
        "trials",
        "violations",
        "verdict",
        "terms",
        "assumptions",
    ]
    assert set(wanted) <= set(found)
    assert found["ratio"] is None
    assert found["verdict"] == "HOLDS"


def uncertain(gap, half):
    return dataclasses.replace(claim(0.5, gap), uncertainty=half)


@pytest.mark.parametrize(
    ("gap", "half", "expected"),
    [(0.4, 0.05, "HOLDS"), (0.4, 0.2, "INCONCLUSIVE"), (0.6, 0.2, "INCONCLUSIVE"), (0.6, 0.05, "VIOLATED")],
)
@pytest.mark.parametrize("kind", ["upper", "lower", "identity"])
def test_the_interval_of_a_gap_enters_the_verdict(kind, gap, half, expected):
    if kind == "lower":
        gap = 1.0 - gap
    if kind == "identity":
        expected = "INCONCLUSIVE" if half == 0.2 else "VIOLATED"
    made = dataclasses.replace(uncertain(gap, half), answer=Bound({"a": 0.5}, kind=kind))
    assert str(verdict(made)) == expected


@pytest.mark.parametrize(("unclear", "expected"), [(0, "HOLDS"), (300, "INCONCLUSIVE")])
def test_unclear_trials_count_as_violations_for_a_claim_and_as_none_against_it(unclear, expected):
    gaps = np.where(np.arange(600) < unclear, 0.48, 0.1)
    made = claim(0.5, 0.1, delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)
    found = weigh("t", "s", [dataclasses.replace(made, uncertainty=0.03)])
    assert (found.violations, found.unclear) == (0, unclear)
    assert str(found.verdict) == expected


def test_one_false_alarm_is_shared_by_all_randomised_claims():
    gaps = np.where(np.arange(600) < 54, 0.9, 0.1)
    randomised = weigh("t", "s", [claim(0.5, 0.1, delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)])
    certain, refused = weigh("t", "s", [claim(0.5, 0.4)]), weigh("t", "s", [refusal(0)])
    one = shared([randomised, certain, refused], 1e-3)
    assert [e.randomised for e in one] == [True, False, False]
    assert one[0].alpha == 1e-3
    assert one[1:] == (certain, refused)
    many = shared([randomised] * 1000, 1e-3)
    assert {e.alpha for e in many} == {1e-6}
    assert many[0].power > one[0].power
    assert one[0].verdict is Verdict.VIOLATED
    assert many[0].verdict is Verdict.INCONCLUSIVE


def test_evidence_says_after_how_many_trials_a_bet_would_have_decided():
    gaps = np.full(600, 0.9)
    broken = weigh("t", "s", [claim(0.5, 0.9, delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)])
    assert broken.decided_after < 10
    assert weigh("t", "s", [claim(0.5, 0.4)]).decided_after is None


@pytest.mark.parametrize(("kind", "bound", "holds"), [
    ("lower", math.inf, False), ("upper", -math.inf, False), ("identity", math.inf, False), ("comparison", -math.inf, False),
    ("upper", math.inf, True), ("lower", -math.inf, True),
])  # fmt: skip
def test_an_infinite_bound_on_the_wrong_side_is_violated(kind, bound, holds):
    assert verdict(claim(bound, 0.3, kind=kind)) is (Verdict.HOLDS if holds else Verdict.VIOLATED)
    assert verdict(claim(0.3, 0.3, kind=kind, bounds=[0.3, bound], gaps=[0.3, 0.3])) is (
        Verdict.HOLDS if holds else Verdict.VIOLATED
    )


def test_estimates_that_may_miss_take_their_chance_from_the_trials():
    gaps = np.zeros(600)
    randomised = weigh("t", "s", [claim(0.5, 0.1, delta=0.05, bounds=np.full(600, 0.5), gaps=gaps)])
    missing = [dataclasses.replace(claim(0.5, 0.4, client=i), miss=1e-9) for i in range(2)]
    estimated = weigh("t", "s", missing)
    assert estimated.miss == 2e-9
    assert shared([randomised, estimated], 1e-6)[0].alpha == pytest.approx(1e-6 - 2e-9, rel=1e-12)
    assert shared([randomised, randomised], 1e-6)[0].alpha == 5e-7
    assert shared([randomised, estimated], 1e-12)[0].alpha == 5e-13  # they alone are above it
