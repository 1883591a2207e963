"""Growth: the same as training afresh where that is possible, old models untouched, what travels, bad input."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.federation import Labels, Logs
from fedroute_theory.routers import FedAvg, KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, train
from fedroute_theory.routers.growth import add_clients, add_models
from fedroute_theory.routers.growth.linear import NewHeadStatistics
from fedroute_theory.routers.kmeans import cell_statistics, estimates_from

SMALL = MLPRouter(
    hidden=(5,),
    rounds=2,
    batch=None,
    local_epochs=None,
    local_steps=3,
    learning_rates=(1e-2,),
    dropout=0.0,
    cost_scaling="range",
)
KMEANS = KMeansRouter.with_clusters(4, empty="mid-range")
ROUTERS = {"kmeans": KMEANS, "linear": LinearRouter(), "mlp": SMALL}
AT = np.random.default_rng(9).normal(size=(20, 2))


def everything(seed=0, size=400, clients=4, models=4):
    rng = np.random.default_rng(seed)
    client, model = rng.integers(0, clients, size), rng.integers(0, models, size)
    quality = (rng.random(size) < (model + 1) / (models + 1)).astype(float)
    return Logs(client, rng.normal(size=(size, 2)), np.full(size, -1), model, quality, rng.random(size), clients, models)


def parts(logs, models=2, clients=2):
    """Records of the first clients and models, of the first clients and new models, of the new clients and all models."""
    old = logs.client < clients
    first = replace(logs.take(np.flatnonzero(old & (logs.model < models))), n_models=models)
    more = logs.take(np.flatnonzero(old & (logs.model >= models)))
    return first, more, logs.take(np.flatnonzero(~old))


FIRST, MORE, JOIN = parts(everything())


@pytest.fixture(scope="module", params=sorted(ROUTERS))
def grown(request):
    trained = train(ROUTERS[request.param], FIRST, 0)
    wider = add_models(trained, MORE, seed=1)
    return trained, wider, add_clients(wider, JOIN, seed=1)


def test_old_models_stay_to_the_last_bit(grown):
    trained, wider, _ = grown
    for old, new in zip(trained.federated.predict(AT), wider.federated.predict(AT), strict=True):
        assert new.shape == (20, 4)
        assert np.array_equal(old, new[:, :2])
    assert np.isfinite(wider.federated.predict(AT)[0]).all()


def test_counts_clients_and_messages_add_up(grown):
    trained, wider, joined = grown
    assert trained.federated.counts_by_model.tolist() == np.bincount(FIRST.model).tolist()
    assert wider.federated.counts_by_model.tolist() == np.bincount(np.concatenate([FIRST.model, MORE.model])).tolist()
    assert joined.federated.n == FIRST.size + MORE.size + JOIN.size
    assert wider.clients == {0, 1}
    assert joined.clients == {0, 1, 2, 3}
    assert joined.messages == (*trained.messages, *wider.sent, *joined.sent)
    assert joined.nbytes == sum(m.nbytes for m in joined.sent) > 0
    assert {m.sender for m in joined.sent} - {"server"} == {"client 2", "client 3"}
    assert {m.sender for m in wider.sent} - {"server"} == {"client 0", "client 1"}


def test_nothing_depends_on_anything_but_the_input(grown):
    trained, wider, joined = grown
    before = trained.federated.predict(AT)[0].copy()
    again = add_clients(add_models(trained, MORE, seed=1), JOIN, seed=1)
    assert np.array_equal(again.federated.predict(AT)[0], joined.federated.predict(AT)[0])
    assert np.array_equal(trained.federated.predict(AT)[0], before)
    assert np.array_equal(add_models(trained, MORE, seed=1).federated.predict(AT)[1], wider.federated.predict(AT)[1])


def test_kmeans_grows_to_what_all_records_give_on_the_same_centres():
    trained = train(KMEANS, FIRST, 0)
    joined = add_clients(add_models(trained, MORE), JOIN).federated
    logs = everything()
    cells = joined.cells(logs.embedding)
    distance = np.linalg.norm(logs.embedding - joined.centres[cells], axis=1)
    sums = cell_statistics("all", cells, logs.model, distance, Labels(logs.quality, logs.cost), (joined.n_cells, 4))
    afresh = estimates_from(KMEANS, joined.centres, sums)
    assert np.array_equal(joined.centres, trained.federated.centres)
    assert np.array_equal(joined.counts, afresh.counts)
    for name in ("quality", "cost", "distance"):
        assert getattr(joined, name) == pytest.approx(getattr(afresh, name), abs=1e-12)
    assert joined.label_free


def test_a_new_model_is_mid_range_until_it_is_logged():
    trained = train(KMEANS, replace(FIRST, n_models=4), 0)
    assert (trained.federated.quality[:, 2:] == 0.5).all()
    wider = add_models(train(KMEANS, FIRST, 0), MORE).federated
    logged = wider.logged[:, 2:]
    assert logged.any()
    assert (wider.quality[:, 2:][~logged] == 0.5).all()


@pytest.mark.parametrize("empty", ["exclude", "pooled-mean", "published"])
def test_fallbacks_of_new_columns_are_the_routers_own(empty):
    router = replace(KMEANS, empty=empty)
    wider = add_models(train(router, FIRST, 0), MORE.take(np.arange(3))).federated
    hollow = ~wider.logged[:, 2:]
    assert hollow.any()
    value, route = wider.quality[:, 2:][hollow], wider.routable[:, 2:][hollow]
    if empty == "published":
        assert (value == 0.0).all()
        assert route.all()
    else:
        assert np.isnan(value[~route]).all()


def test_linear_heads_grow_to_what_all_records_give():
    logs = everything()
    joined = add_clients(add_models(train(LinearRouter(), FIRST, 0), MORE), JOIN)
    afresh = train(LinearRouter(), logs, 0).federated
    for new, old in zip(joined.federated.predict(AT), afresh.predict(AT), strict=True):
        assert new == pytest.approx(old, abs=1e-9)
    first = [m for m in joined.messages if isinstance(m, NewHeadStatistics)]
    assert [m.first for m in first] == [2, 2]
    assert all(len(m.counts) == 2 for m in first)


def test_a_newcomer_with_too_few_records_withholds_them():
    rows = np.flatnonzero(JOIN.client == 3)[:1]
    few = JOIN.take(np.concatenate([np.flatnonzero(JOIN.client == 2), rows]))
    trained = add_models(train(LinearRouter(), FIRST, 0), MORE)
    assert {m.sender for m in add_clients(trained, few).sent} == {"client 2"}
    one_sentence(lambda: add_clients(trained, JOIN.take(rows)), "No client", "3")


def test_networks_move_only_new_heads_for_new_models_and_everything_for_new_clients():
    trained = train(SMALL, FIRST, 0)
    wider = add_models(trained, MORE, seed=1)
    joined = add_clients(wider, JOIN, seed=1)
    old, new, last = (g.federated.predictor.weights for g in (trained, wider, joined))
    for name, value in old.items():
        kept = new[name][..., :2, :] if name.startswith("heads") else new[name]
        assert np.array_equal(kept, value)
        assert not np.array_equal(last[name], new[name])
    numbers = {m.numbers for m in wider.sent if hasattr(m, "numbers")}
    assert numbers == {2 * (5 + 1) * 2}  # two heads of two outputs on five features and a bias
    assert {m.numbers for m in joined.sent if hasattr(m, "numbers")} == {wider.federated.predictor.architecture.n_parameters}
    other = add_models(trained, MORE, seed=2).federated.predictor.weights
    assert not np.array_equal(other["heads.weight"], new["heads.weight"])


def test_distillation_keeps_newcomers_close_to_the_earlier_outputs(monkeypatch):
    from fedroute_theory.routers.growth import mlp

    trained = train(replace(SMALL, local_steps=20), FIRST, 0)
    same_models = replace(JOIN.take(np.flatnonzero(JOIN.model < 2)), n_models=2)
    before = trained.federated.predict(same_models.embedding)[0]

    def moved(weight):
        monkeypatch.setattr(mlp, "DISTILLATION", weight)
        after = add_clients(trained, same_models, seed=1).federated.predict(same_models.embedding)[0]
        return np.abs(after - before).mean()

    assert moved(30.0) < 0.7 * moved(0.0)


@pytest.mark.parametrize("name", sorted(ROUTERS))
def test_redrawn_labels_grow_as_one_by_one(name):
    rng = np.random.default_rng(4)

    def redrawn(logs):
        return Labels(rng.integers(0, 2, (2, logs.size)).astype(float), rng.random((2, logs.size)))

    first, more, join = redrawn(FIRST), redrawn(MORE), redrawn(JOIN)
    router = ROUTERS[name]
    together = add_clients(add_models(train(router, FIRST, 0, first), MORE, more), JOIN, join).federated
    for t in (1,) if name == "mlp" else (0, 1):

        def own(logs, labels, t=t):
            return replace(logs, quality=labels.quality[t], cost=labels.cost[t])

        alone = add_clients(add_models(train(router, own(FIRST, first), 0), own(MORE, more)), own(JOIN, join)).federated
        for many, one in zip(together.predict(AT), alone.predict(AT), strict=True):
            assert many[t] == pytest.approx(one, abs=1e-5 if name == "mlp" else 1e-9)


@pytest.mark.parametrize("name", sorted(ROUTERS))
def test_bad_input_is_named(name):
    trained = train(ROUTERS[name], FIRST, 0)
    one_sentence(lambda: add_models(trained, replace(MORE, model=np.zeros(MORE.size, int))), "model 0", "known")
    one_sentence(lambda: add_models(trained, FIRST), "2 models", "known")
    one_sentence(lambda: add_models(trained, replace(MORE, client=np.full(MORE.size, 3))), "client 3", "unknown")
    one_sentence(lambda: add_clients(trained, JOIN), "2 known models", "4")
    narrow = replace(JOIN.take(np.flatnonzero(JOIN.model < 2)), n_models=2)
    one_sentence(lambda: add_clients(trained, replace(narrow, client=narrow.client - 2)), "client 0", "known")
    for call, logs in ((add_models, MORE), (add_clients, narrow)):
        wide = replace(logs, embedding=np.tile(logs.embedding, (1, 2)))
        one_sentence(lambda call=call, wide=wide: call(trained, wide), "dimension", "4")
        labels = Labels(np.zeros((3, logs.size)), np.zeros((3, logs.size)))
        one_sentence(lambda call=call, logs=logs, labels=labels: call(trained, logs, labels), "labels", str(logs.size))
        dear = replace(logs, cost=logs.cost + 5.0)
        one_sentence(lambda call=call, dear=dear: call(trained, dear), "'c_max'", f"{dear.cost.max():g}", "got 1")
    one_sentence(lambda: JOIN.take(np.array([], dtype=int)), "no record")


def test_redrawn_labels_that_are_none_are_named():
    first = Labels(FIRST.quality[None], FIRST.cost[None])
    trained = train(KMEANS, FIRST, 0, first)
    for quality, cost, named in ((np.nan, 0.0, "nan"), (2.0, 0.0, "2"), (0.5, -1.0, "-1"), (0.5, 3.0, "'c_max'")):
        shape = (1, MORE.size)
        labels = Labels(np.full(shape, quality), np.full(shape, cost))
        one_sentence(lambda labels=labels: add_models(trained, MORE, labels), named)


def test_routers_that_cannot_grow_say_so():
    mixed = train(MixtureRouter(KMEANS, 0.5), FIRST, 0)
    one_sentence(lambda: add_models(mixed, MORE), "MixtureRouter", "KMeansRouter")
    descended = train(LinearRouter(solver=FedAvg(rounds=2, local_steps=1, step=0.01)), FIRST, 0)
    one_sentence(lambda: add_models(descended, MORE), "solver")
    expensive = replace(MORE, cost=MORE.cost + 5.0)
    one_sentence(lambda: add_models(train(SMALL, FIRST, 0), expensive), "c_max", "1")
