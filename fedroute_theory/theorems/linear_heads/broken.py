"""Every assumption of a fitted head broken alone, on two models with four records each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory.estimates import AffineFeatures, FunctionEstimates, LinearPredictor
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.linear_heads.claims import claims


def small_case(ridge: float = 0.0, size: float = 1.0) -> Case:
    """Four queries on a line, linear truths times `size`; heads by the normal equations (no penalty moves 0)."""
    x = np.arange(4.0)
    quality = size * np.stack([0.2 + 0.2 * x, 0.7 - 0.1 * x], axis=1)
    problem = Tabular(x[:, None], np.ones(4), quality, 0.0 * quality, c_max=1.0)
    row, model = np.tile(np.arange(4), 2), np.repeat([0, 1], 4)
    labels = (np.arange(8) % 3 > 0).astype(np.float64)
    logs = Logs(np.zeros(8, int), problem.embeddings[row], row, model, labels, np.zeros(8), 1, 2, "bernoulli-quality", "fixed")
    design = np.stack([np.ones(4), x], axis=1)
    weight = np.zeros((2, 2, 2))
    for m in (0, 1):
        weight[:, m, 0] = np.linalg.solve(design.T @ design + ridge * np.eye(2), design.T @ labels[model == m])
    estimates = FunctionEstimates(LinearPredictor(AffineFeatures(), weight, 1.0, ridge), np.array([4, 4]), np.ones(2, bool))
    return Case(problem, None, logs, [("pooled", None, estimates)])


def broken() -> list[Control]:
    """The high-probability form, which needs most."""
    case = small_case()
    _, _, fitted = case.trained[0]
    assert isinstance(fitted, FunctionEstimates)
    assert isinstance(fitted.predictor, LinearPredictor)

    def heads(**changes: object) -> Case:
        return replace(case, trained=[("pooled", None, replace(fitted, **changes))])  # type: ignore[arg-type]

    cases = {
        "heads are the least-squares fit": heads(predictor=replace(fitted.predictor, weight=fitted.predictor.weight + 0.1)),
        "every record used": heads(counts=np.array([4, 3])),
        "truth known": replace(case, logs=replace(case.logs, labels="unknown")),
        "labels within range": replace(case, logs=replace(case.logs, cost=case.logs.cost + 2.0)),
        "non-adaptive logging": replace(case, logs=replace(case.logs, adaptivity="adaptive")),
        "no ridge": small_case(ridge=1.0, size=0.0),
    }
    return [refused(name, claims(broken), "high-probability/quality") for name, broken in cases.items()]
