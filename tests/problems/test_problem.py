"""Every problem knows its optimum: gaps are exact, non-negative, and do not depend on names."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import exact_gap, merged_utility, one_sentence

from fedroute_theory.certify import suboptimality
from fedroute_theory.problems import Lipschitz, Tabular, Topics, voronoi
from fedroute_theory.testing import policies, tabular_problems

ROUNDING = 1e-12
FAMILIES = {
    "tabular": lambda: Tabular.generate(np.random.default_rng(0), lam=0.7),
    "lipschitz": lambda: Lipschitz.generate(np.random.default_rng(0), sample=500, lam=0.7),
    "topics": lambda: Topics.generate(np.random.default_rng(0), sample=500, lam=0.7),
    "voronoi": lambda: voronoi(np.random.default_rng(0), lam=0.7),
}


def small(**changes) -> dict:
    given_fields = {
        "embeddings": np.array([[0.0], [1.0]]),
        "weights": np.ones(2),
        "quality": np.array([[0.2, 0.7], [0.9, 0.4]]),
        "cost": np.zeros((2, 2)),
    }
    return given_fields | changes


@pytest.mark.parametrize("family", FAMILIES)
def test_the_optimal_policy_has_no_gap(family):
    problem = FAMILIES[family]()
    assert abs(problem.suboptimality(problem.optimal_policy).value) <= ROUNDING


@given(problem=tabular_problems())
def test_the_optimal_policy_has_no_gap_on_any_small_problem(problem):
    gap = problem.suboptimality(problem.optimal_policy)
    assert abs(gap.value) <= ROUNDING
    assert gap.error == 0.0


@given(data=st.data(), problem=tabular_problems())
def test_no_policy_beats_the_optimum(data, problem):
    policy = data.draw(policies(problem))
    assert problem.suboptimality(policy).value >= -ROUNDING * problem.label_range


@given(data=st.data(), problem=tabular_problems())
def test_gap_agrees_with_an_independent_rational_gap(data, problem):
    policy = data.draw(policies(problem))
    exact = exact_gap(problem, problem.decisions(policy))
    assert problem.suboptimality(policy).value == pytest.approx(float(exact), abs=ROUNDING * problem.label_range)


@given(data=st.data(), problem=tabular_problems(duplicates=False))
def test_gap_agrees_with_the_certified_gap_on_distinct_queries(data, problem):
    policy = data.draw(policies(problem))
    exact = suboptimality(problem, problem.decisions(policy))
    assert isinstance(exact, Fraction)
    assert problem.suboptimality(policy).value == pytest.approx(float(exact), abs=ROUNDING * problem.label_range)


@given(data=st.data(), problem=tabular_problems())
def test_gap_agrees_with_the_certified_gap_where_queries_share_an_embedding(data, problem):
    policy = data.draw(policies(problem))
    exact = suboptimality(problem, problem.decisions(policy))
    assert problem.suboptimality(policy).value == pytest.approx(float(exact), abs=ROUNDING * problem.label_range)


@given(problem=tabular_problems())
def test_truth_is_the_weighted_mean_over_equal_embeddings(problem):
    quality, cost = problem.truth(problem.embeddings)
    expected = np.array([[float(u) for u in row] for row in merged_utility(problem)])
    assert quality - problem.lam * cost == pytest.approx(expected, abs=1e-12 * problem.label_range)


@given(data=st.data(), problem=tabular_problems())
def test_renaming_models_changes_no_gap(data, problem):
    order = np.array(data.draw(st.permutations(range(problem.n_models))))
    policy = data.draw(policies(problem))
    renamed = problem.relabelled(order)
    place = np.argsort(order)
    gap = renamed.suboptimality(lambda x: place[policy(x)]).value
    assert gap == pytest.approx(problem.suboptimality(policy).value, abs=ROUNDING * problem.label_range)
    assert [renamed.models[m] for m in place] == list(problem.models)


@pytest.mark.parametrize("family", FAMILIES)
def test_renaming_models_renames_the_truth_too(family):
    problem = FAMILIES[family]()
    order = np.arange(problem.n_models)[::-1]
    for moved, kept in zip(
        problem.relabelled(order).truth(problem.embeddings[:20]), problem.truth(problem.embeddings[:20]), strict=True
    ):
        assert moved == pytest.approx(kept[:, order], abs=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_at_the_queries_is_the_table(family):
    problem = FAMILIES[family]()
    quality, cost = problem.truth(problem.embeddings)
    assert quality == pytest.approx(problem.quality, abs=1e-12)
    assert cost == pytest.approx(problem.cost, abs=1e-12)


@given(problem=tabular_problems())
def test_a_higher_price_never_raises_the_optimum_or_its_cost(problem):
    prices = (0.0, 0.1, 0.5, 1.0, 4.0, 30.0)
    values, costs = [], []
    for lam in prices:
        priced = problem.replace(lam=lam)
        assert priced.label_range == pytest.approx(1 + lam * problem.c_max)
        chosen = priced.decisions(priced.optimal_policy)
        values.append(priced.mean(priced.optimum))
        costs.append(priced.mean(problem.truth(problem.embeddings)[1][np.arange(chosen.size), chosen]))
    assert all(after <= before + ROUNDING for before, after in pairwise(values))
    assert all(after <= before + 1e-9 for before, after in pairwise(costs))


@given(data=st.data(), problem=tabular_problems())
def test_gap_splits_exactly_at_the_best_cell_policy(data, problem):
    policy = data.draw(policies(problem))
    cells = np.array(data.draw(st.lists(st.integers(0, 2), min_size=problem.weights.size, max_size=problem.weights.size)))
    parts = problem.split_gap(policy, cells)
    assert parts.total == pytest.approx(problem.suboptimality(policy).value, abs=ROUNDING * problem.label_range)


@given(data=st.data(), problem=tabular_problems(max_models=3))
def test_best_policy_on_cells_is_best_by_brute_force(data, problem):
    cells = np.array(data.draw(st.lists(st.integers(0, 2), min_size=problem.weights.size, max_size=problem.weights.size)))
    found = problem.best_on_cells(cells, 3)
    rows = np.arange(cells.size)
    values = {
        choice: float(problem.weights @ problem.utility[rows, np.array(choice)[cells]])
        for choice in np.ndindex(*(problem.n_models,) * 3)
    }
    assert found.value == pytest.approx(max(values.values()), abs=1e-12 * problem.label_range)
    assert values[tuple(found.models.tolist())] == pytest.approx(found.value, abs=1e-12 * problem.label_range)
    assert found.mass.sum() == pytest.approx(1.0)


def test_a_single_cell_is_the_best_single_model():
    problem = FAMILIES["tabular"]()
    best = problem.best_on_cells(np.zeros(problem.weights.size, dtype=int))
    assert best.value == pytest.approx(max(problem.weights @ problem.utility), abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"quality": [[0.2, 1.2], [0.9, 0.4]]}, ("quality", "1.2")),
        ({"quality": [[0.2, np.nan], [0.9, 0.4]]}, ("quality", "nan")),
        ({"quality": [[0.2], [0.9]], "cost": [[0.0], [0.0]]}, ("quality", "two models")),
        ({"cost": [[0.0, -0.5], [0.0, 0.0]]}, ("cost", "-0.5")),
        ({"cost": [[0.0, np.inf], [0.0, 0.0]]}, ("cost", "inf")),
        ({"cost": np.zeros((2, 3))}, ("cost", "(2, 3)")),
        ({"weights": [-1.0, 2.0]}, ("weights", "-1")),
        ({"weights": [0.0, 0.0]}, ("weights", "0")),
        ({"weights": [1.0, 1.0, 1.0]}, ("weights", "(3,)")),
        ({"embeddings": [[0.0], [np.nan]]}, ("embeddings", "nan")),
        ({"embeddings": np.zeros((0, 1))}, ("embeddings", "(0, 1)")),
        ({"embeddings": "two"}, ("embeddings", "str")),
        ({"lam": -1.0}, ("lam", "-1")),
        ({"lam": np.nan}, ("lam", "nan")),
        ({"lam": "dear"}, ("lam", "dear")),
        ({"cost": [[0.0, 2.0], [0.0, 0.0]], "c_max": 1.0}, ("c_max", "1.0")),
        ({"models": ("a", "a")}, ("models", "a")),
        ({"models": ("a", "b", "c")}, ("models", "c")),
        ({"task": [0, -1]}, ("task", "-1")),
        ({"task": [0.5, 1.5]}, ("task", "float64")),
    ],
)
def test_a_bad_field_is_named(changes, named):
    one_sentence(lambda: Tabular(**small(**changes)), *named)


@pytest.mark.parametrize(
    ("answer", "named"),
    [([0], "(1,)"), ([0, 2], "2"), ([0, -1], "-1"), ([0.0, 1.0], "float64"), ([[0, 1]], "(1, 2)")],
)
def test_a_policy_must_answer_with_one_model_a_query(answer, named):
    problem = Tabular(**small())
    one_sentence(lambda: problem.suboptimality(lambda _: np.array(answer)), "policy", named)
    one_sentence(lambda: problem.suboptimality(np.array(answer)), "policy", "function from embeddings", "array(")
    one_sentence(lambda: problem.replace(lam=np.eye(3)), "'lam'", "array([[1., 0., 0.], [0.")


def test_a_query_that_the_problem_does_not_hold_is_refused():
    problem = Tabular(**small())
    one_sentence(lambda: problem.truth(np.array([[0.0], [0.3]])), "embeddings", "1")
    one_sentence(lambda: problem.truth(np.zeros((1, 2))), "embeddings", "(1, 2)")


def test_negative_zero_is_zero():
    problem = Tabular(**small())
    assert problem.truth(np.array([[-0.0]]))[0].tolist() == [[0.2, 0.7]]


def test_the_order_of_models_must_be_a_permutation():
    one_sentence(lambda: Tabular(**small()).relabelled(np.array([0, 0])), "order")


def test_fields_cannot_be_written():
    problem = Tabular(**small())
    with pytest.raises(ValueError, match="read-only"):
        problem.quality[0, 0] = 1.0
