"""Continuous query laws: expectations on a seeded sample of the law, with the error of the sample stated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.problem import Gap, RoutingProblem

MISS_PROBABILITY = 1e-9
"""Chance that a sampled gap lies further from the law's gap than its stated error."""


@dataclass(frozen=True, eq=False)
class SampledProblem(RoutingProblem):
    """A problem whose queries are an independent sample of a continuous law; truth is a closed form everywhere.

    On the sample itself every gap is exact. `Gap.error` bounds the distance to the continuous law: the empirical
    Bernstein half-width of Maurer and Pontil (2009, theorem 4), two-sided, at MISS_PROBABILITY; the whole range of the
    utility where the weights are unequal, since nothing is known of such a sample.
    """

    def gap_of(self, pointwise: FloatArray) -> Gap:
        if np.ptp(self.weights) > 1e-12 / self.weights.size:  # no plain sample: nothing is known of its distance to the law
            return Gap(self.mean(pointwise), self.label_range)
        n = pointwise.size
        log = math.log(4.0 / MISS_PROBABILITY)
        spread = float(np.var(pointwise, ddof=1)) if n > 1 else math.inf
        error = math.sqrt(2.0 * spread * log / n) + 7.0 * self.label_range * log / (3.0 * max(n - 1, 1))
        return Gap(self.mean(pointwise), min(error, self.label_range))
