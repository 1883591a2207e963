"""`assert_bound_holds`: what it lets pass, what it catches, what it says, and that it may stop early without lying."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import routers
from fedroute_theory.federation import draw_logs, uniform_logging
from fedroute_theory.problems import Lipschitz, Tabular
from fedroute_theory.testing import assert_bound_holds, baseline
from fedroute_theory.testing.trials import Sampler, run_trials
from fedroute_theory.theorems import Bound, Claim, NotApplicable, theorem
from fedroute_theory.verify import Verdict
from fedroute_theory.verify.scenarios import World, stream
from fedroute_theory.verify.statistics import rate_sequence

PROBLEM = Lipschitz.generate(np.random.default_rng(0), dimension=1, models=2, lam=0.1, sample=64)
ROUTER = routers.KMeansRouter.with_clusters(3, empty="mid-range")
ONE = {"forms": ("sharp/hoeffding",), "trainings": ("federated",), "clients": 2, "records": 60}
KMEANS = theorem("kmeans-router")

TABLE = Tabular.generate(np.random.default_rng(1), queries=3, models=2)
LAWS = uniform_logging(TABLE, clients=2, records=20)
WORLD = World(TABLE, LAWS, draw_logs(TABLE, LAWS, np.random.default_rng(2)))
TRAINED = routers.train(ROUTER, WORLD.logs, 0)


def shrunk(factor):
    """The K-means theorem with its bounds multiplied by a factor."""

    def claims(case):
        for claim in KMEANS.claims(case):
            if isinstance(claim.answer, Bound):
                terms = {name: value * factor for name, value in claim.answer.terms.items()}
                yield replace(claim, answer=replace(claim.answer, terms=terms), bounds=claim.bounds * factor)

    return replace(KMEANS, claims=claims)


def always(*makes):
    """A theorem that says the same of every case."""
    return replace(KMEANS, slug="made-up", claims=lambda case: [make(case) for make in makes])


def coin(rate, delta=0.05):
    """Violated at random: each repetition with probability `rate`."""

    def make(case):
        rng = np.random.default_rng(int(case.labels.quality.sum() * 1e6) % 2**32)
        gaps = (rng.random(len(case.labels.quality)) < rate).astype(float)
        return Claim("coin", "pooled", None, 1, Bound({"half": 0.5}, delta), gaps[0], bounds=np.full(gaps.size, 0.5), gaps=gaps)

    return always(make)


def failure(*arguments, **options):
    with pytest.raises(AssertionError) as caught:
        assert_bound_holds(*arguments, **options)
    return str(caught.value)


def test_a_true_claim_passes_and_stops_early():
    (evidence,) = assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, repetitions=4000)
    assert evidence.verdict is Verdict.HOLDS
    assert 50 < evidence.trials < 1000
    assert evidence.decided_after <= evidence.trials


def test_blocks_do_not_repeat_the_own_labels_as_trials():
    (evidence,) = assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, repetitions=333)
    assert evidence.trials == 333


def test_the_same_seed_gives_the_same_evidence_and_a_function_is_a_router_too():
    first = assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, seed=3)
    again = assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, seed=3)
    own = assert_bound_holds("kmeans-router", PROBLEM, partial(routers.train, ROUTER), **ONE, seed=3)
    other = assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, seed=4)
    assert [e.as_json() for e in first] == [e.as_json() for e in again] == [e.as_json() for e in own]
    assert first[0].gap != other[0].gap or first[0].bound != other[0].bound


def test_a_false_claim_is_caught_in_the_first_block_with_everything_needed():
    said = failure(shrunk(0.001), PROBLEM, ROUTER, **ONE, seed=7)
    for part in (
        "kmeans-router (K-means router): 1 of 1 claims do not hold",
        "VIOLATED sharp/hoeffding, federated: gap ",
        "of 50 trials violate it, 0.05 of them may",
        "terms: distance ",
        "largest: statistical",
        "assumption 'utility Lipschitz' holds (1): closed form of the family",
        "seed=7",
        "router=KMeansRouter(local_clusters=3",
        "forms=('sharp/hoeffding',)",
    ):
        assert part in said, said


def test_a_deterministic_claim_may_not_fail_once():
    made = always(lambda _: Claim("identity", "pooled", None, 1, Bound({"a": 1.0}, kind="identity"), 1.0 + 1e-6))
    assert "1 of 1 trials violate it, none may" in failure(replace(made, kind="identity"), PROBLEM, ROUTER)
    assert_bound_holds(always(lambda _: Claim("identity", "pooled", None, 1, Bound({"a": 1.0}), 1.0)), PROBLEM, ROUTER)


def test_bounds_of_no_stated_kind_are_an_error():
    """A lower bound whose kind was left at "upper" would pass as long as it is wrong."""
    made = replace(always(lambda _: Claim("floor", "pooled", None, 1, Bound({"a": 1.0}), 0.5)), kind="lower")
    said = failure(made, PROBLEM, ROUTER)
    assert "of kind 'lower'" in said
    assert "is of kind 'upper'" in said
    assert failure(made, PROBLEM, ROUTER, forms=("floor",)) == said


def test_a_check_that_cannot_fail_is_no_check():
    refused = always(lambda _: Claim("none", "pooled", None, 1, NotApplicable("coverage", "K2 is infinite"), np.nan))
    assert "not applicable: coverage fails (K2 is infinite)" in failure(refused, PROBLEM, ROUTER)
    assert len(assert_bound_holds(refused, PROBLEM, ROUTER, applicable=False)) == 1
    partly = always(
        lambda _: Claim("none", "pooled", None, 1, NotApplicable("coverage", "K2 is infinite"), np.nan),
        lambda _: Claim("some", "pooled", None, 1, Bound({"x": 1.0}), 0.5),
    )
    assert len(assert_bound_holds(partly, PROBLEM, ROUTER)) == 2
    assert "NOT APPLICABLE none, pooled: not applicable: coverage" in failure(partly, PROBLEM, ROUTER, forms=("none", "some"))
    assert "although none was expected" in failure("kmeans-router", PROBLEM, ROUTER, **ONE, applicable=False)


def test_a_vacuous_bound_is_no_check_either():
    """A gap cannot exceed the utility range, so nothing that the router does could break the bound."""

    def bounded(form, trivial):
        return lambda _: Claim(form, "pooled", None, 1, Bound({"x": 1.0}, trivial=trivial), 0.5)

    vacuous = always(bounded("wide", 1.0))
    said = failure(vacuous, TABLE, ROUTER)
    assert "1 of 1 claims are vacuous, so the check could not fail (acceptable? then pass allow_vacuous=True)" in said
    assert "0 of 1 trials violate it, none may; vacuous: at least the utility range" in said
    (evidence,) = assert_bound_holds(vacuous, TABLE, ROUTER, allow_vacuous=True)
    assert evidence.verdict is Verdict.HOLDS
    mixed = always(bounded("wide", 1.0), bounded("close", 2.0))
    assert len(assert_bound_holds(mixed, TABLE, ROUTER)) == 2
    named = failure(mixed, TABLE, ROUTER, forms=("wide", "close"))
    assert "1 of 2 claims are vacuous" in named
    assert len(assert_bound_holds(mixed, TABLE, ROUTER, forms=("wide", "close"), allow_vacuous=True)) == 2
    open_too = always(lambda _: Claim("wide", "pooled", None, 1, Bound({"x": 1.0}, 0.05, trivial=1.0), 0.5))
    assert "pass allow_vacuous=True" in failure(open_too, TABLE, ROUTER, repetitions=20, allow_inconclusive=True)
    broken = always(lambda _: Claim("wide", "pooled", None, 1, Bound({"x": 1.0}, trivial=1.0), 1.5))
    assert "do not hold" in failure(broken, TABLE, ROUTER, allow_vacuous=True)


def test_the_call_to_repeat_names_what_is_not_the_default():
    refused = always(lambda _: Claim("none", "pooled", None, 1, NotApplicable("coverage", "K2 is infinite"), np.nan))
    usual = failure(refused, TABLE, ROUTER)
    assert usual.endswith("delta=0.05)")
    said = failure(refused, TABLE, ROUTER, false_alarm=0.01, allow_inconclusive=True)
    assert said.endswith("delta=0.05, false_alarm=0.01, allow_inconclusive=True)")
    holds = always(lambda _: Claim("one", "pooled", None, 1, Bound({"a": 1.0}), 0.5))
    assert failure(holds, TABLE, ROUTER, applicable=False).endswith("delta=0.05, applicable=False)")


def test_an_undecided_claim_says_how_many_repetitions_would_decide_and_they_do():
    said = failure("kmeans-router", PROBLEM, ROUTER, **ONE, repetitions=20)
    needed = int(re.search(r"about (\d+) repetitions would decide", said)[1])
    assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, repetitions=needed)
    (evidence,) = assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE, repetitions=20, allow_inconclusive=True)
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert needed > 100


def test_looking_after_every_block_does_not_raise_the_chance_of_a_false_alarm():
    """At a rate equal to delta, VIOLATED may come with probability false_alarm at most, however often one looks."""
    alarms = 0
    for seed in range(60):
        (evidence,) = run_quietly(coin(0.05), seed)
        alarms += evidence.verdict is Verdict.VIOLATED
    assert alarms <= 12  # P(Bin(60, 0.1) > 12) = 0.01; without the correction for looking it would be far above
    caught = [run_quietly(coin(0.5), seed)[0] for seed in range(5)]
    assert all(e.verdict is Verdict.VIOLATED and e.trials <= 100 for e in caught)


def run_quietly(made, seed):
    """At most 400 trials of one claim with a chance of a false alarm of 0.1; the training does not matter and is done once."""
    rng = stream(seed, "quiet")
    return run_trials(Sampler(made, WORLD, lambda *_: TRAINED, 0, 0.05, rng), "quiet", 400, 0.1)


def test_the_verdict_is_that_of_the_bet_on_the_trials_in_their_order():
    (evidence,) = run_quietly(coin(0.2), 5)
    bet = rate_sequence(np.ones(evidence.violations, dtype=bool), 0.05, 0.1)
    assert bet.violated
    assert evidence.verdict is Verdict.VIOLATED
    assert evidence.decided_after <= evidence.trials


def test_labels_without_noise_are_one_trial():
    (evidence,) = assert_bound_holds(
        "coverage-transfer", PROBLEM, ROUTER, forms=("plain",), trainings=("pooled",), labels="exact", repetitions=99
    )
    assert evidence.trials == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"theorem": "fermat"}, "fermat"),
        ({"theorem": 3}, "'theorem'"),
        ({"problem": 3}, "'problem'"),
        ({"router": 3}, "'router'"),
        ({"router": lambda *_: 3}, "int"),
        ({"labels": "golden"}, "golden"),
        ({"forms": ("square",)}, "of the form square; the forms here are sharp/hoeffding, "),
        ({"trainings": ("fed",)}, "for the training fed; the forms here are "),
        ({"trainings": ("fed",)}, ", the trainings local, federated, pooled."),
        (
            {"forms": ("sharp/hoeffding", "no such"), "trainings": ("federated", "poolde")},
            "no claim of the form no such for the training poolde; the forms here are sharp/hoeffding, ",
        ),
        ({"forms": ("sharp/hoeffding", "no such")}, "no claim of the form no such; the forms here are "),
        ({"forms": "sharp/hoeffding"}, "'forms' parameter must be None or a list of names; got 'sharp/hoeffding'."),
        ({"trainings": "federated"}, "'trainings' parameter must be None or a list of names; got 'federated'."),
        ({"forms": 3}, "got 3."),
        ({"forms": ()}, "got ()."),
        ({"trainings": ["federated", 3]}, "got ['federated', 3]."),
        ({"theorem": "mlp-router"}, "no claim on this problem and router"),
        ({"seed": -1}, "'seed'"),
        ({"repetitions": 0}, "'repetitions'"),
        ({"delta": 1.0}, "'delta'"),
        ({"false_alarm": 0.0}, "'false_alarm'"),
        ({"federation": []}, "The 'federation' parameter must be None or a Federation; got []."),
        ({"federation": {}}, "'federation'"),
        ({"federation": 0}, "'federation'"),
        ({"applicable": "no"}, "'applicable'"),
        ({"applicable": None}, "'applicable'"),
        ({"allow_inconclusive": 1}, "'allow_inconclusive'"),
    ],
)
def test_a_bad_argument_is_named(change, named):
    given = {"theorem": "kmeans-router", "problem": PROBLEM, "router": ROUTER} | change
    one_sentence(lambda: assert_bound_holds(**given), named)


def test_a_change_of_the_evidence_is_explained_by_term():
    old = baseline.entry_of(assert_bound_holds("kmeans-router", PROBLEM, ROUTER, **ONE), 0)
    (line,) = old["lines"].values()
    new = {**old, "lines": {name: {**line, "bound": line["bound"] + 0.5} for name, line in old["lines"].items()}}
    new["lines"][next(iter(new["lines"]))]["terms"] = {**line["terms"], "statistical": line["terms"]["statistical"] + 0.5}
    assert baseline.changes(old, old, 0.0, 0.0) == []
    said = baseline.changes(old, new, 1e-6, 0.0)
    assert len(said) == 2
    assert "(+0.5)" in said[0]
    assert "gap" in said[0]
    assert "as before" in said[0]
    assert said[1].startswith("  term 'statistical'")
    assert said[1].endswith("(+0.5), 100% of the change of the bound")
    assert baseline.changes(old, new, 0.0, 0.51) == []
    assert baseline.versions_apart(old, {**old, "versions": old["versions"] | {"numpy": "9"}}).endswith("-> 9")


def test_no_term_has_a_share_in_a_bound_that_stood_still():
    def entry(bound, first):
        return {"lines": {"a": {"bound": bound, "gap": 0.0, "terms": {"first": first}}}, "seed": 0, "versions": {}}

    said = baseline.changes(entry(0.3, 0.1), entry(0.3 + 2**-53, 0.2), 1e-6, 1e-12)
    assert said == [
        "a: bound 0.3 -> 0.3000000000000001 (+1.11e-16), gap 0 as before",
        "  term 'first' 0.1 -> 0.2 (+0.1)",
    ]
    assert baseline.changes(entry(0.3, 0.1), entry(0.4, 0.2), 1e-6, 1e-12)[1].endswith(", 100% of the change of the bound")


@pytest.mark.parametrize(("old", "new"), [(0.1, 0.1 + 1e-9), (1.0, 1.0 + 2**-52), (1e9, 1e9 + 1.0)])
def test_numbers_that_differ_are_printed_so_that_they_differ(old, new):
    (said,) = baseline.changes(baseline.entry_of({"a": old}, 0), baseline.entry_of({"a": new}, 0), 0.0, 0.0)
    before, after = re.search(r"value (\S+) -> (\S+) \(", said).groups()
    assert before != after
    assert (float(before), float(after)) == pytest.approx((old, new), rel=1e-5)
    (coarse,) = baseline.changes(baseline.entry_of({"a": 1.23456789}, 0), baseline.entry_of({"a": 2.0}, 0), 0.0, 0.0)
    assert "value 1.23457 -> 2 (" in coarse


@pytest.mark.parametrize("values", [{}, {"a": float("nan")}, {"a": "b"}, [3], 3])
def test_what_is_no_number_has_no_baseline(values):
    one_sentence(lambda: baseline.entry_of(values, 0))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bound": np.inf, "terms": {"a": np.inf}}, "The bound of "),
        ({"gap": np.nan}, "The gap of "),
        ({"terms": {"a": np.inf}}, "The term 'a' of "),
    ],
)
def test_evidence_that_is_not_finite_is_named(change, named):
    evidence = replace(run_quietly(coin(0.0), 0)[0], **change)
    claim = "'made-up coin on quiet, pooled, n=1' is "
    one_sentence(lambda: baseline.entry_of(evidence, 0), named + claim, "; a baseline keeps finite numbers only.")


def test_evidence_that_cannot_be_told_apart_has_no_baseline():
    evidence = assert_bound_holds("coverage-transfer", PROBLEM, ROUTER, forms=("plain",), trainings=("pooled",))
    one_sentence(lambda: baseline.entry_of(evidence * 2, 0), "twice")


@pytest.mark.parametrize("change", [{"given_records": True}, {"uncertainty": 0.6}])
def test_violations_that_settle_nothing_leave_a_claim_open(change):
    """Of fresh records, redrawn labels refute nothing; and a gap within 0.6 of a bound may lie on either side of it."""
    broken = coin(0.9)
    said = replace(broken, claims=lambda case: [replace(claim, **change) for claim in broken.claims(case)])
    options = {"clients": 2, "records": 20, "repetitions": 200, "allow_inconclusive": True}
    (evidence,) = assert_bound_holds(said, TABLE, ROUTER, **options)
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "VIOLATED" in failure(broken, TABLE, ROUTER, **options)
