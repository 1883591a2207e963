"""Estimates given by fitted functions of the embedding (networks, linear heads), and the class they were taken from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.estimates.base import Estimates, Prediction


class Predictor(Protocol):
    """A fitted pair of functions. Quality and cost are (..., n, M); cost in units of cost, not normalised."""

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        """Quality and cost at embeddings (n, d)."""

    def repetition(self, t: int, /) -> Predictor:
        """The functions of one repetition; the same ones where there is a single repetition."""


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """The class, fixed before the data, that a fitted function was taken from, and the price of having chosen in it.

    kind: "finite-class" (one function out of finitely many) or "pac-bayes" (the average of k functions drawn from a law G
    that may depend on the data, against a law P that may not). members: the functions whose average over their axis k is
    the estimate, outputs (..., k, n, M), quality in [0, 1], cost in [0, c_max]; k = 1 for a finite class. complexity:
    (...,) nats; log of the class size, choices made after the data included, or the mean over the members of log dG/dP.
    fixed_before_data: whether class and P are. description: one line.
    """

    kind: str
    members: Predictor
    complexity: FloatArray
    fixed_before_data: bool
    description: str

    def repetition(self, t: int) -> Hypotheses:
        """Those of one repetition."""
        complexity = self.complexity[t] if self.complexity.ndim else self.complexity
        return replace(self, members=self.members.repetition(t), complexity=np.asarray(complexity))


@dataclass(frozen=True, eq=False)
class FunctionEstimates(Estimates):
    """Fitted quality and cost as functions of the embedding.

    predictor: the fitted functions. counts: (M,) records of each model. routable: (M,) whether the policy may choose model m
    (False for a model that no record speaks of). hypotheses: None where no bound by a class is claimed.
    """

    predictor: Predictor
    counts: IntArray
    routable: BoolArray
    hypotheses: Hypotheses | None = None

    @property
    def counts_by_model(self) -> IntArray:
        return self.counts

    @property
    def repetitions(self) -> int | None:
        known: int | None = getattr(self.predictor, "repetitions", None)
        if known is None and self.hypotheses is not None and self.hypotheses.complexity.ndim:
            return int(self.hypotheses.complexity.size)
        return known

    def predict(self, embeddings: FloatArray) -> Prediction:
        quality, cost = self.predictor(np.asarray(embeddings, dtype=np.float64))
        return np.where(self.routable, quality, np.nan), np.where(self.routable, cost, np.nan)

    def utility_of(self, predicted: Prediction, lam: float) -> FloatArray:
        """`utility_at` from what the predictor says at the queries, `predicted`, at price lam."""
        quality, cost = predicted
        return np.where(self.routable & ~np.isnan(quality - lam * cost), quality - lam * cost, -np.inf)

    def repetition(self, t: int) -> FunctionEstimates:
        hypotheses = None if self.hypotheses is None else self.hypotheses.repetition(t)
        return replace(self, predictor=self.predictor.repetition(t), hypotheses=hypotheses)
