"""The instances of the bracket table with cells: the K-means router's forms at their worst utilities, federated K-means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.assumptions import Slope
from fedroute_theory.certify.bracket_instances import Row, enclosure
from fedroute_theory.certify.certificate import Certificate
from fedroute_theory.certify.kmeans_worst_case import kmeans_worst_case
from fedroute_theory.certify.optimal_kmeans import federated_inertia, groups, least_inertia, optimal_kmeans, sent
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Bound, Case, theorem
from fedroute_theory.theorems.kmeans_router.claims import training_claims
from fedroute_theory.theorems.two_pass_kmeans.families import polygon_family

FORMS = ("sharp", "policy", "pairwise", "spread", "three-terms", "least")


@dataclass(frozen=True, eq=False)
class Geometry:
    """What the K-means worst case is taken over: points, test law, centres, records (point, model), slope."""

    points: FloatArray
    weights: FloatArray
    centres: FloatArray
    record_point: IntArray
    record_model: IntArray
    models: int = 2
    slope: float = 0.25

    def worst(self) -> Certificate:
        """The certified worst case over Lipschitz utilities in [0, 1]."""
        return kmeans_worst_case(
            self.points, self.weights, self.centres, self.record_point, self.record_model, models=self.models, slope=self.slope
        )


def _everywhere(points: FloatArray, centres: FloatArray, models: int = 2, slope: float = 0.25) -> Geometry:
    """Every point a test query of equal weight and logged once for every model: no shift."""
    n = len(points)
    return Geometry(
        points, np.ones(n), centres, np.repeat(np.arange(n), models), np.tile(np.arange(models), n), models, slope
    )  # fmt: skip


def geometries() -> dict[str, Geometry]:
    """The instances by name."""
    line = ((np.arange(8) + 0.5) / 8)[:, None]
    ends = np.array([[0.0], [1.0]])
    rng = np.random.default_rng(0)
    plane = rng.uniform(size=(6, 2))
    return {
        "uniform line, train = test": _everywhere(line, np.array([[0.5]])),
        "uniform line, two cells": _everywhere(line, np.array([[0.25], [0.75]])),
        "two-point law, train = test": _everywhere(ends, np.array([[0.5]])),
        "train at 0, test at 1": Geometry(ends, np.array([0.0, 1.0]), np.array([[0.5]]), np.zeros(2, int), np.arange(2)),
        "train at 0, test at 1, centre at 1": Geometry(
            ends, np.array([0.0, 1.0]), np.array([[1.0]]), np.zeros(2, int), np.arange(2)
        ),
        "three models, line of four": _everywhere(((np.arange(4) + 0.5) / 4)[:, None], np.array([[0.5]]), 3),
        "plane, two cells, train = test": _everywhere(plane, plane[:2]),
        "plane, test shifted": Geometry(
            plane, np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0]), plane.mean(axis=0)[None], np.array([0, 1, 2, 0, 1]),
            np.array([0, 0, 0, 1, 1]),
        ),
    }  # fmt: skip


def bounds_at_worst(geometry: Geometry, worst: Certificate) -> dict[str, float]:
    """The theorem's bounds, by form, for the worst utilities, their noise-free records and the router's own tie-breaking."""
    utility, chosen = np.array(worst.witness["utility"]).clip(0.0, 1.0), np.array(worst.witness["chosen"])
    problem = Tabular(geometry.points, geometry.weights, utility, np.zeros_like(utility))
    query, model = geometry.record_point, geometry.record_model
    cells, size = len(geometry.centres), (len(geometry.centres), geometry.models)
    distance = np.linalg.norm(geometry.points[:, None] - geometry.centres[None], axis=2)
    place = distance.argmin(axis=1)[query] * geometry.models + model
    counts = np.bincount(place, minlength=cells * geometry.models)

    def mean(values: FloatArray) -> FloatArray:
        means: FloatArray = (np.bincount(place, values, counts.size) / np.maximum(counts, 1)).reshape(size)
        return means

    quality = mean(utility[query, model])
    quality[np.arange(cells), chosen] += 1e-12  # ties go to the worst choice
    nothing = np.zeros(query.size)
    logs = Logs(
        np.zeros(query.size, int), geometry.points[query], query, model, utility[query, model], nothing,
        1, geometry.models, "exact", "fixed",
    )  # fmt: skip
    counted = counts.reshape(size)
    estimates = CellEstimates(
        geometry.centres, quality, np.zeros(size), counted, mean(distance.min(axis=1)[query]), counted > 0
    )
    case = Case(problem, None, logs, [("pooled", None, estimates)])
    claims = training_claims(case, "pooled", None, estimates, Slope(geometry.slope, "by construction"))
    return {c.form.split("/")[0]: c.answer.value for c in claims if isinstance(c.answer, Bound)}


def kmeans() -> Iterator[Row]:
    """Every form on every geometry, at the utilities that are worst for the router."""
    for name, geometry in geometries().items():
        worst = geometry.worst()
        found = bounds_at_worst(geometry, worst)
        for form in FORMS:
            if form in found:
                yield form, name, *enclosure(worst), found[form], worst.name


def clusters() -> Iterator[Row]:
    """Exact solvers on points of a line, all ties: with loss and without; the polygon family, its ratio in closed form."""
    forms = theorem("two-pass-kmeans").forms
    for name, parts, clusters in (
        ("clients {0,1,2} and {1,2,3}, K = 2", ((0, 1, 2), (1, 2, 3)), 2),
        ("clients {0}, {1} and {3}, K = 2", ((0,), (1,), (3,)), 2),
    ):
        found = optimal_kmeans([[[v] for v in part] for part in parts], clusters)
        clients = [[(Fraction(v),) for v in part] for part in parts]
        local, server = [tuple(labels) for labels in found.witness["local"]], tuple(found.witness["server"])
        inertias = [float(groups(points, [1] * len(points), labels)[2]) for points, labels in zip(clients, local, strict=True)]
        between = float(groups(*sent(clients, local), server)[2])
        reached = float(federated_inertia(clients, local, server))
        everything = [x for points in clients for x in points]
        optimum = float(least_inertia(everything, [1] * len(everything), clusters))
        upper = forms["approximation"](alpha=1.0, beta=1.0, optimum=optimum).value
        yield "approximation", name, reached, found.primal * optimum, upper, found.name
        bound = forms["certificate"](inertias=np.array(inertias), weighted_inertia=between).value
        yield "certificate", name, None, reached, bound, "fractions"
        own = forms["own-ratio"](inertia=sum(inertias), weighted_inertia=between).value
        yield "own-ratio", name, None, found.primal, own, found.name
    worst, best = polygon_family(6, 4)
    upper = forms["approximation"](alpha=1.0, beta=1.0, optimum=best).value
    yield "approximation", "12-gons in four planes", None, worst, upper, "one instance, closed form"
