"""kmeans-router, expected-kl: one rival above any floor by grids over leads and means; three models; many records."""

from __future__ import annotations

from functools import cache

import numpy as np

from fedroute_theory.selftest.cases.build import differ
from fedroute_theory.selftest.references.cells import rival
from fedroute_theory.selftest.references.chernoff import expected_kl, rival_kl
from fedroute_theory.theorems.kmeans_router.expected import rival_loss
from fedroute_theory.theorems.kmeans_router.expected_kl import expected_kl_of, rival_loss_kl

PAIRS = ((0.0, 9, 4), (0.1, 30, 3), (0.05, 2, 40), (0.3, 1, 1), (0.0, 500, 700), (0.02, 1000, 1))
FLOORS = ((1.0, 0.0), (1.4, 0.3), (1.0, 0.7))
MANY = ((0.0, 5000, 7000), (0.0, 2, 2), (0.0, 10**7, 8 * 10**6))
CELLS = {"mass": [0.7, 0.3], "s": [[0.1, 0.02, 0.2], [0.0, 0.05, 0.1]], "counts": [[12, 30, 7], [40, 3, 25]]}


@cache
def _known() -> dict[str, float]:
    one = {
        f"{s} {n} {m} {R} {c}": min(rival(s, 1.0 / n + 1.0 / m, R, c), rival_kl(s, n, m, R, c))
        for s, n, m in PAIRS
        for R, c in FLOORS
    }
    many = {f"{n} {m}": rival_kl(s, n, m, 1.0, 0.0) for s, n, m in MANY}
    noise = expected_kl(**(CELLS | {"s": [[0.0] * 3] * 2}), R=1.2).value  # type: ignore[arg-type]
    return one | many | {"cells": expected_kl(**CELLS, R=1.2).value, "statistical": noise}  # type: ignore[arg-type]


def chernoff() -> list[str]:
    """The lesser of both chances for all rivals at once, Chernoff's alone for many records, the sum over cells."""
    found: dict[str, float] = {}
    shift, best, other = (np.array(v, dtype=float)[:, None] for v in zip(*PAIRS, strict=True))
    for R in (1.0, 1.4):
        floors = np.array([c for r, c in FLOORS if r == R])
        loss = np.minimum(rival_loss(shift, 1.0 / best + 1.0 / other, R, floors), rival_loss_kl(shift, best, other, R, floors))
        found |= {
            f"{s} {n} {m} {R} {c}": float(loss[i, j])
            for i, (s, n, m) in enumerate(PAIRS)
            for j, c in enumerate(floors.tolist())
        }
    for s, n, m in MANY:
        found[f"{n} {m}"] = float(rival_loss_kl(np.array([s]), np.array([float(n)]), np.array([float(m)]), 1.0)[0])
    bound = expected_kl_of(**{k: np.asarray(v, dtype=float) for k, v in CELLS.items()}, R=1.2)
    return differ(found | {"cells": bound.value, "statistical": bound.terms["statistical"]}, _known(), 2e-3)
