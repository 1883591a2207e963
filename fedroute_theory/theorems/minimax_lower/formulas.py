"""The lower bound as pure functions of counts and masses: the calculator's side of the theorem."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.problems.minimax import TwoPoints, affinity_error, mirror_error, two_points
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.formula import MOST, Formula, Quantity


def cell(*, n_a: int, n_b: int) -> Bound:
    """v(n_a, n_b): the largest (shift_a + shift_b)(1 - TV)/2 that was found; every pair of shifts is a valid bound."""
    return Bound({"two-point value": two_points(n_a, n_b).value}, kind="lower")


def cells(*, mass: FloatArray, counts: FloatArray) -> Bound:
    """sum_k nu_k v(n, n'), n and n' the two smallest counts of cell k."""
    if counts.shape[0] != mass.size:
        raise InputError(f"The 'counts' parameter must have one row a cell ({mass.size}); got shape {counts.shape}.")
    if counts.shape[1] < 2:
        raise InputError(f"The 'counts' parameter must have at least two models (columns); got {counts.shape[1]}.")
    least = np.sort(counts, axis=1)[:, :2]
    terms = dict.fromkeys(("no records", "one model without records", "both models recorded"), 0.0)
    for share, pair in zip(mass.tolist(), least.tolist(), strict=True):
        name = list(terms)[sum(n > 0 for n in pair)]
        terms[name] += share * two_points(int(pair[0]), int(pair[1])).value
    return Bound(terms, kind="lower")


def affinity(*, n_a: float, n_b: float) -> Bound:
    """g (1 - sqrt(1 - BC^2)) / 2 at g = 0.297 sqrt(1/n_a + 1/n_b), closed form, weaker: near 0.0675 sqrt(1/n_a + 1/n_b)."""
    gap = 0.297 * math.sqrt(1.0 / n_a + 1.0 / n_b)
    share = n_b / (n_a + n_b)
    return Bound({"affinity": gap * affinity_error(n_a, n_b, gap * share, gap * (1.0 - share))}, kind="lower")


def random_counts(*, n_a: FloatArray, n_b: FloatArray, chance: FloatArray) -> Bound:
    """max over shifts of (shift_a + shift_b) E[(1 - TV)/2]: the shifts are fixed before the counts are drawn."""
    for name, values in {"n_b": n_b, "chance": chance}.items():
        if values.size != n_a.size:
            raise InputError(f"The '{name}' parameter must have one entry an outcome ({n_a.size}); got {values.size}.")
    outcomes = [(int(a), int(b)) for a, b in zip(n_a, n_b, strict=True)]
    tried = {two_points(*pair) for pair in outcomes} | {TwoPoints(g / 2, g / 2, 0.5) for g in np.linspace(0.05, 1.0, 20)}

    def mean_value(shifts: TwoPoints) -> float:
        errors = [mirror_error(*pair, shifts.shift_a, shifts.shift_b) for pair in outcomes]
        return (shifts.shift_a + shifts.shift_b) * float(chance @ np.array(errors))

    return Bound({"two-point value": max(mean_value(shifts) for shifts in tried)}, kind="lower")


_N = Quantity("records of one of the two competing models in the cell", "records", 0.0, whole=True)
_POSITIVE = Quantity("records of one of the two competing models in the cell", "records", 4.0, MOST, whole=True)
_COUNTS = Quantity("records of one model, one entry an outcome", "records", 0.0, 1e6, whole=True, shape=(None,))

FORMS = {
    "cells": Formula(
        cells,
        {
            "mass": Quantity("test mass of each cell", "", 0.0, 1.0, shape=(None,), law=True),
            "counts": Quantity("records by cell and model", "records", 0.0, whole=True, shape=(None, None)),
        },
    ),
    "cell": Formula(cell, {"n_a": _N, "n_b": _N}),
    "affinity": Formula(affinity, {"n_a": _POSITIVE, "n_b": _POSITIVE}),
    "random-counts": Formula(
        random_counts,
        {
            "n_a": _COUNTS,
            "n_b": _COUNTS,
            "chance": Quantity("probability of each outcome", "", 0.0, 1.0, shape=(None,), law=True),
        },
    ),
}
