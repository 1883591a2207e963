"""Estimates that are not the means of their labels are no estimates of this theorem, in whatever repetition."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.routers import KMeansRouter, train
from fedroute_theory.theorems import Case, NotApplicable, theorem
from fedroute_theory.verify.scenarios import SCENARIOS, redrawn, stream


@pytest.fixture(scope="module")
def trained():
    """A small world with costs that matter, three repetitions of the labels."""
    rng = stream(5, "means")
    world = SCENARIOS["tabular"].build(rng, 40)
    labels = redrawn(world, rng, 3)
    router = KMeansRouter.with_clusters(3, empty="mid-range", c_max=world.problem.c_max)
    return world, labels, train(router, world.logs, 0, labels)


def answers(trained, estimates, client):
    world, labels, found = trained
    training = "pooled" if client is None else "local"
    case = Case(world.problem, world.federation, world.logs, [(training, client, estimates)], 0.05, found.messages, labels)
    return [c.answer for c in theorem("kmeans-router").claims(case) if not c.form.startswith("event")]


@pytest.mark.parametrize("client", [None, 1])
def test_means_are_accepted(trained, client):
    estimates = trained[2].pooled if client is None else trained[2].local[client]
    assert not any(isinstance(a, NotApplicable) for a in answers(trained, estimates, client))


@pytest.mark.parametrize("client", [None, 1])
@pytest.mark.parametrize("repetition", [0, 2])
@pytest.mark.parametrize("label", ["quality", "cost"])
def test_one_wrong_mean_is_refused(trained, client, repetition, label):
    estimates = trained[2].pooled if client is None else trained[2].local[client]
    values = getattr(estimates, label).copy()
    k, m = np.argwhere(estimates.counts > 0)[0]
    values[repetition, k, m] += 1e-6
    found = answers(trained, replace(estimates, **{label: values}), client)
    assert {a.assumption for a in found if isinstance(a, NotApplicable)} == {"estimates are cell means"}
    assert all(isinstance(a, NotApplicable) for a in found)
    empty = np.argwhere(estimates.counts == 0)
    if empty.size:  # a fallback is no mean, and need not be one
        values = getattr(estimates, label).copy()
        values[:, *empty[0]] += 0.1
        assert not any(isinstance(a, NotApplicable) for a in answers(trained, replace(estimates, **{label: values}), client))
