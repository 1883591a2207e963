"""What a trained K-means router knows: estimates by cell and model, the evidence behind them, the policy they induce."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray, number
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates.base import Estimates, Prediction, queries
from fedroute_theory.problem import Policy


@dataclass(frozen=True, eq=False)
class CellEstimates(Estimates):
    """Fitted quality and cost, constant on the cells of K centres.

    centres: (K, d). quality, cost: (..., K, M) mean label of the records of cell k and model m, or the fallback where
    there is none, NaN where the router must not go; leading axes are repetitions with redrawn labels. counts: (K, M)
    records. distance: (K, M) mean distance of those records to the centre (0 where there is none). routable: (K, M)
    whether the policy may choose model m in cell k. empty: name of the fallback. label_free: whether the centres were
    found without looking at labels.
    """

    centres: FloatArray
    quality: FloatArray
    cost: FloatArray
    counts: IntArray
    distance: FloatArray
    routable: BoolArray
    empty: str = "exclude"
    label_free: bool = True

    @property
    def n_cells(self) -> int:
        """K, the number of cells."""
        return int(self.centres.shape[0])

    @property
    def logged(self) -> BoolArray:
        """(K, M) where there is at least one record."""
        return self.counts > 0

    @property
    def counts_by_model(self) -> IntArray:
        total: IntArray = self.counts.sum(axis=0)
        return total

    @property
    def repetitions(self) -> int | None:
        return int(self.quality.shape[0]) if self.quality.ndim == 3 else None

    def predict(self, embeddings: FloatArray) -> Prediction:
        cell = self.cells(embeddings)
        quality, cost = (np.where(self.routable, value, np.nan)[..., cell, :] for value in (self.quality, self.cost))
        return quality, cost

    def utility(self, lam: float) -> FloatArray:
        """(..., K, M) estimated utility at price lam; minus infinity where the policy must not go."""
        return np.where(self.routable, self.quality - lam * self.cost, -np.inf)

    def choices(self, lam: float) -> IntArray:
        """(..., K) the model chosen in each cell at price lam: greatest estimated utility, ties to the lowest index."""
        chosen: IntArray = np.argmax(self.utility(lam), axis=-1)
        return chosen

    def cells(self, embeddings: FloatArray) -> IntArray:
        """(n,) the cell of each query."""
        return nearest_centre(np.asarray(embeddings, dtype=np.float64), self.centres)[0]

    def repetition(self, t: int) -> CellEstimates:
        if self.quality.ndim == 2:
            return self
        return replace(self, quality=self.quality[t], cost=self.cost[t])

    def policy(self, lam: float) -> Policy:
        chosen = self.repetition(0).choices(number("lam", lam, 0.0))
        return lambda embeddings: chosen[self.cells(queries(embeddings))]
