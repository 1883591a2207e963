"""The statistics of verdicts, computed exactly: limits, power, false alarms."""

import numpy as np
import pytest
from reference import one_sentence
from scipy.stats import binom, binomtest

from fedroute_theory.verify import FALSE_ALARM, rate_test
from fedroute_theory.verify.evidence import Verdict, decide
from fedroute_theory.verify.scenarios import REPETITIONS
from fedroute_theory.verify.statistics import CLAIMS_PER_RUN

ALPHA = FALSE_ALARM / CLAIMS_PER_RUN


@pytest.mark.parametrize("alpha", [1e-9, 1e-3, 0.05])
@pytest.mark.parametrize(("violations", "trials"), [(0, 1), (1, 1), (0, 450), (3, 450), (60, 450), (450, 450), (7, 20)])
def test_limits_are_those_of_clopper_and_pearson(violations, trials, alpha):
    found = rate_test(violations, trials, 0.05, alpha)
    exact = binomtest(violations, trials).proportion_ci(1 - 2 * alpha, method="exact")
    assert found.lower == pytest.approx(exact.low, rel=1e-6, abs=1e-12)
    assert found.upper == pytest.approx(exact.high, rel=1e-6)


@pytest.mark.parametrize(("violations", "trials"), [(2, 30), (29, 30), (100, 600)])
def test_limits_are_where_the_tails_reach_alpha(violations, trials):
    found = rate_test(violations, trials, 0.05)
    assert binom.sf(violations - 1, trials, found.lower) == pytest.approx(ALPHA, rel=1e-6)
    assert binom.cdf(violations, trials, found.upper) == pytest.approx(ALPHA, rel=1e-6)


def verdict(violations, trials, delta):
    return decide(violations, trials, delta)[0]


@pytest.mark.parametrize("delta", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("trials", [10, 450, 600, 3000])
def test_a_true_claim_is_called_violated_with_less_than_the_stated_chance(delta, trials):
    """At the largest rate the claim allows; smaller rates only make it rarer."""
    chances = binom.pmf(np.arange(trials + 1), trials, delta)
    alarm = sum(p for v, p in enumerate(chances) if verdict(v, trials, delta) is Verdict.VIOLATED)
    assert alarm <= ALPHA * (1 + 1e-9)
    assert ALPHA * CLAIMS_PER_RUN == FALSE_ALARM == 1e-6


@pytest.mark.parametrize("delta", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("trials", [450, 600])
def test_power_is_the_rate_that_is_caught_nine_times_in_ten(delta, trials):
    power = rate_test(0, trials, delta).power
    chances = binom.pmf(np.arange(trials + 1), trials, power)
    caught = sum(p for v, p in enumerate(chances) if verdict(v, trials, delta) is Verdict.VIOLATED)
    assert delta < power < 1.0
    assert caught == pytest.approx(0.9, abs=1e-9)


def test_too_few_trials_have_no_power():
    assert rate_test(0, 3, 0.05).power == 1.0
    assert verdict(3, 3, 0.05) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("violations", "expected"), [(0, "HOLDS"), (20, "INCONCLUSIVE"), (200, "VIOLATED")])
def test_verdicts_of_a_claim_that_may_fail(violations, expected):
    assert str(verdict(violations, 600, 0.05)) == expected


@pytest.mark.parametrize(("violations", "expected"), [(0, "HOLDS"), (1, "VIOLATED")])
def test_a_claim_that_may_never_fail_falls_with_one_violation(violations, expected):
    found, power = decide(violations, 600, 0.0)
    assert str(found) == expected
    assert power is None


def test_every_mode_repeats_often_enough_to_say_holds():
    for trials in REPETITIONS.values():
        assert verdict(0, trials, 0.05) is Verdict.HOLDS


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((0, 0, 0.05), ("trials", "0")),
        ((-1, 5, 0.05), ("violations", "-1")),
        ((6, 5, 0.05), ("violations", "6")),
        ((0, 5, 0.0), ("delta", "0.0")),
        ((0, 5, 1.0), ("delta", "1.0")),
        ((0, 5, 0.05, 0.0), ("alpha", "0.0")),
        ((0.5, 5, 0.05), ("violations", "0.5")),
    ],
)
def test_bad_numbers_are_named(numbers, named):
    one_sentence(lambda: rate_test(*numbers), *named)
