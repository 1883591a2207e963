"""One mixture on one problem: both sides' errors at the test queries, effective weights, exact gaps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray
from fedroute_theory.estimates import Estimates, MixtureEstimates, Prediction
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.bound import Measurement, NotApplicable

BOTH_SIDES, CONSTANT = "an estimate for every model on both sides", "constant weight"
_BLOCK = 200_000


@dataclass(frozen=True, eq=False)
class Mixed:
    """One mixture on one problem: errors of both sides at the test queries, first repetition."""

    problem: RoutingProblem
    estimates: MixtureEstimates

    @cached_property
    def first(self) -> MixtureEstimates:
        """The first repetition."""
        return self.estimates.repetition(0)

    @cached_property
    def live(self) -> BoolArray:
        """(n,) queries with test mass."""
        return self.problem.weights > 0.0

    @cached_property
    def sides(self) -> tuple[Prediction, ...]:
        """Quality and cost of the local and of the federated side."""
        return tuple(side.predict(self.problem.embeddings) for side in (self.first.local, self.first.federated))

    @cached_property
    def utilities(self) -> list[FloatArray]:
        """Estimated utility (n, M) of the local and of the federated side; NaN where there is none."""
        return [quality - self.problem.lam * cost for quality, cost in self.sides]

    @cached_property
    def shares(self) -> Prediction:
        """Effective weight (n, M) of the local side for quality and cost; at price 0 cost plays no part."""
        quality, cost = self.first.shares(self.problem.embeddings)
        return quality, cost if self.problem.lam > 0.0 else quality

    @cached_property
    def measured(self) -> dict[str, Measurement]:
        """The assumptions on weights and sides, by name."""
        weights = self.problem.weights
        nothing = np.isnan(self.utilities[0]) | np.isnan(self.utilities[1])
        missing = float(weights @ nothing.any(axis=1))
        varying = float(weights @ (np.ptp(np.concatenate(self.shares, axis=1), axis=1) > 0.0))
        return {
            BOTH_SIDES: Measurement(
                BOTH_SIDES, missing == 0.0, missing, how="test mass where a side has none for some model", limit=0.0
            ),
            CONSTANT: Measurement(
                CONSTANT,
                varying == 0.0,
                varying,
                how="test mass where the share differs between models, or quality and cost",
                limit=0.0,
            ),
        }

    def refused(self, *names: str) -> NotApplicable | None:
        """The first of these assumptions that fails."""
        failed = [self.measured[n] for n in names if self.measured[n].holds is False]
        return NotApplicable(failed[0].name, f"on test mass {failed[0].value:.3g}") if failed else None

    def mean_oscillation(self, utility: FloatArray) -> float:
        """E osc of values (n, M) under the test law."""
        return float(self.problem.weights[self.live] @ np.ptp(utility[self.live], axis=1))

    @cached_property
    def errors(self) -> list[FloatArray]:
        """U - U_hat (n, M) of the local and of the federated side."""
        return [self.problem.utility - side for side in self.utilities]


def gaps(problem: RoutingProblem, estimates: Estimates) -> FloatArray:
    """(T,) exact gap of the greedy policy in every repetition, at the problem's test queries."""
    total: FloatArray = np.zeros(1)
    step = max(1, _BLOCK // max(1, estimates.utility_at(problem.embeddings[:1], problem.lam).size))
    for start in range(0, problem.weights.size, step):
        part = slice(start, start + step)
        guessed = estimates.utility_at(problem.embeddings[part], problem.lam)
        chosen = np.atleast_2d(guessed.argmax(axis=-1))
        lost = problem.optimum[part] - problem.utility[part][np.arange(chosen.shape[1]), chosen]
        total = total + lost @ problem.weights[part]
    return total
