"""A small case of functions from a class in which every assumption holds, and the cases that break one of them each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import FunctionEstimates, Hypotheses
from fedroute_theory.federation import draw_logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.case import Case


@dataclass(frozen=True)
class Table:
    """Functions given by their values (..., n, M) at queries whose one coordinate is their row."""

    quality: FloatArray
    cost: FloatArray

    def __call__(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Quality and cost (..., n', M) at the queries."""
        rows = np.asarray(embeddings)[:, 0].astype(int)
        return self.quality[..., rows, :], self.cost[..., rows, :]

    def repetition(self, t: int) -> Table:
        """There is one repetition only."""
        del t
        return self


def small_case(truths: bool = False, holes: bool = False) -> Case:
    """Two clients on three queries, two models, one function of a finite class routed with by all trainings.

    truths: clients that disagree. holes: nobody logs model 1 on the last query.
    """
    rng = np.random.default_rng(0)
    problem = Tabular(np.arange(3.0)[:, None], np.ones(3), rng.random((3, 2)), rng.random((3, 2)), 0.5, c_max=1.0)
    joint = np.ones((2, 3, 2))
    if holes:
        joint[:, 2, 1] = 0.0
    laws = explicit(joint / joint.sum(axis=(1, 2), keepdims=True), np.array([12, 9]))
    logs = draw_logs(problem, laws, rng)
    fitted = Table(rng.random((3, 2)), rng.random((3, 2)))
    members = Table(fitted.quality[None], fitted.cost[None])
    estimates = FunctionEstimates(
        fitted,
        np.bincount(logs.model, minlength=2),
        np.ones(2, dtype=bool),
        Hypotheses("finite-class", members, np.full(1, 2.0), True, "one of eight functions fixed beforehand"),
    )
    other = (problem, problem.replace(quality=problem.quality[:, ::-1])) if truths else ()
    return Case(problem, laws, logs, [("federated", None, estimates)], truths=other)


def broken_cases(case: Case) -> dict[str, Case]:
    """By assumption: the case with that one broken."""
    _, _, estimates = case.trained[0]
    assert isinstance(estimates, FunctionEstimates)
    hypotheses, laws = estimates.hypotheses, case.federation
    assert hypotheses is not None
    assert laws is not None
    assert isinstance(hypotheses.members, Table)

    def with_estimates(**changes: object) -> Case:
        return replace(case, trained=[("federated", None, replace(estimates, **changes))])  # type: ignore[arg-type]

    def with_class(**changes: object) -> Case:
        return with_estimates(hypotheses=replace(hypotheses, **changes))  # type: ignore[arg-type]

    beyond = Table(hypotheses.members.quality + 1.0, hypotheses.members.cost)
    above = with_estimates(predictor=Table(beyond.quality[0], beyond.cost[0]), hypotheses=replace(hypotheses, members=beyond))
    moved = Table(0.9 * hypotheses.members.quality[0], hypotheses.members.cost[0])
    return {
        "known kind of class": with_class(kind="all continuous functions"),
        "class fixed before the data": with_class(fixed_before_data=False),
        "truth known": replace(case, logs=replace(case.logs, labels="unknown")),
        "labels within range": replace(case, logs=replace(case.logs, cost=case.logs.cost + 1.0)),
        "non-adaptive logging": replace(case, logs=replace(case.logs, adaptivity="adaptive")),
        "records from known laws": replace(
            case, federation=explicit(laws.mixture[:, :, None] * laws.logging, laws.records + 1)
        ),
        "functions within range": above,
        "an estimate for every model": with_estimates(routable=np.array([True, False])),
        "routed by the certified average": with_estimates(predictor=moved),
    }
