"""Piecewise constant utilities on well separated cells: the K-means router's class contains the optimal policy."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import InputError, generator, integer, number
from fedroute_theory.problems.tabular import Tabular


def voronoi(
    rng: np.random.Generator,
    *,
    sites: int = 10,
    per_site: int = 30,
    dimension: int = 2,
    models: int = 5,
    separation: float = 0.5,
    lam: float = 0.0,
) -> Tabular:
    """A finite problem whose quality and cost depend only on the nearest of `sites` sites.

    Queries lie in balls around the sites that fill the share 1 - `separation` of half the distance between the two nearest
    sites, so K-means with one centre a site has no approximation gap. The optimum and every gap are exact; the task of a query
    is its site.

    Parameters: sites, models >= 2; per_site, dimension >= 1; separation in (0, 1); lam, the price, >= 0. Raises InputError
    outside.
    """
    generator("rng", rng)
    count, each = integer("sites", sites, 2), integer("per_site", per_site, 1)
    gap = number("separation", separation, 0.0, 1.0, open_low=True, open_high=True)
    centres = rng.uniform(size=(count, integer("dimension", dimension, 1)))
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2) + np.where(np.eye(count), np.inf, 0.0)
    radius = (1.0 - gap) * apart.min() / 2.0
    if radius <= 0.0:
        raise InputError(f"The 'sites' parameter must give distinct sites; got {sites} sites, two of them equal.")
    directions = rng.normal(size=(count, each, dimension))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    lengths = radius * rng.uniform(size=(count, each, 1)) ** (1.0 / dimension)
    site = np.repeat(np.arange(count), each)
    quality = rng.uniform(size=(count, integer("models", models, 2)))
    cost = rng.uniform(size=(count, models))
    return Tabular(
        (centres[:, None] + lengths * directions).reshape(count * each, dimension),
        np.repeat(rng.dirichlet(np.full(count, 3.0)) / each, each),
        quality[site],
        cost[site],
        lam,
        task=site,
        c_max=1.0,
    )
