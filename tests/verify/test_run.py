"""A whole run: the same bytes with any number of workers, a planted false theorem is caught, bad names are named."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from reference import THEOREMS, one_sentence

from fedroute_theory._json import text
from fedroute_theory.theorems import Bound, Control, Extremal, registry
from fedroute_theory.verify import SCENARIOS, Verdict, verify
from fedroute_theory.verify import run as module
from fedroute_theory.verify.samples import Sample, decide
from fedroute_theory.verify.scenarios import World, build_case, redrawn, stream

SMALL = "two-pass-kmeans"
LONG = 10.0
"""Seconds of a scenario that trains networks."""


@pytest.fixture
def one_scenario(monkeypatch):
    """Only the two smallest scenarios, so that a run takes a second."""
    monkeypatch.setattr(module, "SCENARIOS", {name: SCENARIOS[name] for name in ("tiny", "few-points")})


def test_the_same_bytes_for_one_and_two_workers_and_on_a_second_run(monkeypatch):
    without_networks = {name: place for name, place in SCENARIOS.items() if place.seconds < LONG}
    assert len(without_networks) > 5
    monkeypatch.setattr(module, "SCENARIOS", without_networks)
    runs = [verify(theorems=[SMALL], mode="quick", seed=3, workers=w) for w in (1, 2)]
    assert text(runs[0].as_json()) == text(runs[1].as_json())
    assert runs[0].failures == []
    places = [list(SCENARIOS).index(e.scenario) for e in runs[0].results]
    assert places == sorted(places)
    assert {e.theorem for e in runs[0].results} == {SMALL}
    assert {e.verdict for e in runs[0].results} <= {Verdict.HOLDS, Verdict.NOT_APPLICABLE}


@pytest.mark.usefixtures("one_scenario")
def test_the_seed_and_an_executor_change_what_they_should():
    first, again, other = (text(verify(theorems=[SMALL], mode="quick", seed=s).as_json()) for s in (0, 0, 1))
    assert first == again != other
    with ThreadPoolExecutor(1) as pool:
        assert text(verify(theorems=[SMALL], mode="quick", executor=pool).as_json()) == first


@pytest.mark.usefixtures("one_scenario")
def test_a_tiny_run_reports_exact_failure_probabilities():
    found = verify(theorems=["kmeans-router"], mode="quick")
    conclusions = [e for e in found.results if e.form.startswith(("conclusion/", "event/"))]
    assert {e.scenario for e in conclusions} == {"tiny"}
    assert {e.form for e in conclusions} >= {"event/kl", "event/hoeffding", "conclusion/sharp/kl", "conclusion/least/hoeffding"}
    for evidence in conclusions:
        assert evidence.bound == 0.05
        assert 0.0 <= evidence.gap <= 0.05
        assert evidence.verdict is Verdict.HOLDS


def planted(slug, shrink):
    """The theorem of that name with every bound multiplied by `shrink`."""
    entry = registry()[slug]

    def claims(case):
        for claim in entry.claims(case):
            answer = claim.answer
            if isinstance(answer, Bound):
                answer = replace(answer, terms={name: shrink * value for name, value in answer.terms.items()})
            yield replace(claim, answer=answer, bounds=shrink * claim.bounds)

    return replace(entry, claims=claims)


@pytest.mark.parametrize("slug", ["greedy-decomposition", "kmeans-router", "two-pass-kmeans", "pooling", "coverage-transfer"])
def test_a_planted_false_bound_is_violated(slug, monkeypatch):
    names = ("tabular",)
    monkeypatch.setattr(module, "SCENARIOS", {name: replace(SCENARIOS[name], sizes={"quick": (60,)}) for name in names})
    honest = verify(theorems=[slug], mode="quick", seed=1)
    assert not [e for e in honest.results if e.verdict is Verdict.VIOLATED]
    monkeypatch.setattr(module, "registry", lambda: {slug: planted(slug, 1e-3)})
    found = verify(theorems=[slug], mode="quick", seed=1)
    assert [e for e in found.results if e.verdict is Verdict.VIOLATED]
    assert any(slug in line for line in found.failures)


@pytest.mark.usefixtures("one_scenario")
def test_families_not_reproduced_and_controls_not_caught_are_failures(monkeypatch):
    wrong = replace(
        registry()[SMALL],
        extremal=lambda: [Extremal("family", "form", 2.0, 1.0, 1.9, 0.01)],
        controls=lambda: [Control("a trap", False, "", "")],
    )
    monkeypatch.setattr(module, "registry", lambda: {SMALL: wrong})
    failures = verify(theorems=[SMALL], mode="quick").failures
    assert any("family" in line and "2.0000" in line for line in failures)
    assert any("a trap" in line for line in failures)


def test_only_the_scenarios_that_were_asked_for_are_run():
    found = verify(scenarios=["few-points"], mode="quick")
    assert {(e.scenario, e.theorem) for e in found.results} == {("few-points", SMALL)}


def test_a_run_that_makes_no_claim_is_no_success():
    """The scenario is for all theorems, but its router has no linear heads."""
    said = {"theorems": ["linear-heads"], "scenarios": ["voronoi"], "mode": "quick"}
    one_sentence(lambda: verify(**said), "no claim", "linear-heads", "voronoi")


@pytest.mark.usefixtures("one_scenario")
def test_progress_is_told_of_every_cell():
    told = []
    verify(
        theorems=[SMALL], mode="quick", progress=lambda done, total, name, found: told.append((done, total, name, len(found)))
    )
    assert [t[:2] for t in told] == [(1, 1)]
    assert "few-points" in told[0][2]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"theorems": ["fermat"]}, ("fermat", "pooling")),
        ({"scenarios": ["moon"]}, ("moon", "tabular")),
        ({"mode": "slow"}, ("mode", "slow", "quick")),
        ({"delta": 0.0}, ("delta", "0.0")),
        ({"delta": 1.5}, ("delta", "1.5")),
        ({"delta": float("nan")}, ("delta", "nan")),
        ({"seed": -1}, ("seed", "-1")),
        ({"workers": 0}, ("workers", "0")),
        ({"theorems": []}, ("no claim", "nothing")),
        ({"scenarios": []}, ("no claim", "nothing")),
        ({"theorems": ["linear-heads"], "scenarios": ["few-points"]}, ("no claim", "linear-heads", "few-points")),
    ],
)
def test_bad_options_are_named(options, named):
    one_sentence(lambda: verify(**options), *named)


def test_every_theorem_has_a_scenario():
    for slug in THEOREMS:
        assert any(not s.theorems or slug in s.theorems for s in SCENARIOS.values())
    for scenario in SCENARIOS.values():
        assert set(scenario.theorems) <= set(THEOREMS)


def test_streams_depend_on_seed_and_place_only():
    assert stream(1, "a", 3).random() == stream(1, "a", 3).random()
    assert len({stream(*place).random() for place in ((1, "a", 3), (2, "a", 3), (1, "b", 3), (1, "a", 4))}) == 4


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_first_repetition_is_the_logs_own_labels(name):
    case = build_case(
        SCENARIOS[name], 6 if len(SCENARIOS[name].sizes) and SCENARIOS[name].sizes["quick"] == (6,) else 40, 0, 3, 0.05
    )
    world = World(case.problem, case.federation, case.logs, case.truths)
    labels = redrawn(world, np.random.default_rng(0), 3)
    assert np.array_equal(labels.quality[0], case.logs.quality)
    assert np.array_equal(labels.cost[0], case.logs.cost)
    assert len(labels.quality) == (1 if case.logs.labels == "exact" else 3)


def test_a_router_that_breaks_its_promise_is_a_failure(monkeypatch):
    """Means that are none are refused by the theorem; in a scenario of ours that is a fault, and the run fails."""
    from fedroute_theory.routers import kmeans

    honest = kmeans.add_up

    def swapped(parts):
        total = honest(parts)
        return replace(total, quality=total.quality[..., ::-1])

    monkeypatch.setattr(module, "SCENARIOS", {"tabular": replace(SCENARIOS["tabular"], sizes={"quick": (60,)})})
    assert verify(theorems=["kmeans-router"], mode="quick").failures == []
    monkeypatch.setattr(kmeans, "add_up", swapped)
    found = verify(theorems=["kmeans-router"], mode="quick").failures
    assert found
    assert all("breaks its promise" in line and "estimates are cell means" in line for line in found)


def test_families_and_controls_are_those_of_theorems_with_a_bound_on_the_scenarios():
    from fedroute_theory.report.verification_tables import summary

    found = verify(scenarios=["few-points"], mode="quick")
    touched = {e.theorem for e in found.results if e.bound is not None}
    assert {slug for slug, _ in found.controls} == touched == {"two-pass-kmeans"}
    assert "no extremal family" not in summary(found)
    assert "vacuous, marked *; of several widths a cell shows the least" in summary(found)
    assert "no extremal family and no wrong statement" in summary(replace(found, extremal=(), controls=()))


def test_linear_heads_are_tried_often_enough_to_be_decided():
    """Their high-probability form fails on up to one in 300 labels: four of 450 decide nothing, eight of 900 do."""
    found = verify(theorems=["linear-heads"], scenarios=["gaussian"], mode="quick")
    pooled = [e for e in found.results if e.training == "pooled" and e.form.startswith("high-probability")]
    assert [e.trials for e in pooled] == [900, 900]
    alpha = 1e-6 / 500
    assert decide([Sample(None, 0.05, 450, 4)], alpha=alpha)[0] is Verdict.INCONCLUSIVE
    assert all(decide([Sample(None, 0.05, e.trials, 8)], alpha=alpha)[0] is Verdict.HOLDS for e in pooled)


def test_the_longest_cells_start_first(monkeypatch):
    slow = replace(SCENARIOS["few-points"], name="slow", seconds=100.0)
    monkeypatch.setattr(module, "SCENARIOS", {"few-points": SCENARIOS["few-points"], "slow": slow})
    told = []
    found = verify(theorems=[SMALL], mode="quick", progress=lambda _, __, name, ___: told.append(name.split(",")[0]))
    assert told == ["slow", "few-points"]
    assert next(e.scenario for e in found.results) == "few-points"  # the results keep the order of the scenarios


@pytest.mark.parametrize(
    ("name", "records", "made"), [("teacher-fresh", 2, {"local"}), ("disagreeing", 20, {"federated", "pooled"})]
)
def test_only_the_networks_that_theorems_speak_of_are_trained(name, records, made, monkeypatch):
    from fedroute_theory.routers import mlp

    def called(*_):
        raise AssertionError("a training that nothing reads")

    for training in {"local", "federated", "pooled"} - made:
        monkeypatch.setattr(mlp, f"train_{training}", called)
    case = build_case(SCENARIOS[name], records, 0, 2, 0.05)
    assert {training for training, _, _ in case.trained} == made
    for slug in SCENARIOS[name].theorems:
        claims = list(registry()[slug].claims(case))
        assert claims
        assert {c.training for c in claims} == made


def test_a_scenario_asked_for_that_makes_no_claim_of_the_theorem_is_a_failure():
    found = verify(theorems=["linear-heads"], scenarios=["gaussian", "few-points"], mode="quick")
    assert found.as_json()["silent"] == ["few-points"]
    assert "scenario 'few-points' makes no claim of the theorems looked at" in found.failures
    assert not verify(theorems=["linear-heads"], scenarios=["gaussian"], mode="quick").failures


def test_two_theorems_measure_a_network_once(monkeypatch):
    from fedroute_theory.theorems.least_squares import certified as home

    case, calls, plain = build_case(SCENARIOS["teacher-fresh"], 2, 0, 1, 0.05), [], home.certified
    monkeypatch.setattr(home, "certified", lambda *given: calls.append(given[2]) or plain(*given))
    kept = [[c.bounds.tolist() for c in registry()[slug].claims(case)] for slug in ("least-squares", "mlp-router")]
    assert calls == [0, 1]
    apart = replace(case, kept=None)
    assert [[c.bounds.tolist() for c in registry()[slug].claims(apart)] for slug in ("least-squares", "mlp-router")] == kept
    assert calls == [0, 1, 0, 1, 0, 1]


@pytest.mark.usefixtures("one_scenario")
def test_a_theorem_whose_bounds_are_of_another_kind_than_it_states_is_a_failure(monkeypatch):
    lower = replace(registry()[SMALL], kind="lower")
    monkeypatch.setattr(module, "registry", lambda: {SMALL: lower})
    found = verify(theorems=[SMALL], mode="quick")
    (line,) = [f for f in found.failures if "of kind" in f]
    assert line.startswith(f"{SMALL}: it states a theorem of kind 'lower'")
    assert found.as_json()["unstated"] == [{"theorem": SMALL, "wrong": line.removeprefix(f"{SMALL}: ")}]
    monkeypatch.setattr(module, "registry", lambda: {SMALL: replace(lower, kind="upper")})
    assert not verify(theorems=[SMALL], mode="quick").unstated


def test_a_power_that_nothing_has_is_said():
    """At 450 trials no number of failures shows that a rate is above 0.99."""
    from fedroute_theory.report.verification_tables import summary

    found = verify(theorems=["kmeans-router"], scenarios=["tiny"], mode="quick", delta=0.99)
    assert found.power == math.inf
    assert "no violation rate would have been caught" in summary(found)
    assert "a violation rate of" not in summary(found)


def test_a_false_alarm_that_cannot_be_split_is_refused_before_any_work():
    one_sentence(lambda: verify(theorems=["kmeans-router"], mode="quick", false_alarm=5e-324), "'false_alarm'", "5e-324")


def test_the_chance_of_a_false_alarm_holds_all_that_chance_has_a_part_in():
    from fedroute_theory.report.verification_tables import summary

    found = verify(theorems=["linear-heads"], scenarios=["gaussian"], mode="quick")
    misses = sum(e.miss for e in found.results)
    assert misses > 0.0
    assert sum(e.alpha for e in found.results if e.randomised) + misses == pytest.approx(1e-6, rel=1e-9)
    assert found.chance == pytest.approx(1e-6, rel=1e-9)
    assert "is at most 1e-06 in all" in summary(found)
    strict = replace(found, false_alarm=1e-12)
    assert strict.chance == pytest.approx(misses + 5e-13, rel=1e-9)
    assert f"is at most {strict.chance:g} in all" in summary(strict)
