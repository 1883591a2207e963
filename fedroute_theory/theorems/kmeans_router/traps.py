"""K-means statements that look right and are wrong: choices made too late, ties within a cell, silent zeros."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import Policy
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.bound import Bound, NotApplicable
from fedroute_theory.theorems.kmeans_router.measured import TIES
from fedroute_theory.theorems.kmeans_router.one_cell import claims_by_form, one_cell
from fedroute_theory.theorems.kmeans_router.widths import hoeffding

CONSTANT_TIES = ("spread", "three-terms", "relative", "expected")
ANY_TIES = ("sharp", "pairwise")
"""Forms that need ties constant on cells, and forms that survive any."""


def trap_controls() -> list[Control]:
    """Each with a counterexample, and with what the package says of it."""
    return [_switching(), _late_centres(), _varying_ties(), _silent_zero()]


def exit_probability(records: int, level: float) -> float:
    """P(for some n <= records: |mean of n fair coins - 1/2| > sqrt(level / (2 n))), exact.

    The law of the number of successes among the paths that have not left, step by step.
    """
    alive, failed = np.array([1.0]), 0.0
    for n in range(1, records + 1):
        alive = 0.5 * (np.append(alive, 0.0) + np.append(0.0, alive))
        outside = np.abs(np.arange(n + 1) / n - 0.5) > float(hoeffding(np.asarray(n), level))
        failed += float(alive[outside].sum())
        alive[outside] = 0.0
    return failed


def _switching() -> Control:
    """One record of model 1, then model 0 until its mean leaves its interval, then model 1: two pairs, 2,000 records."""
    delta, records = 0.05, 2000
    chance = exit_probability(records - 1, math.log(4.0 / delta))
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.full((1, 2), 0.5), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((4, 1)), [1, 0, 0, 1], 0.0, labels="bernoulli-quality")
    said = claims_by_form(problem, replace(logs, adaptivity="adaptive"), estimates, steepest_slope(problem, logs))
    refused = all(isinstance(c.answer, NotApplicable) and c.answer.assumption == "non-adaptive logging" for c in said.values())
    return Control(
        "logs that switch model after seeing labels",
        chance > delta and refused,
        f"{records} records, switched when the first model's mean leaves its interval: the event fails with probability "
        f"{chance:.3f} > {delta}; {said['relative'].answer}",
        "exact by dynamic programming",
    )


def separated_means(ones: int, records: int, delta: float) -> bool:
    """Whether the event fails when the two centres are the means of the records labelled 1 and of those labelled 0.

    The records' queries are the unit vectors, so each record is nearest to the centre of its own label: cell means are 1 and 0
    where the truth is 1/2.
    """
    labels = np.arange(records) < ones
    points = np.eye(records)
    pure = ones in (0, records)
    centres = points.mean(axis=0)[None] if pure else np.stack([points[~labels].mean(axis=0), points[labels].mean(axis=0)])
    cell = np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(axis=1)
    sizes = np.bincount(cell, minlength=len(centres))
    means = np.bincount(cell, labels, len(centres)) / sizes
    return bool((np.abs(means - 0.5) > hoeffding(sizes, math.log(2.0 * len(centres) / delta))).any())


def _late_centres() -> Control:
    delta, records = 0.05, 24
    chance = sum(math.comb(records, k) * separated_means(k, records, delta) for k in range(records + 1)) / 2**records
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.full((1, 2), 0.5), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((2, 1)), [0, 1], 0.0, labels="bernoulli-quality")
    said = claims_by_form(problem, logs, replace(estimates, label_free=False), steepest_slope(problem, logs))["relative"].answer
    return Control(
        "centres chosen after the labels: the mean query of the ones and of the zeros",
        chance > delta and isinstance(said, NotApplicable) and said.assumption == "label-free centres",
        f"{records} fair labels on the corners of a simplex: the event fails with probability {chance:.3f} > {delta}; {said}",
        "exact over all numbers of ones",
    )


@dataclass(frozen=True, eq=False)
class WorstTies(CellEstimates):
    """Breaks ties query by query, for the model that is worst there: greedy all the same. problem: where it looks."""

    problem: Tabular | None = None

    def policy(self, lam: float) -> Policy:
        """The worst of the models that are tied for the best estimate."""
        estimated = self.utility(lam)

        def choose(embeddings: FloatArray) -> IntArray:
            assert self.problem is not None
            at = estimated[self.cells(embeddings)]
            quality, cost = self.problem.truth(embeddings)
            tied = at >= at.max(axis=1, keepdims=True) - 1e-12
            worst: IntArray = np.where(tied, quality - lam * cost, np.inf).argmin(axis=1)
            return worst

        return choose


def triangle() -> tuple[Tabular, Logs, CellEstimates]:
    """Three queries at equal distances, one cell, and for each query a model that is better there and one that is worse.

    All six models have mean quality 1/2 on the cell, which their records show exactly.
    """
    turn = 2.0 * math.pi * np.arange(3) / 3.0
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rise = 0.375 * (np.eye(3) - 1.0 / 3.0)
    problem = Tabular(points, np.ones(3), np.concatenate([0.5 + rise, 0.5 - rise], axis=1), np.zeros((3, 6)))
    records = np.repeat(points, 6, axis=0)
    logs, estimates = one_cell(problem, records, [0, 1, 2, 3, 4, 5] * 3, np.zeros(2))
    return problem, logs, estimates


def _varying_ties() -> Control:
    """The bounds of a router that breaks ties once, beside the gap of one that breaks them query by query."""
    problem, logs, estimates = triangle()
    slope = steepest_slope(problem, logs)
    worst = WorstTies(**vars(estimates), problem=problem)
    gap = problem.suboptimality(worst.policy(problem.lam)).value
    own = gap - problem.suboptimality(estimates.policy(problem.lam)).value  # to the best on cells: every constant choice ties
    values = {
        form: claim.answer.value
        for form, claim in claims_by_form(problem, logs, estimates, slope).items()
        if isinstance(claim.answer, Bound)
    }
    gaps = {form: own if form in ("relative", "expected") else gap for form in values}
    fails = all(gaps[form] > values[form] + 1e-9 for form in CONSTANT_TIES)
    holds = all(gap <= values[form] + 1e-9 for form in ANY_TIES)
    said = {form: claim.answer for form, claim in claims_by_form(problem, logs, worst, slope).items()}
    refused = all(isinstance(said[f], NotApplicable) and said[f].assumption == TIES for f in CONSTANT_TIES)  # type: ignore[union-attr]
    wrong = ", ".join(f"{form} {gaps[form]:.3f} above {values[form]:.3f}" for form in CONSTANT_TIES)
    return Control(
        "ties broken query by query within a cell",
        fails and holds and refused,
        f"six models tied on three queries: {wrong}; sharp {values['sharp']:.3f} holds; {said['relative']}",
        "exact",
        TIES,
    )


def _silent_zero() -> Control:
    """A pair without records read as an estimate of 0 that nothing can be wrong with."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.4, 0.9]]), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((2, 1)), [0, 0], 0.0)
    zero = replace(estimates, routable=np.ones((1, 2), dtype=bool))
    claim = claims_by_form(problem, logs, zero, steepest_slope(problem, logs))["relative"]
    right = claim.answer.value if isinstance(claim.answer, Bound) else -math.inf
    silent = right - claim.answer.terms["unlogged"] if isinstance(claim.answer, Bound) else math.inf
    return Control(
        "an empty (cell, model) pair as a silent zero estimate",
        right >= claim.gap > silent + 1e-9,
        f"the better model (0.9 against 0.4) has no record: gap {claim.gap:.2f} above {silent:.2f}; a pair that may be worth "
        f"the top of the range gives {right:.2f}",
        "exact",
    )
