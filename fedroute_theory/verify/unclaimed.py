"""Assumptions that no claim on a case measures: what the case itself shows of them, else why nothing is measured here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import Coverage, coverage
from fedroute_theory.federation.logs import ADAPTIVITY
from fedroute_theory.problems import Table
from fedroute_theory.theorems import Case, Measurement

EVERY_TRAINING = "-"
"""Training of what is a matter of the case, or of nothing that was trained."""

Found = Iterable[tuple[str, Measurement]]

_ROUNDING = 1e-12
_UNSTATED = "laws of the logs unknown"


def case_shows(case: Case, slug: str, name: str) -> Found:
    """(training, measurement), one a client, of an assumption that a case shows without a claim, if it shows any."""
    if (slug, name) == ("margin-rate", "coverage"):  # the chained form multiplies by sup k2, not by its mean
        return _largest_covered(case, name)
    return _SHOWN[name](case, name) if name in _SHOWN else ()


def why_not(case: Case, slug: str, name: str) -> str:
    """Why an assumption is not measured on a case, in one phrase."""
    if name in _REASONS:
        return _REASONS[name]
    if slug == "client-heterogeneity" and not case.truths:
        return "needs several truths"
    return _NOTHING_TRAINED.get(slug, "no claim of the theorem on this case measures it")


def _logging(case: Case, name: str) -> Found:
    known = {"fixed": True, "adaptive": False, "unknown": None}
    yield EVERY_TRAINING, Measurement(name, known[case.logs.adaptivity], how=ADAPTIVITY[case.logs.adaptivity])


def _label_law(case: Case, name: str) -> Found:
    holds = {"exact": False, "unknown": None}.get(case.logs.labels, True)
    yield EVERY_TRAINING, Measurement(name, holds, how=f"labels are declared {case.logs.labels!r}")


def _range(case: Case, name: str) -> Found:
    quality, cost, top = case.logs.quality, case.logs.cost, case.problem.c_max
    beyond = max(-float(quality.min()), float(quality.max()) - 1.0, -float(cost.min()), float(cost.max()) - top)
    how = f"largest excess over [0, 1] or [0, {top:g}]"
    yield EVERY_TRAINING, Measurement(name, beyond <= _ROUNDING, beyond + 0.0, how=how, limit=_ROUNDING)


def _truth(case: Case, name: str) -> Found:
    """A table is its own truth: then the labels must be the table's entries, which can be looked up."""
    logs, problem = case.logs, case.problem
    if not isinstance(problem, Table) or logs.labels != "exact" or (logs.query < 0).any():
        known = None if logs.labels == "unknown" else True
        yield EVERY_TRAINING, Measurement(name, known, how=f"labels are declared {logs.labels!r}")
        return
    place = logs.query, logs.model
    wrong = (np.abs(problem.quality[place] - logs.quality) > _ROUNDING) | (np.abs(problem.cost[place] - logs.cost) > _ROUNDING)
    how = "labels that are not the table's entries: the finite population is the truth; unknowable beyond it"
    yield EVERY_TRAINING, Measurement(name, not wrong.any(), float(wrong.sum()), how=how, limit=0.0)


def _laws(case: Case, name: str) -> Found:
    if case.federation is None:
        yield EVERY_TRAINING, Measurement(name, None, how="the laws of the logs are not stated; records alone do not show them")


def _realised(case: Case) -> list[tuple[str, Coverage, str]]:
    """Coverage by the realised counts on the cells of each router, which is all that a table can show; with the place."""
    found = []
    for training, client, estimates in case.cell_estimates():
        cells = estimates.cells(case.problem.embeddings)
        mass: FloatArray = np.bincount(cells, case.problem.weights, estimates.n_cells).astype(np.float64)
        share = estimates.counts / estimates.counts.sum()
        ratio = np.divide(share, mass[:, None], out=np.ones_like(share), where=mass[:, None] > 0.0)
        own = coverage(ratio, mass)
        who = "" if client is None else f"client {client}: "
        found.append((training, own, who + (own.where(case.problem.models) or "covered wherever there is test mass")))
    return found


