"""What least squares needs to know of the records of each model: Gram matrices and moments, which add up over clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.estimates.linear import RANK_TOLERANCE, FeatureMap
from fedroute_theory.federation import Labels, Logs, Message


@dataclass(frozen=True, eq=False)
class HeadStatistics(Message):
    """Client to server, by model: records counts (M,), sums of outer products of features gram (M, p, p), sums of features
    times labels moments (..., M, p, 2), quality and cost.

    With an intercept, the matrix of one record is that record's query, and two records can be solved for; from three
    different ones on, rotations of the records leave it unchanged. A client withholds smaller models (`shareable`).
    """

    counts: IntArray
    gram: FloatArray
    moments: FloatArray


@dataclass(frozen=True, eq=False)
class Heads(Message):
    """Either way, in one round of FedAvg: (..., M, p, 2) heads of every model."""

    round: int
    heads: FloatArray


def statistics(sender: str, features: FeatureMap, logs: Logs, labels: Labels) -> HeadStatistics:
    """Sums over these records. labels: (D,) or (T, D). InputError for features that are no finite (D, p) array."""
    design = np.asarray(features(logs.embedding))
    if design.ndim != 2 or len(design) != logs.size or design.shape[1] == 0 or not np.isfinite(design).all():
        wanted = f"finite arrays ({logs.size}, p) with p at least 1"
        raise InputError(f"The 'features' parameter must give {wanted}; got shape {design.shape}.")
    both = np.stack([labels.quality, labels.cost], axis=-1)  # (..., D, 2)
    columns = np.moveaxis(both, -2, 0).reshape(logs.size, -1)  # one right-hand side a repetition and label
    counts = np.bincount(logs.model, minlength=logs.n_models)
    gram = np.zeros((logs.n_models, design.shape[1], design.shape[1]))
    moments = np.zeros((logs.n_models, design.shape[1], columns.shape[1]))
    for m in np.flatnonzero(counts):
        rows = logs.model == m
        gram[m] = design[rows].T @ design[rows]
        moments[m] = design[rows].T @ columns[rows]
    return HeadStatistics(sender, counts, gram, _lead(moments, both.shape[:-2]))


def _lead(moments: FloatArray, repetitions: tuple[int, ...]) -> FloatArray:
    """(M, p, T * 2) to (T, M, p, 2)."""
    apart = moments.reshape(*moments.shape[:2], *repetitions, 2)
    return np.moveaxis(apart, 2, 0) if repetitions else apart


def add_up(parts: Sequence[HeadStatistics]) -> HeadStatistics:
    """The server's sum of the clients' statistics."""
    return HeadStatistics(
        "server",
        np.sum([p.counts for p in parts], axis=0),
        np.sum([p.gram for p in parts], axis=0),
        np.sum([p.moments for p in parts], axis=0),
    )


def shareable(logs: Logs, least: int) -> IntArray:
    """Rows whose model has at least `least` records here, and (for `least` above 1) two different queries."""
    kept = np.bincount(logs.model, minlength=logs.n_models) >= least
    if least > 1:
        for m in np.flatnonzero(kept):
            own = logs.embedding[logs.model == m]
            kept[m] = bool((own != own[0]).any())
    return np.flatnonzero(kept[logs.model])


def solve(sums: HeadStatistics, ridge: float) -> FloatArray:
    """(..., p, M, 2) the minimisers of sum (features . weight - label)^2 + ridge |weight|^2, model by model.

    Without ridge, directions of the features that the records of a model do not show (eigenvalue at most RANK_TOLERANCE^2 of
    the largest) get no weight: the solution of least norm. NaN for a model without records.
    """
    value, vector = np.linalg.eigh(sums.gram)  # ascending
    shown = value > RANK_TOLERANCE**2 * np.maximum(value[:, -1:], 0.0)
    inverse = np.divide(1.0, value + ridge, out=np.zeros_like(value), where=shown)
    heads = vector @ (inverse[..., None] * (vector.mT @ sums.moments))
    heads = np.where((sums.counts > 0)[:, None, None], heads, np.nan)
    return np.moveaxis(heads, -3, -2)
