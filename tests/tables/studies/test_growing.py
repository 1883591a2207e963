"""Growth of small federated routers: unknown models are never routed to, and a gap above its bound is counted."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.federation import draw_logs, uniform_logging
from fedroute_theory.tables.studies import growing
from fedroute_theory.theorems import Bound, Claim


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    problem = growing.family_problem(rng, 4)
    laws = uniform_logging(problem, clients=2, records=200)
    return problem, laws, draw_logs(problem, laws, rng)


@pytest.mark.parametrize("family", ["K-means", "linear heads"])
def test_models_that_are_not_known_are_not_routed_to(world, family):
    problem, _, logs = world
    known = logs.take(np.flatnonzero(logs.model < 3))
    grown = growing.federated_only(growing.family_router(family), replace(known, n_models=3), 0)
    whole = growing.padded(grown.federated, 4)
    utility = whole.utility_at(problem.embeddings, problem.lam)
    assert (utility[:, 3] == -np.inf).all()
    assert (utility[:, :3] == grown.federated.utility_at(problem.embeddings, problem.lam)).all()
    assert whole.counts_by_model.tolist() == [*grown.federated.counts_by_model.tolist(), 0]
    assert growing.padded(grown.federated, 3) is grown.federated


def test_a_gap_above_its_bound_is_a_violation(world, monkeypatch):
    problem, laws, logs = world
    estimates = growing.federated_only(growing.family_router("K-means"), logs, 0).federated
    assert growing.judged(problem, laws, logs, estimates)["violations"] == 0
    false = Claim("relative/kl", "federated", None, 1, Bound({"nothing": 0.0}), 0.1)
    monkeypatch.setattr(growing, "kmeans_router", lambda _case, _wanted: [false])
    found = growing.judged(problem, laws, logs, estimates)
    assert (found["own"], found["violations"], found["claims"]) == (0.0, 1, 3)


def test_the_own_bound_of_linear_heads_needs_as_many_records_as_features(world):
    problem, laws, logs = world
    router = growing.family_router("linear heads")
    enough = growing.judged(problem, laws, logs, growing.federated_only(router, logs, 0).federated)
    least = int(np.bincount(logs.model).min())
    assert enough["own"] == pytest.approx(growing.FEATURES / (4 * least))
    few = logs.take(np.concatenate([np.flatnonzero(logs.model > 0), np.flatnonzero(logs.model == 0)[:10]]))
    assert growing.judged(problem, laws, few, growing.federated_only(router, few, 0).federated)["own"] is None


def test_records_of_several_logs_are_put_together(world):
    *_, logs = world
    newcomers = growing.moved(logs, 2)
    whole = growing.joined([logs, newcomers], 4)
    assert np.bincount(whole.client).tolist() == [200] * 4
    assert growing.record_bytes(whole) == 2 * growing.record_bytes(logs) == 2 * logs.size * (2 * 8 + 3 * 8)


def test_everyone_alone_knows_its_own_records_only(world):
    *_, logs = world
    for family in ("K-means", "linear heads"):
        alone = growing.local_only(growing.family_router(family), logs, 0)
        assert {i: e.n for i, e in alone.items()} == {0: 200, 1: 200}
