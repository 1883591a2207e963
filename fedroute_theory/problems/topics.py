"""A Gaussian mixture of tasks with cost tiers: looks like a routing benchmark, and every expected value is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, generator, integer, law, number, settle
from fedroute_theory.problems.sampled import SampledProblem
from fedroute_theory.problems.table import Table


@dataclass(frozen=True, eq=False)
class Topics(SampledProblem):
    """Queries of task t are normal, mean `centre[t]`, covariance scale^2 I; skills and prices belong to tasks.

    q(x, m) = sum_t P(t | x) skill[t, m] and c(x, m) = sum_t P(t | x) price[t, m], the posterior in closed form, so truth is
    known at every point of R^d. centre: (T, d). prior: (T,). skill: (T, M) in [0, 1]. price: (T, M) >= 0. scale: positive.
    InputError for arrays of other shapes and values out of range.
    """

    centre: FloatArray = None  # type: ignore[assignment]
    prior: FloatArray = None  # type: ignore[assignment]
    skill: FloatArray = None  # type: ignore[assignment]
    price: FloatArray = None  # type: ignore[assignment]
    scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        settle(self, centre=array("centre", self.centre, (None, self.embeddings.shape[1])))
        tasks = len(self.centre)
        settle(self, prior=law("prior", self.prior, (tasks,)))
        settle(self, skill=array("skill", self.skill, (tasks, self.n_models), 0.0, 1.0))
        settle(self, price=array("price", self.price, (tasks, self.n_models), 0.0))
        settle(self, scale=number("scale", self.scale, 0.0, open_low=True))

    @property
    def n_tasks(self) -> int:
        return int(self.prior.size)

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant of every U(., m), from above.

        The gradient along a unit v is Cov_{P(t|x)}(U_t, <centre_t, v>) / scale^2, and a covariance is at most a quarter
        of the product of the two ranges (Popoviciu and Cauchy-Schwarz).
        """
        values = self.skill - self.lam * self.price
        apart = np.linalg.norm(self.centre[:, None] - self.centre[None], axis=2).max()
        return float(np.ptp(values, axis=0).max() * apart / (4.0 * self.scale**2))

    def posterior(self, embeddings: FloatArray) -> FloatArray:
        """P(task | x), (n, T)."""
        return task_posterior(np.asarray(embeddings, dtype=np.float64), self.centre, self.prior, self.scale)

    def task_law(self) -> tuple[FloatArray, FloatArray]:
        return self.posterior(self.embeddings), self.prior

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        posterior = self.posterior(embeddings)
        return posterior @ self.skill, posterior @ self.price

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        if by != "task":
            raise InputError(f"The 'by' parameter must be 'task' for a continuous law; got {by!r}.")
        noise = rng.normal(size=(len(component), self.centre.shape[1]))
        return self.centre[component] + self.scale * noise, np.full(len(component), -1, dtype=np.int64)

    @classmethod
    def generate(
        cls,
        rng: np.random.Generator,
        *,
        tasks: int = 12,
        dimension: int = 8,
        models: int = 6,
        scale: float = 0.35,
        lam: float = 0.0,
        sample: int = 4096,
    ) -> Self:
        """Random tasks; dearer tiers are better on average, not on every task; costs span two orders of magnitude.

        tasks: T >= 1. dimension: d >= 1. models: M >= 2. scale: positive. lam: price, at least 0. sample: queries, at least 2.
        c_max is 1. InputError for values out of range.
        """
        generator("rng", rng)
        t, m = integer("tasks", tasks, 1), integer("models", models, 2)
        width = number("scale", scale, 0.0, open_low=True)
        n = integer("sample", sample, 2)
        centre = rng.normal(size=(t, integer("dimension", dimension, 1)))
        centre /= np.linalg.norm(centre, axis=1, keepdims=True)
        prior = rng.dirichlet(np.full(t, 1.5))
        tier = np.linspace(0.0, 1.0, m)
        skill = np.clip(0.3 + 0.4 * tier[None, :] + rng.normal(0.0, 0.2, size=(t, m)), 0.02, 0.98)
        price = 10.0 ** (-2.0 + 2.0 * tier[None, :]) * rng.uniform(0.5, 1.0, size=(t, 1))
        task = rng.choice(t, size=n, p=prior)
        points = centre[task] + width * rng.normal(size=(n, dimension))
        posterior = task_posterior(points, centre, prior, width)
        return cls(
            points,
            np.ones(n),
            np.clip(posterior @ skill, 0.0, 1.0),
            posterior @ price,
            lam,
            task=task,
            c_max=1.0,
            centre=centre,
            prior=prior,
            skill=skill,
            price=price,
            scale=width,
        )

    def relabelled(self, order: IntArray) -> Self:
        return super().relabelled(order).replace(skill=self.skill[:, order], price=self.price[:, order])


def task_posterior(points: FloatArray, centre: FloatArray, prior: FloatArray, scale: float) -> FloatArray:
    """P(task | x) (n, T) at points (n, d) of a mixture of normal laws N(centre[t], scale^2 I) with weights `prior` (T,)."""
    cross = points @ centre.T / scale**2
    logit = np.log(prior)[None, :] + cross - (centre**2).sum(axis=1)[None, :] / (2.0 * scale**2)
    logit -= logit.max(axis=1, keepdims=True)
    weight = np.exp(logit)
    result: FloatArray = weight / weight.sum(axis=1, keepdims=True)
    return result


def example_table(
    rng: np.random.Generator, *, queries: int = 4000, tasks: int = 14, models: int = 9, dimension: int = 16
) -> Table:
    """A full query x model table like the public ones: realised 0/1 quality, recorded cost, a task label a query.

    Outcomes are drawn once from a `Topics` problem; the finite table is then the truth. queries: rows, at least 2. tasks,
    models, dimension: as in `Topics.generate`.
    """
    source = Topics.generate(rng, tasks=tasks, dimension=dimension, models=models, sample=queries)
    return Table(
        source.embeddings,
        source.weights,
        (rng.uniform(size=source.quality.shape) < source.quality).astype(np.float64),
        source.cost * 1e-3 * rng.lognormal(0.0, 0.3, size=(queries, 1)),
        0.0,
        task=source.task,
        models=tuple(f"model-{chr(97 + m)}" for m in range(models)),
        task_names=tuple(f"task-{t:02d}" for t in range(source.n_tasks)),
    )
