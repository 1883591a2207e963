"""The excess empirical risk of fitted functions, exact where the truth is known, over repetitions of the labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import Hypotheses
from fedroute_theory.federation import Labels
from fedroute_theory.problem import RoutingProblem

BLOCK = 1 << 20
"""Numbers held at once while functions are evaluated at the records."""


@dataclass(frozen=True, eq=False)
class Excess:
    """S(f) = sum over the records of (f - y)^2 - (f* - y)^2, mean over the members; and sum (f - f*)^2 on the records.

    quality, cost: (T,) S of each label, cost divided by c_max. utility: (T,) S of q - lam c, in utility units. quality_error,
    cost_error: (T,) sums of squared errors. outside: how far the members leave their range at the records, in label ranges.
    """

    quality: FloatArray
    cost: FloatArray
    utility: FloatArray
    quality_error: FloatArray
    cost_error: FloatArray
    outside: float


def excess_risk(
    hypotheses: Hypotheses,
    embedding: FloatArray,
    model: IntArray,
    labels: Labels,
    target: tuple[FloatArray, FloatArray],
    problem: RoutingProblem,
) -> Excess:
    """S of the members at records (D,) with labels (T, D) and conditional means `target` (D, M) each, in float64."""
    unit = problem.c_max or 1.0
    sums, outside = np.zeros((5, labels.quality.shape[0])), 0.0
    for here in blocks(hypotheses, embedding, labels.quality.shape[0]):
        at = np.arange(here.stop - here.start)
        fitted = [value[..., at, model[here]] for value in hypotheses.members(embedding[here])]  # (T?, k, b)
        truth = [value[here][at, model[here]] for value in target]
        noise = [value[:, None, here] - t for value, t in zip((labels.quality, labels.cost), truth, strict=True)]  # (T, 1, b)
        error = [f - t for f, t in zip(fitted, truth, strict=True)]
        for row, (g, xi) in enumerate(
            ((error[0], noise[0]), (error[1] / unit, noise[1] / unit), _priced(error, noise, problem.lam))
        ):
            sums[row] += _mean_sum(g * (g - 2.0 * xi))
        sums[3] += _mean_sum(error[0] ** 2)
        sums[4] += _mean_sum((error[1] / unit) ** 2)
        outside = float(np.maximum(outside, beyond_range(fitted, problem)))
    quality, cost, utility, quality_error, cost_error = sums
    return Excess(quality, cost, utility, quality_error, cost_error, outside)


def blocks(hypotheses: Hypotheses, embedding: FloatArray, least: int = 1) -> Iterator[slice]:
    """Ranges of rows of `embedding` (D, d) at which the members may be evaluated at once."""
    step = max(1, BLOCK // max(least, hypotheses.members(embedding[:1])[0].size))
    for start in range(0, len(embedding), step):
        yield slice(start, min(len(embedding), start + step))


def _priced(error: list[FloatArray], noise: list[FloatArray], lam: float) -> tuple[FloatArray, FloatArray]:
    return error[0] - lam * error[1], noise[0] - lam * noise[1]


def beyond_range(values: Sequence[FloatArray], problem: RoutingProblem) -> float:
    """How far qualities leave [0, 1] and costs [0, c_max], in label ranges; at most 0 inside, NaN for NaN."""
    limits = zip(values, (1.0, problem.c_max), strict=True)
    return float(np.max([np.max([-value.min(), value.max() - top]) / (top or 1.0) for value, top in limits]))


def _mean_sum(values: FloatArray) -> FloatArray:
    """Mean over members, sum over records: (T?, k, b) -> (T?,)."""
    total: FloatArray = values.mean(axis=-2).sum(axis=-1)
    return total
