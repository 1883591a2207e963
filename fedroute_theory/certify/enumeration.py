"""Exact probability that a K-means bound fails: every outcome of Bernoulli quality labels, weighted by its chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory._validate import InputError
from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems import Bound, Case
from fedroute_theory.theorems.kmeans_router.claims import training_claims

OUTCOME_LIMIT = 200_000
"""Most joint outcomes that are enumerated."""


def conclusion_failure(
    problem: RoutingProblem, logs: Logs, estimates: CellEstimates, delta: float
) -> dict[str, tuple[float, float]]:
    """For every form: (largest gap among the outcomes, P(gap > bound)), given the records.

    An outcome is the number of successes of every non-empty (cell, model) pair, for Bernoulli quality labels and exact costs.
    delta: granted to the bounds, in (0, 1). InputError when there are more than OUTCOME_LIMIT outcomes or other labels.
    """
    if logs.labels != "bernoulli-quality":
        raise InputError(f"Enumeration needs 'bernoulli-quality' labels; got {logs.labels!r}.")
    cells = estimates.cells(logs.embedding)
    quality = problem.truth(logs.embedding)[0][np.arange(logs.size), logs.model]
    pairs = [(int(k), int(m)) for k, m in np.argwhere(estimates.counts > 0)]
    laws = [_successes(quality[(cells == k) & (logs.model == m)]) for k, m in pairs]
    outcomes = int(np.prod([law.size for law in laws]))
    if outcomes > OUTCOME_LIMIT:
        raise InputError(f"Enumeration takes at most {OUTCOME_LIMIT} outcomes; these records have {outcomes}.")
    index = np.indices([law.size for law in laws]).reshape(len(laws), -1)
    chance = np.prod([law[i] for law, i in zip(laws, index, strict=True)], axis=0)
    means = np.broadcast_to(estimates.quality, (outcomes, *estimates.quality.shape)).copy()
    for (k, m), law, successes in zip(pairs, laws, index, strict=True):
        means[:, k, m] = successes / (law.size - 1)
    if estimates.empty in ("exclude", "pooled-mean"):  # fallbacks that are means over all cells move with the labels
        counts = estimates.counts
        sums = np.where(counts > 0, counts * means, 0.0).sum(axis=1)
        over_all = np.divide(sums, counts.sum(axis=0), out=np.full(sums.shape, np.nan), where=counts.sum(axis=0) > 0)
        borrows = (counts == 0) & ~np.isnan(estimates.quality)
        means = np.where(borrows, over_all[:, None, :], means)
    costs = np.broadcast_to(estimates.cost, means.shape)
    repeated = replace(estimates, quality=means, cost=costs)
    case = Case(problem, None, logs, [("pooled", None, repeated)], delta)
    return {
        claim.form: (float(claim.gaps.max()), float(chance[claim.gaps > claim.bounds + 1e-12].sum()))
        for claim in training_claims(case, "pooled", None, repeated, steepest_slope(problem, logs))
        if isinstance(claim.answer, Bound) and claim.gaps.size
    }


def _successes(
    chances: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Law of the number of successes, one trial after the other."""
    law = np.ones(1)
    for p in chances:
        law = np.append(law * (1.0 - p), 0.0) + np.append(0.0, law * p)
    return law
