"""Where linear-heads is attained, and what looks right and is wrong: all by enumeration of every label outcome."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.linear_heads import formulas
from fedroute_theory.theorems.linear_heads.broken import broken
from fedroute_theory.theorems.linear_heads.smoother import Smoother

LINE = np.stack([np.ones(4), np.array([0.0, 1.0, 2.0, 4.0])], axis=1)
"""Four records, an intercept and a slope."""

FAIR = np.full(4, 0.5)
SKEWED = np.array([0.2, 0.35, 0.5, 0.8])  # on the line 0.2 + 0.15 x: well specified


def outcomes(chance: FloatArray, top: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Every outcome (2^n, n) of independent labels in {0, top}, and its probability (2^n,)."""
    ones = np.array(list(itertools.product((0.0, 1.0), repeat=chance.size)))
    return top * ones, np.where(ones == 1.0, chance, 1.0 - chance).prod(axis=1)


def expected_excess(
    design: FloatArray, chance: FloatArray, change: Callable[[FloatArray], FloatArray] = np.asarray, ridge: float = 0.0
) -> float:
    """E (1/n) |fitted - f|^2 over all label outcomes; `change` is applied to the fitted values."""
    labels, weight = outcomes(chance)
    hat = design @ np.linalg.pinv(design.T @ design + ridge * np.eye(design.shape[1]), rcond=1e-12) @ design.T
    fitted = change(labels @ hat.T)
    return float(weight @ ((fitted - chance) ** 2).mean(axis=1))


def extremal() -> list[Extremal]:
    """Fair coins attain the cap; equal variances attain s^2 p / n; a new model's records give just the excess wanted."""
    fair, skewed = expected_excess(LINE, FAIR), expected_excess(LINE, SKEWED)
    constant, chance = np.ones((5, 1)), np.full(5, 0.2)
    smoother = Smoother.of(LINE)
    needed = formulas.new_model(p=2, excess=0.125).value
    copies = np.concatenate([LINE, LINE])[: int(needed)]
    return [
        Extremal("fair coins", "bernoulli", formulas.bernoulli(p=2, n=4).value, fair, 1.0, 1e-12),
        Extremal(
            "coins of one bias, a constant feature", "in-sample", formulas.in_sample(s2=0.16, p=1, n=5).value,
            expected_excess(constant, chance), 1.0, 1e-12,
        ),
        Extremal(
            "coins on a line", "leverages",
            formulas.leverages(h=smoother.leverages, s2=SKEWED * (1.0 - SKEWED)).value, skewed, 1.0, 1e-12,
        ),
        Extremal("fair coins, records for excess 1/8", "new-model", 0.125, expected_excess(copies, FAIR), 1.0, 1e-12),
    ]  # fmt: skip


def controls() -> list[Control]:
    """Wrong constants, wrong ranks, and each broken assumption on a small design."""
    fair, skewed = expected_excess(LINE, FAIR), expected_excess(LINE, SKEWED)
    true = formulas.in_sample(s2=0.25, p=2, n=4).value
    return [
        _control("wrong constant: p + 1 in place of p", 0.25 * 3 / 4, fair),
        _control("wrong constant: n - p in place of n", 0.25 * 2 / (4 - 2), fair),
        _control("wrong constant: labels of variance 1/8 as the worst", 0.125 * 2 / 4, fair, upper=True),
        _control("wrong: equal variances taken for unequal ones, mean of s_i^2 times p / n", *_mean_variance(skewed)),
        _control("wrong: random-design p / (n - p - 1) taken for the in-sample excess", 0.25 * 2 / (4 - 2 - 1), fair),
        _control("clipped predictions taken for the fitted ones in the identity", true, _clipped()),
        _control("wrong: p features counted where the records show one direction only", true, _deficient()),
        replace(_control("misspecified truth, bias left out", *_misspecified()), breaks="well-specified"),
        _control("ridge taken for plain least squares", true, expected_excess(LINE, FAIR, ridge=1.0)),
        _control("logging stopped after seeing labels: mean of 1 / (4 n)", *_stopped(), upper=True),
        _control("labels that are copies of each other", 0.25 / 2, 0.25, upper=True),
        _control("labels in {0, 2} with R = 1", 0.25 * 2 / 4, 4.0 * fair, upper=True),
        _another_model(),
        _in_probability(),
        _unconverged(),
        *broken(),
    ]


