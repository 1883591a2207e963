"""A network of the router's own class is the truth: realizable, so the excess empirical risk of any router is known."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Self

import numpy as np

from fedroute_theory._validate import (
    FloatArray,
    InputError,
    IntArray,
    array,
    generator,
    instance,
    integer,
    law,
    number,
    reject,
    settle,
)
from fedroute_theory.networks import Architecture, Grid, Weights
from fedroute_theory.problems.sampled import SampledProblem
from fedroute_theory.problems.tabular import Tabular
from fedroute_theory.problems.topics import task_posterior

ATTEMPTS = 200
"""Random networks tried until the models compete."""

DISAGREEMENT = 1e-9
"""Largest difference of a table of quality or cost to the network's predictions: rounding, nothing more."""


@dataclass(frozen=True, eq=False)
class Teacher(SampledProblem):
    """Quality and cost are the outputs of one network; queries of task t are normal, mean `centre[t]`, covariance scale^2 I.

    architecture: the class, which a router may use too. network: the true weights, arrays as in `architecture.shapes`.
    centre: (T, d). prior: (T,). scale: positive. (`weights` is the test law, as in every problem.)

    Raises InputError for weights of another shape, a law that is none, and a table of quality or cost that the network does
    not predict.
    """

    architecture: Architecture = None  # type: ignore[assignment]
    network: Weights = None  # type: ignore[assignment]
    centre: FloatArray = None  # type: ignore[assignment]
    prior: FloatArray = None  # type: ignore[assignment]
    scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        d = self.embeddings.shape[1]
        instance("architecture", self.architecture, Architecture, "be an Architecture")
        if (self.architecture.inputs, self.architecture.models) != (d, self.n_models):
            found = f"{self.architecture.inputs} inputs and {self.architecture.models} models"
            raise reject("architecture", f"have {d} inputs and {self.n_models} models", found)
        given: Weights = {} if self.network is None else self.network
        network = {name: array(f"network[{name}]", given.get(name), shape) for name, shape in self.architecture.shapes.items()}
        settle(self, network=network, centre=array("centre", self.centre, (None, d)))
        settle(self, prior=law("prior", self.prior, (len(self.centre),)), scale=number("scale", self.scale, 0.0, open_low=True))
        for name, predicted in zip(("quality", "cost"), self.truth(self.embeddings), strict=True):
            off = float(np.abs(predicted - getattr(self, name)).max())
            if off > DISAGREEMENT:
                raise reject(name, "be what the network predicts", f"a difference of {off:g}")

    @property
    def n_tasks(self) -> int:
        return int(self.prior.size)

    def task_law(self) -> tuple[FloatArray, FloatArray]:
        return task_posterior(self.embeddings, self.centre, self.prior, self.scale), self.prior

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.architecture.predict(self.network, np.asarray(embeddings, dtype=np.float64))

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        if by != "task":
            raise InputError(f"The 'by' parameter must be 'task' for a continuous law; got {by!r}.")
        noise = rng.normal(size=(len(component), self.centre.shape[1]))
        return self.centre[component] + self.scale * noise, np.full(len(component), -1, dtype=np.int64)

    def finite(self) -> Tabular:
        """The same network on the sample alone, which becomes the whole law of queries: gaps and coverage are then exact."""
        return Tabular(
            self.embeddings,
            self.weights,
            self.quality,
            self.cost,
            self.lam,
            task=self.task,
            c_max=self.c_max,
            models=self.models,
        )

    def relabelled(self, order: IntArray) -> Self:
        moved = self.finite().relabelled(order)
        heads = {name: np.take(self.network[name], order, axis=-2) for name in ("heads.weight", "heads.bias")}
        network = {**self.network, **heads}
        return self.replace(quality=moved.quality, cost=moved.cost, models=moved.models, network=network)

    @classmethod
    def generate(
        cls,
        rng: np.random.Generator,
        *,
        architecture: Architecture | None = None,
        tasks: int = 6,
        scale: float = 0.6,
        gain: float = 1.5,
        grid: Grid | None = None,
        lam: float = 0.0,
        sample: int = 4096,
        share: float = 0.15,
        advantage: float = 0.05,
    ) -> Self:
        """A random network in which the models compete.

        architecture: default d = 4, one hidden layer of 6 tanh units, 3 models, no layer normalisation. tasks: T >= 1. scale:
        positive, of the queries about a task's centre. gain: standard deviation of a layer's output before its activation,
        about. grid: the weights are rounded to it. lam: price, at least 0. sample: queries. share: every model is optimal on at
        least this share of the queries, times 2 / M. advantage: the best policy beats the best single model by at least this
        much. Networks are drawn until both hold; InputError after 200.
        """
        generator("rng", rng)
        instance("architecture", architecture, (Architecture, NoneType), "be None or an Architecture")
        instance("grid", grid, (Grid, NoneType), "be None or a Grid")
        network_class = architecture or Architecture(4, (6,), 3, activation="tanh", layer_norm=False, cost_spread=0.15)
        t, width = integer("tasks", tasks, 1), number("scale", scale, 0.0, open_low=True)
        number("gain", gain, 0.0, open_low=True)
        number("share", share, 0.0, 0.5, open_high=True)
        number("advantage", advantage, 0.0)
        centre = rng.normal(size=(t, network_class.inputs))
        prior = rng.dirichlet(np.full(t, 5.0))
        task = rng.choice(t, size=integer("sample", sample, 2), p=prior)
        points = centre[task] + width * rng.normal(size=(sample, network_class.inputs))
        for _ in range(ATTEMPTS):
            network = _random_network(rng, network_class, points, gain, grid)
            quality, cost = network_class.predict(network, points)
            utility = quality - number("lam", lam, 0.0) * cost
            least = np.bincount(utility.argmax(axis=1), minlength=utility.shape[1]).min() / sample
            gained = utility.max(axis=1).mean() - utility.mean(axis=0).max()
            if least >= share * 2.0 / utility.shape[1] and gained >= advantage:
                break
        else:
            raise InputError(
                f"The 'share' and 'advantage' parameters must be reachable; none of {ATTEMPTS} networks had {share:g} and "
                f"{advantage:g}."
            )
        return cls(
            points, np.ones(sample), quality, cost, lam, task=task, c_max=network_class.c_max, architecture=network_class,
            network=network, centre=array("centre", centre, (t, network_class.inputs)), prior=law("prior", prior, (t,)),
            scale=width,
        )  # fmt: skip


def _random_network(
    rng: np.random.Generator, architecture: Architecture, points: FloatArray, gain: float, grid: Grid | None
) -> dict[str, FloatArray]:
    """Normal weights scaled by the width of the layer below; the heads' biases centre their outputs on the queries."""
    network: dict[str, FloatArray] = {}
    for name, shape in architecture.shapes.items():
        spread = gain / np.sqrt(shape[0]) if name.endswith("weight") else 0.3
        network[name] = float(name.endswith(".scale")) + spread * rng.normal(size=shape)
    network["heads.bias"] = network["heads.bias"] - architecture.outputs(network, points).mean(axis=0)
    if grid is None:
        return network
    return architecture.unflatten(grid.nearest(architecture, architecture.flatten(network)))
