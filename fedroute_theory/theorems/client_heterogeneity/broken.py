"""Every assumption broken alone, for clients that disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.broken import refused
from fedroute_theory.theorems.client_heterogeneity.claims import claims
from fedroute_theory.theorems.least_squares.small import broken_cases, small_case


def broken() -> list[Control]:
    """The plain form of the first client."""
    case = small_case(truths=True)
    away = replace(case, logs=replace(case.logs, query=np.full(case.logs.size, -1)))
    dearer = replace(case, truths=(case.truths[0], case.truths[1].replace(lam=0.25)))
    cases = broken_cases(case) | {
        "records on the problem's rows": away,
        "clients share queries, price and range": dearer,
        "coverage": small_case(truths=True, holes=True),
    }
    return [refused(name, claims(broken)) for name, broken in cases.items()]
