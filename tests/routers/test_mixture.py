"""Personal mixtures: every rule of weights against a plain reading, levels, repetitions, published choices, bad input."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.federation import Labels, Logs
from fedroute_theory.routers import EMPTY_CHOICES, CellLevels, KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, train
from fedroute_theory.routers.mixture import _held_out, error_weights
from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight


def random_logs(seed=0, size=240, clients=3, models=3, unlogged=None):
    rng = np.random.default_rng(seed)
    client, model = rng.integers(0, clients, size), rng.integers(0, models, size)
    if unlogged is not None:
        model[(client == unlogged[0]) & (model == unlogged[1])] = (unlogged[1] + 1) % models
    quality = (rng.random(size) < (model + 1) / (models + 1)).astype(float)
    return Logs(
        client,
        rng.normal(size=(size, 2)),
        np.full(size, -1),
        model,
        quality,
        rng.random(size),
        clients,
        models,
        "bernoulli",
        "fixed",
    )


BASE = KMeansRouter.with_clusters(4, empty="mid-range")


def slow_weight(local, federated, logs, client, model, label):
    """Share of the local side from mean absolute errors on the client's own records of the model."""
    rows = [j for j in range(logs.size) if logs.client[j] == client and logs.model[j] == model]
    if not rows:
        return 0.0
    errors = [
        np.mean(
            [abs(side.predict(logs.embedding[j : j + 1])[label][0, model] - (logs.quality, logs.cost)[label][j]) for j in rows]
        )
        for side in (local, federated)
    ]
    return errors[1] / sum(errors) if sum(errors) > 0 else 0.5


def test_weights_from_training_error_are_inverse_to_the_mean_absolute_error():
    logs = random_logs(unlogged=(1, 2))
    trained = train(MixtureRouter(BASE, "training-error"), logs, 0)
    assert sorted(trained.personal) == sorted(trained.local) == [0, 1, 2]
    for client, mixed in trained.personal.items():
        assert mixed.local is trained.local[client]
        assert mixed.federated is trained.federated
        assert not mixed.label_free
        for m in range(3):
            for label, weight in enumerate((mixed.quality_weight, mixed.cost_weight)):
                expected = slow_weight(mixed.local, mixed.federated, logs, client, m, label)
                assert weight[m] == pytest.approx(expected, abs=1e-12)
    assert trained.personal[1].quality_weight[2] == trained.personal[1].cost_weight[2] == 0.0  # never logged: federated alone


def test_an_overfitted_local_router_takes_all_the_weight_by_training_error_and_little_by_validation():
    logs = random_logs(1, size=900)
    crowded = replace(BASE, local_clusters=1000)  # a cell a record
    published, sound = (train(MixtureRouter(crowded, rule), logs, 0).personal for rule in ("training-error", "validation"))
    for client in published:
        assert (published[client].quality_weight > 0.999).all()
        assert (published[client].cost_weight > 0.999).all()
        assert sound[client].cost_weight.mean() < 0.55


def test_validated_weights_come_from_routers_that_never_saw_the_held_out_records():
    logs = random_logs(2)
    mixed = train(MixtureRouter(BASE, "validation", held_out=0.3), logs, 5)
    plain = train(BASE, logs, 5)
    assert np.array_equal(mixed.federated.quality, plain.federated.quality)
    assert [t for t, _, _ in mixed.estimates()].count("mixture") == 3
    held = _held_out(logs, 0.3, 5)
    assert np.bincount(logs.client[held]).tolist() == [round(0.3 * n) for n in np.bincount(logs.client)]
    without = train(BASE, logs.take(np.setdiff1d(np.arange(logs.size), held)), 5)
    judges = logs.take(held)
    for client, m in np.ndindex(3, 3):
        sides = without.local[client], without.federated
        seen = np.logical_and(*(side.logged[side.cells(judges.embedding), m] for side in sides))
        expected = slow_weight(*sides, judges.take(np.flatnonzero(seen)), client, m, 1)
        assert mixed.personal[client].cost_weight[m] == pytest.approx(expected, abs=1e-12)
    other = train(MixtureRouter(BASE, "validation", held_out=0.3), logs, 6)
    assert any(not np.array_equal(mixed.personal[c].quality_weight, other.personal[c].quality_weight) for c in mixed.personal)


def test_numbering_clients_and_listing_records_otherwise_changes_no_weight():
    logs, new = random_logs(2), np.array([2, 0, 1])
    other = replace(logs, client=new[logs.client]).take(np.random.default_rng(0).permutation(logs.size))
    mine, theirs = (train(MixtureRouter(LinearRouter()), given, 5).personal for given in (logs, other))
    for client, mixed in mine.items():
        for name in ("quality_weight", "cost_weight"):
            assert getattr(mixed, name) == pytest.approx(getattr(theirs[int(new[client])], name), abs=1e-9)


