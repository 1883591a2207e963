"""The K-means theorem's bounds on a table: the relative form of every router, the Lipschitz forms of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import Slope, steepest_slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.bound import Bound, NotApplicable
from fedroute_theory.theorems.kmeans_router import forms
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry, PairIntervals
from fedroute_theory.theorems.kmeans_router.claims import intervals
from fedroute_theory.theorems.kmeans_router.measured import measurements

FIRST_LOOK = 3000
"""Number of test queries whose pairs are compared first."""

_UNUSED_DELTA = 0.5
"""The labels of a table are its truth: there is no statistical event, so no failure probability is spent."""


def failed_assumption(problem: RoutingProblem, logs: Logs, estimates: CellEstimates) -> NotApplicable | None:
    """The first assumption of the relative form that a trained router breaks, or None.

    The form needs no Lipschitz constant; with noise-free labels neither non-adaptive logging nor label-free centres. Whether
    estimates are cell means is checked on the records, whatever the training declares.
    """
    geometry = CellGeometry(problem, logs, estimates)
    measured = measurements(geometry, Slope(0.0, "not needed"))
    off = _misplaced(geometry)
    if off:
        return NotApplicable("estimates are cell means", f"not so in {off} (cell, model) pairs")
    if measured["cost labels in range"].holds is False:
        return NotApplicable("cost labels in range", measured["cost labels in range"].how)
    return None


def _misplaced(geometry: CellGeometry) -> int:
    """Number of (cell, model) pairs whose estimate is not the mean label of the records nearest to that centre."""
    logs, estimates = geometry.logs, geometry.estimates
    shape, place = estimates.counts.shape, geometry.record_cell * logs.n_models + logs.model
    wrong = geometry.recounted != estimates.counts
    for labels, fitted in ((logs.quality, estimates.quality), (logs.cost, estimates.cost)):
        sums = np.bincount(place, labels, estimates.counts.size).reshape(shape)
        means = np.divide(sums, geometry.recounted, out=np.zeros(shape), where=geometry.recounted > 0)
        wrong |= estimates.logged & ~np.isclose(means, fitted, rtol=1e-9, atol=1e-12)
    return int(wrong.sum())


def relative_bound(problem: RoutingProblem, logs: Logs, estimates: CellEstimates) -> Bound:
    """The bound on the estimation gap (against the best policy constant on the router's cells) under `problem`'s law.

    Terms: mismatch (a cell's test queries differ from its records), unlogged (pairs without a record), statistical (zero:
    labels are the truth), range cap (what the utility range takes away). Callers check `failed_assumption` first.
    """
    geometry = CellGeometry(problem, logs, estimates)
    pairs = intervals(geometry, _UNUSED_DELTA)["exact"]
    shift = forms.shifts(geometry, pairs, True)
    logged, up, down = pairs.logged, pairs.up[0], pairs.down[0]
    parts = {
        "mismatch": (shift[0], -shift[0]),
        "unlogged": (np.where(logged, 0.0, up), np.where(logged, 0.0, down)),
        "statistical": (np.where(logged, up, 0.0), np.where(logged, down, 0.0)),
    }
    terms = forms.pointwise_terms(parts, geometry.by_cell.mass, problem.label_range)
    return Bound(terms, trivial=problem.label_range)


@dataclass(frozen=True)
class LipschitzForms:
    """What the Lipschitz forms say of one router: a measured constant, the forms' values, the range they must beat.

    slope: utility per unit of distance, infinite where equal embeddings have different outcomes. forms: name -> value
    (utility), empty where the constant is infinite. label_range: R.
    """

    slope: Slope
    forms: dict[str, float]
    label_range: float

    @property
    def vacuous(self) -> bool:
        """Whether no form says more than the range of the utility does."""
        return all(value >= 0.999 * self.label_range for value in self.forms.values())

    @property
    def remark(self) -> str:
        """One sentence for the report."""
        if not self.forms:
            return "Equal embeddings have different outcomes, so no Lipschitz constant exists; read the relative form."
        if self.vacuous:
            return "The Lipschitz forms are vacuous here: they reach the range R of the utility; read the relative form."
        least = min(self.forms, key=lambda name: self.forms[name])
        return f"The {least} form says {self.forms[least]:.3g}, below the range R = {self.label_range:.3g}."


def lipschitz_forms(problem: RoutingProblem, logs: Logs, estimates: CellEstimates) -> LipschitzForms:
    """Measure the Lipschitz constant over all pairs of test queries and evaluate the sharp and spread forms with it.

    More queries can only raise the constant, so a verdict "vacuous" stands: it is sought on FIRST_LOOK queries before all of
    them are compared.
    """
    found = _lipschitz_forms(problem, logs, estimates, FIRST_LOOK)
    return found if found.vacuous or problem.weights.size <= FIRST_LOOK else _lipschitz_forms(problem, logs, estimates, None)


def _lipschitz_forms(problem: RoutingProblem, logs: Logs, estimates: CellEstimates, first: int | None) -> LipschitzForms:
    slope = steepest_slope(problem.replace(weights=np.arange(problem.weights.size) < (first or problem.weights.size)))
    values: dict[str, float] = {}
    if np.isfinite(slope.value):
        geometry = CellGeometry(problem, logs, estimates)
        pairs: PairIntervals = intervals(geometry, _UNUSED_DELTA)["exact"]
        shift: FloatArray = forms.shifts(geometry, pairs, True)
        values["sharp"] = float(forms.sharp(geometry, pairs, slope.value)[0])
        values["spread"] = float(forms.by_cells(geometry, pairs, shift, slope.value)[0])
    return LipschitzForms(slope, values, problem.label_range)
