"""Laws of records: what is drawn follows them, and coverage is what the definition says."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import one_sentence
from scipy.stats import binomtest, chisquare

from fedroute_theory.federation import Federation, dirichlet, draw_labels, draw_logs, explicit, uniform_logging
from fedroute_theory.problems import Tabular, Topics
from fedroute_theory.testing import cases, federations, tabular_problems

ERROR = 1e-6
"""Chance that one of the tests of a law below would reject a true law; seeds are fixed, so no run differs."""


def record_law(problem, laws, client):
    """P(query, model) of one record, (n, M), by adding up over components."""
    result = np.zeros(problem.utility.shape)
    for x in range(problem.weights.size):
        for t, share in enumerate(laws.mixture[client]):
            if laws.by == "query":
                given_component = float(t == x)
            else:
                mass = problem.weights[problem.task == t].sum()
                given_component = problem.weights[x] / mass if problem.task[x] == t and mass > 0 else 0.0
            result[x] += share * given_component * laws.logging[client, t]
    return result


@given(data=st.data(), problem=tabular_problems())
def test_coverage_is_the_density_of_the_record_law(data, problem):
    laws = data.draw(federations(problem))
    found = laws.coverage(problem)
    live = problem.weights > 0
    for client in range(laws.n_clients):
        expected = record_law(problem, laws, client)[live] / problem.weights[live, None]
        assert found[client][live] == pytest.approx(expected, abs=1e-12)


@given(data=st.data(), problem=tabular_problems())
def test_pooled_coverage_is_the_record_weighted_mean(data, problem):
    laws = data.draw(federations(problem))
    shares = [Fraction(int(n), int(laws.records.sum())) for n in laws.records]
    expected = sum(float(s) * c for s, c in zip(shares, laws.coverage(problem), strict=True))
    assert laws.pooled_coverage(problem) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_coverage_of_overlapping_topics_integrates_to_one_model_law():
    """E_nu of d rho(., m) / d nu is the chance of logging m, up to the sampling error of the queries."""
    problem = Topics.generate(np.random.default_rng(0), tasks=4, dimension=2, models=3, sample=40_000)
    laws = dirichlet(problem, np.random.default_rng(1), clients=3)
    found = np.einsum("x,ixm->im", problem.weights, laws.coverage(problem))
    expected = np.einsum("it,itm->im", laws.mixture, laws.logging)
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("by", ["task", "query"])
def test_records_follow_their_law(by):
    rng = np.random.default_rng(11)
    problem = Tabular.generate(rng, queries=5, models=3, tasks=2)
    if by == "query":
        laws = explicit(rng.dirichlet(np.ones(15), size=2).reshape(2, 5, 3), np.array([20_000, 30_000]))
    else:
        laws = dirichlet(problem, rng, clients=2, records=np.array([20_000, 30_000]), model_alpha=1.0)
    logs = draw_logs(problem, laws, rng)
    for client in range(2):
        own = logs.of_client(client)
        seen = np.bincount(own.query * 3 + own.model, minlength=15)
        law = record_law(problem, laws, client).ravel()
        kept = law * own.size >= 5.0
        seen = np.append(seen[kept], seen[~kept].sum())
        chances = np.append(law[kept], law[~kept].sum())
        live = chances > 0
        assert seen[~live].sum() == 0
        assert chisquare(seen[live], own.size * chances[live] / chances[live].sum()).pvalue > ERROR


@given(case=cases())
def test_no_record_falls_where_its_law_has_no_mass(case):
    for client in range(case.federation.n_clients):
        law = record_law(case.problem, case.federation, client)
        own = case.logs.of_client(client)
        assert (law[own.query, own.model] > 0).all()
        assert own.size == case.federation.records[client]


@pytest.mark.parametrize("labels", ["bernoulli", "bernoulli-quality", "exact"])
def test_labels_are_unbiased_and_of_the_named_kind(labels):
    quality, cost = np.array([0.1, 0.5, 1.0, 0.0]), np.array([0.0, 0.6, 2.0, 0.5])
    trials = 20_000
    drawn = draw_labels(quality, cost, 2.0, np.random.default_rng(5), labels, trials)
    assert drawn.quality.shape == drawn.cost.shape == (trials, 4)
    if labels == "exact":
        assert (drawn.quality == quality).all()
    else:
        assert set(np.unique(drawn.quality)) <= {0.0, 1.0}
        for values, chance in zip(drawn.quality.T, quality, strict=True):
            assert binomtest(int(values.sum()), trials, chance).pvalue > ERROR
    if labels == "bernoulli":
        assert set(np.unique(drawn.cost)) <= {0.0, 2.0}
        for values, mean in zip(drawn.cost.T, cost, strict=True):
            assert binomtest(int((values > 0).sum()), trials, mean / 2.0).pvalue > ERROR
    else:
        assert (drawn.cost == cost).all()


def test_quality_and_cost_labels_of_one_record_are_drawn_apart():
    drawn = draw_labels(np.full(1, 0.5), np.full(1, 0.5), 1.0, np.random.default_rng(5), "bernoulli", 20_000)
    both = int((drawn.quality * drawn.cost).sum())
    assert binomtest(both, 20_000, 0.25).pvalue > ERROR


def test_labels_of_logs_follow_the_truth_of_their_query_and_model():
    rng = np.random.default_rng(3)
    problem = Tabular.generate(rng, queries=3, models=2, tasks=1)
    logs = draw_logs(problem, uniform_logging(problem, clients=1, records=30_000), rng)
    for x, m in np.ndindex(3, 2):
        own = (logs.query == x) & (logs.model == m)
        assert binomtest(int(logs.quality[own].sum()), int(own.sum()), problem.quality[x, m]).pvalue > ERROR
        assert binomtest(int((logs.cost[own] > 0).sum()), int(own.sum()), problem.cost[x, m] / problem.c_max).pvalue > ERROR


@pytest.mark.parametrize("alpha", [1e-4, 0.6, 100.0])
def test_dirichlet_laws_fit_the_problem_at_any_concentration(alpha):
    problem = Tabular.generate(np.random.default_rng(0))
    laws = dirichlet(problem, np.random.default_rng(1), clients=7, task_alpha=alpha, model_alpha=max(alpha, 1e-2))
    laws.check_fits(problem)
    assert laws.mixture.sum(axis=1) == pytest.approx(np.ones(7))
    assert laws.logging.sum(axis=2) == pytest.approx(np.ones((7, 5)))
    assert laws.shares == pytest.approx(np.full(7, 1 / 7))


def test_at_a_high_concentration_every_client_has_the_test_laws_tasks_and_logs_evenly():
    problem = Tabular(np.arange(3.0)[:, None], [1.0, 2.0, 7.0], np.full((3, 2), 0.5), np.zeros((3, 2)), task=[0, 1, 2])
    laws = dirichlet(problem, np.random.default_rng(1), clients=4, task_alpha=1e7, model_alpha=1e7)
    assert laws.mixture == pytest.approx(np.tile([0.1, 0.2, 0.7], (4, 1)), abs=0.01)
    assert laws.logging == pytest.approx(np.full((4, 3, 2), 0.5), abs=0.01)


def test_uniform_logging_covers_every_model_equally():
    problem = Tabular.generate(np.random.default_rng(0), models=4)
    laws = uniform_logging(problem, clients=2)
    assert laws.coverage(problem) == pytest.approx(np.full((2, 60, 4), 0.25))


def explicit_small(rho, records=(1,)):
    return explicit(np.array(rho), np.array(records))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda _: explicit_small([[0.5, 0.5]]), ("rho", "(1, 2)")),
        (lambda _: explicit_small([[[0.5, 0.6]]]), ("rho", "1.1")),
        (lambda _: explicit_small([[[1.5, -0.5]]]), ("rho", "-0.5")),
        (lambda _: explicit_small([[[0.5, np.nan]]]), ("rho", "nan")),
        (lambda _: explicit_small([[[0.5, 0.5]]], (0,)), ("client 0",)),
        (lambda _: explicit_small([[[0.5, 0.5]]], (1.5,)), ("records", "1.5")),
        (lambda _: explicit_small([[[0.5, 0.5]]], (1, 1)), ("mixture", "(1, 1)")),
        (lambda p: dirichlet(p, np.random.default_rng(0), clients=0), ("clients", "0")),
        (lambda p: dirichlet(p, np.random.default_rng(0), task_alpha=0), ("task_alpha", "0")),
        (lambda p: dirichlet(p, np.random.default_rng(0), model_alpha=np.inf), ("model_alpha", "inf")),
        (lambda p: dirichlet(p, np.random.default_rng(0), records=0), ("records", "0")),
        (lambda p: uniform_logging(p, clients=2, mixture=np.full((3, 5), 0.2)), ("mixture", "(3, 5)")),
        (lambda _: Federation(np.array([1]), np.ones((1, 1)), np.ones((1, 1, 1)), by="day"), ("by", "day")),
        (lambda p: explicit_small([[[0.5, 0.5]]]).coverage(p), ("(1, 60, 4)", "(1, 1, 2)")),
        (lambda p: draw_logs(p, explicit_small([[[0.5, 0.5]]]), np.random.default_rng(0)), ("(1, 1, 2)",)),
        (lambda p: draw_logs(p, uniform_logging(p), np.random.default_rng(0), "gaussian"), ("labels", "gaussian")),
    ],
)
def test_a_bad_law_is_named(call, named):
    one_sentence(lambda: call(Tabular.generate(np.random.default_rng(0))), *named)
