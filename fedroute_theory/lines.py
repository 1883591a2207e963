"""Bounds on the loss of a greedy choice at one query, as array functions; every theorem ends in one of them."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray


def worst_pair(up: FloatArray, down: FloatArray) -> FloatArray:
    """max over m != m' of up[..., m] + down[..., m'], shape (...,).

    If -down <= U - U_hat <= up, this bounds the loss of a greedy choice. With up = down = b it is top2(b), the sum of the
    two largest b.
    """
    worst: FloatArray = _pair_values(up, down).max(axis=0)
    return worst


def worst_pair_models(up: FloatArray, down: FloatArray) -> tuple[IntArray, IntArray]:
    """The models (m, m') that attain `worst_pair`."""
    first_up, second_up, first_down, second_down = _leaders(up, down)
    options = np.array([(0, 0), (0, 1), (1, 0)])[_pair_values(up, down).argmax(axis=0)]
    return (
        np.where(options[..., 0] == 0, first_up, second_up),
        np.where(options[..., 1] == 0, first_down, second_down),
    )


def pick(values: FloatArray, place: IntArray) -> FloatArray:
    """values[..., place[...]]: one entry of the last axis at each place of the others."""
    chosen: FloatArray = np.take_along_axis(values, place[..., None], axis=-1)[..., 0]
    return chosen


def _leaders(up: FloatArray, down: FloatArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Two different models with the largest entries, for `up` and for `down`."""

    def two(values: FloatArray) -> tuple[IntArray, IntArray]:
        first = values.argmax(axis=-1)
        rest = values.copy()
        np.put_along_axis(rest, first[..., None], -np.inf, axis=-1)
        second = rest.argmax(axis=-1)
        return first, np.where(second == first, (first + 1) % values.shape[-1], second)  # all others may be -inf

    return (*two(up), *two(down))


def _pair_values(up: FloatArray, down: FloatArray) -> FloatArray:
    """The three candidate sums (3, ...); the first is forbidden where both leaders are the same model."""
    first_up, second_up, first_down, second_down = _leaders(up, down)
    u1, u2 = pick(up, first_up), pick(up, second_up)
    d1, d2 = pick(down, first_down), pick(down, second_down)
    same = first_up == first_down
    result: FloatArray = np.stack(
        [np.where(same, -np.inf, u1 + d1), np.where(same, u1 + d2, -np.inf), np.where(same, u2 + d1, -np.inf)]
    )
    return result


def policy_line(high: FloatArray, low: FloatArray, chosen: IntArray) -> FloatArray:
    """max(0, max over m != chosen of high[..., m] - low[..., chosen]): bounds the loss of ANY choice when low <= U <= high."""
    rivals = high.copy()
    np.put_along_axis(rivals, chosen[..., None], -np.inf, axis=-1)
    result: FloatArray = np.maximum(0.0, rivals.max(axis=-1) - np.take_along_axis(low, chosen[..., None], axis=-1)[..., 0])
    return result
