"""What the least-squares events assume of one training, measured: its class, its logs, the range of functions and labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fedroute_theory.estimates import FunctionEstimates, Hypotheses, Prediction
from fedroute_theory.federation import Labels
from fedroute_theory.federation.logs import ADAPTIVITY
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.bound import Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.excess import beyond_range, blocks
from fedroute_theory.theorems.least_squares.laws import known_laws

_ROUNDING = 1e-12

RANGE_TOLERANCE = 1e-9
"""How far functions may leave the range of the labels, in label ranges."""

ROUTING_TOLERANCE = 1e-9
"""Largest distance between the routed function and the average of the certified ones, in label ranges."""

KINDS = ("finite-class", "pac-bayes")

FIXED_DESIGN = ("known kind of class", "class fixed before the data", "truth known", "labels within range")
"""What the fixed design needs; it survives adaptive logging and unknown laws."""

RANDOM_DESIGN = (*FIXED_DESIGN, "non-adaptive logging", "records from known laws", "functions within range")

ROUTED = (*RANDOM_DESIGN, "an estimate for every model", "routed by the certified average")


def measured(
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
    outside, beyond = float(np.maximum(at_records, at_queries)), beyond_range((labels.quality, labels.cost), problem)
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
        outside = float(np.maximum(outside, beyond_range(members, problem)))
        for value, used, top in zip(members, routed, (1.0, problem.c_max), strict=True):
            apart = max(apart, float(np.abs(used[..., here, :] - value.mean(axis=-3)).max()) / (top or 1.0))
    return outside, apart


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
