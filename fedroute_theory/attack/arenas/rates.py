"""Arenas of quadratic clients, least-squares heads and two-model games: exact recursions and enumerations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from fedroute_theory.assumptions.quadratic import Quadratics
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values, attempt, failing, from_claims
from fedroute_theory.certify.minimax_game import minimax_game, worst_risk
from fedroute_theory.estimates.linear import RANK_TOLERANCE
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Case, Theorem
from fedroute_theory.theorems.linear_heads.smoother import Smoother

BOXES = 16
"""Intervals a side in the certified worst risk of a rule."""


def _fedavg(theorem: Theorem, values: Values) -> list[Attempt]:
    curvature = values["curvature"]
    curvature = 0.5 * (curvature + np.swapaxes(curvature, 1, 2))
    root = values["noise"]
    shares = values["shares"] / values["shares"].sum()
    clients = Quadratics(shares, curvature, values["centre"], root @ np.swapaxes(root, 1, 2))
    descent = clients.descent(values["start"], values["eta"], values["tau"], values["rounds"])
    one = np.zeros(1, dtype=np.int64)
    logs = Logs(one, np.zeros((1, 1)), one, one, np.zeros(1), np.zeros(1), 1, 2, "exact", "fixed")
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.zeros((1, 2)), np.zeros((1, 2)))
    return from_claims(theorem, Case(problem, None, logs, [], descent=descent))


def _fedavg_witnesses() -> Iterator[Values]:
    """One full step on theta^2 / 2; alike clients of unequal shares at rest; opposed curvatures."""
    base: Values = {
        "clients": 1, "dimension": 1, "shares": np.ones(1), "curvature": np.ones((1, 1, 1)), "centre": np.zeros((1, 1)),
        "noise": np.zeros((1, 1, 1)), "start": np.ones(1), "eta": 1.0, "tau": 1, "rounds": 1,
    }  # fmt: skip
    yield base
    shares = np.array([1.0, 1 / 7, 1 / 7, 1 / 7])
    yield base | {
        "clients": 4, "shares": shares, "curvature": np.ones((4, 1, 1)), "centre": np.zeros((4, 1)), "start": np.zeros(1),
        "noise": np.ones((4, 1, 1)), "eta": 0.1, "rounds": 60,
    }  # fmt: skip
    yield base | {
        "clients": 2, "shares": np.ones(2), "curvature": np.array([[[1.0]], [[-0.9]]]), "centre": np.array([[1.0], [1.1]]),
        "noise": np.zeros((2, 1, 1)), "eta": 0.05, "tau": 8, "rounds": 60,
    }  # fmt: skip


def _heads(theorem: Theorem, values: Values) -> list[Attempt]:
    """One head on given records, Bernoulli labels: every outcome."""
    design, truth, delta = values["design"].astype(np.float64), values["truth"], values["delta"]
    n = truth.size
    labels = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    chance = np.where(labels == 1.0, truth, 1.0 - truth).prod(axis=1)
    hat = design @ np.linalg.pinv(design, rcond=RANK_TOLERANCE)
    excess = ((labels @ hat.T - truth) ** 2).mean(axis=1)
    smoother = Smoother.of(design)
    misfit = smoother.misfit(truth)
    bias, p = float(misfit @ misfit) / n, float(smoother.rank)
    forms, mean = theorem.forms, float(chance @ excess)
    same = forms["leverages"](h=np.clip(smoother.leverages, 0.0, 1.0), s2=truth * (1.0 - truth), bias=bias)
    cap = forms["bernoulli"](p=p, n=float(n), bias=bias)
    level = forms["high-probability"](p=p, n=float(n), delta=delta, bias=bias)
    missed = float(chance[excess > level.value * (1.0 + 1e-9) + 1e-12].sum())
    return [
        attempt("leverages", mean, same.value, kind="identity", terms=same.terms),
        attempt("bernoulli", mean, cap.value, terms=cap.terms),
        failing("high-probability", missed, delta, level.terms),
    ]


def _heads_witnesses() -> Iterator[Values]:
    line = np.array([[1, 0], [1, 1], [1, 2], [1, 4]])
    yield {"records": 4, "features": 2, "design": line, "truth": np.full(4, 0.5), "delta": 0.05}


def _game(theorem: Theorem, values: Values) -> list[Attempt]:
    """Any rule for two models: no rule's certified worst risk may be below the bound."""
    rule = values["rule"]
    n_a, n_b = values["rows"] - 1, values["columns"] - 1
    risk = worst_risk(n_a, n_b, rule, BOXES)
    forms = theorem.forms
    one = forms["cell"](n_a=n_a, n_b=n_b)
    mass = np.array([0.5, 0.5])
    both = forms["cells"](mass=mass, counts=np.array([[float(n_a), float(n_b)]] * 2))
    mixed = forms["random-counts"](n_a=np.array([float(n_a)]), n_b=np.array([float(n_b)]), chance=np.ones(1))
    found = [
        attempt("cell", risk, one.value, kind="lower", terms=one.terms),
        attempt("cells", risk, both.value, kind="lower", terms=both.terms),
        attempt("random-counts", risk, mixed.value, kind="lower", terms=mixed.terms),
    ]
    if min(n_a, n_b) >= 4:
        weak = forms["affinity"](n_a=float(n_a), n_b=float(n_b))
        found.append(attempt("affinity", risk, weak.value, kind="lower", terms=weak.terms))
    return found


def _game_witnesses() -> Iterator[Values]:
    """The best rules of the game's linear program."""
    for n_a, n_b in ((0, 0), (0, 2), (1, 1), (1, 3), (2, 2), (4, 4)):
        rule = np.clip(np.array(minimax_game(n_a, n_b).witness["take_b"]), 0.0, 1.0)
        yield {"rows": n_a + 1, "columns": n_b + 1, "rule": rule}


_VECTOR = ("clients", "dimension")
FEDAVG = Arena(
    "quadratic-clients",
    {"clients": (1, 3), "dimension": (1, 2)},
    (
        Part("shares", ("clients",)), Part("curvature", (*_VECTOR, "dimension"), -1.0, 1.0), Part("centre", _VECTOR, -2.0, 2.0),
        Part("noise", (*_VECTOR, "dimension"), -1.0, 1.0), Part("start", ("dimension",), -2.0, 2.0),
        Part("eta", low=0.001, high=2.0), Part("tau", (), 1, 8, whole=True), Part("rounds", (), 1, 60, whole=True),
    ),
    _fedavg,
    witnesses=_fedavg_witnesses,
)  # fmt: skip
HEADS = Arena(
    "coin-heads",
    {"records": (1, 7), "features": (1, 3)},
    (
        Part("design", ("records", "features"), -4, 4, whole=True),
        Part("truth", ("records",)),
        Part("delta", low=0.001, high=0.9),
    ),
    _heads,
    witnesses=_heads_witnesses,
)
GAME = Arena(
    "rules", {"rows": (1, 6), "columns": (1, 6)}, (Part("rule", ("rows", "columns")),), _game, witnesses=_game_witnesses
)
