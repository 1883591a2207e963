"""K-means and linear routers with rounded values: members of a finite class that is fixed before the data."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates, Estimates, FunctionEstimates, Hypotheses, LinearPredictor
from fedroute_theory.estimates.base import Prediction

LARGEST_HEAD = 0.75
"""Grid of a head's weight: its centre (1/2 for the intercept, else 0) plus or minus this."""


@dataclass(frozen=True, eq=False)
class OnSites:
    """A value a site and model, (T, K, M) quality; cost 0. member: adds the axis of the class's members (one)."""

    centres: FloatArray
    quality: FloatArray
    member: bool = False

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        return _outputs(self.quality[..., nearest_centre(embeddings, self.centres)[0], :], self.member)

    def repetition(self, t: int, /) -> OnSites:
        return replace(self, quality=self.quality[t])


@dataclass(frozen=True, eq=False)
class Heads:
    """A head a model on (1, x), (T, p, M) weights of quality, clipped to [0, 1]; cost 0. member: as above."""

    weight: FloatArray
    member: bool = False

    def __call__(self, embeddings: FloatArray, /) -> Prediction:
        features = np.concatenate([np.ones((len(embeddings), 1)), embeddings], axis=1)
        return _outputs(np.clip(features @ self.weight, 0.0, 1.0), self.member)

    def repetition(self, t: int, /) -> Heads:
        return replace(self, weight=self.weight[t])


def _outputs(quality: FloatArray, member: bool) -> Prediction:
    value = quality[..., None, :, :] if member else quality
    return value, np.zeros_like(value)


def bits(records: int) -> int:
    """Of one value: a grid about as fine as half the error of a mean of all records."""
    return math.ceil(math.log2(records) / 2.0) + 1


def rounded(values: FloatArray, low: Any, high: Any, records: int) -> FloatArray:
    """On a grid of 2^bits values from low to high."""
    steps = 2 ** bits(records) - 1
    found: FloatArray = low + (high - low) * np.rint((np.clip(values, low, high) - low) / (high - low) * steps) / steps
    return found


def member(estimates: Estimates, centres: FloatArray, rows: slice) -> FunctionEstimates:
    """A trained router, its values rounded: repetitions `rows`, with its class and price."""
    n, counts = estimates.n, estimates.counts_by_model
    function: OnSites | Heads
    if isinstance(estimates, CellEstimates):
        function = OnSites(centres, rounded(estimates.quality[rows][:, estimates.cells(centres), :], 0.0, 1.0, n))
        size = function.quality[0].size
    else:
        assert isinstance(estimates, FunctionEstimates)
        assert isinstance(estimates.predictor, LinearPredictor)
        weight = np.nan_to_num(estimates.predictor.weight[rows][..., 0])
        middle = np.zeros(weight.shape[1])[:, None]
        middle[0] = 0.5
        function = Heads(rounded(weight, middle - LARGEST_HEAD, middle + LARGEST_HEAD, n))
        size = weight[0].size
    price = np.full(rows.stop - rows.start, size * bits(n) * math.log(2.0))
    known = Hypotheses("finite-class", replace(function, member=True), price, True, f"{size} values of {bits(n)} bits")
    return FunctionEstimates(function, counts, np.ones(estimates.n_models, dtype=bool), known)
