"""Arenas of finite classes fitted by least squares: exact probabilities that a bound fails, all records enumerated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.assumptions import coverage
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values, attempt, failing
from fedroute_theory.attack.arenas.outcomes import excess_risks, failure
from fedroute_theory.certify.least_squares import least_squares
from fedroute_theory.theorems import Formula, Theorem

DELTA = Part("delta", low=0.001, high=0.9)
ETA = Part("eta", low=0.05, high=1.95)
CLIENTS = (Part("records", ("clients",), 1, 6, whole=True), Part("weights", ("queries",)))
TABLE = ("queries", "models")


def _fixed(theorem: Theorem, values: Values) -> list[Attempt]:
    """The design given: all label outcomes."""
    functions, truth, delta = values["functions"], values["truth"], values["delta"]
    size, n = len(functions), truth.size
    labels = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)
    chance = np.prod(np.where(labels > 0, truth, 1.0 - truth), axis=1)
    g = functions - truth
    excess = (g**2).sum(axis=1) - 2.0 * (labels - truth) @ g.T
    errors = (g**2).mean(axis=1)
    common = {"log_class": math.log(size), "delta": delta, "n": float(n)}
    found = []
    for form, extra in {"fixed-design": {}, "fixed-design-eta": {"eta": values["eta"]}}.items():
        formula = theorem.forms[form]
        chance_of = failure(chance, excess, errors, lambda _, s, q=formula, e=extra: q(S=s, **common, **e).value)  # type: ignore[misc]
        found.append(failing(form, chance_of, delta))
    needed = least_squares(functions, truth, delta).primal
    found.append(attempt("fixed-design-eta, constant at eta 1", needed, math.log(size / delta)))
    return found


def _random(theorem: Theorem, values: Values) -> list[Attempt]:
    """Fresh records from fixed laws, which may differ between clients."""
    laws = _normal(values["law"])
    truth, functions, delta = values["truth"], values["functions"], values["delta"]
    records, clients = values["records"], values["clients"]
    chance, excess = excess_risks(laws, np.tile(truth, (clients, 1)), records.tolist(), functions, truth)
    mean = records / records.sum() @ laws
    errors = (functions - truth) ** 2 @ mean
    common = {"delta": delta, "n": float(records.sum())}
    log_class = math.log(len(functions))
    extra = {
        "random-design": {"log_class": log_class},
        "random-design-simple": {"log_class": log_class},
        "random-design-eta": {"log_class": log_class, "eta": values["eta"]},
        "pac-bayes": {"log_ratio": log_class},
    }
    found = []
    for form, more in extra.items():
        formula = theorem.forms[form]
        chance_of = failure(chance, excess, errors, lambda _, s, q=formula, e=more: q(S=s, **common, **e).value)  # type: ignore[misc]
        found.append(failing(form, chance_of, delta))
    return found


def _normal(law: FloatArray) -> FloatArray:
    total = law.reshape(len(law), -1).sum(axis=1)
    if (total <= 0.0).any():
        raise InputError("The 'law' parameter must have a positive sum for every client.")
    scaled: FloatArray = law / total.reshape(-1, *([1] * (law.ndim - 1)))
    return scaled


def _router(theorem: Theorem, values: Values) -> list[Attempt]:
    """Any function of the class routes; costs are zero."""
    return _networks(theorem, values, np.tile(values["truth"], (values["clients"], 1, 1)), None)


def _disagreeing(theorem: Theorem, values: Values) -> list[Attempt]:
    """The same with a truth for each client; the first one pays its own bias."""
    return _networks(theorem, values, values["truth"], 0)


def _networks(theorem: Theorem, values: Values, truths: FloatArray, client: int | None) -> list[Attempt]:
    laws, records, delta = _normal(values["law"]), values["records"], values["delta"]
    weights = values["weights"] / values["weights"].sum()
    functions, n = values["functions"], float(records.sum())
    mean = np.tensordot(records / n, laws, axes=1)
    pool = np.tensordot(records / n, laws * truths, axes=1) / np.where(mean > 0, mean, 1.0)
    pool = np.where(mean > 0, pool, truths.mean(axis=0))
    flat = (len(laws), -1)
    chance, excess = excess_risks(
        laws.reshape(flat), truths.reshape(flat), records.tolist(), functions.reshape(len(functions), -1), pool.ravel()
    )
    ratio = np.divide(mean, weights[:, None], out=np.zeros_like(mean), where=weights[:, None] > 0)
    own = truths[0]
    chosen = functions.argmax(axis=2)
    rows = np.arange(len(weights))
    gaps = np.array([weights @ (own.max(axis=1) - own[rows, c]) for c in chosen])
    whole = coverage(ratio, weights)
    pairs = np.array([coverage(ratio, weights, c).k2 for c in chosen])
    labels = {"S_c": 0.0, "log_class": math.log(len(functions)), "n": n, "lam": 0.0, "c_max": 0.0, "delta": delta}
    found = []

    def add(form: str, formula: Formula, name: str, given: dict[str, object], k2: FloatArray | None) -> None:
        def bound(f: int, s: float) -> float:
            more = {} if k2 is None else {"K2": float(k2[f])}
            return formula(**given, **more, **{name: s}).value

        found.append(failing(form, failure(chance, excess, gaps, bound), delta))

    everywhere, forms = np.full(len(functions), whole.k2), theorem.forms
    if client is None:
        if math.isfinite(whole.k2):
            add("finite-class", forms["finite-class"], "S_q", labels, everywhere)
            plain = {"log_class": labels["log_class"], "n": n, "R": 1.0, "delta": delta}
            add("utility", forms["utility"], "S", plain, everywhere)
        if np.isfinite(pairs).all():
            add("finite-class, given the policy", forms["finite-class"], "S_q", labels, pairs)
        k2 = np.where(np.isfinite(whole.pointwise), whole.pointwise, 0.0)
        add("range-aware", forms["range-aware"], "S_q", labels | {"mass": weights, "k2": k2}, None)
    elif math.isfinite(whole.k2):
        bias = forms["bias"](mass=weights, own=own, pool=pool).value
        add("client", forms["client"], "S_q", labels | {"bias": bias}, everywhere)
        base = labels | {"bias": 0.0}
        # without records that say anything only the bias is left: the certain part of the statement
        found.append(_bias_alone(own, pool, weights, bias, forms["client"](**base, K2=whole.k2, S_q=0.0).value))
    return found


def _bias_alone(own: FloatArray, pool: FloatArray, weights: FloatArray, bias: float, base: float) -> Attempt:
    """f = f_pool, S = 0, surely when F = {f_pool}: gap of the pooled truth's own router against base + bias."""
    chosen = pool.argmax(axis=1)
    gap = float(weights @ (own.max(axis=1) - own[np.arange(len(weights)), chosen]))
    return attempt("client, f = f_pool", gap, base + bias, terms={"pooled router": base, "client's own bias": bias})


