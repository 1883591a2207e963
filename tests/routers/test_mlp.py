"""The MLP router: budgets, choices, seeds and repetitions, what travels, certificates, and rejected input."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.estimates import FunctionEstimates
from fedroute_theory.federation import CostScale, CostSums, Labels, Logs, ModelCounts, Parameters, ValidationLosses
from fedroute_theory.routers import MLPRouter, train, train_seeds
from fedroute_theory.routers.mlp import train_federated, train_local, train_pooled
from fedroute_theory.routers.network.predictor import NetworkPredictor
from fedroute_theory.routers.network.streams import initial_weights

EXACT = MLPRouter(
    (4,), dropout=0.0, optimiser="sgd", clip=None, batch=None, learning_rates=(0.2,), rounds=4, heads="records",
    local_epochs=None, local_steps=1, precision="float64",
)  # fmt: skip
SMALL = MLPRouter((4,), activation="tanh", layer_norm=False, batch=8, rounds=2, learning_rates=(1e-2, 1e-3))


def random_logs(seed=0, size=60, clients=3, models=3, called=3):
    rng = np.random.default_rng(seed)
    client = rng.permutation(np.arange(size) % clients)
    return Logs(
        client, rng.normal(size=(size, 2)), np.full(size, -1), rng.integers(0, called, size), rng.random(size),
        rng.random(size), clients, models,
    )  # fmt: skip


def weights_of(estimates):
    return estimates.predictor.architecture.flatten(estimates.predictor.weights)


def test_federated_equals_pooled_equals_gradient_descent_by_hand():
    trained = train(EXACT, random_logs(), 3)
    assert weights_of(trained.federated) == pytest.approx(weights_of(trained.pooled), abs=1e-10)
    start = initial_weights(trained.pooled.predictor.architecture, 3)
    assert np.abs(weights_of(trained.pooled) - trained.pooled.predictor.architecture.flatten(start)).max() > 1e-3


def test_the_scale_of_cost_is_that_of_the_partys_own_records():
    logs = random_logs()
    trained = train(EXACT, logs, 0)
    for estimates, cost in [(trained.local[i], logs.cost[logs.client == i]) for i in range(3)] + [
        (trained.federated, logs.cost),
        (trained.pooled, logs.cost),
    ]:
        assert estimates.predictor.architecture.cost_centre == pytest.approx(cost.mean(), abs=1e-12)
        assert estimates.predictor.architecture.cost_spread == pytest.approx(cost.std(), abs=1e-12)
    ranged = train_pooled(replace(EXACT, cost_scaling="range", c_max=3.0), logs, 0).predictor.architecture
    assert (ranged.cost_centre, ranged.cost_spread, ranged.c_max) == (1.5, 1.5, 3.0)
    given = train_pooled(replace(EXACT, cost_scaling=(0.1, 0.7)), logs, 0).predictor.architecture
    assert (given.cost_centre, given.cost_spread) == (0.1, 0.7)


def test_costs_that_do_not_vary_are_no_trouble():
    flat = replace(random_logs(), cost=np.full(60, 0.3))
    quality, cost = train_pooled(EXACT, flat, 0).predict(flat.embedding)
    assert np.isfinite(quality).all()
    assert np.isfinite(cost).all()


def test_repetitions_seeds_and_runs_agree_with_each_alone():
    logs = random_logs()
    rng = np.random.default_rng(1)
    labels = Labels(rng.random((2, 60)), rng.random((2, 60)))
    router = replace(SMALL, precision="float64", learning_rates=(1e-2,), baseline_epochs=1)  # all programs of one shape
    both = train_seeds(router, logs, (5, 6), labels)
    again = train_seeds(router, logs, (5, 6), labels)
    alone = train(router, replace(logs, quality=labels.quality[1], cost=labels.cost[1]), 6)
    for (_, _, many), (_, _, same), (_, _, one) in zip(
        both[1].estimates(), again[1].estimates(), alone.estimates(), strict=True
    ):
        assert many.predict(logs.embedding)[0].shape == (2, 60, 3)
        assert weights_of(many).tobytes() == weights_of(same).tobytes()
        for whole, part in zip(many.repetition(1).predict(logs.embedding), one.predict(logs.embedding), strict=True):
            assert whole == pytest.approx(part, abs=1e-9, nan_ok=True)
    assert np.abs(weights_of(both[0].pooled) - weights_of(both[1].pooled)).max() > 1e-3
    assert [t.seed for t in both] == [5, 6]


def test_more_clients_do_not_change_the_others():
    logs = random_logs(clients=4)
    fewer = replace(logs.take(np.flatnonzero(logs.client < 3)), n_clients=3)
    router = replace(SMALL, learning_rates=(1e-2,))
    more, less = train_local(router, logs, 0), train_local(router, fewer, 0)
    assert sorted(more) == [0, 1, 2, 3]
    for client, estimates in less.items():
        assert weights_of(estimates) == pytest.approx(weights_of(more[client]), abs=1e-5)


def renumbered(logs):
    """The same records under other client numbers and in another order, and the new number of each client."""
    rng = np.random.default_rng(9)
    new = rng.permutation(logs.n_clients)
    return replace(logs, client=new[logs.client]).take(rng.permutation(logs.size)), new


def test_numbering_clients_and_listing_records_otherwise_changes_nothing_whatever_is_drawn():
    """Mini-batches, dropout, sampled participation and held-out records, all at once."""
    logs = random_logs(size=100, clients=5)
    other, new = renumbered(logs)
    router = replace(SMALL, dropout=0.2, participants=2, rounds=3)
    mine, theirs = train(router, logs, 4), train(router, other, 4)
    pairs = [(mine.federated, theirs.federated), (mine.pooled, theirs.pooled)]
    pairs += [(mine.local[i], theirs.local[int(new[i])]) for i in range(5)]
    for one, same in pairs:
        assert weights_of(one) == pytest.approx(weights_of(same), abs=1e-5)
    start = mine.pooled.predictor.architecture.flatten(initial_weights(mine.pooled.predictor.architecture, 4))
    assert all(np.abs(weights_of(one) - start).max() > 1e-3 for one, _ in pairs)

    def senders(trained, number):
        return [{number(m.sender) for m in trained.messages if isinstance(m, Parameters) and m.round == r} for r in range(3)]

    there = {f"client {i}": f"client {new[i]}" for i in range(5)} | {"server": "server"}
    assert senders(mine, there.__getitem__) == senders(theirs, str)
    losses = {m.sender: m.losses for m in theirs.messages if isinstance(m, ValidationLosses)}
    for message in mine.messages:
        if isinstance(message, ValidationLosses):
            assert message.losses == pytest.approx(losses[there[message.sender]], abs=1e-4)


def test_published_participants_are_drawn_by_index():
    logs = random_logs(size=100, clients=10)
    router = replace(SMALL, learning_rates=(1e-2,), rounds=3, participants=6, drawn_by="index")
    rng = np.random.default_rng(42)
    wanted = [{f"client {i}" for i in rng.choice(10, 6, replace=False)} for _ in range(3)]

    def taking_part(given):
        sent = [m for m in train_federated(router, given, 42)[1] if isinstance(m, Parameters)]
        return [{m.sender for m in sent if m.round == turn} - {"server"} for turn in range(3)]

    assert taking_part(logs) == taking_part(renumbered(logs)[0]) == wanted


def test_models_without_records_are_not_routed_to_unless_published():
    logs = random_logs(called=2)
    for client, estimates in train_local(EXACT, logs, 0).items():
        assert estimates.counts.tolist() == np.bincount(logs.model[logs.client == client], minlength=3).tolist()
        assert estimates.routable.tolist() == [True, True, False]
        assert np.isnan(estimates.predict(logs.embedding)[0][:, 2]).all()
    open_to_all = train_pooled(replace(EXACT, unlogged="routable"), logs, 0)
    assert open_to_all.routable.all()
    before = initial_weights(open_to_all.predictor.architecture, 0)
    federated, _ = train_federated(SMALL, logs, 0)
    assert np.array_equal(federated.predictor.weights["heads.weight"][:, 2], np.float32(before["heads.weight"])[:, 2])


def test_every_training_gets_the_same_number_of_passes():
    from fedroute_theory.routers.network.trainings import bench

    logs = random_logs(clients=10)

    def budget(**changes):
        return bench(replace(SMALL, **changes), logs, (0,), None).baseline()

    assert budget(rounds=20).passes == 20
    assert budget(rounds=20, local_epochs=2, participants=6).passes == 24
    assert budget(rounds=20, participants=100).passes == 20
    assert budget(rounds=1, participants=1).passes == 1
    assert (budget(rounds=20, local_epochs=None, local_steps=3).passes, budget(local_epochs=None, local_steps=3).steps) == (
        None,
        6,
    )
    assert budget(baseline_epochs=7).passes == 7


def test_the_rate_with_the_least_held_out_loss_is_taken():
    logs = random_logs()
    _, messages = train_federated(replace(SMALL, learning_rates=(1e-7, 0.05), rounds=6), logs, 0)
    losses = [m.losses for m in messages if isinstance(m, ValidationLosses)]
    assert len(losses) == 3
    total = np.sum(losses, axis=0)
    chosen = next(m for m in messages if type(m).__name__ == "LearningRate").rate
    assert chosen == [(1e-7, 0.05)[int(total.argmin())]]
    only = [type(m) for m in train_federated(replace(SMALL, learning_rates=(0.01,)), logs, 0)[1]]
    assert ValidationLosses not in only


def test_messages_in_order_with_their_bytes_and_no_weights_kept():
    logs = random_logs()
    estimates, messages = train_federated(SMALL, logs, 0)
    size = estimates.predictor.architecture.n_parameters
    a_round = ["server", "client 0", "client 1", "client 2"]
    weights = [m for m in messages if isinstance(m, Parameters)]
    assert [type(m) for m in messages[:7]] == [CostSums] * 3 + [CostScale] + [ModelCounts] * 3
    assert [m.sender for m in weights] == a_round * 4
    assert [(m.phase, m.round, m.nbytes) for m in weights[::4]] == [
        ("tuning", 0, 8 * size), ("tuning", 1, 8 * size), ("training", 0, 4 * size), ("training", 1, 4 * size),
    ]  # fmt: skip
    assert str(weights[-1]) == f"client 2: Parameters(training round 1, {size} float32), {4 * size} bytes"
    assert np.sum([m.sums for m in messages[:3]], axis=0) == pytest.approx([60, logs.cost.sum(), (logs.cost**2).sum()])
    assert np.sum([m.counts for m in messages[4:7]], axis=0).tolist() == np.bincount(logs.model).tolist()
    assert all(m.arrays == {} for m in weights)
    fixed = train_federated(replace(SMALL, cost_scaling="range"), logs, 0)[1]
    assert CostSums not in [type(m) for m in fixed]


def test_a_certificate_is_asked_for_once_for_every_training():
    seen = []

    def certify(architecture, weights, logs, labels, rng):
        seen.append((weights["heads.bias"].shape, logs.size, labels.quality.shape, rng.random()))
        counts = np.bincount(logs.model, minlength=3)
        return FunctionEstimates(NetworkPredictor((architecture,), weights), counts, counts > 0)

    logs = random_logs()
    router = replace(EXACT, certificate=certify, cost_scaling="range")
    train(router, logs, 0)
    assert [s[:3] for s in seen] == [((3, 2), 20, (20,))] * 3 + [((3, 2), 60, (60,))] * 2
    assert len({s[3] for s in seen}) == 5
    train(router, logs, 0, Labels(np.tile(logs.quality, (2, 1)), np.tile(logs.cost, (2, 1))))
    assert [s[:3] for s in seen[5:]] == [((2, 3, 2), 20, (2, 20))] * 3 + [((2, 3, 2), 60, (2, 60))] * 2
    assert [s[3] for s in seen[5:]] == [s[3] for s in seen[:5]]


def test_the_published_choices():
    published = MLPRouter.published()
    assert (published.hidden, published.batch, published.rounds, published.participants) == ((512, 512), 128, 5, 6)
    assert (published.weight_decay, published.clip, published.dropout, published.heads) == (3e-4, 1.0, 0.1, "records")
    assert published.learning_rates == (1e-3,)
    assert published.drawn_by == "index"
    ratios = [published.learning_rates[0] / r[0] for r in (published.local_learning_rates, published.pooled_learning_rates)]
    assert ratios == pytest.approx([50, 17])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden": (0,)}, "'hidden'"),
        ({"optimiser": "lion"}, "'optimiser'"),
        ({"heads": "equal"}, "'heads'"),
        ({"drawn_by": "size"}, "'drawn_by'"),
        ({"unlogged": "drop"}, "'unlogged'"),
        ({"precision": "float16"}, "'precision'"),
        ({"dropout": 1.0}, "'dropout'"),
        ({"clip": 0.0}, "'clip'"),
        ({"batch": 0}, "'batch'"),
        ({"held_out": 0.0}, "'held_out'"),
        ({"learning_rates": ()}, "'learning_rates'"),
        ({"learning_rates": None}, "'learning_rates'"),
        ({"pooled_learning_rates": (-1.0,)}, "'pooled_learning_rates'"),
        ({"local_steps": 3}, "Exactly one of 'local_epochs' and 'local_steps'"),
        ({"cost_scaling": "all"}, "'cost_scaling'"),
        ({"cost_scaling": (0.1, 0.0)}, "'cost_scaling'"),
        ({"certificate": lambda *_: None}, "fixed before the data"),
    ],
)
def test_rejected_hyperparameters(changes, words):
    one_sentence(lambda: MLPRouter(**changes), words)


def test_rejected_input():
    logs = random_logs()
    one_sentence(lambda: train(replace(SMALL, c_max=0.1), logs, 0), "c_max", "0.1")
    one_sentence(lambda: train(SMALL, logs, -1), "'seed'")
    one_sentence(lambda: train(SMALL, logs, 0, Labels(logs.quality, logs.cost)), "'labels'")
    one_sentence(lambda: train(SMALL, logs, 0, Labels(logs.quality[None] + 1, logs.cost[None])), "'labels'")
