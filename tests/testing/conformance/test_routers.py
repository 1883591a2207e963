"""The package's own routers pass the kit; a router broken in one place fails the one check that is about it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.federation import Message
from fedroute_theory.routers import KMeansRouter, LinearRouter, MixtureRouter, MLPRouter, train
from fedroute_theory.testing import PROMISES, check_router

ALL = tuple(PROMISES)
ORDERS = ("record-order", "client-order")
MOVED = "clients whose records move the federated estimates have sent something"
SILENT = "where nobody tried a model there is no silent zero"
CELLS = KMeansRouter.with_clusters(6)
OWN = {
    "k-means": (CELLS, ALL, 1e-9),
    "k-means, published": (KMeansRouter.published(), (), 1e-9),
    "linear": (LinearRouter(), ALL, 1e-9),
    "mixture of linear": (MixtureRouter(LinearRouter()), ORDERS, 1e-9),
    "mixture of k-means": (MixtureRouter(CELLS), ORDERS, 1e-9),
    "network": (MLPRouter(hidden=(3,), learning_rates=(1e-2,), rounds=2, participants=2), ORDERS, 1e-6),
}


@pytest.mark.parametrize("name", OWN)
def test_our_own_routers_pass(name):
    router, promises, tolerance = OWN[name]
    report = check_router(router, promises=promises, tolerance=tolerance)
    assert len(report.findings) == 10 + len(promises)
    report.raise_if_failed()


def changed(change):
    """A router of the user: K-means, then `change(trained, logs)`."""
    return lambda logs, seed, labels: change(train(CELLS, logs, seed, labels), logs)


def _forgetful(trained, _):
    noise = np.random.default_rng().normal(size=trained.pooled.quality.shape)
    return replace(trained, pooled=replace(trained.pooled, quality=np.clip(trained.pooled.quality + 1e-6 * noise, 0, 1)))


def _boundless(trained, _):
    return replace(trained, federated=replace(trained.federated, quality=trained.federated.quality + 1.0))


def _nowhere(trained, _):
    return replace(trained, pooled=replace(trained.pooled, routable=np.zeros_like(trained.pooled.routable)))


@dataclass(frozen=True, eq=False)
class Shy:
    """Estimates with a policy that is not theirs."""

    inner: object

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def policy(self, _):
        return lambda x: np.zeros(len(x), int)


def _shy(trained, _):
    return replace(trained, pooled=Shy(trained.pooled))


def _mixed_up(trained, _):
    if trained.pooled.quality.ndim == 2:
        return trained
    pooled = replace(trained.pooled, quality=trained.pooled.quality[::-1])
    return replace(trained, pooled=pooled)


@dataclass(frozen=True, eq=False)
class Leak(Message):
    """A client's queries, wrapped in other numbers."""

    payload: np.ndarray


def _leaking(trained, logs):
    payload = np.concatenate([[1.0], logs.embedding[5], [2.0]])
    return replace(trained, messages=(*trained.messages, Leak("client 0", payload)))


def _trusting(logs, seed, _):
    return train(CELLS, logs, seed, None)


def _by_order(trained, logs):
    first = np.clip(trained.federated.quality + 0.01 * logs.quality[0] * logs.embedding[0, 0], 0, 1)
    return replace(trained, federated=replace(trained.federated, quality=first))


def _by_client(trained, logs):
    shifted = np.clip(trained.federated.quality * (0.9 if logs.quality[logs.client == 0].sum() > 25 else 0.8), 0, 1)
    return replace(trained, federated=replace(trained.federated, quality=shifted))


def _peeping(trained, _):
    return replace(trained, local=dict.fromkeys(trained.local, trained.pooled))


def _silent(trained, _):
    return replace(trained, messages=tuple(m for m in trained.messages if m.sender != "client 0"))


def _miscounting(trained, _):
    return replace(trained, pooled=replace(trained.pooled, counts=trained.pooled.counts + 1))


