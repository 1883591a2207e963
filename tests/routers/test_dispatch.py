"""What every router refuses before it trains."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems
from fedroute_theory.federation import Labels
from fedroute_theory.routers import (
    EMPTY_CHOICES,
    CellLevels,
    FedAvg,
    KMeansRouter,
    LinearRouter,
    MixtureRouter,
    MLPRouter,
    descent_of,
    kmeans,
    train,
)

RNG = np.random.default_rng(0)
PROBLEM = problems.Tabular.generate(RNG, queries=12, dimension=2, models=2)
LAWS = federation.uniform_logging(PROBLEM, clients=2, records=20)
LOGS = federation.draw_logs(PROBLEM, LAWS, RNG)
ROUTERS = (KMeansRouter.with_clusters(2), LinearRouter(), MLPRouter(hidden=(2,)), MixtureRouter(LinearRouter()))


@pytest.mark.parametrize("router", ROUTERS, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize(
    ("quality", "cost", "named"),
    [(np.nan, 0.0, "nan"), (2.0, 0.0, "2"), (0.5, -1.0, "-1"), (0.5, np.inf, "inf")],
)
def test_labels_that_are_none_are_named(router, quality, cost, named):
    shape = (1, LOGS.size)
    one_sentence(lambda: train(router, LOGS, 0, Labels(np.full(shape, quality), np.full(shape, cost))), "labels", named)


@pytest.mark.parametrize("router", ROUTERS, ids=lambda r: type(r).__name__)
def test_labels_of_other_records_are_refused(router):
    one_sentence(lambda: train(router, LOGS, 0, Labels(np.zeros((1, 3)), np.zeros((1, 3)))), "shape")


LOW = (
    *(KMeansRouter.with_clusters(2, empty=empty, c_max=0.01) for empty in EMPTY_CHOICES),
    LinearRouter(c_max=0.01),
    MLPRouter(hidden=(2,), c_max=0.01),
)


@pytest.mark.parametrize("router", [*LOW, *(MixtureRouter(router) for router in LOW)])
def test_costs_above_c_max_are_refused_by_every_router(router):
    largest = f"{LOGS.cost.max():g}"
    one_sentence(lambda: train(router, LOGS, 0), "'c_max'", largest, "0.01")
    free = replace(LOGS, cost=np.zeros(LOGS.size))
    redrawn = Labels(LOGS.quality[None], LOGS.cost[None])
    one_sentence(lambda: train(router, free, 0, redrawn), "'c_max'", largest, "0.01")


def test_costs_above_c_max_are_refused_wherever_training_starts():
    router = LOW[0]
    for one in (kmeans.train_local, kmeans.train_federated, kmeans.train_pooled):
        one_sentence(lambda one=one: one(router, LOGS, 0), "'c_max'", "0.01")
    descending = LinearRouter(solver=FedAvg(2, 1, 0.01), c_max=0.01)
    one_sentence(lambda: descent_of(descending, LOGS, 0), "'c_max'", "0.01")
    certified = MixtureRouter(KMeansRouter.with_clusters(2), "certified", levels=CellLevels(slope=1.0, c_max=0.01))
    one_sentence(lambda: train(certified, LOGS, 0), "'c_max'", "0.01")


def test_a_training_that_diverges_says_so():
    router = MLPRouter(
        hidden=(2,),
        activation="relu",
        layer_norm=False,
        dropout=0.0,
        optimiser="sgd",
        clip=None,
        learning_rates=(1e35,),
        rounds=3,
    )
    one_sentence(lambda: train(router, LOGS, 0), "diverged with a learning rate of 1e+35")


def test_a_loss_that_explodes_is_warned_of_and_one_that_falls_is_not():
    router = MLPRouter(hidden=(2,), layer_norm=False, learning_rates=(1e3,), rounds=3, baseline_epochs=3)
    with pytest.warns(RuntimeWarning) as told:
        trained = train(router, LOGS, 0)
    said = [str(one.message) for one in told]
    for who in ("client 0", "the federation", "the pool"):
        assert any(who in one and "learning rate of 1000: its loss rose from" in one for one in said)
    assert all(np.isfinite(value).all() for value in trained.pooled.predictor.weights.values())
    train(replace(router, learning_rates=(1e-2,)), LOGS, 0)  # any warning is an error here


@pytest.mark.parametrize("lam", [float("nan"), -1.0, float("inf")])
def test_prices_are_checked_by_every_policy(lam):
    trained = train(KMeansRouter.with_clusters(2), LOGS, 0)
    one_sentence(lambda: trained.federated.policy(lam), "lam")
    one_sentence(lambda: train(LinearRouter(), LOGS, 0).federated.policy(lam), "lam")


@pytest.mark.parametrize("router", [*ROUTERS, MixtureRouter(KMeansRouter.with_clusters(2))], ids=lambda r: type(r).__name__)
def test_queries_that_are_no_numbers_are_named_by_every_policy(router):
    trained = train(router, LOGS, 0)
    for _, _, estimates in trained.estimates():
        policy = estimates.policy(0.1)
        assert policy(LOGS.embedding[:3]).shape == (3,)
        for wrong in (np.nan, np.inf):
            queries = np.array(LOGS.embedding[:5])
            queries[3, 1] = wrong
            one_sentence(lambda policy=policy, queries=queries: policy(queries), "'embeddings'", f"{wrong:g}", "(3, 1)")
        one_sentence(lambda policy=policy: policy(LOGS.embedding[0]), "'embeddings'", "shape (2,)")
        one_sentence(lambda policy=policy: policy("query"), "'embeddings'")
        one_sentence(lambda estimates=estimates: estimates.policy(-0.1), "'lam'", "-0.1")
