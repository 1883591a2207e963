"""Every client's statement is judged for itself, whatever the others do and however they hang together."""

import numpy as np
import pytest
from scipy.stats import binom

from fedroute_theory.theorems import Bound, Claim, NotApplicable
from fedroute_theory.verify.evidence import shared, weigh
from fedroute_theory.verify.samples import Sample, Verdict, decide, independent, stopped

ALPHA = 1e-6


def claim(client, failed, *, delta=0.05, training="federated"):
    gaps = np.where(np.asarray(failed, dtype=bool), 0.9, 0.1)
    bounds = np.full(gaps.size, 0.5)
    return Claim("form", training, client, 10, Bound({"a": 0.5}, delta), float(gaps[0]), bounds=bounds, gaps=gaps)


def failing(times, trials=600):
    return np.arange(trials) < times


def test_one_client_that_fails_too_often_is_not_excused_by_nine_that_never_do():
    """One in fifty of all trials fail, and a fifth of the first client's."""
    found = weigh("t", "s", [claim(i, failing(120 if i == 0 else 0)) for i in range(10)], ALPHA)
    assert found.violations / found.trials < 0.05
    assert found.verdict is Verdict.VIOLATED
    assert found.failed == "120 of 600 trials of client 0 (120 of 6000 trials in all)"
    twice = weigh("t", "s", [claim(None, failing(7)), claim(None, failing(0))], ALPHA)
    assert twice.failed == "7 of 600 trials of one claim (7 of 1200 trials in all)"
    (alone,) = shared([found], ALPHA)
    assert alone.verdict is Verdict.VIOLATED


def test_a_client_that_may_never_fail_is_not_granted_the_failures_of_another():
    claims = [claim(0, failing(40, 100), delta=0.5), claim(1, failing(12, 100), delta=0.0)]
    found = weigh("t", "s", claims, ALPHA)
    assert found.verdict is Verdict.VIOLATED
    assert found.worst == Sample(1, 0.0, 100, 12)
    assert found.delta == 0.5
    assert stopped(independent(claims), alpha=ALPHA).verdict is Verdict.VIOLATED


@pytest.mark.parametrize("clients", [1, 5, 30])
@pytest.mark.parametrize("delta", [0.05, 0.2])
def test_clients_that_fail_together_raise_no_more_false_alarms(clients, delta):
    """Exactly: all clients share one event of the largest chance that is allowed."""
    trials, alpha = 600, 1e-3
    chances = binom.pmf(np.arange(trials + 1), trials, delta)
    verdicts = [decide([Sample(i, delta, trials, v) for i in range(clients)], alpha=alpha)[0] for v in range(trials + 1)]
    alarm = sum(p for p, v in zip(chances, verdicts, strict=True) if v is Verdict.VIOLATED)
    assert 0.0 < alarm <= alpha / clients * (1 + 1e-9)


@pytest.mark.parametrize("clients", [1, 5])
def test_bets_on_clients_that_fail_together_raise_no_more_false_alarms(clients):
    """By simulation at a rate of 0.2: at most one run in twenty may alarm; more than 28 of 200 have a chance below 1e-6."""
    rng = np.random.default_rng(0)
    event = rng.random((200, 200)) < 0.2
    alarms = [
        stopped(independent(claim(i, e, delta=0.2) for i in range(clients)), alpha=0.05).verdict is Verdict.VIOLATED
        for e in event
    ]
    assert binom.sf(28, 200, 0.05) < 1e-6
    assert sum(alarms) <= 28


def test_it_holds_only_if_every_client_does():
    quiet, unsure = Sample(0, 0.05, 600, 0), Sample(1, 0.05, 600, 20)
    assert decide([quiet, quiet], alpha=ALPHA)[0] is Verdict.HOLDS
    assert decide([quiet, unsure], alpha=ALPHA)[0] is Verdict.INCONCLUSIVE
    assert decide([quiet, Sample(1, 0.05, 600, 0, unclear=20)], alpha=ALPHA)[0] is Verdict.INCONCLUSIVE


def test_the_power_is_that_of_the_statement_that_is_hardest_to_refute():
    alone = [decide([Sample(None, 0.05, n, 0)], alpha=ALPHA / 2)[1] for n in (450, 600)]
    assert decide([Sample(0, 0.05, 450, 0), Sample(1, 0.05, 600, 0)], alpha=ALPHA)[1] == max(alone)
    assert decide([Sample(0, 0.0, 450, 0), Sample(1, 0.05, 600, 0)], alpha=2 * ALPHA)[1] != alone[1]  # not split by the first


def test_local_clients_of_one_trial_each_are_trials_of_one_statement():
    failed = failing(3, 450)
    made = independent(claim(i, [f], training="local") for i, f in enumerate(failed))
    assert [t.sample for t in made] == [Sample(None, 0.05, 450, 3)]
    assert len(independent(claim(i, [f]) for i, f in enumerate(failed))) == 450  # these share labels
    assert len(independent(claim(i, [f, f], training="local") for i, f in enumerate(failed))) == 450  # these have their own
    several = independent(claim(i, [f], delta=d, training="local") for i, f in enumerate(failed) for d in (0.05, 0.1))
    assert sorted(t.delta for t in several) == [0.05, 0.1]


def test_a_claim_without_a_bound_has_no_trials():
    refused = Claim("form", "local", 0, 5, NotApplicable("coverage", "none"), 0.3)
    assert independent([refused]) == []
    assert weigh("t", "s", [refused]).worst is None
    assert weigh("t", "s", [refused, claim(1, failing(0))]).samples == (Sample(1, 0.05, 600, 0),)


def test_bets_end_with_the_first_failure_seen_or_the_last_client_that_holds():
    rare, often = claim(0, failing(0)), claim(1, failing(600))
    last = claim(2, np.arange(600) == 0)  # a failure at the start costs trials
    both = stopped(independent([rare, last]), alpha=ALPHA)
    assert both.verdict is Verdict.HOLDS
    assert both.after == stopped(independent([last]), alpha=ALPHA / 2).after
    assert both.after > stopped(independent([rare]), alpha=ALPHA / 2).after
    assert stopped(independent([rare, often]), alpha=ALPHA).verdict is Verdict.VIOLATED
    assert stopped(independent([rare, often]), alpha=ALPHA).after < 10
    assert stopped(independent([rare, claim(1, failing(1, 20))]), alpha=ALPHA).after is None


def test_too_many_failures_given_the_records_leave_it_open():
    bad = [claim(0, failing(300)), claim(1, failing(0))]
    samples = [t.sample for t in independent(bad)]
    assert decide(samples, True, ALPHA) == (Verdict.INCONCLUSIVE, None)
    assert stopped(independent(bad), True, ALPHA).verdict is Verdict.INCONCLUSIVE
