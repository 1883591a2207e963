"""Every hyperparameter of every router and certificate refuses what is of another type, in one sentence, when it is made."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems
from fedroute_theory.estimates import AffineFeatures
from fedroute_theory.federation import Labels
from fedroute_theory.routers import CellLevels, FedAvg, KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, growth, train
from fedroute_theory.routers.certified import GaussianPosterior, Quantised
from fedroute_theory.routers.mlp import train_seeds

RNG = np.random.default_rng(0)
PROBLEM = problems.Tabular.generate(RNG, queries=12, dimension=2, models=2)
LOGS = federation.draw_logs(PROBLEM, federation.uniform_logging(PROBLEM, clients=2, records=20), RNG)
NUMBERS = ("x", "1", None, [1.0], (1,), True, np.nan, -1, {}, np.array([0.5]), KMeansRouter)
"""What is no number of any hyperparameter below (-1 and NaN are out of every range)."""

NONE_TOO = ("clip", "batch", "participants", "local_epochs", "local_steps", "baseline_epochs", "reach")
NAMES = ("x", 3, None, True, ["adamw"], {}, "Adamw", KMeansRouter)
FLAGS = ("x", 3, None, [True], 0, np.array([True]))
TUPLES = (4, "x", (), [], None, {1.0}, ("x",), (None,), (-1,), (True,), ((1,),))

CHOSEN = {
    KMeansRouter: ("init", "empty"),
    MLPRouter: ("activation", "optimiser", "heads", "unlogged", "precision"),
    MixtureRouter: ("empty",),
    GaussianPosterior: ("prior", "covariance"),
}
NUMBERED = {
    KMeansRouter: ("local_clusters", "client_clusters", "clusters", "pooled_clusters", "restarts", "iterations", "c_max"),
    LinearRouter: ("ridge", "c_max", "least_records"),
    FedAvg: ("rounds", "local_steps", "step", "noise"),
    MLPRouter: (
        "dropout", "weight_decay", "clip", "batch", "held_out", "rounds", "participants", "local_epochs", "baseline_epochs",
        "c_max",
    ),
    MixtureRouter: ("weights", "held_out"),
    CellLevels: ("slope", "delta", "lam", "c_max"),
    Quantised: ("reach", "steps", "polish", "cost_share"),
    GaussianPosterior: ("draws", "steps", "cost_share"),
}  # fmt: skip
LISTED = {
    MLPRouter: ("learning_rates", "local_learning_rates", "pooled_learning_rates"),
    GaussianPosterior: ("prior_std", "widths"),
}
FLAGGED = {KMeansRouter: ("stale_labels",), MLPRouter: ("layer_norm",)}
NEEDED = {FedAvg: {"rounds": 2, "local_steps": 1, "step": 0.1}, CellLevels: {"slope": 1.0}}


def wrong():
    for table, values in ((CHOSEN, NAMES), (NUMBERED, NUMBERS), (LISTED, TUPLES), (FLAGGED, FLAGS)):
        for made, fields in table.items():
            for name in fields:
                for value in values:
                    if value is None and (name in NONE_TOO or name.endswith("l_learning_rates") or name.startswith("pooled_l")):
                        continue
                    yield pytest.param(made, name, value, id=f"{made.__name__}-{name}-{str(value)[:20]}")


@pytest.mark.parametrize(("made", "name", "value"), list(wrong()))
def test_another_type_is_named(made, name, value):
    one_sentence(lambda: made(**(NEEDED.get(made, {}) | {name: value})), f"'{name}'")


@pytest.mark.parametrize("value", [4, "x", None, [4], {4}, (0,), ("x",), (4.0,), (None,), (True,)])
def test_hidden_widths_are_a_tuple_of_integers(value):
    one_sentence(lambda: MLPRouter(hidden=value), "'hidden'")
    assert MLPRouter(hidden=()).hidden == ()


@pytest.mark.parametrize("value", ["x", None, [3], (), ("x",), (3.0,), True, 0, (3, None), {3}])
def test_bits_are_integers(value):
    one_sentence(lambda: Quantised(bits=value), "'bits'")


@pytest.mark.parametrize("value", ["x", 1.0, [0.5, 0.1], (0.5,), (0.5, 0.0), (0.5, "x"), None, (1, 2, 3)])
def test_the_scale_of_cost_is_a_name_or_a_pair(value):
    one_sentence(lambda: MLPRouter(cost_scaling=value), "'cost_scaling'")


@pytest.mark.parametrize("value", [3, "x", AffineFeatures, [AffineFeatures()], None])
def test_features_are_a_function(value):
    one_sentence(lambda: LinearRouter(features=value), "'features'")


@pytest.mark.parametrize("value", [3, "x", FedAvg, MLPRouter()])
def test_a_solver_is_fedavg(value):
    one_sentence(lambda: LinearRouter(solver=value), "'solver'")


@pytest.mark.parametrize("value", [3, "x", Quantised, GaussianPosterior, (Quantised(),)])
def test_a_certificate_is_made_not_its_class(value):
    one_sentence(lambda: MLPRouter(cost_scaling="range", certificate=value), "'certificate'")


@pytest.mark.parametrize("value", ["x", [[1.0]], [], [np.nan]])
def test_a_prior_mean_is_a_vector(value):
    one_sentence(lambda: GaussianPosterior(prior_mean=value), "'prior_mean'")


@pytest.mark.parametrize("value", [KMeansRouter, "kmeans", None, MixtureRouter(), 3])
def test_a_base_is_a_router(value):
    one_sentence(lambda: MixtureRouter(value), "'base'")


@pytest.mark.parametrize(
    "value",
    [3, "x", CellLevels, (1.0, 2.0), [(1.0, 2.0)], {0: 1.0}, {0: (1.0,)}, {0: (1.0, 2.0, 3.0)}, {0: ("x", 1.0)}, {0: None},
     {"a": (1.0, 1.0)}, {0: (1.0, np.nan)}, {0: "12"}],
)  # fmt: skip
def test_levels_are_a_function_or_two_numbers_a_client(value):
    one_sentence(lambda: MixtureRouter(KMeansRouter(), "certified", levels=value), "'levels'")


@pytest.mark.parametrize("found", ["x", None, -1.0, np.nan, [1.0], np.ones(2)])
def test_a_function_of_levels_that_gives_no_level_is_named(found):
    router = MixtureRouter(KMeansRouter.with_clusters(2), "certified", levels=lambda *_: found)
    one_sentence(lambda: train(router, LOGS, 0), "'levels'")


def test_a_side_of_which_nothing_is_known_gets_no_weight():
    sizes = lambda estimates, own: np.inf if estimates.n == own.size else 1.0  # noqa: E731
    mixed = train(MixtureRouter(KMeansRouter.with_clusters(2), "certified", levels=sizes), LOGS, 0).personal
    assert [mixed[i].constant_weight for i in mixed] == [0.0, 0.0]


@pytest.mark.parametrize(
    "given", [lambda x: x[:, 0], lambda x: x[:3], lambda x: x[:, :0], lambda x: np.full((len(x), 2), np.nan)]
)
def test_features_of_another_shape_are_named(given):
    one_sentence(lambda: train(LinearRouter(features=given), LOGS, 0), "'features'")


@pytest.mark.parametrize("router", [KMeansRouter.with_clusters(2), LinearRouter(), MixtureRouter(LinearRouter())])
def test_what_are_no_logs_or_labels_are_named(router):
    one_sentence(lambda: train(router, 3, 0), "'logs'")
    one_sentence(lambda: train(router, LOGS, 0, np.zeros((1, LOGS.size))), "'labels'")
    one_sentence(lambda: train(router, LOGS, "0"), "'seed'")


def test_no_seed_at_all_is_named():
    one_sentence(lambda: train_seeds(MLPRouter(hidden=()), LOGS, ()), "'seeds'")


@pytest.mark.parametrize("grow", [growth.add_models, growth.add_clients])
def test_what_cannot_grow_is_named(grow):
    before = train(KMeansRouter.with_clusters(2), LOGS, 0)
    one_sentence(lambda: grow(KMeansRouter(), LOGS), "'before'")
    one_sentence(lambda: grow(before, None), "'logs'")
    one_sentence(lambda: grow(before, LOGS, np.zeros(3)), "'labels'")
    for seed in (-1, "x", 1.5, 2**32):
        one_sentence(lambda seed=seed: grow(before, LOGS, None, seed), "'seed'")


def test_networks_with_a_certificate_cannot_grow_and_say_so():
    router = MLPRouter(
        hidden=(), learning_rates=(1e-2,), rounds=1, cost_scaling="range", certificate=Quantised(bits=1, steps=0, polish=0)
    )
    before = train(router, LOGS, 0)
    wider = replace(LOGS, model=np.full(LOGS.size, LOGS.n_models), n_models=LOGS.n_models + 1)
    newer = replace(LOGS, client=LOGS.client + LOGS.n_clients, n_clients=2 * LOGS.n_clients)
    for grow, logs in ((growth.add_models, wider), (growth.add_clients, newer)):
        one_sentence(lambda grow=grow, logs=logs: grow(before, logs), "certificate cannot grow", "train without one")


@pytest.mark.parametrize("made", [KMeansRouter.with_clusters(2), LinearRouter(), MLPRouter(hidden=())])
def test_another_number_of_repetitions_of_labels_is_named(made):
    one_sentence(lambda: train(made, LOGS, 0, Labels(np.zeros((2, LOGS.size)), np.zeros((3, LOGS.size)))), "'labels'")
