"""Normal queries and linear utilities: with two models the gap of any linear policy is a closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, generator, integer, law, number, reject, settle
from fedroute_theory.problem import Gap
from fedroute_theory.problems.sampled import SampledProblem
from fedroute_theory.problems.topics import task_posterior

CLIP_PROBABILITY = 1e-9
"""Largest chance, in generated problems, that any quality or cost of a query is clipped."""


@dataclass(frozen=True, eq=False)
class LinearPolicy:
    """The model of the greatest linear score offset[m] + weight[:, m] . x, ties to the lowest index.

    weight: (d, M). offset: (M,). InputError for other shapes.
    """

    weight: FloatArray
    offset: FloatArray

    def __post_init__(self) -> None:
        settle(self, weight=array("weight", self.weight, (None, None)))
        settle(self, offset=array("offset", self.offset, (self.weight.shape[1],)))

    def __call__(self, embeddings: FloatArray) -> IntArray:
        chosen: IntArray = np.argmax(np.asarray(embeddings, dtype=np.float64) @ self.weight + self.offset, axis=1)
        return chosen


@dataclass(frozen=True, eq=False)
class Gaussian(SampledProblem):
    """q(x, m) = clip(base_m + slope_m . x, 0, 1), c(x, m) = clip(price_m + price_slope_m . x, 0, c_max).

    Queries of task t are normal, mean `centre[t]`, covariance scale^2 I. slope, price_slope: (M, d). base, price: (M,). centre:
    (T, d). prior: (T,). scale: positive. Expectations are taken on a seeded sample; with two models `gap_of_linear` gives those
    of the law itself. InputError for arrays of other shapes, a prior that is no law and a scale that is not positive.
    """

    slope: FloatArray = None  # type: ignore[assignment]
    base: FloatArray = None  # type: ignore[assignment]
    price: FloatArray = None  # type: ignore[assignment]
    price_slope: FloatArray = None  # type: ignore[assignment]
    centre: FloatArray = None  # type: ignore[assignment]
    prior: FloatArray = None  # type: ignore[assignment]
    scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        models, d = self.n_models, self.embeddings.shape[1]
        for name, shape in (("slope", (models, d)), ("base", (models,)), ("price", (models,)), ("price_slope", (models, d))):
            settle(self, **{name: array(name, getattr(self, name), shape)})
        settle(self, centre=array("centre", self.centre, (None, d)))
        settle(self, prior=law("prior", self.prior, (len(self.centre),)))
        settle(self, scale=number("scale", self.scale, 0.0, open_low=True))

    @property
    def n_tasks(self) -> int:
        return int(self.prior.size)

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant of every U(., m); exact where costs do not depend on the query."""
        either = (self.slope, self.lam * self.price_slope, self.slope - self.lam * self.price_slope)
        return float(max(np.linalg.norm(gradient, axis=1).max() for gradient in either))

    def task_law(self) -> tuple[FloatArray, FloatArray]:
        return task_posterior(self.embeddings, self.centre, self.prior, self.scale), self.prior

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        x = np.asarray(embeddings, dtype=np.float64)
        quality = np.clip(self.base + x @ self.slope.T, 0.0, 1.0)
        return quality, np.clip(self.price + x @ self.price_slope.T, 0.0, self.c_max)

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        if by != "task":
            raise InputError(f"The 'by' parameter must be 'task' for a continuous law; got {by!r}.")
        noise = rng.normal(size=(len(component), self.centre.shape[1]))
        return self.centre[component] + self.scale * noise, np.full(len(component), -1, dtype=np.int64)

    # --- closed forms under the law ---------------------------------------------------------------------------------

    def clipping(self) -> tuple[float, float]:
        """Clipping under the law of queries, from above (sums over models and ends, quality and cost).

        Returns the probability that any quality or cost is clipped, and the expected utility that clipping moves.
        """
        chance, moved = np.zeros(self.n_tasks), np.zeros(self.n_tasks)
        for start, gradient, top, weight in (
            (self.base, self.slope, 1.0, 1.0),
            (self.price, self.price_slope, self.c_max, self.lam),
        ):
            spread = self.scale * np.linalg.norm(gradient, axis=1)
            mean = start + self.centre @ gradient.T  # (T, M)
            for beyond in (mean - top, -mean):
                chance += _normal_cdf(_ratio(beyond, spread)).sum(axis=1)
                moved += weight * _mean_positive_part(beyond, spread).sum(axis=1)
        return min(1.0, float(self.prior @ chance)), float(self.prior @ moved)

    def gap_of_linear(self, policy: LinearPolicy) -> Gap:
        """Suboptimality of a linear policy under the law of queries, two models, in closed form.

        With u the utility of model 0 over model 1 and v the difference of the scores, both linear in x, the regret is
        max(u, 0) - u 1{v >= 0}, so per task E = E max(u, 0) - (E u) P(v >= 0) - Cov(u, v) phi(E v / sd v) / sd v. `error` is
        the most that clipping can change it. Raises InputError for more than two models or a policy of other sizes.
        """
        if self.n_models != 2:
            raise reject("policy", "choose between two models (closed form); use `suboptimality`", f"{self.n_models} models")
        if policy.weight.shape != (self.embeddings.shape[1], 2):
            raise reject("policy", f"have weights of shape ({self.embeddings.shape[1]}, 2)", f"shape {policy.weight.shape}")
        gradient = self.slope - self.lam * self.price_slope
        beta, delta = gradient[0] - gradient[1], policy.weight[:, 0] - policy.weight[:, 1]
        level = self.base - self.lam * self.price
        u = level[0] - level[1] + self.centre @ beta
        v = policy.offset[0] - policy.offset[1] + self.centre @ delta
        spread = self.scale * np.array([np.linalg.norm(delta)])
        z = _ratio(v[:, None], spread)[:, 0]
        direction = self.scale * float(beta @ delta) / float(np.linalg.norm(delta)) if delta.any() else 0.0
        chosen = np.where(delta.any(), u * _normal_cdf(z) + direction * _density(z), np.where(v >= 0.0, u, 0.0))
        best = _mean_positive_part(u[:, None], self.scale * np.array([np.linalg.norm(beta)]))[:, 0]
        return Gap(max(0.0, float(self.prior @ (best - chosen))), 2.0 * self.clipping()[1])

    @classmethod
    def generate(
        cls,
        rng: np.random.Generator,
        *,
        tasks: int = 1,
        dimension: int = 4,
        models: int = 2,
        lam: float = 0.0,
        linear_cost: bool = False,
        sample: int = 4096,
    ) -> Self:
        """Random slopes, as steep as CLIP_PROBABILITY allows; one task is the standard normal law.

        tasks: T >= 1. dimension: d >= 1. models: M >= 2. lam: price, at least 0. linear_cost: whether costs, too, depend on the
        query. sample: queries, at least 2. c_max is 1. InputError for values out of range.
        """
        generator("rng", rng)
        t, m, d = integer("tasks", tasks, 1), integer("models", models, 2), integer("dimension", dimension, 1)
        n = integer("sample", sample, 2)
        centre = np.zeros((1, d)) if t == 1 else rng.normal(size=(t, d))
        prior = rng.dirichlet(np.full(t, 1.5))
        scale = 1.0 if t == 1 else 0.5
        base, price = rng.uniform(0.4, 0.6, size=m), rng.uniform(0.3, 0.7, size=m)
        slope, price_slope = rng.normal(size=(2, m, d))
        # every value stays `sigmas` standard deviations inside its range, in each of 2 labels x 2 ends x m models
        sigmas = -_normal_quantile(CLIP_PROBABILITY / (4 * m))
        slope, price_slope = (
            gradient * _widest(start, gradient, centre, sigmas * scale)[:, None]
            for start, gradient in ((base, slope), (price, price_slope))
        )
        price_slope *= float(linear_cost)
        task = rng.choice(t, size=n, p=prior)
        points = centre[task] + scale * rng.normal(size=(n, d))
        return cls(
            points, np.ones(n), np.clip(base + points @ slope.T, 0.0, 1.0), np.clip(price + points @ price_slope.T, 0.0, 1.0),
            lam, task=task, c_max=1.0, slope=slope, base=base, price=price, price_slope=price_slope, centre=centre,
            prior=prior, scale=scale,
        )  # fmt: skip

    def relabelled(self, order: IntArray) -> Self:
        moved = super().relabelled(order)
        return moved.replace(**{name: getattr(self, name)[order] for name in ("slope", "base", "price", "price_slope")})


