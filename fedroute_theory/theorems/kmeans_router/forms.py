"""The forms of the K-means bound as array functions over repetitions, and their terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.lines import pick, worst_pair, worst_pair_models
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry, PairIntervals

_BLOCK = 100_000
"""Numbers held at once where every repetition is looked at in every query: about what a processor keeps near."""

_NEVER = -np.inf


def sharp(geometry: CellGeometry, pairs: PairIntervals, slope: float) -> FloatArray:
    """(T,) E min(R, max over m != m' of up + down), with L (|x - c| + r) added on both sides of logged pairs.

    Within a cell only |x - c| varies, so three scalars a cell suffice: both models logged, one, none.
    """
    logged, reach = pairs.logged, slope * geometry.estimates.distance
    up_logged, down_logged = _only(pairs.up + reach, logged), _only(pairs.down + reach, logged)
    up_empty, down_empty = _only(pairs.up, ~logged), _only(pairs.down, ~logged)
    both = worst_pair(up_logged, down_logged)
    one = np.maximum(up_logged.max(-1) + down_empty.max(-1), up_empty.max(-1) + down_logged.max(-1))
    none = worst_pair(up_empty, down_empty)
    cell, near = geometry.cell, slope * geometry.distance
    top, weights = geometry.problem.label_range, geometry.problem.weights

    def mean(some: slice) -> FloatArray:
        value = np.maximum(both[some, cell] + 2.0 * near, one[some, cell] + near)
        return np.asarray(np.minimum(np.maximum(value, none[some, cell]), top) @ weights)

    return _in_blocks(mean, len(both), cell.size)


def policy(geometry: CellGeometry, pairs: PairIntervals, slope: float, chosen: IntArray) -> FloatArray:
    """(T,) E max(0, best rival's upper end - lower end of the chosen model), ends clipped to the utility range."""
    problem, logged = geometry.problem, pairs.logged
    reach = slope * geometry.estimates.distance
    shape = pairs.estimate.shape
    rival = np.ones(shape, dtype=bool)
    np.put_along_axis(rival, chosen[..., None], False, axis=-1)
    above_logged = _only(pairs.estimate + pairs.up + reach, rival & logged).max(-1)
    above_empty = _only(pairs.estimate + pairs.up, rival & ~logged).max(-1)
    below = pick(pairs.estimate - pairs.down - np.where(logged, reach, 0.0), chosen)
    cell, near = geometry.cell, slope * geometry.distance
    certain = pick(np.broadcast_to(logged.astype(np.float64), shape), chosen)

    def mean(some: slice) -> FloatArray:
        high = np.minimum(np.maximum(above_logged[some, cell] + near, above_empty[some, cell]), problem.high)
        low = np.maximum(below[some, cell] - near * certain[some, cell], problem.low)
        return np.asarray(np.maximum(0.0, high - low) @ problem.weights)

    return _in_blocks(mean, len(below), cell.size)


def pairwise(geometry: CellGeometry, pairs: PairIntervals, slope: float) -> FloatArray:
    """(T,) as `sharp`, with the mean distance of the query to the records in place of |x - c| + r."""
    reach = slope * geometry.record_distance
    by_model = np.ascontiguousarray(reach.T)[:, None]
    sides = [np.ascontiguousarray(np.moveaxis(side, -1, 0)) for side in (pairs.up, pairs.down)]  # models first, as lines do

    def mean(some: slice) -> FloatArray:
        gathered = [side[:, some, geometry.cell] for side in sides]
        up, down = (np.moveaxis(np.add(side, by_model, out=side), 0, -1) for side in gathered)
        value = np.minimum(worst_pair(up, down), geometry.problem.label_range)
        return np.asarray(value @ geometry.problem.weights)

    return _in_blocks(mean, len(pairs.estimate), reach.size)


def shifts(geometry: CellGeometry, pairs: PairIntervals, exact_labels: bool) -> FloatArray:
    """(T, K, M) signed mismatch E_nu[U(., m) | cell] - mean of U(x_j, m) over the records; zero for empty pairs."""
    realised = pairs.estimate if exact_labels else geometry.realised_mean[None]
    return np.where(pairs.logged, geometry.by_cell.pointwise - realised, 0.0)


def by_cells(geometry: CellGeometry, pairs: PairIntervals, shift: FloatArray, slope: float | None) -> FloatArray:
    """(T,) sum_k nu_k min(R, L E|x - x'| + max over m != m' of (shift_m + up_m) - (shift_m' - down_m')).

    slope None: no Lipschitz term, against the best policy constant on cells.
    """
    spread = 0.0 if slope is None else slope * geometry.query_spread
    value = spread + worst_pair(pairs.up + shift, pairs.down - shift)
    bound: FloatArray = np.minimum(value, geometry.problem.label_range) @ geometry.by_cell.mass
    return bound


def pointwise_terms(
    parts: Mapping[str, tuple[FloatArray, FloatArray]], weights: FloatArray, label_range: float
) -> dict[str, float]:
    """Split E min(R, max over m != m' of up + down) into the named parts of up and down ((rows, M) each)."""
    up = np.sum([u for u, _ in parts.values()], axis=0)
    down = np.sum([d for _, d in parts.values()], axis=0)
    best, worst = worst_pair_models(up, down)
    terms = {name: float(weights @ (pick(u, best) + pick(d, worst))) for name, (u, d) in parts.items()}
    total = pick(up, best) + pick(down, worst)
    return terms | {"range cap": float(weights @ (np.minimum(total, label_range) - total))}


def _in_blocks(bounds: Callable[[slice], FloatArray], repetitions: int, numbers: int) -> FloatArray:
    """(T,) bounds of all repetitions, so many together as `numbers` for each allow."""
    step = max(1, _BLOCK // numbers)
    return np.concatenate([bounds(slice(start, start + step)) for start in range(0, repetitions, step)])


def _only(values: FloatArray, where: BoolArray) -> FloatArray:
    return np.where(where, values, _NEVER)
