"""Families in which the mixture bounds are equalities."""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Claim, Extremal
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.mixture_router import formulas
from fedroute_theory.theorems.mixture_router.claims import claims

ALIGNED = ((-3 / 16, 3 / 16), (-1 / 16, 1 / 16))
"""Errors of the two sides with levels 3/8 and 1/8 (harmonic weight 1/4), largest and least at the same models."""


def one_query(quality: FloatArray, cost: FloatArray | None = None, lam: float = 0.0) -> Tabular:
    """A problem with a single query."""
    costs = np.zeros((1, len(quality))) if cost is None else cost[None]
    return Tabular(np.zeros((1, 1)), np.ones(1), quality[None], costs, lam, c_max=1.0)


def side(problem: RoutingProblem, quality: FloatArray, cost: FloatArray | None = None) -> CellEstimates:
    """Estimates (n, M) with a cell for every query, one record a pair (NaN: the model is left out)."""
    shape = problem.utility.shape
    table = np.asarray(quality, dtype=np.float64).reshape(shape)
    costs = problem.cost if cost is None else np.asarray(cost, dtype=np.float64).reshape(shape)
    kept = ~np.isnan(table)
    return CellEstimates(problem.embeddings, table, costs, np.ones(shape, np.int64), np.zeros(shape), kept)


def by_form(problem: RoutingProblem, mixture: MixtureEstimates, logs: Logs | None = None, **case: object) -> dict[str, Claim]:
    """The claims about one mixture, by form."""
    if logs is None:
        rows = np.repeat(np.arange(problem.weights.size), problem.n_models)
        model = np.tile(np.arange(problem.n_models), problem.weights.size)
        labels = problem.quality[rows, model], problem.cost[rows, model]
        logs = Logs(0 * rows, problem.embeddings[rows], rows, model, *labels, 1, problem.n_models, "bernoulli-quality", "fixed")
    given = Case(problem, None, logs, [("mixture", 0, mixture)], **case)  # type: ignore[arg-type]
    return {claim.form: claim for claim in claims(given)}


def aligned(truth_gap: float = 3 / 16) -> tuple[Tabular, MixtureEstimates]:
    """One query, two models `truth_gap` apart, errors ALIGNED, harmonic weight; a tie goes to the worse model."""
    problem = one_query(0.5 + np.array([-truth_gap, truth_gap]) / 2)
    local, federated = (side(problem, problem.quality - np.array([e])) for e in ALIGNED)
    quarter = np.full(2, 0.25)
    return problem, MixtureEstimates(local, federated, quarter, quarter)


def extremal() -> list[Extremal]:
    """Aligned errors and a tie; errors equal on all models, which only unequal weights turn into a loss."""
    problem, mixture = aligned()
    found = by_form(problem, mixture)
    gap = found["constant"].gap
    levels = {"B_loc": 3 / 8, "B_fed": 1 / 8}
    values = {form: _value(found[form]) for form in ("constant", "per-model", "disagreement")}
    values["harmonic"] = formulas.harmonic(**levels, delta=0.05).value
    values["pointwise"] = formulas.pointwise(mass=np.ones(1), B_loc=np.array([3 / 8]), B_fed=np.array([1 / 8])).value
    name = "aligned errors, mixture tied, harmonic weight"
    tied, _ = aligned(1 / 8)
    alone = tied.suboptimality(side(tied, tied.quality - np.array([ALIGNED[1]])).policy(0.0)).value
    shifted, unequal = unequal_weights()
    apart = by_form(shifted, unequal)["disagreement"]
    return [
        *(Extremal(name, form, value, gap, 1.0, 1e-12) for form, value in values.items()),
        Extremal("the better side tied", "smaller", formulas.smaller(**levels, delta=0.05).value, alone, 1.0, 1e-12),
        Extremal("equal errors on all models, weights 0 and 1", "disagreement", _value(apart), apart.gap, 1.0, 1e-12),
    ]


def unequal_weights() -> tuple[Tabular, MixtureEstimates]:
    """The local side is 1/2 too low on both models, the federated one exact: no side loses, weights 0 and 1 lose 1/2."""
    problem = one_query(np.array([0.5, 1.0]))
    weight = np.array([0.0, 1.0])
    local, federated = side(problem, problem.quality - 0.5), side(problem, problem.quality)
    return problem, MixtureEstimates(local, federated, weight, weight)


def _value(claim: Claim) -> float:
    return claim.answer.value if isinstance(claim.answer, Bound) else float("nan")
