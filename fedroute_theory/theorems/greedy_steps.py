"""The steps of the greedy decomposition, with which the proofs about greedy routers begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_PROOF = "greedy-decomposition, proof"
DIFFERENCE = f"U_hat(pi*) <= U_hat(pi_hat), as the router is greedy ({_PROOF} 1)"
OSCILLATION = f"e(pi*) <= max e and e(pi_hat) >= min e ({_PROOF} 1)"
TWO_LARGEST = f"max e - min e is at most the sum of the two largest |e|, signs lost ({_PROOF} 1)"


@dataclass(frozen=True, eq=False)
class Greedy:
    """A greedy choice at the test queries. A model left out has the estimate of the chosen one, against which it loses the tie.

    weights: (n,). error: (n, M) U - U_hat. kept: (n, M) whether the model may be chosen. best, chosen: (n,).
    """

    weights: FloatArray
    error: FloatArray
    kept: BoolArray
    best: IntArray
    chosen: IntArray

    @classmethod
    def of(cls, utility: FloatArray, estimate: FloatArray, weights: FloatArray, low: float) -> Greedy:
        """From true and estimated utilities (n, M), the latter not finite where a model is left out; low: end of the range."""
        kept = np.isfinite(estimate)
        chosen = estimate.argmax(axis=1)
        top = np.where(kept, estimate, -np.inf).max(axis=1, keepdims=True)
        completed = np.where(kept, estimate, np.where(np.isfinite(top), top, low))
        return cls(weights, utility - completed, kept, utility.argmax(axis=1), chosen)

    @property
    def difference(self) -> FloatArray:
        """(n,) e(x, pi*) - e(x, pi_hat)."""
        rows = np.arange(self.weights.size)
        apart: FloatArray = self.error[rows, self.best] - self.error[rows, self.chosen]
        return apart

    @property
    def spread(self) -> FloatArray:
        """(n,) max e - min e, the least among models that may be chosen."""
        least = np.where(self.kept, self.error, np.inf).min(axis=1)
        apart: FloatArray = self.error.max(axis=1) - np.where(np.isfinite(least), least, self.error.min(axis=1))
        return apart

    def two_largest(self, label_range: float) -> FloatArray:
        """(n,) sum of the two largest |e|, with the whole range for models left out."""
        sizes = np.sort(np.where(self.kept, np.abs(self.error), label_range), axis=1)
        total: FloatArray = sizes[:, -1] + sizes[:, -2]
        return total

    def mean(self, pointwise: FloatArray) -> float:
        """Expectation under the test law."""
        return float(self.weights @ pointwise)

    def to_difference(self) -> list[Stage]:
        """The first step alone."""
        return [Stage("greedy choice", self.mean(self.difference), DIFFERENCE)]

    def to_oscillation(self) -> list[Stage]:
        """Up to the spread of the errors."""
        return [*self.to_difference(), Stage("worst pair of models", self.mean(self.spread), OSCILLATION)]


def greedy(problem: RoutingProblem, estimate: FloatArray) -> Greedy:
    """The choice by estimates (n, M) on a problem."""
    return Greedy.of(problem.utility, estimate, problem.weights, problem.low)


def steps(claims: Callable[[Case], Iterable[Claim]], case: Case) -> Iterable[Waterfall]:
    """From the gap to every line with the true errors. claims: those of the theorem."""
    problem = case.problem
    fitted = {
        (training, client): estimates.repetition(0).utility_at(problem.embeddings, problem.lam)
        for training, client, estimates in case.trained
    }
    for claim, _ in judged(claims(case)):
        choice = greedy(problem, fitted[claim.training, claim.client])
        last = {
            "error-difference": choice.to_difference(),
            "oscillation": choice.to_oscillation(),
            "sup": [
                *choice.to_oscillation(),
                Stage("two sup errors", 2.0 * choice.mean(np.abs(choice.error).max(axis=1)), f"|e| <= max |e| ({_PROOF} 1)"),
            ],
            "top2": [
                *choice.to_oscillation(),
                Stage("two largest errors", choice.mean(choice.two_largest(problem.label_range)), TWO_LARGEST),
            ],
        }
        yield Waterfall.of(claim, last[claim.form])
