"""The statistics of verdicts, computed exactly: limits, power, false alarms."""

import math

import numpy as np
import pytest
from reference import one_sentence
from scipy.stats import binom, binomtest

from fedroute_theory.verify import FALSE_ALARM, rate_sequence, rate_test
from fedroute_theory.verify.samples import Sample, Verdict, decide
from fedroute_theory.verify.scenarios import REPETITIONS
from fedroute_theory.verify.statistics import CLAIMS, detectable

ALPHA = FALSE_ALARM / CLAIMS


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
    return decide([Sample(None, delta, trials, violations)])[0]


@pytest.mark.parametrize("delta", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("trials", [10, 450, 600, 3000])
def test_a_true_claim_is_called_violated_with_less_than_the_stated_chance(delta, trials):
    """At the largest rate the claim allows; smaller rates only make it rarer."""
    chances = binom.pmf(np.arange(trials + 1), trials, delta)
    alarm = sum(p for v, p in enumerate(chances) if verdict(v, trials, delta) is Verdict.VIOLATED)
    assert alarm <= ALPHA * (1 + 1e-9)
    assert ALPHA * CLAIMS == FALSE_ALARM == 1e-6


@pytest.mark.parametrize("delta", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("trials", [450, 600])
def test_power_is_the_rate_that_is_caught_nine_times_in_ten(delta, trials):
    power = rate_test(0, trials, delta).power
    chances = binom.pmf(np.arange(trials + 1), trials, power)
    caught = sum(p for v, p in enumerate(chances) if verdict(v, trials, delta) is Verdict.VIOLATED)
    assert delta < power < 1.0
    assert caught == pytest.approx(0.9, abs=1e-9)


def test_too_few_trials_have_no_power():
    assert rate_test(0, 3, 0.05).power == math.inf
    assert verdict(3, 3, 0.05) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("violations", "expected"), [(0, "HOLDS"), (20, "INCONCLUSIVE"), (200, "VIOLATED")])
def test_verdicts_of_a_claim_that_may_fail(violations, expected):
    assert str(verdict(violations, 600, 0.05)) == expected


@pytest.mark.parametrize(("violations", "expected"), [(0, "HOLDS"), (1, "VIOLATED")])
def test_a_claim_that_may_never_fail_falls_with_one_violation(violations, expected):
    found, power = decide([Sample(None, 0.0, 600, violations)])
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


def capital(violated, delta, side):
    """The mixture bet by numerical integration over the rate: the definition, not the closed form."""
    from scipy.integrate import quad

    low, high = (delta, 1.0) if side == "above" else (0.0, delta)
    hits, misses = int(np.sum(violated)), int(np.size(violated) - np.sum(violated))

    def bet(p):
        return (p / delta) ** hits * ((1 - p) / (1 - delta)) ** misses / (high - low)

    return quad(bet, low, high, epsabs=0, epsrel=1e-10, limit=200)[0]


@pytest.mark.parametrize("delta", [0.05, 0.3])
@pytest.mark.parametrize("outcomes", ["0", "1", "0010110", "1111110", "0" * 40])
def test_the_capital_of_the_bets_is_that_of_the_mixture(delta, outcomes):
    violated = np.array([o == "1" for o in outcomes])
    found = rate_sequence(violated, delta)
    assert np.exp(found.above[-1]) == pytest.approx(capital(violated, delta, "above"), rel=1e-8)
    assert np.exp(found.below[-1]) == pytest.approx(capital(violated, delta, "below"), rel=1e-8)


@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_no_bet_gains_on_average_while_its_claim_is_true(delta):
    """All outcomes of ten trials, exactly: the expected capital after each trial is 1 at the rate delta."""
    outcomes = (np.arange(2**10)[:, None] >> np.arange(10)) & 1 == 1
    chance = np.prod(np.where(outcomes, delta, 1 - delta), axis=1)
    runs = [rate_sequence(o, delta) for o in outcomes]
    for side in ("above", "below"):
        won = np.exp(np.array([getattr(r, side) for r in runs]))
        assert chance @ won == pytest.approx(np.ones(10), rel=1e-9)


@pytest.mark.parametrize("rate", [0.05, 0.02])
def test_a_true_rate_is_ever_called_too_high_with_the_stated_chance(rate):
    """P(ever within 300 trials), by recursion over the number of violations: exact, and at most alpha."""
    delta, alpha, trials = 0.05, 0.01, 300
    alive, alarm = np.zeros(trials + 2), 0.0
    alive[0] = 1.0
    for t in range(1, trials + 1):
        alive[1:] = alive[1:] * (1 - rate) + alive[:-1] * rate
        alive[0] *= 1 - rate
        for hits in np.flatnonzero(alive > 0):
            order = np.concatenate([np.zeros(t - hits, bool), np.ones(hits, bool)])  # the capital depends on the counts only
            if alive[hits] > 1e-14 and hits > delta * t and rate_sequence(order, delta, alpha).above[-1] >= -np.log(alpha):
                alarm, alive[hits] = alarm + alive[hits], 0.0
    assert alarm <= alpha
    assert (alarm > alpha / 10) == (rate == delta)


def test_trials_stop_as_soon_as_they_are_decided():
    none = rate_sequence(np.zeros(2000, bool), 0.05)
    assert none.violated is False
    trials = np.arange(1, 1000)
    by_hand = (1 - 0.95 ** (trials + 1)) / ((trials + 1) * 0.05 * 0.95**trials)  # mean over p in [0, 0.05] of ((1-p)/0.95)^T
    assert none.decided == trials[by_hand >= 1 / ALPHA][0]
    assert rate_sequence(np.zeros(none.decided - 1, bool), 0.05).decided is None
    every = rate_sequence(np.ones(50, bool), 0.05)
    assert every.violated is True
    assert every.decided < 10
    rng = np.random.default_rng(0)
    at_delta = rate_sequence(rng.random(5000) < 0.05, 0.05)
    assert at_delta.decided is at_delta.violated is None


def test_bad_numbers_of_a_sequence_are_named():
    one_sentence(lambda: rate_sequence(np.zeros(3, bool), 1.0), "delta", "1.0")
    one_sentence(lambda: rate_sequence(np.zeros(3, bool), 0.1, 0.0), "alpha", "0.0")


@pytest.mark.parametrize(
    ("trials", "delta", "alpha"), [(50, 0.001, 1e-30), (600, 0.05, 1e-9), (2000, 0.3, 1e-40), (7, 0.5, 0.3)]
)
def test_the_power_is_right_where_tails_are_far_below_rounding(trials, delta, alpha):
    """Against 60 digits: the fewest violations whose chance at delta is below alpha, and the rate that reaches them."""
    from mpmath import mp, mpf

    with mp.workdps(60):
        q = mpf(delta)
        tail, count = mpf(0), trials + 1
        while count > 0:
            tail += mp.binomial(trials, count - 1) * q ** (count - 1) * (1 - q) ** (trials - count + 1)
            if tail >= mpf(alpha):
                break
            count -= 1
    power = detectable(trials, delta, alpha)
    assert binom.sf(count - 1, trials, power) == pytest.approx(0.9, abs=1e-9)


def test_trials_that_are_unclear_catch_nothing():
    assert detectable(600, 0.05, 1e-9, unclear=600) == math.inf
    assert detectable(600, 0.05, 1e-9, unclear=100) > detectable(600, 0.05, 1e-9)
    assert decide([Sample(None, 0.05, 600, 0, unclear=600)])[1] == math.inf
