"""Families in which the K-means bounds are tight or known not to be, and versions that look right and are wrong."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import Slope, steepest_slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.lines import policy_line, worst_pair
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.bound import Bound, NotApplicable
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.claims import training_claims
from fedroute_theory.theorems.kmeans_router.events import event_failure
from fedroute_theory.theorems.kmeans_router.expected_families import expected_controls, expected_extremal
from fedroute_theory.theorems.kmeans_router.expected_kl_families import expected_kl_controls, expected_kl_extremal
from fedroute_theory.theorems.kmeans_router.measured import ONE_TRUTH
from fedroute_theory.theorems.kmeans_router.one_cell import claims_by_form, one_cell
from fedroute_theory.theorems.kmeans_router.traps import exit_probability, trap_controls

RATIOS = {
    "uniform law": {"sharp": 4.0, "pairwise": 8.0 / 3.0, "spread": 4.0 / 3.0},
    "two-point law": {"sharp": 4.0, "pairwise": 2.0, "spread": 1.0},
    "train and test at two points": {"sharp": 1.0, "pairwise": 1.0, "expected": 1.0},
}
"""bound / gap on the one-dimensional family: two models with slopes +-L and equal cell means, one cell, noise-free."""


def _line_problem(points: FloatArray, weights: FloatArray, slope: float, equal_at: float) -> Tabular:
    rise = slope * (points - equal_at)
    return Tabular(points[:, None], weights, np.stack([0.5 - rise, 0.5 + rise], axis=1), np.zeros((points.size, 2)))


def extremal() -> list[Extremal]:
    """The one-dimensional family under the uniform law, the two-point law, and with train and test apart."""
    slope = 0.25
    grid = (np.arange(2000) + 0.5) / 2000
    ends = np.array([0.0, 1.0])
    cases = {
        "uniform law": (_line_problem(grid, np.ones(2000), slope, 0.5), grid),
        "two-point law": (_line_problem(ends, np.ones(2), slope, 0.5), ends),
        "train and test at two points": (_line_problem(ends, np.array([0.0, 1.0]), slope, 0.0), ends[:1]),
    }
    found = []
    for name, (problem, queries) in cases.items():
        records = np.repeat(queries, 2)[:, None]
        logs, estimates = one_cell(problem, records, [0, 1] * queries.size, 0.5)
        by_form = claims_by_form(problem, logs, estimates, Slope(slope, "by construction"))
        for form, ratio in RATIOS[name].items():
            claim = by_form[form]
            value = claim.answer.value if isinstance(claim.answer, Bound) else math.nan
            found.append(Extremal(name, form, value, claim.gap, ratio, 0.01))
    return [*found, expected_extremal(), expected_kl_extremal()]


def controls() -> list[Control]:
    """Traps, assumptions broken one at a time, and a wrong constant."""
    return [
        _training_law_trap(),
        _adaptive_trap(),
        _own_model_trap(),
        *trap_controls(),
        *_broken_assumptions(),
        _wrong_width(),
        *expected_controls(),
        *expected_kl_controls(),
    ]


def _training_law_trap() -> Control:
    """s taken against the training law instead of the realised records: noise-free, two queries, every draw enumerated."""
    problem = Tabular(np.array([[0.0], [1.0]]), np.ones(2), np.array([[0.0, 0.6], [1.0, 0.6]]), np.zeros((2, 2)))
    wrong = right = 0.0
    for first, second in itertools.product((0.0, 1.0), repeat=2):
        logs, estimates = one_cell(problem, np.array([[first], [second]]), [0, 1], 0.5)
        claim = claims_by_form(problem, logs, estimates, steepest_slope(problem, logs))["relative"]
        bound = claim.answer.value if isinstance(claim.answer, Bound) else math.inf
        law_bound = 0.0  # test law = training law and no label noise: this version has s = w = 0
        wrong += 0.25 * (claim.gap > law_bound + 1e-12)
        right += 0.25 * (claim.gap > bound + 1e-12)
    return Control(
        "s compared with the mean under the training law",
        wrong > 0.05 and right == 0.0,
        f"fails with probability {wrong:.2f}; compared with the realised records it fails with probability {right:.2f}",
        "exact over all draws",
    )


def adaptive_failure(records: int, delta: float) -> float:
    """P(the final mean leaves the Hoeffding interval) when logging of a fair coin stops as soon as it does; exact."""
    return exit_probability(records, math.log(2.0 / delta))


def _adaptive_trap() -> Control:
    delta, records = 0.05, 400
    chance = adaptive_failure(records, delta)
    problem, logs, estimates = _small()
    said = claims_by_form(problem, replace(logs, adaptivity="adaptive"), estimates, Slope(1.0, "given"))["sharp"].answer
    return Control(
        "logs that stop after seeing labels",
        chance > delta and isinstance(said, NotApplicable),
        f"at most {records} records, stopped at the first exit: the event fails with probability {chance:.3f} > {delta}; "
        f"{said}",
        "exact by dynamic programming",
    )


def _own_model_trap() -> Control:
    b = np.array([0.3, 0.1])
    estimate, chosen = np.array([0.5, 0.5]), np.asarray(0)
    top2 = float(worst_pair(b, b))
    with_own = float((estimate + b).max() - (estimate - b)[0])
    line = float(policy_line(estimate + b, estimate - b, chosen))
    return Control(
        "the chosen model included among its own rivals (policy form)",
        with_own > top2 and line <= top2,
        f"{with_own:.2f} above the sharp form {top2:.2f}, which the policy form ({line:.2f}) never exceeds",
        "exact",
    )


def _small() -> tuple[Tabular, Logs, CellEstimates]:
    problem = Tabular(np.array([[0.0], [1.0]]), np.ones(2), np.array([[0.2, 0.7], [0.9, 0.4]]), np.zeros((2, 2)))
    records = np.array([[0.0], [1.0], [0.0], [1.0]])
    logs, estimates = one_cell(problem, records, [0, 0, 1, 1], 0.5)
    return problem, replace(logs, labels="bernoulli-quality", quality=np.array([0.0, 1.0, 1.0, 0.0])), estimates


def _broken_assumptions() -> list[Control]:
    """Each assumption broken alone; the sharp form must answer that it is not applicable, and name it."""
    problem, logs, estimates = _small()
    given = Slope(1.0, "given")
    twins = problem.replace(embeddings=np.zeros((2, 1)))
    broken = {
        "utility Lipschitz": (logs, estimates, steepest_slope(twins)),  # equal embeddings, unequal utilities
        "non-adaptive logging": (replace(logs, adaptivity="adaptive"), estimates, given),
        "label-free centres": (logs, replace(estimates, label_free=False), given),
        "estimates are cell means": (logs, replace(estimates, distance=estimates.distance + 0.1), given),
        "cost labels in range": (replace(logs, cost=logs.cost + 1.0), estimates, given),
    }
    found = []
    for assumption, (case_logs, case_estimates, slope) in broken.items():
        found.append(refused(assumption, [claims_by_form(problem, case_logs, case_estimates, slope)["sharp"]]))
    other = problem.replace(quality=problem.quality[:, ::-1])
    apart = Case(problem, None, logs, [("pooled", None, estimates)], truths=(other,))
    found.append(refused(ONE_TRUTH, training_claims(apart, "pooled", None, estimates, given)))
    return found


def _wrong_width() -> Control:
    """Half the Hoeffding width: the exact failure probability of the event exceeds delta."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.full((1, 2), 0.5), np.zeros((1, 2)))
    records = np.zeros((200, 1))
    logs, estimates = one_cell(problem, records, [0, 1] * 100, 0.0)
    geometry = CellGeometry(problem, replace(logs, labels="bernoulli-quality"), estimates)
    full, half = event_failure(geometry, 0.05, "hoeffding"), event_failure(geometry, 0.05, "hoeffding", 0.5)
    return Control(
        "wrong constant: half the Hoeffding width",
        full is not None and half is not None and full <= 0.05 < half,
        f"the event fails with probability {half:.3f} instead of {full:.4f} <= 0.05",
        "exact by convolution",
    )