def test_a_client_with_one_record_holds_nothing_out_and_keeps_the_federation():
    logs = random_logs(3)
    lone = logs.take(np.concatenate([np.flatnonzero(logs.client != 2), np.flatnonzero(logs.client == 2)[:1]]))
    mixed = train(MixtureRouter(BASE, "validation"), lone, 0).personal[2]
    assert mixed.quality_weight.tolist() == mixed.cost_weight.tolist() == [0.0] * 3


@pytest.mark.parametrize("weight", [0, 0.0, 0.25, 1])
def test_a_constant_weight_is_taken_as_it_is(weight):
    for mixed in train(MixtureRouter(BASE, weight), random_logs(), 0).personal.values():
        assert mixed.constant_weight == weight
        assert mixed.label_free


def test_certified_weights_are_harmonic_in_the_levels():
    logs = random_logs(4)
    levels = CellLevels(slope=0.5, delta=0.1, lam=0.2)
    trained = train(MixtureRouter(BASE, "certified", levels=levels), logs, 0)
    for client, mixed in trained.personal.items():
        own = logs.of_client(client)
        local, federated = levels(mixed.local, own), levels(trained.federated, own)
        assert mixed.constant_weight == pytest.approx(federated / (local + federated))
        assert 0 < mixed.constant_weight < 0.5  # fewer records: the larger level
        assert mixed.label_free
    given = {0: (1.0, 3.0), 1: (2.0, 2.0), 2: (1.0, 0.0)}
    handed = train(MixtureRouter(BASE, "certified", levels=given), logs, 0).personal
    assert [handed[i].constant_weight for i in range(3)] == [0.75, 0.5, 0.0]
    assert not handed[0].label_free


def test_certified_weights_are_label_free_where_the_fallback_is():
    logs = random_logs(5)
    changed = replace(logs, quality=1.0 - logs.quality, cost=logs.cost[::-1])
    router = MixtureRouter(BASE, "certified", levels=CellLevels(slope=1.0))
    one, other = (train(router, kept, 0).personal for kept in (logs, changed))
    for client in one:
        assert one[client].constant_weight == other[client].constant_weight
    excluding = MixtureRouter(KMeansRouter.with_clusters(4), "certified", levels=CellLevels(slope=1.0))
    assert not train(excluding, logs, 0).personal[0].label_free


def test_levels_grow_with_what_is_declared():
    logs = random_logs(6)
    estimates = train(BASE, logs, 0).federated
    own = logs.of_client(0)
    base = CellLevels(slope=1.0, delta=0.1)(estimates, own)
    assert CellLevels(slope=2.0, delta=0.1)(estimates, own) > base
    assert CellLevels(slope=1.0, delta=0.01)(estimates, own) > base
    assert CellLevels(slope=1.0, delta=0.1, lam=1.0)(estimates, own) > base


@pytest.mark.parametrize("rule", ["training-error", "validation", 0.3])
def test_redrawn_labels_train_as_one_by_one(rule):
    logs, rng = random_logs(7, size=90), np.random.default_rng(0)
    labels = Labels(rng.integers(0, 2, (3, logs.size)).astype(float), rng.random((3, logs.size)))
    router = MixtureRouter(BASE, rule)
    together = train(router, logs, 2, labels)
    for t in range(3):
        alone = train(router, replace(logs, quality=labels.quality[t], cost=labels.cost[t]), 2)
        for client, mixed in together.personal.items():
            one = mixed.repetition(t)
            assert one.quality_weight == pytest.approx(alone.personal[client].quality_weight, abs=1e-12)
            assert one.cost_weight == pytest.approx(alone.personal[client].cost_weight, abs=1e-12)
            at = logs.embedding[:5]
            assert one.predict(at)[0] == pytest.approx(alone.personal[client].predict(at)[0], nan_ok=True)


def test_records_judge_only_where_both_sides_have_evidence():
    logs = random_logs(8, size=60)
    trained = train(BASE, logs, 0)
    local = trained.local[0]
    blind = replace(local, counts=np.zeros_like(local.counts))
    rows = np.flatnonzero(logs.client == 0)
    for weight in error_weights(blind, trained.federated, logs, Labels(logs.quality, logs.cost), rows):
        assert weight.tolist() == [0.0] * 3


def test_a_mixture_of_linear_heads():
    logs = random_logs(9)
    trained = train(MixtureRouter(LinearRouter(), "validation"), logs, 0)
    mixed = trained.personal[0]
    at = logs.embedding[:4]
    local, federated = trained.local[0].predict(at)[0], trained.federated.predict(at)[0]
    assert mixed.predict(at)[0] == pytest.approx(mixed.quality_weight * local + (1 - mixed.quality_weight) * federated)


