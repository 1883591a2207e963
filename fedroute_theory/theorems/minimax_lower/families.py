"""Routers whose worst-case risk meets the lower bound, and statements that look right and are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular, minimax, two_points
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.minimax_lower import formulas
from fedroute_theory.theorems.minimax_lower.claims import claims

_GRID = np.linspace(0.0, 1.0, 401)


def larger_mean(n_a: int, n_b: int) -> FloatArray:
    """(n_a + 1, n_b + 1) chance of choosing a after x and y successes: the larger mean, a coin where they tie.

    A model without records counts as 1/2.
    """
    a = np.arange(n_a + 1) / n_a if n_a else np.full(1, 0.5)
    b = np.arange(n_b + 1) / n_b if n_b else np.full(1, 0.5)
    rule: FloatArray = 0.5 + 0.5 * np.sign(a[:, None] - b[None, :])
    return rule


def risks(rule: FloatArray, grid: FloatArray = _GRID) -> FloatArray:
    """(G, G) expected loss of a rule (n_a + 1, n_b + 1) when the qualities are grid[i] and grid[j]: exact sums."""
    from scipy.stats import binom

    n_a, n_b = rule.shape[0] - 1, rule.shape[1] - 1
    law_a = binom.pmf(np.arange(n_a + 1)[None], n_a, grid[:, None])
    law_b = binom.pmf(np.arange(n_b + 1)[None], n_b, grid[:, None])
    chose_a = law_a @ rule @ law_b.T
    ahead = grid[:, None] - grid[None, :]
    lost: FloatArray = np.maximum(ahead, 0.0) * (1.0 - chose_a) + np.maximum(-ahead, 0.0) * chose_a
    return lost


def extremal() -> list[Extremal]:
    """One cell, few records: the larger mean's worst-case risk is v, so v is the value of the game."""
    found = []
    for n_a, n_b in ((0, 0), (0, 1), (1, 1), (2, 2), (5, 5)):
        value = formulas.cell(n_a=n_a, n_b=n_b).value
        worst = float(risks(larger_mean(n_a, n_b)).max())
        name = f"the larger of two means, counts {n_a} and {n_b}: worst case over all qualities"
        found.append(Extremal(name, "cell", value, worst, 1.0, 1e-4))
    mass, counts = np.array([0.5, 0.3, 0.2]), np.array([[1, 1], [0, 1], [2, 2]])
    signs = 1 - 2 * np.array(list(np.ndindex(2, 2, 2)))
    risk = float(np.mean([_risk(minimax(mass, counts, sign), counts) for sign in signs]))
    value = formulas.cells(mass=mass, counts=counts.astype(np.float64)).value
    found.append(Extremal("three two-point cells, all eight orders", "cells", value, risk, 1.0, 1e-9))
    return found


def _risk(problem: Tabular, counts: IntArray) -> float:
    """Expected gap of the larger mean on a problem with one query a cell."""
    total = 0.0
    for mass, quality, (a, b) in zip(problem.weights, problem.quality, counts, strict=True):
        total += mass * risks(larger_mean(int(a), int(b)), quality[:2])[0, 1]
    return float(total)


def controls() -> list[Control]:
    """Counts drawn after the problem, one table's gap, wrong constants, labels and logging outside the theorem."""
    small = larger_mean(1, 1)
    upper = float(risks(small).max())
    mixed = 0.5 * risks(larger_mean(0, 0)) + 0.5 * risks(small)
    plugged = 0.5 * (two_points(0, 0).value + two_points(1, 1).value)
    law = {"n_a": np.array([0.0, 1.0]), "n_b": np.array([0.0, 1.0]), "chance": np.array([0.5, 0.5])}
    proper = formulas.random_counts(**law).value
    apart = np.abs(_GRID[:, None] - _GRID[None, :])
    wrong_choice = float(np.divide(risks(small), apart, out=np.zeros_like(apart), where=apart > 0.0).max())
    easy = risks(small, np.array([0.0, 1.0]))[1, 0]
    twice = 2.0 * two_points(1, 1).value
    return [
        Control(
            "counts fixed before the labels: E v of random counts, as if the worst problem could wait for them",
            plugged > float(mixed.max()) >= proper * (1.0 - 1e-9),
            f"no records or one of each, evenly: E v = {plugged:.4f}, the worst case of a router is {mixed.max():.4f}, "
            f"shifts fixed before the counts give {proper:.4f}",
            "exact on a grid of qualities that holds the maximum",
        ),
        Control(
            "wrong reading: every table's gap is at least v",
            easy < two_points(1, 1).value,
            f"qualities 1 and 0, one record each: expected gap {easy:.3f}, v = {two_points(1, 1).value:.3f}",
            "exact",
        ),
        Control(
            "compared with a level that holds with probability 1 - delta, without delta R",
            wrong_choice <= 0.5 + 1e-12 and 0.0 < two_points(1, 1).value <= 0.5,
            f"one record each, delta = 1/2: the worse model is chosen with probability at most {wrong_choice:.3f}, so level "
            f"0 holds on every problem; v = {two_points(1, 1).value:.3f} is above 0 and not above 0 + delta R",
            "exact on a grid of qualities",
        ),
        Control(
            "wrong constant: (shift_a + shift_b)(1 - TV) without the half",
            twice > upper,
            f"one record each: {twice:.3f} above {upper:.3f}, the worst case of the larger mean",
            "exact on a grid of qualities that holds the maximum",
        ),
        *_refusals(),
    ]


def example(labels: str = "bernoulli-quality", adaptivity: str = "fixed") -> Case:
    """One cell, two models, one record each."""
    problem = minimax(np.ones(1), np.array([[1, 1]]), np.ones(1, dtype=np.int64))
    zero, place = np.zeros(2, dtype=np.int64), problem.embeddings[[0, 0]]
    logs = Logs(zero, place, zero, np.arange(2), np.array([1.0, 0.0]), np.zeros(2), 1, 2, labels, adaptivity)
    means = np.array([[1.0, 0.0]])
    everything = np.ones((1, 2), dtype=bool)
    estimates = CellEstimates(problem.embeddings, means, 0.0 * means, np.ones((1, 2), int), 0.0 * means, everything)
    return Case(problem, None, logs, [("pooled", None, estimates)])


def _refusals() -> list[Control]:
    case = example()
    labelled = replace(case, trained=[(t, i, replace(e, label_free=False)) for t, i, e in case.cell_estimates()])
    counted = replace(case, trained=[(t, i, replace(e, counts=9 * e.counts)) for t, i, e in case.cell_estimates()])
    broken = {
        "Bernoulli labels": example(labels="exact"),
        "counts fixed before the labels": example(adaptivity="adaptive"),
        "cells found without labels": labelled,
        "counts are those of the cells": counted,
    }
    found = []
    for name, wrong in broken.items():
        found.append(refused(name, claims(wrong)))
    return found
