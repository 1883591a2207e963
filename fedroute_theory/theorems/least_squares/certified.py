"""One training whose functions come from a class: what the theorems about fitted functions read of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import FunctionEstimates, Hypotheses
from fedroute_theory.federation import Labels
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.bound import Measurement
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.assumed import measured
from fedroute_theory.theorems.least_squares.excess import Excess, excess_risk
from fedroute_theory.theorems.least_squares.laws import record_means, records_of, truth_of


@dataclass(frozen=True, eq=False)
class Certified:
    """One training whose functions come from a class: its records, its price, its excess risk, what is assumed of it.

    problem: the truth its gap is measured against. complexity: (T,) nats. utility: (T, n, M) estimated, at the queries.
    measured: the assumptions by name.
    """

    training: str
    client: int | None
    n: int
    problem: RoutingProblem
    hypotheses: Hypotheses
    complexity: FloatArray
    excess: Excess
    utility: FloatArray
    measured: Mapping[str, Measurement]

    @property
    def finite(self) -> bool:
        """Whether the class is finite, so that eta is free where the laws are fixed."""
        return self.hypotheses.kind == "finite-class"

    @property
    def chosen(self) -> IntArray:
        """(T, n) the greedy choice at every query."""
        choice: IntArray = self.utility.argmax(axis=-1)
        return choice


def functions_with_class(case: Case) -> list[tuple[str, int | None, FunctionEstimates, Hypotheses]]:
    """The trainings whose estimates say which class they were taken from."""
    return [
        (training, client, estimates, estimates.hypotheses)
        for training, client, estimates in case.trained
        if isinstance(estimates, FunctionEstimates) and estimates.hypotheses is not None
    ]


def of_training(
    case: Case, training: str, client: int | None, estimates: FunctionEstimates, hypotheses: Hypotheses
) -> Certified:
    """`certified` against the truth behind each record; two theorems read it."""

    def measure() -> Certified:
        target = record_means(case, records_of(case, client))
        return certified(case, training, client, estimates, hypotheses, truth_of(case, client), target)

    return case.once(("certified", training, client), measure)


def certified(
    case: Case,
    training: str,
    client: int | None,
    estimates: FunctionEstimates,
    hypotheses: Hypotheses,
    problem: RoutingProblem,
    target: tuple[FloatArray, FloatArray],
) -> Certified:
    """Measure one training against `target`: the conditional means of quality and cost (D', M) at its D' records.

    problem: the truth that gaps are measured against. Repetitions without labels of their own are left out.
    """
    rows = records_of(case, client)
    routed = estimates.predictor(problem.embeddings)
    repeated = routed[0].ndim == 3 and case.labels is not None
    if routed[0].ndim == 3 and not repeated:
        hypotheses, routed = hypotheses.repetition(0), (routed[0][0], routed[1][0])
    labels = case.labels if repeated and case.labels is not None else Labels(case.logs.quality[None], case.logs.cost[None])
    labels = Labels(labels.quality[:, rows], labels.cost[:, rows])
    logs = case.logs.take(rows)
    excess = excess_risk(hypotheses, logs.embedding, logs.model, labels, target, problem)
    assumptions = measured(case, client, estimates, hypotheses, routed, labels, problem, excess.outside)
    complexity = np.broadcast_to(np.atleast_1d(hypotheses.complexity), excess.quality.shape)
    utility = estimates.utility_of(routed, problem.lam)
    utility = utility if utility.ndim == 3 else utility[None]
    return Certified(training, client, int(rows.size), problem, hypotheses, complexity, excess, utility, assumptions)
