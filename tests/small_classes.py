"""Finite classes of tabulated functions and tiny quantised networks: estimates that say which class they came from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from fedroute_theory.estimates import FunctionEstimates, Hypotheses
from fedroute_theory.federation import Labels, draw_labels, draw_logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Case


@dataclass(frozen=True)
class Tabulated:
    """Functions given by their values (..., n, M) at queries whose one coordinate is their row."""

    quality: np.ndarray
    cost: np.ndarray
    single: int  # number of axes of one repetition

    def __call__(self, embeddings):
        rows = np.asarray(embeddings)[:, 0].astype(int)
        return self.quality[..., rows, :], self.cost[..., rows, :]

    def repetition(self, t):
        if self.quality.ndim == self.single:
            return self
        return Tabulated(self.quality[t], self.cost[t], self.single)


def small_problem(rng, *, queries=5, models=3, lam=0.5, c_max=2.0):
    quality, cost = rng.random((queries, models)), c_max * rng.random((queries, models))
    return Tabular(np.arange(queries, dtype=float)[:, None], rng.random(queries) + 0.2, quality, cost, lam, c_max=c_max)


def small_laws(rng, problem, records=(40, 25)):
    joint = rng.random((len(records), problem.weights.size, problem.n_models)) + 0.1
    return explicit(joint / joint.sum(axis=(1, 2), keepdims=True), np.array(records))


def random_class(rng, problem, size):
    """(H, n, M) quality and cost of H functions."""
    shape = (size, problem.weights.size, problem.n_models)
    return rng.random(shape), problem.c_max * rng.random(shape)


def best_fit(problem, logs, labels, functions):
    """(T,) the member with the least squared error on the records, quality plus cost in units of c_max."""
    rows, unit = logs.embedding[:, 0].astype(int), problem.c_max or 1.0
    fitted = [values[:, rows, logs.model] for values in functions]  # (H, D)
    loss = ((fitted[0][None] - labels.quality[:, None]) ** 2).sum(axis=-1)
    loss += (((fitted[1][None] - labels.cost[:, None]) / unit) ** 2).sum(axis=-1)
    return loss.argmin(axis=1)


def estimates_of(functions, picks, logs, *, log_size=None, kind="finite-class", fixed=True, routable=None):
    """Estimates of the members `picks` (T,) or (T, k): their average, with the class they were taken from."""
    picks = np.asarray(picks)
    picks = picks[:, None] if picks.ndim == 1 else picks
    members = Tabulated(functions[0][picks], functions[1][picks], 3)
    average = Tabulated(members.quality.mean(axis=-3), members.cost.mean(axis=-3), 2)
    complexity = np.full(len(picks), np.log(len(functions[0])) if log_size is None else log_size)
    models = functions[0].shape[-1]
    able = np.ones(models, bool) if routable is None else np.asarray(routable)
    return FunctionEstimates(
        average,
        np.bincount(logs.model, minlength=models),
        able,
        Hypotheses(kind, members, complexity, fixed, f"{len(functions[0])} tabulated functions"),
    )


def small_case(seed=0, *, size=16, repetitions=1, records=(40, 25), labels="bernoulli", lam=0.5, delta=0.05, with_truth=False):
    """Two clients, best fits of a random class: local, federated (all records), with redrawn labels."""
    rng = np.random.default_rng(seed)
    problem = small_problem(rng, lam=lam)
    laws = small_laws(rng, problem, records)
    logs = draw_logs(problem, laws, rng, labels)
    functions = random_class(rng, problem, size)
    if with_truth:
        functions[0][0], functions[1][0] = problem.quality, problem.cost
    redrawn = redraw(problem, logs, rng, repetitions)
    trained = [("federated", None, estimates_of(functions, best_fit(problem, logs, redrawn, functions), logs))]
    for client in range(len(records)):
        rows = np.flatnonzero(logs.client == client)
        own = logs.take(rows)
        part = Labels(redrawn.quality[:, rows], redrawn.cost[:, rows])
        trained.append(("local", client, estimates_of(functions, best_fit(problem, own, part, functions), own)))
    return Case(problem, laws, logs, trained, delta, labels=redrawn)


def redraw(problem, logs, rng, repetitions):
    rows = np.arange(logs.size)
    quality, cost = (value[rows, logs.model] for value in problem.truth(logs.embedding))
    fresh = draw_labels(quality, cost, problem.c_max, rng, logs.labels, repetitions - 1)
    return Labels(
        np.concatenate([logs.quality[None], fresh.quality]), np.concatenate([logs.cost[None], fresh.cost])
    )  # the logs' own labels first


def quantised_networks(x, grid=(-2.0, 0.0, 2.0), models=2):
    """Quality (H, n, M) of every network sigmoid(v_m tanh(u x)) with weights on a grid: P = 1 + models."""
    found = []
    for u, *v in product(grid, repeat=1 + models):
        found.append(1.0 / (1.0 + np.exp(-np.tanh(u * x)[:, None] * np.array(v))))
    return np.array(found)
