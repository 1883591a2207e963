"""The excess empirical risk of fitted functions, measured exactly where the truth is known, over repetitions of the labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import FunctionEstimates, Hypotheses, Prediction
from fedroute_theory.federation import Labels
from fedroute_theory.federation.logs import ADAPTIVITY
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.bound import Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.laws import known_laws, record_means, records_of, truth_of

BLOCK = 1 << 20
"""Numbers held at once while functions are evaluated at the records."""

_ROUNDING = 1e-12

RANGE_TOLERANCE = 1e-9
"""How far functions may leave the range of the labels, in label ranges."""

ROUTING_TOLERANCE = 1e-9
"""Largest distance between the routed function and the average of the certified ones, in label ranges."""

KINDS = ("finite-class", "pac-bayes")


@dataclass(frozen=True, eq=False)
class Excess:
    """S(f) = sum over the records of (f - y)^2 - (f* - y)^2, mean over the members; and sum (f - f*)^2 on the records.

    quality, cost: (T,) S of each label, cost divided by c_max. utility: (T,) S of q - lam c, in utility units. quality_error,
    cost_error: (T,) sums of squared errors. outside: how far the members leave their range at the records, in label ranges.
    """

    quality: FloatArray
    cost: FloatArray
    utility: FloatArray
    quality_error: FloatArray
    cost_error: FloatArray
    outside: float


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
    measured = _measured(case, client, estimates, hypotheses, routed, labels, problem, excess.outside)
    complexity = np.broadcast_to(np.atleast_1d(hypotheses.complexity), excess.quality.shape)
    utility = estimates.utility_of(routed, problem.lam)
    utility = utility if utility.ndim == 3 else utility[None]
    return Certified(training, client, int(rows.size), problem, hypotheses, complexity, excess, utility, measured)


def excess_risk(
    hypotheses: Hypotheses,
    embedding: FloatArray,
    model: IntArray,
    labels: Labels,
    target: tuple[FloatArray, FloatArray],
    problem: RoutingProblem,
) -> Excess:
    """S of the members at records (D,) with labels (T, D) and conditional means `target` (D, M) each, in float64."""
    unit = problem.c_max or 1.0
    sums, outside = np.zeros((5, labels.quality.shape[0])), 0.0
    for here in blocks(hypotheses, embedding, labels.quality.shape[0]):
        at = np.arange(here.stop - here.start)
        fitted = [value[..., at, model[here]] for value in hypotheses.members(embedding[here])]  # (T?, k, b)
        truth = [value[here][at, model[here]] for value in target]
        noise = [value[:, None, here] - t for value, t in zip((labels.quality, labels.cost), truth, strict=True)]  # (T, 1, b)
        error = [f - t for f, t in zip(fitted, truth, strict=True)]
        for row, (g, xi) in enumerate(
            ((error[0], noise[0]), (error[1] / unit, noise[1] / unit), _priced(error, noise, problem.lam))
        ):
            sums[row] += _mean_sum(g * (g - 2.0 * xi))
        sums[3] += _mean_sum(error[0] ** 2)
        sums[4] += _mean_sum((error[1] / unit) ** 2)
        outside = float(np.maximum(outside, _excess_over_range(fitted, problem)))
    quality, cost, utility, quality_error, cost_error = sums
    return Excess(quality, cost, utility, quality_error, cost_error, outside)


def blocks(hypotheses: Hypotheses, embedding: FloatArray, least: int = 1) -> Iterator[slice]:
    """Ranges of rows of `embedding` (D, d) at which the members may be evaluated at once."""
    step = max(1, BLOCK // max(least, hypotheses.members(embedding[:1])[0].size))
    for start in range(0, len(embedding), step):
        yield slice(start, min(len(embedding), start + step))


def _priced(error: list[FloatArray], noise: list[FloatArray], lam: float) -> tuple[FloatArray, FloatArray]:
    return error[0] - lam * error[1], noise[0] - lam * noise[1]


def _excess_over_range(values: Sequence[FloatArray], problem: RoutingProblem) -> float:
    """How far qualities leave [0, 1] and costs [0, c_max], in label ranges; at most 0 inside, NaN for NaN."""
    limits = zip(values, (1.0, problem.c_max), strict=True)
    return float(np.max([np.max([-value.min(), value.max() - top]) / (top or 1.0) for value, top in limits]))


def _mean_sum(values: FloatArray) -> FloatArray:
    """Mean over members, sum over records: (T?, k, b) -> (T?,)."""
    total: FloatArray = values.mean(axis=-2).sum(axis=-1)
    return total


def _measured(
    case: Case,
    client: int | None,
    estimates: FunctionEstimates,
    hypotheses: Hypotheses,
    routed: Prediction,
    labels: Labels,
    problem: RoutingProblem,
    at_records: float,
) -> dict[str, Measurement]:
    """Everything the least-squares events assume of one training, as far as a case can show it."""
    known = {"fixed": True, "adaptive": False, "unknown": None}
    logs = case.logs
    at_queries, apart = _functions(routed, hypotheses, problem)
    outside, beyond = float(np.maximum(at_records, at_queries)), _excess_over_range((labels.quality, labels.cost), problem)
    who = "all clients" if client is None else f"client {client}"
    missing = ", ".join(problem.models[m] for m in np.flatnonzero(~estimates.routable))
    found = (
        Measurement(
            "known kind of class", hypotheses.kind in KINDS, how=f"kind '{hypotheses.kind}' ({hypotheses.description})"
        ),
        Measurement("class fixed before the data", hypotheses.fixed_before_data, how=hypotheses.description),
        Measurement("non-adaptive logging", known[logs.adaptivity], how=ADAPTIVITY[logs.adaptivity]),
        Measurement(
            "truth known", logs.labels != "unknown", how=f"labels '{logs.labels}'",
            where=who if logs.labels == "unknown" else "",
        ),
        known_laws(case, client, problem, who),
        Measurement(
            "labels within range", beyond <= _ROUNDING, beyond, where=who, limit=_ROUNDING,
            how=f"largest excess over [0, 1] or [0, {problem.c_max:g}], in label ranges",
        ),
        Measurement(
            "functions within range", outside <= RANGE_TOLERANCE, outside, limit=RANGE_TOLERANCE,
            how="largest excess at the queries and records",
        ),
        Measurement(
            "routed by the certified average", apart <= ROUTING_TOLERANCE, apart, limit=ROUTING_TOLERANCE,
            how="largest distance at the queries",
        ),
        Measurement("an estimate for every model", not missing, how="models the policy may not choose", where=missing),
    )  # fmt: skip
    return {m.name: m for m in found}


def _functions(routed: Prediction, hypotheses: Hypotheses, problem: RoutingProblem) -> tuple[float, float]:
    """At the queries: how far the members leave their range, and the routed functions the members' average (label ranges)."""
    outside, apart = 0.0, 0.0
    for here in blocks(hypotheses, problem.embeddings):
        members = hypotheses.members(problem.embeddings[here])
        outside = float(np.maximum(outside, _excess_over_range(members, problem)))
        for value, used, top in zip(members, routed, (1.0, problem.c_max), strict=True):
            apart = max(apart, float(np.abs(used[..., here, :] - value.mean(axis=-3)).max()) / (top or 1.0))
    return outside, apart


FIXED_DESIGN = ("known kind of class", "class fixed before the data", "truth known", "labels within range")
"""What the fixed design needs; it survives adaptive logging and unknown laws."""

RANDOM_DESIGN = (*FIXED_DESIGN, "non-adaptive logging", "records from known laws", "functions within range")

ROUTED = (*RANDOM_DESIGN, "an estimate for every model", "routed by the certified average")


def refusal(measured: Mapping[str, Measurement], names: tuple[str, ...]) -> NotApplicable | None:
    """The first of the named assumptions that is known to fail, with place and amount."""
    for name in names:
        found = measured[name]
        if found.holds is False:
            amount = "" if found.value is None else f"{found.value:.3g}"
            return NotApplicable(name, "; ".join(part for part in (amount, found.how, found.where) if part))
    return None


def caveat(measured: Mapping[str, Measurement]) -> str:
    """What the logs cannot show, for the notes of a bound."""
    unknown = measured["non-adaptive logging"].holds is None
    return "if logging was non-adaptive, which logs cannot show" if unknown else ""
