"""All records that clients may draw from finite laws, with their chances: exact probabilities that a bound fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray

LIMIT = 60_000
"""Most joint outcomes that are enumerated."""


@lru_cache(maxsize=256)
def compositions(total: int, kinds: int) -> IntArray:
    """(K, kinds) all vectors of counts with this total."""
    if kinds == 1:
        return np.array([[total]])
    rows = [
        np.concatenate([np.full((rest.shape[0], 1), first), rest], axis=1)
        for first in range(total + 1)
        for rest in (compositions(total - first, kinds - 1),)
    ]
    return np.concatenate(rows)


def multinomial(counts: IntArray, chance: FloatArray) -> FloatArray:
    """(K,) probabilities of the counts (K, kinds)."""
    from scipy.special import gammaln, xlogy

    total = gammaln(counts[0].sum() + 1) - gammaln(counts + 1).sum(axis=1) + xlogy(counts, chance).sum(axis=1)
    found: FloatArray = np.exp(total)
    return found


def excess_risks(
    laws: FloatArray, truths: FloatArray, records: Sequence[int], functions: FloatArray, target: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(K,) chances and (K, F) excess risks S of every outcome of all clients' records, labels Bernoulli.

    laws, truths: (N, C) law of a record over C cells and mean label there, of every client. functions: (F, C). target: (C,) the
    truth that S is taken against.
    """
    label = np.array([[0.0], [1.0]])
    per_kind = (functions[:, None] - label) ** 2 - (target - label) ** 2  # (F, 2, C)
    flat = per_kind.reshape(len(functions), -1).T
    chance, excess = np.ones(1), np.zeros((1, len(functions)))
    for law, truth, count in zip(laws, truths, records, strict=True):
        kinds = np.concatenate([law * (1.0 - truth), law * truth])
        live = kinds > 0
        counts = compositions(int(count), int(live.sum()))
        if chance.size * len(counts) > LIMIT:
            raise InputError(f"Enumeration takes at most {LIMIT} outcomes.")
        chance = np.outer(chance, multinomial(counts, kinds[live])).ravel()
        excess = (excess[:, None] + (counts @ flat[live])[None]).reshape(chance.size, -1)
    return chance, excess


def failure(chance: FloatArray, excess: FloatArray, errors: FloatArray, bound: Callable[[int, float], float]) -> float:
    """P(for some function f: error > bound(f, S)). The bound does not decrease in S, so every function has a threshold.

    errors: (F,) what is bounded.
    """
    fails = np.zeros(chance.size, dtype=bool)
    for f, error in enumerate(errors.tolist()):
        values = np.unique(excess[:, f])
        low, high = 0, values.size  # values[:low] fail, values[high:] do not
        while low < high:
            middle = (low + high) // 2
            if error > bound(f, float(values[middle])) * (1.0 + 1e-9) + 1e-12:
                low = middle + 1
            else:
                high = middle
        if low:
            fails |= excess[:, f] <= values[low - 1]
    return min(1.0, float(chance[fails].sum()))
