"""The scale of cost: centre and spread of logged training costs, from sums that add up over clients, or fixed beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.routers.network.choices import CostScaling


@dataclass(frozen=True, eq=False)
class Scale:
    """centre, spread: (R,) for R repetitions of the labels; cost z-score = (cost - centre) / spread."""

    centre: FloatArray
    spread: FloatArray


def cost_sums(cost: FloatArray) -> FloatArray:
    """(R, 3) number, sum and sum of squares of costs (R, n)."""
    return np.stack([np.full(cost.shape[0], float(cost.shape[1])), cost.sum(axis=1), (cost**2).sum(axis=1)], axis=1)


def scale_from(sums: FloatArray, scaling: CostScaling, c_max: float) -> Scale:
    """The scale by a named choice or a given pair; costs that do not vary are divided by one."""
    if isinstance(scaling, str):
        if scaling == "range":
            return _fixed(len(sums), c_max / 2.0, c_max / 2.0)
        centre = sums[:, 1] / sums[:, 0]
        spread = np.sqrt(np.maximum(sums[:, 2] / sums[:, 0] - centre**2, 0.0))
        return Scale(centre, np.where(spread > 1e-7 * np.abs(centre), spread, 1.0))
    return _fixed(len(sums), *scaling)


def _fixed(repetitions: int, centre: float, spread: float) -> Scale:
    return Scale(np.full(repetitions, centre), np.full(repetitions, spread if spread > 0.0 else 1.0))
