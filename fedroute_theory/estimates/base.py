"""The shape of all estimates: fitted quality and cost at any query, and the greedy policy they induce."""

from __future__ import annotations

from typing import Self

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray, number, reject
from fedroute_theory.problem import Policy

Prediction = tuple[FloatArray, FloatArray]
"""Quality in [0, 1] and cost in units of cost, both (..., n, M); leading axes are repetitions with redrawn labels."""


def queries(embeddings: object) -> FloatArray:
    """Embeddings (n, d) as float64. InputError for another shape and for numbers that are not finite."""
    try:
        found = np.asarray(embeddings, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise reject("embeddings", "be an array of numbers", type(embeddings).__name__) from None
    if found.ndim != 2:
        raise reject("embeddings", "have shape (n, d)", f"shape {found.shape}")
    if not np.isfinite(found).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
        raise reject("embeddings", "hold finite numbers", f"{found[place]:g} at index {place}")
    return found


class Estimates:
    """Fitted quality and cost of every model at every query."""

    @property
    def counts_by_model(self) -> IntArray:
        """(M,) records of each model behind the estimates."""
        raise NotImplementedError

    @property
    def n(self) -> int:
        """Number of records behind the estimates."""
        return int(self.counts_by_model.sum())

    @property
    def n_models(self) -> int:
        """M, the number of models."""
        return int(self.counts_by_model.size)

    @property
    def repetitions(self) -> int | None:
        """Length of the leading axis of repetitions with redrawn labels; None where there is none, or it is not known."""
        return None

    def predict(self, embeddings: FloatArray) -> Prediction:
        """Quality and cost (..., n, M) at embeddings (n, d); NaN where the policy must not go."""
        raise NotImplementedError

    def repetition(self, t: int) -> Self:
        """The estimates of one repetition, without a leading axis."""
        raise NotImplementedError

    def utility_at(self, embeddings: FloatArray, lam: float) -> FloatArray:
        """(..., n, M) estimated utility at price lam; minus infinity where the policy must not go."""
        quality, cost = self.predict(embeddings)
        utility = quality - lam * cost
        return np.where(np.isnan(utility), -np.inf, utility)

    def policy(self, lam: float) -> Policy:
        """The greedy policy at price lam >= 0 (of the first repetition), ties to the lowest index.

        It raises InputError for embeddings that are no finite (n, d) array.
        """
        number("lam", lam, 0.0)
        first = self.repetition(0)

        def choose(embeddings: FloatArray) -> IntArray:
            chosen: IntArray = np.argmax(first.utility_at(queries(embeddings), lam), axis=-1)
            return chosen

        return choose