def test_the_published_choices_keep_only_models_that_both_sides_have_seen():
    logs = random_logs(10, size=60)
    router = MixtureRouter.published(KMeansRouter.published())
    assert (router.weights, router.empty) == ("training-error", "mixed")
    trained = train(router, logs, 0)
    for mixed in trained.personal.values():
        at = logs.embedding
        cells = [side.logged[side.cells(at)] for side in (mixed.local, mixed.federated)]
        inside = (mixed.cost_weight > 0.0) & (mixed.cost_weight < 1.0)
        missing = (cells[0] ^ cells[1]) & inside
        chosen = mixed.policy(1.0)(at)
        both = cells[0] & cells[1]
        somewhere = both.any(axis=1)
        assert missing.any()
        assert both[np.arange(len(at)), chosen][somewhere].all()
        sound = replace(mixed, empty="other-side")
        cost = sound.predict(at)[1]
        assert (cost[cells[0] | cells[1]] <= 1.0).all()


@pytest.mark.parametrize("empty", [name for name in EMPTY_CHOICES if name != "published"])
def test_an_empty_cell_never_poisons_a_published_mixture(empty):
    """One side's fallback has no part wherever the other has a record."""
    logs = random_logs(10, size=60, unlogged=(1, 2))
    trained = train(MixtureRouter.published(KMeansRouter.with_clusters(6, empty=empty, c_max=50.0)), logs, 0)
    seen = set()
    for mixed in trained.personal.values():
        here, there = (side.logged[side.cells(logs.embedding)] for side in (mixed.local, mixed.federated))
        for label in range(2):
            mine, ours = (side.predict(logs.embedding)[label] for side in (mixed.local, mixed.federated))
            found = mixed.predict(logs.embedding)[label]
            assert np.array_equal(found[there & ~here], ours[there & ~here])
            assert np.array_equal(found[here & ~there], mine[here & ~there])
        assert (mixed.predict(logs.embedding)[1][here | there] <= logs.cost.max()).all()
        seen |= {int((there & ~here).any()), int((here & ~there).any()) + 2}
    assert {1, 3} <= seen


@pytest.mark.parametrize(
    "base",
    [KMeansRouter.published(), LinearRouter(), MLPRouter(hidden=(3,), rounds=1, learning_rates=(1e-3,), unlogged="routable")],
)
def test_a_model_that_a_client_never_logged_is_the_federations_in_a_published_mixture(base):
    logs = random_logs(10, size=90, unlogged=(1, 2))
    trained = train(MixtureRouter.published(base), logs, 0)
    mixed = trained.personal[1]
    assert mixed.quality_weight[2] == mixed.cost_weight[2] == 0.0
    for found, ours in zip(mixed.predict(logs.embedding), trained.federated.predict(logs.embedding), strict=True):
        assert np.array_equal(found[:, 2], ours[:, 2])


def test_nothing_more_travels_than_in_the_base():
    logs = random_logs(11)
    assert [str(m) for m in train(MixtureRouter(BASE, 0.5), logs, 0).messages] == [
        str(m) for m in train(BASE, logs, 0).messages
    ]


def test_the_weight_of_two_levels():
    assert float(harmonic_weight(np.asarray(3.0), np.asarray(1.0))) == 0.25


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"weights": "guess"}, ("weights", "guess", "validation")),
        ({"weights": 1.5}, ("weights", "1.5")),
        ({"weights": -0.1}, ("weights", "-0.1")),
        ({"weights": "certified"}, ("levels", "None")),
        ({"weights": 0.5, "levels": {0: (1.0, 1.0)}}, ("levels", "certified")),
        ({"held_out": 0.0}, ("held_out", "0.0")),
        ({"held_out": 1.0}, ("held_out", "1.0")),
        ({"empty": "zero"}, ("empty", "zero")),
        ({"base": "kmeans"}, ("base", "kmeans")),
    ],
)
def test_a_bad_hyperparameter_is_named(options, named):
    one_sentence(lambda: MixtureRouter(**({"base": BASE} | options)), *named)


def test_bad_levels_are_named():
    logs = random_logs(12, size=60)
    one_sentence(lambda: train(MixtureRouter(BASE, "certified", levels={0: (1.0, 1.0)}), logs, 0), "levels", "client 1")
    one_sentence(lambda: train(MixtureRouter(BASE, "certified", levels=dict.fromkeys(range(3), (-1.0, 1.0))), logs, 0), "-1")
    linear = MixtureRouter(LinearRouter(), "certified", levels=CellLevels(slope=1.0))
    one_sentence(lambda: train(linear, logs, 0), "levels", "FunctionEstimates")
    for options in (
        {"slope": -1.0},
        {"slope": 1.0, "delta": 1.5},
        {"slope": 1.0, "lam": -1.0},
        {"slope": 1.0, "c_max": np.nan},
    ):
        one_sentence(lambda options=options: CellLevels(**options), str(list(options.values())[-1]))