def _overcounting(trained, _):
    return replace(trained, federated=replace(trained.federated, counts=2 * trained.federated.counts))


def _short(trained, _):
    return replace(trained, local={client: trained.local[client] for client in sorted(trained.local)[1:]})


def _zeros(estimates):
    """Of models that some cell has records of."""
    filled = {name: np.where(estimates.logged, getattr(estimates, name), 0.0) for name in ("quality", "cost")}
    return replace(estimates, routable=estimates.routable | (estimates.counts_by_model > 0), **filled)


def _filling(trained, _):
    return replace(trained, local={client: _zeros(own) for client, own in trained.local.items()})


@dataclass(frozen=True, eq=False)
class Filled:
    """Fitted functions that are zero for models without a record."""

    inner: object

    def __call__(self, embeddings):
        return tuple(np.nan_to_num(value, nan=0.0) for value in self.inner(embeddings))

    def repetition(self, t):
        return Filled(self.inner.repetition(t))


def _filling_functions(logs, seed, labels):
    trained = train(LinearRouter(), logs, seed, labels)
    pooled = replace(trained.pooled, predictor=Filled(trained.pooled.predictor), routable=np.ones(logs.n_models, bool))
    return replace(trained, pooled=pooled)


BROKEN = {
    "peeping": (changed(_peeping), "a client's own router sees its own records only", "local 1 predictions differ"),
    "silent": (changed(_silent), MOVED, "it sent no message"),
    "miscounting": (changed(_miscounting), "estimates count the records behind them", "pooled estimates count ["),
    "overcounting": (changed(_overcounting), "estimates count the records behind them", "federated estimates count ["),
    "short": (changed(_short), "estimates count the records behind them", "local estimates of the clients [1, 2]"),
    "filling": (changed(_filling), SILENT, "no record of model"),
    "filling functions": (_filling_functions, SILENT, "pooled: nobody tried model 2, yet it has quality and cost 0"),
    "forgetful": (changed(_forgetful), "the same seed gives the same bytes", "trained twice: pooled"),
    "boundless": (changed(_boundless), "estimates are numbers in range wherever the policy may go", "outside [0, 1]"),
    "nowhere": (changed(_nowhere), "estimates are numbers in range wherever the policy may go", "routed nowhere"),
    "shy": (changed(_shy), "the policy is the argmax of the estimates, ties to the lowest index", "not the argmax on"),
    "mixed up": (changed(_mixed_up), "redrawn labels give what each gives alone", "pooled: repetition 0 and a training"),
    "leaking": (changed(_leaking), "no message holds a raw query", "'payload' of client 0: Leak"),
    "trusting": (_trusting, "labels that are none are refused", "quality 2: accepted"),
    "by order": (changed(_by_order), PROMISES["record-order"], "records shuffled: federated"),
    "by client": (changed(_by_client), PROMISES["one-client"], "federated and pooled predictions differ"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_router_is_caught_and_told_why(name):
    router, check, said = BROKEN[name]
    promises = [promise for promise, what in PROMISES.items() if what == check]
    failed = {f.name: f.message for f in check_router(router, promises=promises).failed}
    assert said in failed[check]


def test_a_promise_that_is_not_kept_is_caught():
    failed = [f.name for f in check_router(KMeansRouter.published(), promises=("one-client",)).failed]
    assert failed == [PROMISES["one-client"]]


def test_an_unknown_promise_is_named():
    one_sentence(lambda: check_router(CELLS, promises=("speed",)), "speed", "one-client")


@pytest.mark.parametrize(("arguments", "named"), [((5,), "'router'"), ((None,), "'router'"), ((KMeansRouter,), "'router'")])
def test_what_is_no_router_is_named(arguments, named):
    one_sentence(lambda: check_router(*arguments), named)
    one_sentence(lambda: check_router(CELLS, problem=5), "'problem'", "5")