def _widest(start: FloatArray, gradient: FloatArray, centre: FloatArray, reach: float) -> FloatArray:
    """(M,) the largest factor of each gradient that keeps `reach` around every centre inside [0, 1]."""
    needed = np.abs(centre @ gradient.T).max(axis=0) + reach * np.linalg.norm(gradient, axis=1)
    factor: FloatArray = np.minimum(start, 1.0 - start) / needed
    return factor


def _normal_cdf(z: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    result: FloatArray = ndtr(z)
    return result


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))


def _density(z: FloatArray) -> FloatArray:
    result: FloatArray = np.exp(-0.5 * np.square(z)) / math.sqrt(2.0 * math.pi)
    return result


def _ratio(mean: FloatArray, spread: FloatArray) -> FloatArray:
    """mean / spread; for no spread, plus or minus infinity by the sign of the mean (minus at zero)."""
    sign = np.where(mean > 0.0, np.inf, -np.inf)
    result: FloatArray = np.divide(mean, spread, out=sign, where=np.broadcast_to(spread > 0.0, mean.shape))
    return result


def _mean_positive_part(mean: FloatArray, spread: FloatArray) -> FloatArray:
    """E max(0, g) for normal g: mean cdf(z) + spread density(z), z = mean / spread."""
    z = _ratio(mean, spread)
    part: FloatArray = np.maximum(0.0, mean * _normal_cdf(z) + spread * _density(z))
    return part