def _fixed_witnesses() -> Iterator[Values]:
    for n, g, delta in ((8, 0.3, 0.05), (6, 0.3, 0.5)):
        half = np.full(n, 0.5)
        yield {"records": n, "members": 1, "functions": half[None] + g, "truth": half, "delta": delta, "eta": 1.0}


def _random_witnesses() -> Iterator[Values]:
    """Right except on rare queries, where it says 1 and the mean is 6/17."""
    yield {
        "cells": 2, "members": 1, "clients": 1, "law": np.array([[1.0, 1.0]]), "records": np.array([4]),
        "truth": np.array([0.5, 6 / 17]), "functions": np.array([[0.5, 1.0]]), "delta": 0.1, "eta": 1.0,
    }  # fmt: skip


def _tied_pair() -> Iterator[Values]:
    """One query, two models logged evenly, truths 1/2 +- g, both estimated 1/2, the worse one routed to."""
    for g, records, delta in ((0.3, 6, 0.3), (0.5, 6, 0.1)):
        yield {
            "queries": 1, "models": 2, "members": 1, "clients": 1, "law": np.ones((1, 1, 2)), "records": np.array([records]),
            "weights": np.ones(1), "truth": np.array([[0.5 - g, 0.5 + g]]), "functions": np.full((1, 1, 2), 0.5),
            "delta": delta,
        }  # fmt: skip


def _opposed_pair() -> Iterator[Values]:
    """Two clients with truths 1/2 -+ g for the two models: the pooled truth is tied, only the bias is left."""
    for base in _tied_pair():
        truth = np.stack([base["truth"], base["truth"][:, ::-1]])
        yield base | {"clients": 2, "law": np.ones((2, 1, 2)), "records": np.array([6, 6]), "truth": truth}


FIXED = Arena(
    "fixed-design",
    {"records": (1, 8), "members": (1, 3)},
    (Part("functions", ("members", "records"), -0.5, 1.5), Part("truth", ("records",)), DELTA, ETA),
    _fixed,
    witnesses=_fixed_witnesses,
)
RANDOM = Arena(
    "random-design",
    {"cells": (1, 2), "members": (1, 3), "clients": (1, 2)},
    (
        Part("law", ("clients", "cells")), CLIENTS[0], Part("truth", ("cells",)), Part("functions", ("members", "cells")),
        DELTA, ETA,
    ),
    _random,
    witnesses=_random_witnesses,
)  # fmt: skip
_ROUTED = (Part("law", ("clients", *TABLE)), *CLIENTS, Part("functions", ("members", *TABLE)), DELTA)
_SIZES = {"queries": (1, 2), "models": (2, 2), "members": (1, 2), "clients": (1, 2)}
ROUTER = Arena("finite-networks", _SIZES, (*_ROUTED, Part("truth", TABLE)), _router, witnesses=_tied_pair)
DISAGREEING = Arena(
    "disagreeing-clients", _SIZES, (*_ROUTED, Part("truth", ("clients", *TABLE))), _disagreeing, witnesses=_opposed_pair
)
