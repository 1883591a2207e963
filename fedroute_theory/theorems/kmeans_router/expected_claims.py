"""The expected form's claim about one trained router: the bound beside the exact or the averaged gap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Bound, Measurement, NotApplicable
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.expected import IN_EXPECTATION, expected_terms
from fedroute_theory.theorems.kmeans_router.race import expected_gap

MISS = 1e-9
"""Chance that the mean over repetitions lies farther from the expected gap than the half-width, on either side."""


def expected_bound(geometry: CellGeometry) -> Bound:
    """The expected form for these records, with signed mismatches and the true best model of every cell."""
    problem, estimates, by_cell = geometry.problem, geometry.estimates, geometry.by_cell
    logged, counts = estimates.logged, estimates.counts
    shift = np.where(logged, by_cell.pointwise - geometry.realised_mean, 0.0)
    noise = 0.0 if geometry.logs.labels == "exact" else 1.0
    variance = np.divide(noise, counts, out=np.full(counts.shape, np.inf), where=logged)
    up, down = shift, -shift
    if estimates.empty == "mid-range":  # a constant half a range from the ends, without noise
        half = problem.label_range / 2.0
        up, down, variance = (np.where(logged, a, b) for a, b in ((up, half), (down, half), (variance, 0.0)))
    terms = expected_terms(
        up, down, variance, estimates.routable, by_cell.mass, problem.label_range, by_cell.pointwise.argmax(axis=1)
    )
    return Bound(terms, trivial=problem.label_range, notes=IN_EXPECTATION)


def expected_claims(
    geometry: CellGeometry, gaps: FloatArray, training: str, client: int | None, measured: Mapping[str, Measurement],
    refused: NotApplicable | None,
) -> Iterable[Claim]:  # fmt: skip
    """At most one claim: exact where the labels can be enumerated, else the mean of the repetitions with its half-width.

    gaps: (T,) to the best policy constant on cells, labels redrawn on the same records. No claim where no mean could lie
    above bound plus half-width: nothing could be judged.
    """
    assumptions, n = tuple(measured.values()), geometry.estimates.n
    if refused is not None:
        yield Claim("expected", training, client, n, refused, float(gaps[0]), assumptions=assumptions)
        return
    bound = expected_bound(geometry)
    if geometry.logs.labels == "exact":
        yield Claim("expected", training, client, n, bound, float(gaps[0]), assumptions=assumptions)
        return
    exact = expected_gap(geometry)
    if exact is not None:
        yield Claim("expected", training, client, n, bound, exact, assumptions=assumptions)
        return
    pointwise = geometry.by_cell.pointwise
    largest = float(geometry.by_cell.mass @ (pointwise.max(axis=1) - pointwise.min(axis=1)))
    half = largest * math.sqrt(math.log(1.0 / MISS) / (2.0 * gaps.size))
    if bound.value + half < largest:
        notes = f"{IN_EXPECTATION}; the gap is the mean of {gaps.size} repetitions +- {half:.4g}"
        answer = Bound(bound.terms, trivial=bound.trivial, notes=notes)
        gap = float(gaps.mean())
        yield Claim("expected", training, client, n, answer, gap, assumptions=assumptions, uncertainty=half, miss=MISS)
