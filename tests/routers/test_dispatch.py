"""What every router refuses before it trains."""

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems
from fedroute_theory.federation import Labels
from fedroute_theory.routers import KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, train

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


@pytest.mark.parametrize("router", [LinearRouter(c_max=0.01), MLPRouter(c_max=0.01), MixtureRouter(LinearRouter(c_max=0.01))])
def test_costs_beyond_what_can_be_predicted_are_refused(router):
    one_sentence(lambda: train(router, LOGS, 0), "c_max", "0.01")


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
    one_sentence(lambda: train(router, LOGS, 0), "diverged", "1e+35")


@pytest.mark.parametrize("lam", [float("nan"), -1.0, float("inf")])
def test_prices_are_checked_by_every_policy(lam):
    trained = train(KMeansRouter.with_clusters(2), LOGS, 0)
    one_sentence(lambda: trained.federated.policy(lam), "lam")
    one_sentence(lambda: train(LinearRouter(), LOGS, 0).federated.policy(lam), "lam")
