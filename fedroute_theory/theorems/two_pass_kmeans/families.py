"""Where federated K-means meets its bounds, and certificates that look right and are wrong."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.distances import nearest_centre
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.two_pass_kmeans.broken import broken
from fedroute_theory.theorems.two_pass_kmeans.formulas import EXACT_SOLVERS_FACTOR, approximation, certificate


def extremal() -> list[Extremal]:
    """(a) and (b) are equalities when the server keeps every local centre and cells do not change hands."""
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    centres = np.array([[0.5], [10.5]])
    phi = float((nearest_centre(points, centres)[1] ** 2).sum())
    bound = certificate(inertias=np.array([0.5, 0.5]), weighted_inertia=0.0)
    sides, planes = 6, 4
    kappa = math.cos(math.pi / (2 * sides)) ** 2
    reached, optimum = polygon_family(sides, planes)
    factor = approximation(alpha=1.0, beta=1.0, optimum=optimum)
    return [
        Extremal("global centres equal to the local ones", "certificate", bound.value, phi, 1.0, 1e-12),
        Extremal(
            f"products of {2 * sides}-gons in {planes} planes (tends to 1 with both)",
            "approximation",
            factor.value,
            reached,
            EXACT_SOLVERS_FACTOR / (1.0 + 4.0 * kappa * (1.0 - 1.0 / planes)),
            1e-9,
        ),
    ]


def polygon_family(sides: int, planes: int) -> tuple[float, float]:
    """The worst family known: inertia reached by exact solvers with unlucky ties, and the inertia of good centres.

    Client d holds, for every vertex z of a grid of side midpoints, the two ends of side z_d in plane d. Its optimal
    clustering pairs ends across vertices; the server's optimal clustering then keeps only every other vertex. The grid has
    sides^planes vertices. Proof: proofs/two-pass-kmeans.
    """
    turn = 2.0 * math.pi * np.arange(sides) / sides
    inner, outer = 0.25 / math.tan(math.pi / (2 * sides)), 0.25 / math.sin(math.pi / (2 * sides))

    def at(radius: float, shift: float) -> FloatArray:
        return radius * np.stack([np.cos(turn + shift), np.sin(turn + shift)], axis=1)

    middle, between = at(inner, 0.0), at(inner, math.pi / sides)
    ends = at(outer, math.pi / (2 * sides)), at(outer, -math.pi / (2 * sides))
    vertex = np.indices((sides,) * planes).reshape(planes, -1).T
    base = middle[vertex]  # (K, planes, 2)
    points = []
    for d in range(planes):
        for end in ends:
            moved = base.copy()
            moved[:, d] = end[vertex[:, d]]
            points.append(moved.reshape(len(vertex), -1))
    even = vertex[vertex.sum(axis=1) % 2 == 0]
    centres = [
        (middle[even] + (between[(even - shift) % sides] - middle[even]) / planes).reshape(len(even), -1) for shift in (0, 1)
    ]
    data = np.concatenate(points)
    reached = float((nearest_centre(data, np.concatenate(centres))[1] ** 2).sum())
    return reached, float((nearest_centre(data, base.reshape(len(vertex), -1))[1] ** 2).sum())


STOPPED_EARLY = np.array([[0.0], [2.0], [3.0], [10.0]])
"""Four records; K-means started at 0 and 3 has centres 0 and 5 after one step, which label the record at 2 anew."""


def stopped_early() -> tuple[float, float, float]:
    """(certificate with the centres as they are, with the means of the final labels, inertia): one step, one server centre."""
    points, centres = STOPPED_EARLY, np.array([[0.0], [3.0]])
    labels = nearest_centre(points, centres)[0]
    centres = np.array([points[labels == k].mean(axis=0) for k in (0, 1)])
    labels = nearest_centre(points, centres)[0]
    counts = np.bincount(labels).astype(np.float64)
    means = np.array([points[labels == k].mean(axis=0) for k in (0, 1)])
    server = (counts @ centres / counts.sum())[None]

    def bound(sent: FloatArray) -> float:
        own = float(((points - sent[labels]) ** 2).sum())
        between = float(counts @ nearest_centre(sent, server)[1] ** 2)
        return certificate(inertias=np.array([own]), weighted_inertia=between).value

    return bound(centres), bound(means), float((nearest_centre(points, server)[1] ** 2).sum())


def controls() -> list[Control]:
    """Stale labels: the nearest-centre inertia in place of the inertia of the assignment whose means were sent."""
    # Labels {0, 6 | 9}: means 3 and 9; the record at 6 is equally near to both, 5.9 and 6.1 are not.
    points, labels = np.array([[0.0], [7.0], [9.0]]), np.array([0, 0, 1])
    means = np.array([points[labels == k].mean(axis=0) for k in (0, 1)])
    nearest = float((nearest_centre(points, means)[1] ** 2).sum())
    own = float(((points - means[labels]) ** 2).sum())
    weights = np.array([2.0, 1.0])
    server = np.array([[3.5]])
    phi = float((nearest_centre(points, server)[1] ** 2).sum())
    between = float(weights @ nearest_centre(means, server)[1] ** 2)
    worst = approximation(alpha=1.0, beta=1.0).value
    early, recomputed, reached = stopped_early()
    return [
        Control(
            "wrong means: centres of a K-means stopped early are not the means of its final labels",
            reached > early + 1e-9 and reached <= recomputed + 1e-12,
            f"phi {reached:.2f} above {early:.2f}; with means and inertia of the final labels {recomputed:.2f}",
            "exact",
        ),
        Control(
            "certificate with nearest-centre inertia and stale labels",
            phi > nearest + between and phi <= own + between + 1e-12,
            f"phi {phi:.2f} above {nearest + between:.2f}; with the inertia of the assignment itself {own + between:.2f}",
            "exact",
        ),
        Control(
            "wrong constant: the between-centres term dropped",
            phi > own,
            f"phi {phi:.2f} above {own:.2f}; the factor of (c) for exact solvers is {worst:.0f}",
            "exact",
        ),
        *broken(),
    ]
