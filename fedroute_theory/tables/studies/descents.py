"""FedAvg on quadratic clients, where every expectation is exact: ratios to bounds, rates, and what gradient noise leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fedroute_theory._validate import FloatArray
    from fedroute_theory.assumptions import Quadratics
    from fedroute_theory.theorems import Bound

FORMS = ("sharp", "explicit", "two-sets")
CLIENTS = (2, 4, 8, 16, 32, 64)
SMALL = 0.02
"""s = eta tau L of the ratios and of the noise floor."""

AXES = {"N": (1, 2, 4, 8, 16, 32, 64), "tau": (1, 2, 4, 8, 16, 32, 64), "T": (100, 300, 1000, 3000, 10_000, 30_000, 100_000)}
STEPS = np.geomspace(1e-4, 1.0, 41)
"""Values of s tried for the bound; every second one for the exact value."""

BASE = {"N": 8, "tau": 8, "T": 10_000}
SHARES = ("equal", "Dirichlet(1)", "Dirichlet(0.1)", "one client holds 0.9")


def measured(params: Mapping[str, Any]) -> dict[str, Any]:
    """One part of the experiment, for one seed: a row for every federation looked at."""
    rng = np.random.default_rng([params["seed"], 64])
    everyone = drawn(rng)
    if params["part"] == "ratio":
        return ratios(everyone, params["tau"])
    if params["part"] == "rate":
        return rates(everyone, params["axis"])
    return floors(everyone, params["shares"], rng)


def drawn(rng: np.random.Generator) -> Quadratics:
    """The 64 clients of a seed; every smaller federation is the first of them."""
    from fedroute_theory.assumptions import Quadratics

    return Quadratics.generate(rng, clients=max(CLIENTS), spread=0.3, sigma=3.0)


def first(everyone: Quadratics, count: int, shares: FloatArray | None = None) -> Quadratics:
    """The first clients, by default with equal shares."""
    p = np.full(count, 1.0 / count) if shares is None else shares
    return replace(
        everyone, shares=p, curvature=everyone.curvature[:count], centre=everyone.centre[:count], noise=everyone.noise[:count]
    )


def bound_of(form: str, descent: Any) -> Bound | None:
    """The bound, or None where the form does not apply."""
    from fedroute_theory.theorems import Bound
    from fedroute_theory.theorems.fedavg_convergence.claims import answer

    found, _ = answer(form, descent)
    return found if isinstance(found, Bound) else None


def ratios(everyone: Quadratics, tau: int) -> dict[str, Any]:
    """By number of clients: exact value and bounds after 10, 100 and 1000 rounds."""
    rounds, rows = (10, 100, 1000), []
    for count in CLIENTS:
        problem = first(everyone, count)
        start = problem.minimiser + 1.0
        eta = SMALL / (tau * problem.smoothness)
        seen = problem.averaged(start, eta, tau, max(rounds))
        whole = problem.descent(start, eta, tau, 1)
        for T in rounds:
            bounds = {form: bound_of(form, replace(whole, rounds=T)) for form in FORMS}
            values = {form: None if bound is None else bound.value for form, bound in bounds.items()}
            rows.append({"N": count, "T": T, "measured": float(seen[T - 1]), **values})
    return {"rows": rows}


def rates(everyone: Quadratics, axis: str) -> dict[str, Any]:
    """Along one axis: the least explicit bound over the step, the exact value at that step, and at its own best step."""
    from fedroute_theory.federation import Measured

    rows, L = [], everyone.smoothness  # of all 64, so that it is the same along the axis
    for x in AXES[axis]:
        at = BASE | {axis: x}
        problem = first(everyone, at["N"])
        start = problem.minimiser + 1.0
        whole = replace(problem.descent(start, 1e-3, at["tau"], 1), rounds=at["T"], smoothness=Measured(L))
        largest = 1.0 / (at["tau"] * L)  # s = 1
        bounds = [(eta, bound_of("explicit", replace(whole, step_size=float(eta)))) for eta in largest * STEPS]
        least, eta = min(((b, float(eta)) for eta, b in bounds if b is not None), key=lambda pair: pair[0].value)
        own, *others = (float(problem.averaged(start, e, at["tau"], at["T"])[-1]) for e in (eta, *(largest * STEPS[::2])))
        drift = (least.terms["local noise drift"] + least.terms["heterogeneity drift"]) / least.value
        best = min(value for value in (own, *others) if math.isfinite(value))
        rows.append({"x": x, "bound": least.value, "drift": drift, "measured": own, "best": best, "s": eta / largest})
    return {"rows": rows}


def shares_of(name: str, rng: np.random.Generator, count: int) -> FloatArray:
    """Shares of the records, one of SHARES."""
    if name == "equal":
        return np.full(count, 1.0 / count)
    if name == "one client holds 0.9":
        return np.array([0.9] + [0.1 / (count - 1)] * (count - 1))
    return rng.dirichlet(np.full(count, {"Dirichlet(1)": 1.0, "Dirichlet(0.1)": 0.1}[name]))


def floors(everyone: Quadratics, shares: str, rng: np.random.Generator) -> dict[str, Any]:
    """What the noise adds after 1000 rounds of 8 steps, exact (with noise minus without), beside the bound's term for it."""
    from fedroute_theory.federation import Measured
    from fedroute_theory.theorems.fedavg_convergence.claims import best

    tau, T = 8, 1000
    L, rows = Measured(everyone.smoothness), []
    eta = SMALL / (tau * L.value)
    for count in CLIENTS:
        problem = first(everyone, count, shares_of(shares, rng, count))
        loud, still = (
            float(q.averaged(q.minimiser, eta, tau, T)[-1]) for q in (problem, replace(problem, noise=problem.noise * 0.0))
        )
        term = best("explicit", replace(problem.descent(problem.minimiser, eta, tau, T), smoothness=L)).terms["noise"]
        rows.append({"N": count, "A": count * float((problem.shares**2).sum()), "floor": loud - still, "bound": term})
    return {"rows": rows}
