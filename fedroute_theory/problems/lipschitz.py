"""Cones on the unit cube: the Lipschitz constant is exact and attained, the optimum is a closed form everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, generator, integer, number
from fedroute_theory.problems.sampled import SampledProblem


@dataclass(frozen=True, eq=False)
class Lipschitz(SampledProblem):
    """q(x, m) = max(0, height_m - slope |x - apex_m|) on the unit cube, constant cost a model, uniform queries.

    Every q(., m) with a positive height has Lipschitz constant exactly `slope`, attained along every ray from its apex;
    so has the utility, at every lam. Tasks are `strips` equal slices of the first coordinate.

    apex: (M, d) in the unit cube. height: (M,) in [0, 1]. slope: positive, utility per unit of distance. price: (M,)
    non-negative.
    """

    apex: FloatArray = None  # type: ignore[assignment]
    height: FloatArray = None  # type: ignore[assignment]
    price: FloatArray = None  # type: ignore[assignment]
    slope: float = 1.0
    strips: int = 1

    @property
    def lipschitz(self) -> float:
        """The exact Lipschitz constant of every U(., m) (Euclidean distance)."""
        return self.slope

    @property
    def n_tasks(self) -> int:
        return self.strips

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        points = np.asarray(embeddings, dtype=np.float64)
        if points.size and (points.min() < 0.0 or points.max() > 1.0):
            raise InputError(f"The 'embeddings' entries must lie in [0, 1]; got {points.min():g} to {points.max():g}.")
        return _cones(points, self.apex, self.height, self.slope), np.tile(self.price, (points.shape[0], 1))

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        if by != "task":
            raise InputError(f"The 'by' parameter must be 'task' for a continuous law; got {by!r}.")
        points = rng.uniform(size=(len(component), self.embeddings.shape[1]))
        points[:, 0] = np.minimum((component + points[:, 0]) / self.strips, 1.0)
        return points, np.full(len(component), -1, dtype=np.int64)

    @classmethod
    def generate(
        cls,
        rng: np.random.Generator,
        *,
        dimension: int = 2,
        models: int = 4,
        slope: float = 1.0,
        strips: int = 5,
        lam: float = 0.0,
        sample: int = 4096,
    ) -> Self:
        """Random cones; `sample` independent queries stand for the uniform law.

        dimension: d >= 1. models: M >= 2. slope: positive, utility per unit of distance. strips: tasks, at least 1. lam: price,
        at least 0. sample: at least 2. InputError for values out of range.
        """
        generator("rng", rng)
        n, m = integer("sample", sample, 2), integer("models", models, 2)
        steep = number("slope", slope, 0.0, open_low=True)
        apex = rng.uniform(size=(m, integer("dimension", dimension, 1)))
        height, price = rng.uniform(0.6, 1.0, size=m), rng.uniform(0.1, 1.0, size=m)
        points = rng.uniform(size=(n, dimension))
        task = np.minimum((points[:, 0] * integer("strips", strips, 1)).astype(np.int64), strips - 1)
        return cls(
            points,
            np.ones(n),
            _cones(points, apex, height, steep),
            np.tile(price, (n, 1)),
            lam,
            task=task,
            c_max=1.0,
            apex=array("apex", apex, (m, dimension), 0.0, 1.0),
            height=array("height", height, (m,), 0.0, 1.0),
            price=array("price", price, (m,), 0.0),
            slope=steep,
            strips=strips,
        )

    def relabelled(self, order: IntArray) -> Self:
        moved = super().relabelled(order)
        return moved.replace(apex=self.apex[order], height=self.height[order], price=self.price[order])


def _cones(points: FloatArray, apex: FloatArray, height: FloatArray, slope: float) -> FloatArray:
    distance = np.linalg.norm(points[:, None, :] - apex[None, :, :], axis=2)
    heights: FloatArray = np.maximum(0.0, height[None, :] - slope * distance)
    return heights
