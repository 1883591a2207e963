"""Controls that break one assumption alone: the theorem must refuse to answer, and name it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Claim, Control
from fedroute_theory.theorems.bound import NotApplicable
from fedroute_theory.theorems.case import Case


def refused(assumption: str, claims: Iterable[Claim], form: str = "") -> Control:
    """The claim of that form (none named: the first) on a case in which one assumption fails and all others hold.

    Caught where the answer is NotApplicable and names the assumption, and no other measurement of the claim fails.
    """
    claim = next(c for c in claims if form in ("", c.form))
    others = [m.name for m in claim.assumptions if m.holds is False and m.name != assumption]
    caught = isinstance(claim.answer, NotApplicable) and claim.answer.assumption == assumption and not others
    evidence = f"{claim.form}: {claim.answer if isinstance(claim.answer, NotApplicable) else claim.answer.value}"
    also = f"; fails too: {', '.join(others)}" if others else ""
    return Control(f"broken assumption: {assumption}", caught, evidence + also, "exact", assumption)


def table_case() -> Case:
    """Two queries, two models, everything logged and estimated; one client."""
    problem = Tabular(np.array([[0.0], [1.0]]), np.ones(2), np.array([[0.2, 0.7], [0.9, 0.4]]), np.zeros((2, 2)))
    one = np.zeros(1, dtype=np.int64)
    logs = Logs(one, problem.embeddings[:1], one, one, np.zeros(1), np.zeros(1), 1, 2)
    counts, nothing = np.ones((2, 2), dtype=np.int64), np.zeros((2, 2))
    estimates = CellEstimates(problem.embeddings, np.full((2, 2), 0.5), nothing, counts, nothing, counts > 0)
    return Case(problem, explicit(np.full((1, 2, 2), 0.25), np.array([8])), logs, [("pooled", None, estimates)])


def table_cases() -> dict[str, Case]:
    """`table_case` with one thing broken: model 1 never logged, or never estimated, on the second query."""
    case = table_case()
    (estimates,) = (e for _, _, e in case.cell_estimates())
    kept = np.array([[True, True], [True, False]])
    holed = replace(estimates, routable=kept, quality=np.where(kept, 0.5, np.nan))
    return {
        "coverage": replace(case, federation=explicit(kept[None] / 3.0, np.array([8]))),
        "an estimate for every model": replace(case, trained=[("pooled", None, holed)]),
    }
