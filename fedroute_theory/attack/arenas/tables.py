"""Arenas of finite tables: truth, estimates and laws given number by number, every certain claim judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values, from_claims
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Case, Theorem

TABLE = ("queries", "models")
TRUTH = (
    Part("weights", ("queries",)),
    Part("quality", TABLE),
    Part("cost", TABLE),
    Part("lam", high=3.0),
)
LAWS = (Part("law", ("clients", *TABLE)), Part("records", ("clients",), 1, 20, whole=True))
GUESS = (Part("guess_quality", TABLE), Part("guess_cost", TABLE), Part("open", TABLE, 0, 3, whole=True))
"""open: a model is left out of the argmax where it is 0 (the first one never, if all are)."""

OTHER = (
    Part("other_quality", TABLE),
    Part("other_cost", TABLE),
    Part("quality_weight", ("models",)),
    Part("cost_weight", ("models",)),
)
SIZES = {"queries": (1, 4), "models": (2, 4), "clients": (1, 3)}
EDGE = 1e-9
"""What a tie is broken by in the witnesses of certificates that break ties the worst way."""


def problem_of(values: Values) -> Tabular:
    """Queries 0, 1, ... on a line with the given truth."""
    place = np.arange(values["queries"], dtype=np.float64)[:, None]
    return Tabular(place, values["weights"], values["quality"], values["cost"], values["lam"])


def tables(values: Values, quality: FloatArray, cost: FloatArray, routable: np.ndarray) -> CellEstimates:
    """Any estimates at all: one cell a query."""
    place = np.arange(values["queries"], dtype=np.float64)[:, None]
    counts = np.ones(quality.shape, dtype=np.int64)
    return CellEstimates(place, quality, cost, counts, np.zeros(quality.shape), routable)


def routable_of(values: Values) -> np.ndarray:
    """(n, M) models that may be chosen."""
    routable = values["open"] > 0
    routable[~routable.any(axis=1), 0] = True
    return np.asarray(routable)


def likeliest(problem: Tabular, law: FloatArray) -> Logs:
    """One record a client, where its law has most mass: these theorems read the laws, not the records."""
    clients, _, models = law.shape
    query, model = np.divmod(law.reshape(clients, -1).argmax(axis=1), models)
    quality, cost = (table[np.arange(clients), model] for table in problem.truth(problem.embeddings[query]))
    return Logs(np.arange(clients), problem.embeddings[query], query, model, quality, cost, clients, models, "exact", "fixed")


def case_of(values: Values) -> Case:
    """One router, claimed once for all records and once for every client's law."""
    own = tables(values, values["guess_quality"], values["guess_cost"], routable_of(values))
    law = values["law"] / values["law"].sum(axis=(1, 2), keepdims=True)
    trained = [("federated", None, own), *(("local", i, own) for i in range(values["clients"]))]
    problem = problem_of(values)
    return Case(problem, explicit(law, values["records"]), likeliest(problem, law), trained)


def judge(theorem: Theorem, values: Values) -> list[Attempt]:
    """All claims about the router."""
    return from_claims(theorem, case_of(values))


def _pooling(theorem: Theorem, values: Values) -> list[Attempt]:
    shape = (values["queries"], values["models"])
    problem = Tabular(np.arange(shape[0], dtype=np.float64)[:, None], values["weights"], np.zeros(shape), np.zeros(shape))
    law = values["law"] / values["law"].sum(axis=(1, 2), keepdims=True)
    return from_claims(theorem, Case(problem, explicit(law, values["records"]), likeliest(problem, law), []))


def _mixture(theorem: Theorem, values: Values) -> list[Attempt]:
    routable = routable_of(values)
    mine = tables(values, values["guess_quality"], values["guess_cost"], routable)
    ours = tables(values, values["other_quality"], values["other_cost"], np.ones_like(routable))
    weights = values["quality_weight"], values["cost_weight"]
    if values["constant"]:
        weights = (np.full_like(weights[0], weights[0][0]),) * 2
    both = MixtureEstimates(mine, ours, *weights)
    problem = problem_of(values)
    anywhere = np.ones((values["clients"], *problem.quality.shape))
    return from_claims(theorem, Case(problem, None, likeliest(problem, anywhere), [("mixture", 0, both)]))


def _plain(truth: FloatArray, guess: FloatArray, weights: FloatArray, law: FloatArray) -> Values:
    """One client, no costs, every model open."""
    n, m = truth.shape
    nothing = np.zeros((n, m))
    return {
        "queries": n, "models": m, "clients": 1, "weights": weights / weights.max(), "quality": truth, "cost": nothing,
        "lam": 0.0, "law": (law / law.max())[None], "records": np.array([1]), "guess_quality": guess, "guess_cost": nothing,
        "open": np.ones((n, m), dtype=np.int64),
    }  # fmt: skip


def witnesses() -> Iterator[Values]:
    """Tied models with opposite errors; the cone programs of coverage and margin."""
    from fedroute_theory.certify import coverage_worst_case, margin_worst_case

    yield _plain(np.array([[0.2, 0.8]]), np.array([[0.5, 0.5]]), np.ones(1), np.ones((1, 2)))
    nu = np.array([0.5, 0.3, 0.2])
    rho = nu[:, None] * np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.4], [0.3, 0.25, 0.15]])
    for eps, label_range in ((0.05, 1.0), (0.3, 1.0)):
        found = coverage_worst_case(nu, rho, eps, label_range).witness
        truth, guess = (np.clip(np.array(found[name]), 0.0, 1.0) for name in ("truth", "estimate"))
        guess[np.arange(3), np.array(found["chosen"])] += EDGE
        yield _plain(truth, np.minimum(guess, 1.0), nu, rho)
    margin, mass = np.array([0.1, 0.3, 0.6]), np.array([0.5, 0.25, 0.25])
    loss = np.clip(np.array(margin_worst_case(mass, margin, 0.15).witness["loss"], dtype=np.float64), 0.0, 1.0)
    loss = np.where(loss >= margin - EDGE, loss, 0.0)
    truth = np.stack([np.full(3, 1.0), 1.0 - margin, 1.0 - np.where(loss > 0, loss, margin)], axis=1)
    guess = np.where(loss[:, None] > 0, np.stack([1.0 - loss / 2, 0 * loss, 1.0 - loss / 2 + EDGE], axis=1), truth)
    yield _plain(truth, guess, mass, np.ones((3, 3)))


def _mixture_witnesses() -> Iterator[Values]:
    """Aligned errors: two tied models, both sides wrong alike."""
    truth, guess = np.array([[0.2, 0.8]]), np.array([[0.5, 0.5]])
    base = _plain(truth, guess, np.ones(1), np.ones((1, 2)))
    kept = {k: v for k, v in base.items() if k not in ("law", "records")}
    share = np.full(2, 0.5)
    yield kept | {
        "other_quality": guess, "other_cost": 0.0 * guess, "quality_weight": share, "cost_weight": share, "constant": 1,
    }  # fmt: skip


TABLES = Arena("tables", SIZES, (*TRUTH, *LAWS, *GUESS), judge, witnesses=witnesses)
POOLING = Arena("pooled-laws", SIZES, (TRUTH[0], *LAWS), _pooling)
MIXTURE = Arena(
    "mixed-tables", SIZES, (*TRUTH, *GUESS, *OTHER, Part("constant", (), 0, 1, whole=True)), _mixture,
    witnesses=_mixture_witnesses,
)  # fmt: skip
