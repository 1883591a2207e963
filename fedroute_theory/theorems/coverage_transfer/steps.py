"""The steps from the errors of a greedy router to the squared error under the logging law."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray
from fedroute_theory.assumptions import coverage
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.coverage_transfer.claims import claims
from fedroute_theory.theorems.coverage_transfer.formulas import best_holes, saturated
from fedroute_theory.theorems.greedy_steps import Greedy, greedy
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged, scaled

_TWO = "|a| + |b| <= sqrt(v + w) sqrt(a^2/v + b^2/w) (coverage-transfer, proof, Two numbers)"
_PAIR = "w + w' is at most the largest over the pairs allowed (coverage-transfer, proof)"
_SCHWARZ = "Cauchy-Schwarz under the test law (coverage-transfer, proof, Plain)"
_ALL = "two models' squared errors are at most all models' and all records' (coverage-transfer, proof, Plain)"
_RANGE = "no loss exceeds the range R (coverage-transfer, proof, Range-aware)"
_WORST = "the worst losses in [0, R] with that E[loss^2 / k2] (coverage-transfer, proof, Range-aware)"

Level = Callable[[FloatArray, FloatArray, float, float], float]
"""The range-aware value for weights (n,), k2 (n,), eps and R."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """A greedy choice and the law of the records behind it.

    ratio: (n, M) d rho / d nu. k2: (n,) the coverage integrand that the bound uses. squared: E_rho e^2, mass of the log off the
    test law included. given_policy: whether the pair is (pi*, pi_hat), as needed where k2 is that of the policy.
    """

    choice: Greedy
    ratio: FloatArray
    k2: FloatArray
    squared: float
    given_policy: bool = False

    @property
    def _pairs(self) -> tuple[FloatArray, FloatArray]:
        """(n,) w + w' and e^2/w + e'^2/w' of the two models compared, zero error where they are one."""
        error, rows = self.choice.error, np.arange(self.k2.size)
        first, second = (
            (self.choice.best, self.choice.chosen) if self.given_policy else (error.argmax(axis=1), error.argmin(axis=1))
        )
        with np.errstate(divide="ignore"):
            w = 1.0 / self.ratio
        paid = self.ratio[rows, first] * error[rows, first] ** 2 + self.ratio[rows, second] * error[rows, second] ** 2
        return w[rows, first] + w[rows, second], np.where(first == second, 0.0, paid)

    @property
    def paid(self) -> FloatArray:
        """(n,) e^2/w + e'^2/w' of the two models compared."""
        return self._pairs[1]

    def stages(self, where: BoolArray | None = None) -> list[Stage]:
        """From the errors at queries with finite k2 (and `where`) to sqrt(E k2) sqrt(E_rho e^2)."""
        weights = self.choice.weights
        live = (weights > 0) if where is None else (weights > 0) & where
        nu, k2 = weights[live], self.k2[live]
        own, paid = (values[live] for values in self._pairs)
        found = [Stage("greedy choice", float(nu @ self.choice.difference[live]), self.choice.to_difference()[0].why)]
        if not self.given_policy:
            found.append(replace(self.choice.to_oscillation()[1], value=float(nu @ self.choice.spread[live])))
        own = np.where(paid > 0.0, own, 0.0)
        mean = float(nu @ k2)
        return [
            *found,
            Stage("two numbers", float(nu @ np.sqrt(own * paid)), _TWO),
            Stage("least covered pair", float(nu @ np.sqrt(k2 * paid)), _PAIR),
            Stage("Cauchy-Schwarz", math.sqrt(mean * float(nu @ paid)), _SCHWARZ),
            Stage("all models", math.sqrt(mean * self.squared), _ALL),
        ]

    def saturated_stages(self, level: Level, label_range: float) -> list[Stage]:
        """From the errors to the range-aware value at E_rho e^2; where k2 is infinite a query may lose R."""
        weights, finite = self.choice.weights, np.isfinite(self.k2)
        _, paid = self._pairs
        paid = np.where(finite, paid, 0.0)
        cut = np.minimum(label_range, self.choice.difference if self.given_policy else self.choice.spread)
        pair = np.minimum(label_range, np.sqrt(np.where(finite, self.k2, 0.0) * paid))

        def holed(values: FloatArray) -> float:
            return float(weights @ np.where(finite, values, label_range))

        first = Stage("greedy choice", holed(np.minimum(label_range, self.choice.difference)), f"{_first(self)}; {_RANGE}")
        spread = [] if self.given_policy else [replace(self.choice.to_oscillation()[1], value=holed(cut))]
        eps = math.sqrt(float(weights @ paid))
        return [
            first,
            *spread,
            Stage("least covered pair", holed(pair), f"{_TWO}; {_PAIR}"),
            Stage("worst losses", level(weights, self.k2, eps, label_range), _WORST),
            Stage("all models", level(weights, self.k2, math.sqrt(self.squared), label_range), _ALL),
        ]


def _first(transfer: Transfer) -> str:
    return transfer.choice.to_difference()[0].why


def steps(case: Case) -> Iterable[Waterfall]:
    """From the gap to every form."""
    problem = case.problem
    if case.federation is None:
        return
    laws = (case.federation.pooled_coverage(problem), case.federation.coverage(problem))
    fitted = {(training, client): estimates.repetition(0) for training, client, estimates in case.trained}
    for claim, _ in judged(claims(case)):
        ratio = laws[0] if claim.client is None else laws[1][claim.client]
        choice = greedy(problem, fitted[claim.training, claim.client].utility_at(problem.embeddings, problem.lam))
        estimated = choice.kept.all(axis=1)
        pointwise = coverage(ratio, problem.weights, choice.chosen if claim.form == "policy" else None).pointwise
        k2 = np.where(estimated, pointwise, np.inf)
        squared = problem.weights * (ratio * np.where(choice.kept, choice.error, 0.0) ** 2).sum(axis=1)
        whole = Transfer(choice, ratio, k2, float(squared.sum()), claim.form == "policy")
        if claim.form == "holes":
            stages = _with_holes(whole, squared, problem.label_range)
        elif claim.form == "range-aware":
            covered = replace(whole, squared=float(squared[np.isfinite(k2)].sum()))
            stages = covered.saturated_stages(lambda *at: saturated(*at).value, problem.label_range)
        else:
            stages = whole.stages()
        yield Waterfall.of(claim, stages)


def _with_holes(whole: Transfer, squared: FloatArray, label_range: float) -> list[Stage]:
    weights, k2 = whole.choice.weights, whole.k2
    hole, eps, outside = best_holes(weights, k2, squared, label_range)
    order = np.argsort(k2, kind="stable")
    order = order[np.isfinite(k2[order])]
    cut = int(np.argmin(np.abs(np.concatenate([[0.0], np.cumsum(weights[order] * k2[order])]) - outside)))
    here = np.zeros(weights.size, dtype=bool)
    here[order[:cut]] = True
    choice, lost = whole.choice, label_range * hole
    first = float(weights[here] @ choice.difference[here])
    # The exact loss outside the holes is at most the difference of errors there.
    stages = scaled(replace(whole, squared=eps**2).stages(here), offset=lost)
    return [
        replace(stages[0], value=first + float(weights[~here] @ choice.difference[~here])),
        Stage("holes", lost + first, "inside the holes a query may lose R (coverage-transfer, proof, Holes)"),
        *stages[1:],
    ]
