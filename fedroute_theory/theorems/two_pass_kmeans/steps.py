"""What the two-pass proof loses: the centre of the group's mean for the nearest one, then the optima."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory.assumptions import optimal_inertia
from fedroute_theory.federation import Broadcast, ClientCentres
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.two_pass_kmeans.claims import claims
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_PROOF = "two-pass-kmeans, proof"
_GROUP = f"the nearest centre of a record is no farther than that of its group's mean; Huygens: W + phi_w(B; C) ({_PROOF} b)"
_ROUNDING = "exact up to rounding: the server's means are those of the union (two-pass-kmeans, proof a)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Certificate and means from the messages; approximation and own ratio where optima can be enumerated."""
    first = [m for m in case.messages if isinstance(m, ClientCentres)]
    held = {claim.form: (claim, answer) for claim, answer in judged(claims(case))}
    for form, (claim, answer) in held.items():
        if form == "means":
            yield Waterfall.of(claim, [Stage("rounding", answer.value, _ROUNDING)])
            continue
        certified = held["certificate"][1]
        within = float(sum(m.inertia[0] for m in first))
        between = certified.value - within
        if form == "certificate":
            yield Waterfall.of(claim, [Stage("centre of the group's mean", within + between, _GROUP)])
        elif form == "own-ratio":
            optimum = held["approximation"][0].gap / claim.gap
            yield Waterfall.of(claim, _own_ratio(within, between, optimum))
        else:
            yield Waterfall.of(claim, _approximation(case, first, (within, between), answer))


def _own_ratio(within: float, between: float, optimum: float) -> list[Stage]:
    least = max(within, max(0.0, math.sqrt(between) - math.sqrt(within)) ** 2)
    return [
        Stage("centre of the group's mean", (within + between) / optimum, _GROUP),
        Stage(
            "what the server knows of the optimum",
            (within + between) / least if least > 0.0 else 1.0,
            f"OPT >= W and sqrt(OPT) >= sqrt(phi_w) - sqrt(W) ({_PROOF} d)",
        ),
    ]


def _approximation(case: Case, first: list[ClientCentres], parts: tuple[float, float], answer: Bound) -> list[Stage]:
    centres = next(m for m in case.messages if isinstance(m, Broadcast)).centres
    k, logs = len(centres), case.logs
    points = np.concatenate([m.centres for m in first])
    weights = np.concatenate([m.counts for m in first]).astype(np.float64)
    own = sum(optimal_inertia(logs.of_client(int(c)).embedding, k) for c in np.unique(logs.client))
    server, optimum = optimal_inertia(points, k, weights), optimal_inertia(logs.embedding, k)
    within, between = answer.terms["within local cells"], answer.terms["between local centres"]
    alpha = within / optimum if optimum > 0.0 else 1.0
    beta = between / ((1.0 + math.sqrt(alpha)) ** 2 * optimum) if optimum > 0.0 else 1.0
    return [
        Stage("centre of the group's mean", sum(parts), _GROUP),
        Stage("solvers' factors", alpha * own + beta * server, f"W <= alpha sum OPT(X_i), phi_w <= beta OPT(B) ({_PROOF} c)"),
        Stage("one optimum for all", within + beta * server, f"sum OPT(X_i) <= OPT(X) ({_PROOF} c)"),
        Stage("Minkowski", within + between, f"sqrt(phi_w(B; C*)) <= (1 + sqrt(alpha)) sqrt(OPT) ({_PROOF} c)"),
    ]
