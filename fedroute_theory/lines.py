"""Bounds on the loss of a greedy choice at one query, as array functions; every theorem ends in one of them."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray


def worst_pair(up: FloatArray, down: FloatArray) -> FloatArray:
    """max over m != m' of up[..., m] + down[..., m'], shape (...,).

    If -down <= U - U_hat <= up, this bounds the loss of a greedy choice. With up = down = b it is top2(b), the sum of the
    two largest b.
    """
    ups, downs = (np.ascontiguousarray(np.moveaxis(side, -1, 0)) for side in (up, down))
    best_up, best_down = ups[0], downs[0]  # among the models before this one: every pair is met once, in both orders
    worst: FloatArray = np.full(np.broadcast_shapes(best_up.shape, best_down.shape), -np.inf)
    for u, d in zip(ups[1:], downs[1:], strict=True):
        worst = np.maximum(worst, np.maximum(u + best_down, d + best_up))
        best_up, best_down = np.maximum(best_up, u), np.maximum(best_down, d)
    return worst


def worst_pair_models(up: FloatArray, down: FloatArray) -> tuple[IntArray, IntArray]:
    """The models (m, m') that attain `worst_pair`."""
    first_up, second_up, first_down, second_down = _leaders(up, down)
    same = first_up == first_down  # then one of the two has to stand back
    kept = pick(up, first_up) + pick(down, second_down) >= pick(up, second_up) + pick(down, first_down)
    return np.where(same & ~kept, second_up, first_up), np.where(same & kept, second_down, first_down)


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


def policy_line(high: FloatArray, low: FloatArray, chosen: IntArray) -> FloatArray:
    """max(0, max over m != chosen of high[..., m] - low[..., chosen]): bounds the loss of ANY choice when low <= U <= high."""
    rivals = high.copy()
    np.put_along_axis(rivals, chosen[..., None], -np.inf, axis=-1)
    result: FloatArray = np.maximum(0.0, rivals.max(axis=-1) - np.take_along_axis(low, chosen[..., None], axis=-1)[..., 0])
    return result