def _another_model() -> Control:
    """Two heads on four records each, both on the line's features: 8 records, rank 4."""
    both = np.kron(np.eye(2), LINE)
    true = expected_excess(both, np.full(8, 0.5))
    ignored, counted = (formulas.bernoulli(p=p, n=8).value for p in (2, 4))
    needed = formulas.new_model(p=2, excess=0.125).value
    return Control(
        "wrong: the same bound after another model has joined the pool, p in place of p a model",
        true > ignored * (1 + 1e-9) and abs(true - counted) <= 1e-12 and needed == 4.0,
        f"two models, four records each: claimed {ignored:.4g}, exactly {true:.4g}; a new model needs {needed:.0f} records of "
        "its own for an excess of 0.125",
        "exact",
    )


def _control(name: str, claimed: float, true: float, *, upper: bool = False) -> Control:
    caught = claimed < true * (1 - 1e-9) if upper else abs(claimed - true) > 1e-9 * true
    return Control(name, caught, f"claimed {claimed:.4g}, exactly {true:.4g}", "exact")


def _mean_variance(skewed: float) -> tuple[float, float]:
    return float(np.mean(SKEWED * (1.0 - SKEWED))) * 2 / 4, skewed


def _clipped() -> float:
    """Fitted values outside [0, 1] exist on this design, so clipping strictly helps."""
    return expected_excess(LINE, FAIR, lambda fitted: np.clip(fitted, 0.0, 1.0))


def _deficient() -> float:
    return expected_excess(np.ones((4, 2)), FAIR)


def _misspecified() -> tuple[float, float]:
    """A truth that is no line: the variance alone, and the exact expected excess."""
    truth = np.array([0.5, 0.9, 0.1, 0.5])
    return float(Smoother.of(LINE).leverages @ (truth * (1.0 - truth))) / 4, expected_excess(LINE, truth)


def _stopped() -> tuple[float, float]:
    """One constant feature, fair coins; two records, and two more only if their labels differ.

    Labels that agree have excess 1/4; labels that differ have noise summing to 0, and two more coins give (2/4) / 16.
    """
    return 0.5 * 0.25 / 2 + 0.5 * 0.25 / 4, 0.5 * 0.25 + 0.5 * (2 * 0.25) / 16


def _in_probability() -> Control:
    """The mean taken for a level that all labels keep: one constant feature, three fair coins."""
    labels, weight = outcomes(np.full(3, 0.5))
    excess = (labels.mean(axis=1) - 0.5) ** 2
    level, delta = formulas.bernoulli(p=1, n=3).value, 0.05
    above = float(weight @ (excess > level))
    beyond = float(weight @ (excess > formulas.high_probability(p=1, n=3, delta=delta).value))
    return Control(
        "wrong: the expected excess taken for one that holds with probability 0.95",
        above > delta >= beyond,
        f"P(excess > p / (4 n)) = {above:.3g}; beyond the high-probability form {beyond:.3g}",
        "exact",
    )


def _unconverged() -> Control:
    """One gradient step from zero in place of the least-squares solution."""
    labels, weight = outcomes(FAIR)
    step = 1.0 / np.linalg.eigvalsh(LINE.T @ LINE).max()
    fitted = step * labels @ (LINE @ LINE.T)
    excess, claimed = float(weight @ ((fitted - 0.5) ** 2).mean(axis=1)), 0.25 * 2 / 4
    caught = not math.isclose(excess, claimed, rel_tol=1e-6)
    return Control(
        "heads after one gradient step taken for least squares", caught, f"claimed {claimed:.4g}, exactly {excess:.4g}", "exact"
    )
