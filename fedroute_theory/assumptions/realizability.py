"""Realizability: the squared distance of the truth to a class of functions under the law of the records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array


@dataclass(frozen=True)
class Realizability:
    """squared_distance: E_rho (f - f*)^2 of the closest function looked at. member: its place. exact: whether the whole class
    was looked at; else the distance of the class may be smaller."""

    squared_distance: float
    member: int
    exact: bool

    @property
    def how(self) -> str:
        """Exact distance or an upper estimate, in words."""
        if self.exact:
            return "exact distance by enumeration of the class"
        return "upper estimate of the class's squared distance by the best member found"


def realizability(predictions: FloatArray, truth: FloatArray, rho: FloatArray, *, exhaustive: bool) -> Realizability:
    """Distance of `truth` (n, M) to the functions with values `predictions` (H, n, M) under the law `rho` (n, M).

    rho: non-negative, normalised to sum to one. exhaustive: whether the H functions are the whole class. InputError when shapes
    do not fit, rho has a negative entry or no positive one.
    """
    values = array("predictions", predictions, (None, None, None))
    mean = array("truth", truth, values.shape[1:])
    law = array("rho", rho, values.shape[1:], low=0.0)
    if law.sum() <= 0.0:
        raise InputError(f"The 'rho' parameter must have a positive sum; got {law.sum():g}.")
    distances = np.einsum("hxm,xm->h", (values - mean) ** 2, law / law.sum())
    best = int(distances.argmin())
    return Realizability(float(distances[best]), best, exhaustive)
