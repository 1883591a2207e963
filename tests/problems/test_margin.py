"""The margin family: its law, its gaps by a second route, its stated error."""

import numpy as np
import pytest
from reference import one_sentence
from scipy.integrate import quad

from fedroute_theory.assumptions import fitted_exponent, largest_scale, margin_law, margins
from fedroute_theory.federation import draw_logs, uniform_logging
from fedroute_theory.problems import Margin
from fedroute_theory.routers import KMeansRouter, train

EXPONENTS = (0.5, 1.0, 2.0, 4.0)


@pytest.mark.parametrize("a", EXPONENTS)
@pytest.mark.parametrize(("copies", "others"), [(0, 0), (2, 0), (1, 3)])
def test_the_margin_law_is_the_stated_one(a, copies, others):
    problem = Margin.make(exponent=a, scale=0.6, copies=copies, others=others, strata=500)
    law = margin_law(margins(problem.utility), problem.weights)
    assert law.mass.sum() == pytest.approx(1.0)
    exact = problem.margin_law(law.values)
    assert (np.abs(law.cumulated - exact) <= 1.0 / 500 + 1e-12).all()
    assert problem.margin_law(np.array([0.3]))[0] == pytest.approx(0.5**a)
    points, _ = problem.draw(np.random.default_rng(0), np.arange(20_000) % 2, "task")
    drawn = margins(problem.truth(points)[0])
    assert (drawn <= 0.3).mean() == pytest.approx(0.5**a, abs=0.02)  # 6 standard deviations


@pytest.mark.parametrize("a", EXPONENTS)
def test_the_scale_and_the_exponent_are_recovered(a):
    problem = Margin.make(exponent=a, scale=0.6, strata=2000)
    law = margin_law(margins(problem.utility), problem.weights)
    assert largest_scale(law, a) == pytest.approx(0.6 * a / (a + 1.0))  # the first stratum decides: its mean, not its end
    assert largest_scale(law, a / 2.0) < 0.6
    fit = fitted_exponent(law)
    assert fit.value == pytest.approx(a, rel=0.02)
    assert fit.error > abs(fit.value - a)


def test_separated_queries_lie_at_the_scale():
    problem = Margin.make(exponent=np.inf, scale=0.3)
    assert margins(problem.utility) == pytest.approx([0.3, 0.3])
    assert problem.margin_law(np.array([0.29, 0.31])).tolist() == [0.0, 1.0]
    assert problem.threshold_gap(0.5) == 0.0


@pytest.mark.parametrize("a", EXPONENTS)
@pytest.mark.parametrize("threshold", [-0.7, -0.013, 0.2, 0.9])
def test_gaps_of_thresholds_are_those_of_the_integral(a, threshold):
    problem = Margin.make(exponent=a, scale=0.8, strata=400)
    top = abs(threshold) ** a
    integral = 0.5 * quad(lambda u: 0.8 * u ** (1.0 / a), 0.0, top, epsabs=1e-13)[0]
    assert problem.threshold_gap(threshold) == pytest.approx(integral, rel=1e-6)
    gap = problem.suboptimality(lambda x: (x[:, 0] > threshold).astype(int))
    assert abs(gap.value - integral) <= gap.error
    assert gap.error < 0.02


@pytest.mark.parametrize("a", EXPONENTS)
def test_policies_constant_on_strata_have_exact_gaps(a):
    """Wrong on all of one side: half of E D; model 2 (never best) everywhere: E D / 2 + (1/2 - its quality)."""
    problem = Margin.make(exponent=a, scale=0.8, others=1, strata=7)
    mean = 0.8 * a / (a + 1.0)
    wrong_side = problem.suboptimality(lambda x: np.zeros(len(x), dtype=int))
    assert wrong_side.value == pytest.approx(mean / 2.0, rel=1e-12)
    third = problem.suboptimality(lambda x: np.full(len(x), 2))
    assert third.value == pytest.approx(mean / 2.0 + 0.5 - problem.quality[0, 2], rel=1e-12)
    assert third.error <= 2 * 0.8 * (1 / 14) * 3  # the strata beside the origin
    assert Margin.make(exponent=np.inf).suboptimality(lambda x: np.zeros(len(x), dtype=int)).error == 0.0


def test_utilities_have_the_stated_lipschitz_constant_and_ties():
    problem = Margin.make(exponent=2.0, scale=0.6, copies=1, others=2, strata=100)
    quality = problem.truth(np.linspace(-1, 1, 4001)[:, None])[0]
    slopes = np.abs(np.diff(quality, axis=0)).max(axis=0) / (2 / 4000)
    assert slopes[:3] == pytest.approx([problem.lipschitz] * 3)
    assert slopes[3:] == pytest.approx([0.0, 0.0])
    ordered = np.sort(problem.utility, axis=1)
    assert (ordered[:, -1] == ordered[:, -2]).all()
    assert np.array_equal(problem.truth(problem.embeddings)[0], problem.quality)
    moved = problem.relabelled(np.array([3, 0, 4, 1, 2]))
    assert np.array_equal(moved.truth(moved.embeddings)[0], moved.quality)


def test_other_weights_leave_nothing_known():
    problem = Margin.make(strata=10)
    gap = problem.replace(weights=np.arange(20.0)).suboptimality(lambda x: np.zeros(len(x), dtype=int))
    assert gap.error == problem.label_range


def test_a_router_can_learn_it():
    problem = Margin.make(exponent=1.0, scale=1.0, strata=200)
    logs = draw_logs(problem, uniform_logging(problem, clients=2, records=3000), np.random.default_rng(0))
    pooled = train(KMeansRouter.with_clusters(8), logs, 0).pooled
    assert problem.suboptimality(pooled.policy(0.0)).value < 0.02


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Margin.make(exponent=0.0), ("exponent", "0")),
        (lambda: Margin.make(exponent=-1.0), ("exponent", "-1")),
        (lambda: Margin.make(exponent=1e-3), ("exponent", "0.001")),
        (lambda: Margin.make(scale=1.5), ("scale", "1.5")),
        (lambda: Margin.make(strata=0), ("strata", "0")),
        (lambda: Margin.make(copies=-1), ("copies", "-1")),
        (lambda: Margin.make(strata=4).truth(np.full((1, 1), 1.1)), ("embeddings", "1.1")),
        (lambda: Margin.make(strata=4).draw(np.random.default_rng(0), np.zeros(1, int), "query"), ("by", "query")),
    ],
)
def test_a_bad_value_is_named(call, named):
    one_sentence(call, *named)
