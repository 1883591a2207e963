"""Networks drawn from a normal law around the trained one: directions the data say nothing of cost nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array, choice, integer, number, tuple_of
from fedroute_theory.estimates import FunctionEstimates, Hypotheses
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.networks import Architecture, Weights, rest_point
from fedroute_theory.routers.certified.members import Average, Members
from fedroute_theory.routers.certified.quantised import MOST_WEIGHTS
from fedroute_theory.routers.certified.records import PART, Records, gather, refined

PILOT_DRAWS = 8
"""Draws with which the width of G is chosen; the members are drawn afterwards, apart from them."""


@dataclass(frozen=True, eq=False)
class Prior:
    """The law P of the weights, fixed before the data: the weights of one array are normal around their means with one
    standard deviation, which is drawn from a list, each value alike, array by array.

    mean: broadcastable to (T, P). spreads: the list.
    """

    architecture: Architecture
    mean: FloatArray
    spreads: FloatArray

    @property
    def _starts(self) -> list[int]:
        sizes = [math.prod(shape) for shape in self.architecture.shapes.values()]
        return [0, *np.cumsum(sizes)[:-1].tolist()]

    def _by_array(self, squares: FloatArray) -> FloatArray:
        """(..., arrays, spreads) log density of each array at each spread, from squared distances to the mean (..., P)."""
        summed = np.add.reduceat(squares, self._starts, axis=-1)[..., None]
        count = np.diff([*self._starts, squares.shape[-1]])[:, None]
        logs: FloatArray = -0.5 * summed / self.spreads**2 - count * np.log(self.spreads * math.sqrt(2.0 * math.pi))
        return logs

    def log_density(self, flat: FloatArray) -> FloatArray:
        """(...,) log density of weights (..., P); the mean must broadcast to them."""
        from scipy.special import logsumexp

        by_array: FloatArray = logsumexp(self._by_array((flat - self.mean) ** 2), axis=-1) - math.log(self.spreads.size)
        result: FloatArray = by_array.sum(axis=-1)
        return result

    def best_precision(self, squares: FloatArray) -> FloatArray:
        """(..., P) 1 / s^2 at the spread that suits each array best, from expected squared distances to the mean (..., P)."""
        best = self.spreads[self._by_array(squares).argmax(axis=-1)]
        count = np.diff([*self._starts, squares.shape[-1]])
        precision: FloatArray = np.repeat(best, count, axis=-1) ** -2.0
        return precision


@dataclass(frozen=True, eq=False)
class GaussianPosterior:
    """Certificate by PAC-Bayes: k networks are drawn from G = N(centre, Sigma); their average prediction routes.

    The price is the mean over the draws of log dG/dP, exact; the theorem needs of the draws only that each has the law G, so
    they come in mirrored pairs with spread lengths. Sigma = width (diag(1/s^2) + 2A)^-1, A the Gauss-Newton curvature of the
    squared error on the records: a direction that the records do not see keeps the prior's spread.

    prior_std: spreads of P, see `Prior`. prior_mean: (P,) fixed before the data, such as the initial weights; None: 1 for
    scales of layer normalisation, 0 else. prior: "fixed", or "trained": P is centred at the trained weights, seen after the
    data, so flagged. draws: k. covariance: "full" (up to 4000 weights) or "diagonal". steps: Gauss-Newton steps of the
    centre on squared error plus pull to the prior, at most (full only). widths: factors tried on Sigma, with draws of
    their own. cost_share: weight of the cost's squared error against the quality's in choosing G.

    G may depend on the data in any way; P may not. InputError for values of another type or out of range.
    """

    prior_std: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0, 2.0)
    prior_mean: FloatArray | None = None
    prior: str = "fixed"
    draws: int = 16
    covariance: str = "full"
    steps: int = 20
    widths: tuple[float, ...] = (0.5, 1.0, 1.5)
    cost_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("prior_std", "widths"):
            for value in tuple_of(name, getattr(self, name), "number"):
                number(name, value, 0.0, open_low=True)
        if self.prior_mean is not None:
            array("prior_mean", self.prior_mean, (None,))
        choice("prior", self.prior, ("fixed", "trained"))
        choice("covariance", self.covariance, ("full", "diagonal"))
        integer("draws", self.draws, 1)
        integer("steps", self.steps, 0)
        number("cost_share", self.cost_share, 0.0, 1.0)

    def __call__(
        self, architecture: Architecture, weights: Weights, logs: Logs, labels: Labels, rng: np.random.Generator
    ) -> FunctionEstimates:
        """Draw the members around trained weights (leading axes as those of the labels (..., D)); rng: of the draws."""
        lead, flat, records = gather(architecture, weights, logs, labels, self.cost_share)
        mean = rest_point(architecture) if self.prior_mean is None else np.asarray(self.prior_mean, dtype=np.float64)
        if mean.shape != (architecture.n_parameters,):
            raise InputError(f"The 'prior_mean' parameter must have shape ({architecture.n_parameters},); got {mean.shape}.")
        prior = Prior(architecture, flat[:, None] if self.prior == "trained" else mean, np.asarray(self.prior_std))
        law = posterior(self, records, flat, prior, rng)
        drawn, log_density = law.draw(rng, self.draws)
        price = (log_density - prior.log_density(drawn)).mean(axis=-1)
        members = Members(architecture, drawn.reshape(*lead, self.draws, -1))
        described = (
            f"average of {self.draws} networks of {architecture.n_parameters} weights, {self.covariance} normal law; prior "
            f"standard deviations {', '.join(f'{s:g}' for s in self.prior_std)} around {self._around}"
        )
        claimed = Hypotheses("pac-bayes", members, price.reshape(lead), self.prior == "fixed", described)
        return FunctionEstimates(Average(members), records.counts, records.routable, claimed)

    @property
    def _around(self) -> str:
        if self.prior == "trained":
            return "the trained weights"
        return "the rest point" if self.prior_mean is None else "given weights"


@dataclass(frozen=True, eq=False)
class Normal:
    """G = N(centre, width (C C')^-1), a repetition. centre: (T, P). factor: C (T, P, P) lower triangular, or its diagonal
    (T, P). width: (T,)."""

    centre: FloatArray
    factor: FloatArray
    width: FloatArray

    def draw(self, rng: np.random.Generator, k: int) -> tuple[FloatArray, FloatArray]:
        """k weights (T, k, P), each with the law G, and their log densities (T, k)."""
        t, size = self.centre.shape
        z = spread_normals(rng, t, k, size)
        diagonal = self.factor if self.factor.ndim == 2 else np.diagonal(self.factor, axis1=1, axis2=2)
        if self.factor.ndim == 2:
            moved = z / self.factor[:, None]
        else:
            moved = np.swapaxes(np.linalg.solve(np.swapaxes(self.factor, 1, 2), np.swapaxes(z, 1, 2)), 1, 2)
        log_scale = np.log(diagonal).sum(axis=-1) - 0.5 * size * np.log(2.0 * math.pi * self.width)
        return self.centre[:, None] + np.sqrt(self.width)[:, None, None] * moved, log_scale[:, None] - 0.5 * (z**2).sum(axis=-1)

    @property
    def variance(self) -> FloatArray:
        """(T, P) the diagonal of the covariance."""
        if self.factor.ndim == 2:
            return self.width[:, None] / self.factor**2
        inverse = np.linalg.inv(self.factor)
        spread: FloatArray = self.width[:, None] * (inverse**2).sum(axis=1)
        return spread


def spread_normals(rng: np.random.Generator, repetitions: int, k: int, size: int) -> FloatArray:
    """(T, k, size) vectors, each standard normal, not independent: mirrored pairs, squared lengths one in each quantile range.

    A uniform direction times an independent length of the right law is standard normal; the length's quantile is uniform
    because its range is a uniform draw among the ranges.
    """
    from scipy.special import gammaincinv

    pairs = (k + 1) // 2
    direction = rng.normal(size=(repetitions, pairs, size))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    place = rng.permuted(np.tile(np.arange(pairs), (repetitions, 1)), axis=1)
    length = np.sqrt(2.0 * gammaincinv(0.5 * size, (place + rng.uniform(size=place.shape)) / pairs))
    z = length[..., None] * direction
    return np.concatenate([z, -z], axis=1)[:, :k]


def posterior(
    settings: GaussianPosterior, records: Records, flat: FloatArray, prior: Prior, rng: np.random.Generator
) -> Normal:
    """G from the trained weights (T, P): centre by Gauss-Newton steps, Sigma by curvature, width by pilot draws."""
    full, t = settings.covariance == "full", len(flat)
    if full and flat.shape[-1] > MOST_WEIGHTS:
        raise InputError(f"The 'covariance' parameter must be 'diagonal' above {MOST_WEIGHTS} weights; got 'full'.")
    rest = prior.mean[:, 0] if prior.mean.ndim == 3 else prior.mean
    precision = prior.best_precision((flat - rest) ** 2)
    centre = refined(records, flat, rest, precision, settings.steps, rng) if full else flat
    precision = prior.best_precision((centre - rest) ** 2)
    part = records.some(rng, PART)
    factor: FloatArray
    if full:
        factor = np.asarray(np.linalg.cholesky(2.0 * part.quadratic(centre)[1] + np.eye(flat.shape[-1]) * precision[:, None]))
    else:
        factor = np.asarray(np.sqrt(2.0 * part.diagonal(centre) + precision), dtype=np.float64)
    best: FloatArray = np.full(t, settings.widths[0])
    least: FloatArray = np.full(t, np.inf)
    for width in settings.widths if len(settings.widths) > 1 else ():
        drawn, log_density = Normal(centre, factor, np.full(t, width)).draw(rng, PILOT_DRAWS)
        value = (part.loss(drawn) + log_density - prior.log_density(drawn)).mean(axis=-1)
        best, least = np.where(value < least, width, best), np.minimum(least, value)
    return Normal(centre, factor, best)
