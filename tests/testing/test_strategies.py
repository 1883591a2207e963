"""The public strategies draw what they promise, the awkward cases included."""

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fedroute_theory.federation import LABEL_MODELS
from fedroute_theory.routers import EMPTY_CHOICES
from fedroute_theory.testing import cases, cell_estimates, error_bounds, federations, logs, policies, tabular_problems


def sample(strategy, size):
    """The first draws of a strategy."""
    seen = []

    @settings(max_examples=size, phases=[Phase.generate])
    @given(drawn=strategy)
    def collect(drawn):
        seen.append(drawn)

    collect()
    return seen


def tied(problem):
    best = problem.utility.max(axis=1, keepdims=True)
    return ((problem.utility == best).sum(axis=1) > 1).any()


AWKWARD_PROBLEMS = {
    "queries with one embedding": lambda p: len(np.unique(p.embeddings, axis=0)) < len(p.embeddings),
    "queries without weight": lambda p: (p.weights == 0).any(),
    "tied utilities": tied,
    "price zero": lambda p: p.lam == 0,
    "price and costs positive": lambda p: p.lam > 0 and p.c_max > 0,
    "free models": lambda p: p.c_max == 0,
    "largest label above the largest cost": lambda p: p.c_max > p.cost.max(),
    "several tasks": lambda p: p.n_tasks == 3,
    "one query": lambda p: p.weights.size == 1,
}

AWKWARD_CASES = {
    "no coverage": lambda c: (c.federation.coverage(c.problem)[:, c.problem.weights > 0] == 0).any(),
    "several clients": lambda c: c.federation.n_clients > 1,
    "laws by task": lambda c: c.federation.by == "task",
    "laws by query": lambda c: c.federation.by == "query",
    "empty pairs": lambda c: (c.trained[0][2].counts == 0).any(),
    "models left out": lambda c: not c.trained[0][2].routable.all(),
    "cells without records": lambda c: (c.trained[0][2].counts.sum(axis=1) == 0).any(),
    "records off the test law": lambda c: (c.problem.weights[c.logs.query] == 0).any(),
    "all kinds of labels": lambda c: c.logs.labels == "bernoulli-quality",
}


def test_awkward_problems_are_drawn():
    seen = sample(tabular_problems(), 300)
    assert [name for name, awkward in AWKWARD_PROBLEMS.items() if not any(map(awkward, seen))] == []


def test_awkward_cases_are_drawn():
    seen = sample(cases(), 300)
    assert [name for name, awkward in AWKWARD_CASES.items() if not any(map(awkward, seen))] == []


@given(data=st.data())
def test_what_is_asked_for_is_drawn(data):
    problem = data.draw(tabular_problems(max_queries=3, max_models=2, duplicates=False, lam=0.25))
    assert len(np.unique(problem.embeddings, axis=0)) == len(problem.embeddings) <= 3
    assert problem.n_models == 2
    assert problem.lam == 0.25
    laws = data.draw(federations(problem, holes=False, by="query", max_clients=2, max_records=4))
    laws.check_fits(problem)
    assert laws.n_clients <= 2
    assert laws.records.max() <= 4
    assert (laws.coverage(problem)[:, problem.weights > 0] > 0).all()
    records = data.draw(logs(problem, laws, "exact"))
    assert records.labels == "exact"
    assert np.array_equal(records.quality, problem.truth(records.embedding)[0][np.arange(records.size), records.model])
    estimates = data.draw(cell_estimates(records, empty="mid-range", max_cells=2))
    assert estimates.empty == "mid-range"
    assert estimates.n_cells <= 2
    assert estimates.n == records.size


@given(data=st.data(), problem=tabular_problems())
def test_policies_answer_alike_on_equal_embeddings(data, problem):
    policy = data.draw(policies(problem))
    chosen = problem.decisions(policy)
    for x, y in np.ndindex(len(chosen), len(chosen)):
        if np.array_equal(problem.embeddings[x], problem.embeddings[y]):
            assert chosen[x] == chosen[y]


@given(data=st.data())
def test_error_bounds_have_the_shape_that_was_asked_for(data):
    assert data.draw(error_bounds(models=3)).shape == (3,)
    several = data.draw(error_bounds(models=2, queries=4))
    assert several.shape == (4, 2)
    assert (several >= 0).all()


@given(case=cases(labels="bernoulli", empty="published"))
def test_cases_keep_to_what_was_fixed(case):
    assert case.logs.labels == "bernoulli" in LABEL_MODELS
    assert case.trained[0][2].empty == "published" in EMPTY_CHOICES