def _covered(case: Case, name: str) -> Found:
    """K2: exact where a federation states the laws, else by realised counts."""
    if case.federation is not None:
        problem, laws = case.problem, case.federation
        ratios = [("local", ratio) for ratio in laws.coverage(problem)]
        pooled = laws.pooled_coverage(problem)
        for training, ratio in (*ratios, ("federated", pooled), ("pooled", pooled)):
            found = coverage(ratio, problem.weights)
            finite = math.isfinite(found.k2)
            value, where = found.k2 if finite else None, found.where(problem.models)
            yield training, Measurement(name, finite, value, how="K2 at the test queries", where=where)
        return
    realised = _realised(case)
    if not realised:
        yield EVERY_TRAINING, Measurement(name, None, how=f"{_UNSTATED}; no router with cells to count records in")
    for training, own, where in realised:
        yield training, _counted(name, own, where)


def _largest_covered(case: Case, name: str) -> Found:
    """sup k2 by realised counts; where a federation states the laws, the theorem's own claims measure it."""
    realised = _realised(case)
    if not realised:
        yield EVERY_TRAINING, Measurement(name, None, how=f"{_UNSTATED}; no router with cells to count records in")
    for training, own, where in realised:
        yield training, _counted(name, own, where, "sup k2", own.largest)


def _one_client_covers(case: Case, name: str) -> Found:
    """The client that covers most."""
    if case.federation is not None:
        return
    local = [(own, where) for training, own, where in _realised(case) if training == "local"]
    if not local:
        yield EVERY_TRAINING, Measurement(name, None, how=f"{_UNSTATED}; no router with cells to count records in")
        return
    best = min(local, key=lambda pair: (pair[0].k2, pair[0].hole_mass))
    yield EVERY_TRAINING, _counted(name, *best)


def _counted(name: str, own: Coverage, where: str, what: str = "K2", value: float | None = None) -> Measurement:
    found = own.k2 if value is None else value
    finite = math.isfinite(found)
    infinite = "" if finite else ": infinite"
    how = f"{_UNSTATED}; {what} of the realised counts on the router's cells, of this population only{infinite}"
    return Measurement(name, None, found if finite else None, how=how, where=where)


def _one_truth(case: Case, name: str) -> Found:
    how = "clients have truths of their own" if case.truths else "one problem for all clients"
    yield EVERY_TRAINING, Measurement(name, not case.truths, how=how)


def _estimated(case: Case, name: str) -> Found:
    for training, client, estimates in case.trained:
        utility = estimates.repetition(0).utility_at(case.problem.embeddings, case.problem.lam)
        missing = min(1.0, float(case.problem.weights @ ~np.isfinite(utility).all(axis=1)))
        where = "" if client is None or missing == 0.0 else f"client {client}"
        how = "test mass where a model is left out"
        yield training, Measurement(name, missing == 0.0, missing, how=how, where=where, limit=0.0)


_SHOWN: Mapping[str, Callable[[Case, str], Found]] = {
    "non-adaptive logging": _logging,
    "counts fixed before the labels": _logging,
    "Bernoulli labels": _label_law,
    "labels within range": _range,
    "cost labels in range": _range,
    "truth known": _truth,
    "records from known laws": _laws,
    "coverage": _covered,
    "a client that covers the test law": _one_client_covers,
    "one truth for all clients": _one_truth,
    "one truth behind the records": _one_truth,
    "an estimate for every model": _estimated,
}

_CLASS = "no network with a certificate among the trained routers"
_NOTHING_TRAINED = {
    "least-squares": _CLASS,
    "mlp-router": _CLASS,
    "client-heterogeneity": _CLASS,
    "fedavg-convergence": "no federated descent was recorded",
    "kmeans-router": "no router with cells among the trained ones",
    "minimax-lower": "no router with cells among the trained ones",
    "two-pass-kmeans": "no two-pass clustering among the trained routers",
    "linear-heads": "no linear heads among the trained routers",
    "mixture-router": "no mixture among the trained routers",
    "pooling": "no federation states the laws of the records",
    "coverage-transfer": "no federation states the laws of the records",
}
"""Why a theorem says nothing of a case, by theorem."""

_REASONS = {
    "approximation factors": "the optima are out of reach of enumeration, or no two-pass clustering was trained",
    "one event for all prices": "no probability is claimed here: the true errors of quality and cost stand in for their bounds",
    "holes": _CLASS,
}
"""Why an assumption is not measured, where the reason is not that of the whole theorem."""
