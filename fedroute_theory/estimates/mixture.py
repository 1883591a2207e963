"""A client's own mixture of its local and the federated estimates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, InputError, IntArray, array, choice, settle
from fedroute_theory.estimates.base import Estimates, Prediction
from fedroute_theory.estimates.cells import CellEstimates

EMPTY_SIDES = {
    "other-side": "where only one side has records of the model (in the query's cell), that side stands alone",
    "mixed": "the fallback of a side without records is mixed in like any estimate, as in the released experiments",
}


@dataclass(frozen=True, eq=False)
class MixtureEstimates(Estimates):
    """weight * local + (1 - weight) * federated, model by model, for quality and cost apart.

    local, federated: what is mixed. quality_weight, cost_weight: (M,) or (T, M) in [0, 1], share of the local estimate, in
    each of T repetitions. empty: one of EMPTY_SIDES. Where one side has no estimate at all (NaN) the other one always stands
    alone. label_free: whether the weights were chosen without looking at labels.

    Raises InputError for weights outside [0, 1] and for sides of different numbers of models.
    """

    local: Estimates
    federated: Estimates
    quality_weight: FloatArray
    cost_weight: FloatArray
    empty: str = "other-side"
    label_free: bool = False

    def __post_init__(self) -> None:
        models = self.federated.n_models
        if self.local.n_models != models:
            raise InputError(
                f"The 'local' and 'federated' estimates must be of the same models; got {self.local.n_models} and {models}."
            )
        choice("empty", self.empty, EMPTY_SIDES)
        for name in ("quality_weight", "cost_weight"):
            given = np.asarray(getattr(self, name))
            settle(self, **{name: array(name, given, (None, models) if given.ndim == 2 else (models,), 0.0, 1.0)})

    @property
    def counts_by_model(self) -> IntArray:
        return self.federated.counts_by_model

    @property
    def constant_weight(self) -> float | None:
        """The weight of the local side if it is the same for all models, quality and cost (and repetitions); else None."""
        weights = np.concatenate([self.quality_weight.ravel(), self.cost_weight.ravel()])
        return float(weights[0]) if np.ptp(weights) == 0.0 else None

    def predict(self, embeddings: FloatArray) -> Prediction:
        mine, ours = self.local.predict(embeddings), self.federated.predict(embeddings)
        shares = self._shares(embeddings, mine, ours)
        quality, cost = (_mixed(a, b, u) for a, b, u in zip(mine, ours, shares, strict=True))
        return quality, cost

    def shares(self, embeddings: FloatArray) -> Prediction:
        """Effective weight (..., n, M) of the local side for quality and for cost, where a side stands alone included."""
        return self._shares(embeddings, self.local.predict(embeddings), self.federated.predict(embeddings))

    @property
    def repetitions(self) -> int | None:
        own = [side.repetitions for side in (self.local, self.federated)]
        own += [len(w) for w in (self.quality_weight, self.cost_weight) if w.ndim == 2]
        return max((n for n in own if n is not None), default=None)

    def repetition(self, t: int) -> MixtureEstimates:
        return replace(
            self,
            local=self.local.repetition(t),
            federated=self.federated.repetition(t),
            quality_weight=self.quality_weight[t] if self.quality_weight.ndim == 2 else self.quality_weight,
            cost_weight=self.cost_weight[t] if self.cost_weight.ndim == 2 else self.cost_weight,
        )

    def _shares(self, embeddings: FloatArray, mine: Prediction, ours: Prediction) -> Prediction:
        if self.empty == "other-side":
            here, there = has_records(self.local, embeddings), has_records(self.federated, embeddings)
            alone, left = here & ~there, there & ~here
        else:
            alone = left = np.zeros((len(embeddings), self.n_models), dtype=bool)

        def share(weight: FloatArray, local: FloatArray, federated: FloatArray) -> FloatArray:
            result = np.where(alone, 1.0, np.where(left, 0.0, weight[..., None, :]))
            nothing, nothing_there = np.isnan(local), np.isnan(federated)
            return np.where(nothing & ~nothing_there, 0.0, np.where(nothing_there & ~nothing, 1.0, result))

        return share(self.quality_weight, mine[0], ours[0]), share(self.cost_weight, mine[1], ours[1])


def has_records(estimates: Estimates, embeddings: FloatArray) -> BoolArray:
    """(n, M) whether any record speaks of the model (in the query's own cell, for estimates by cells)."""
    if isinstance(estimates, CellEstimates):
        return estimates.logged[estimates.cells(embeddings)]
    if isinstance(estimates, MixtureEstimates):
        return has_records(estimates.local, embeddings) | has_records(estimates.federated, embeddings)
    return np.tile(estimates.counts_by_model > 0, (len(embeddings), 1))


def _mixed(local: FloatArray, federated: FloatArray, share: FloatArray) -> FloatArray:
    """share * local + (1 - share) * federated; a side of share 0 does not count, whatever it holds."""
    mine = np.where(share > 0.0, share * local, 0.0)
    ours = np.where(share < 1.0, (1.0 - share) * federated, 0.0)
    return mine + ours
