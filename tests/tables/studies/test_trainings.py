"""What experiments share: gaps and bounds by training, with violations counted."""

import numpy as np
import pytest

from fedroute_theory.federation import uniform_logging
from fedroute_theory.problems import voronoi
from fedroute_theory.routers import KMeansRouter
from fedroute_theory.tables.studies.trainings import TRAININGS, approximation, approximations, gaps_under, summary, trained_case
from fedroute_theory.theorems import Bound, Claim, NotApplicable
from fedroute_theory.theorems.kmeans_router.claims import claims


def claim(training, client, gaps, bounds, trivial=1.0):
    answer = Bound({"a": bounds[0]}, trivial=trivial)
    return Claim("form", training, client, 1, answer, gaps[0], bounds=np.array(bounds), gaps=np.array(gaps))


def test_means_over_clients_and_draws_and_what_broke():
    found = summary([claim("local", 0, [0.1, 0.3], [0.2, 0.2]), claim("local", 1, [0.4, 0.6], [1.0, 1.2])])["local"]["form"]
    assert found["gap"] == pytest.approx(0.35)
    assert found["bound"] == pytest.approx(0.65)
    assert found["worst_gap"] == pytest.approx(0.5)
    assert found["worst_bound"] == pytest.approx(1.1)
    assert found["terms"] == {"a": pytest.approx(0.6)}
    assert (found["claims"], found["violations"], found["vacuous"], found["unanswered"]) == (4, 1, 0.5, 0)


def test_clients_without_an_answer_are_counted_and_left_out():
    none = Claim("form", "local", 1, 1, NotApplicable("coverage", "infinite"), 0.9)
    found = summary([claim("local", 0, [0.1], [0.2]), none])["local"]["form"]
    assert (found["gap"], found["unanswered"]) == (pytest.approx(0.1), 1)
    assert summary([none])["local"]["form"]["bound"] is None


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    problem = voronoi(rng, sites=4, per_site=5, models=3)
    laws = uniform_logging(problem, clients=2, records=60)
    return trained_case(problem, laws, KMeansRouter.with_clusters(3, empty="mid-range"), rng, repetitions=3)


def test_gaps_of_every_draw_are_the_problem_s_own(case):
    for _, _, estimates in case.trained:
        own = [case.problem.suboptimality(estimates.repetition(t).policy(case.problem.lam)).value for t in range(3)]
        assert gaps_under(case.problem, estimates) == pytest.approx(own, abs=1e-12)


def test_gaps_under_another_law(case):
    estimates = case.trained[-1][2]
    weights = np.zeros(case.problem.weights.size)
    weights[:5] = 2.0
    moved = case.problem.replace(weights=weights)
    own = moved.suboptimality(estimates.repetition(1).policy(0.0)).value
    assert gaps_under(case.problem, estimates, weights)[1] == pytest.approx(own, abs=1e-12)


def test_approximation_and_relative_gap_add_up(case):
    assert {t for t, *_ in case.trained} == set(TRAININGS)
    for stated in claims(case, ("relative",)):
        estimates = next(e for t, i, e in case.trained if (t, i) == (stated.training, stated.client))
        whole = gaps_under(case.problem, estimates)
        assert whole == pytest.approx(stated.gaps + approximation(case.problem, estimates), abs=1e-12)


def test_a_bound_is_vacuous_once_its_floor_is_added(case):
    own = [claim("local", 0, [0.1, 0.2], [0.7, 0.95]), claim("local", 1, [0.1], [0.7])]
    found = summary(own, {("local", 0): 0.1})["local"]["form"]
    assert found["vacuous"] == 0.25
    assert found["bound"] == pytest.approx((0.925 + 0.7) / 2)
    assert found["gap"] == pytest.approx((0.25 + 0.1) / 2)
    assert summary(own)["local"]["form"]["vacuous"] == 0.0
    whole = summary(claims(case, ("relative",)), approximations(case))["local"]["relative/kl"]["gap"]
    kept = [e for t, _, e in case.trained if t == "local"]
    assert whole == pytest.approx(np.mean([gaps_under(case.problem, e).mean() for e in kept]), abs=1e-12)


def test_a_floor_hides_no_violation():
    assert summary([claim("local", 0, [0.2 + 1e-8], [0.2])], {("local", 0): 100.0})["local"]["form"]["violations"] == 1
