"""A client's own mixture of its local and the federated estimates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates.base import Estimates, Prediction


@dataclass(frozen=True, eq=False)
class MixtureEstimates(Estimates):
    """weight * local + (1 - weight) * federated, model by model, for quality and cost apart.

    local, federated: what is mixed. quality_weight, cost_weight: (M,) in [0, 1], share of the local estimate. Where one side
    has no estimate (NaN) the other one stands alone, whatever the weight.
    """

    local: Estimates
    federated: Estimates
    quality_weight: FloatArray
    cost_weight: FloatArray

    @property
    def counts_by_model(self) -> IntArray:
        return self.federated.counts_by_model

    @property
    def constant_weight(self) -> float | None:
        """The weight of the local side if it is the same for all models, quality and cost; else None."""
        weights = np.concatenate([self.quality_weight, self.cost_weight])
        return float(weights[0]) if np.ptp(weights) == 0.0 else None

    def predict(self, embeddings: FloatArray) -> Prediction:
        mine, ours = self.local.predict(embeddings), self.federated.predict(embeddings)
        quality, cost = (_mixed(a, b, u) for a, b, u in zip(mine, ours, (self.quality_weight, self.cost_weight), strict=True))
        return quality, cost

    def repetition(self, t: int) -> MixtureEstimates:
        return replace(self, local=self.local.repetition(t), federated=self.federated.repetition(t))


def _mixed(local: FloatArray, federated: FloatArray, weight: FloatArray) -> FloatArray:
    mixed = weight * local + (1.0 - weight) * federated
    return np.where(np.isnan(local), federated, np.where(np.isnan(federated), local, mixed))
