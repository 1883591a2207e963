"""Gap and bound of three families of problems with clients of one size: one for each reason why a router may be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from fedroute_theory.federation import Federation, dirichlet
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Gaussian, Lipschitz, voronoi
from fedroute_theory.routers import KMeansRouter, LinearRouter
from fedroute_theory.tables.studies.trainings import TRAININGS, approximations, gaps_under, summary, trained_case
from fedroute_theory.theorems import theorem
from fedroute_theory.theorems.kmeans_router.claims import claims

FAMILIES = {"voronoi": "relative + approximation", "lipschitz": "spread", "gaussian": "coverage-transfer"}
"""Family of problems -> the bound that is read."""

CLIENTS, SITES, CENTRES, DRAWS = 5, 10, 16, 8
ROUNDING = 1e-12


def world(family: str, records: int, seed: int) -> tuple[RoutingProblem, Federation]:
    """Problem and clients of a seed: the same for every size."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    problem: RoutingProblem
    if family == "voronoi":
        problem = voronoi(rng, sites=SITES, per_site=20, models=4)
    elif family == "lipschitz":
        problem = Lipschitz.generate(rng, dimension=2, models=4, sample=1024)
    else:
        problem = Gaussian.generate(rng, tasks=4, dimension=4, models=4, sample=2048)
    return problem, dirichlet(problem, rng, clients=CLIENTS, records=records, task_alpha=5.0, model_alpha=5.0)


def measured(family: str, records: int, seed: int) -> dict[str, Any]:
    """By training: exact gap, bound and what it is made of, means over clients and label draws; claims and violations."""
    problem, laws = world(family, records, seed)
    rng = np.random.default_rng([seed, list(FAMILIES).index(family), records])
    linear = family == "gaussian"
    centres = SITES if family == "voronoi" else CENTRES
    router = LinearRouter(least_records=1) if linear else KMeansRouter.with_clusters(centres, empty="mid-range")
    case = trained_case(problem, laws, router, rng, repetitions=DRAWS)
    own = {"gaussian": "policy", "voronoi": "relative/kl", "lipschitz": "spread/kl"}[family]
    stated = theorem("coverage-transfer").claims(case) if linear else claims(case, (own.split("/")[0],))
    told = [claim for claim in theorem("margin-rate").claims(case) if claim.form == "margin"]
    left_out = approximations(case)
    relative = summary((c for c in stated if c.form == own), left_out if family == "voronoi" else {})
    whole = summary(told)
    found = {}
    for training in TRAININGS:
        form, margin = relative[training][own], whole[training]["margin"]
        kept = [e for t, _, e in case.cell_estimates() if t == training]
        floor = float(np.mean([f for (t, _), f in left_out.items() if t == training])) if kept else 0.0
        gaps = [float(gaps_under(problem, e).mean()) for e in kept] or [form["gap"]]
        found[training] = {
            "gap": float(np.mean(gaps)),
            "worst": max(gaps) if kept else form["worst_gap"],
            "approximation": floor if floor > ROUNDING else 0.0,
            "bound": form["bound"],
            "statistical": form["terms"].get("statistical", form["bound"]),
            "vacuous": form["vacuous"],
            "margin": margin["bound"],
            "claims": form["claims"] + margin["claims"],
            "violations": form["violations"] + margin["violations"],
        }
    return found
