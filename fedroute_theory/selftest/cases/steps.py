"""fedavg-convergence: where steps become too large, and what local steps grow to."""

from __future__ import annotations

import math

from fedroute_theory._validate import InputError
from fedroute_theory.selftest.cases.build import differ
from fedroute_theory.selftest.references.rates import drifts
from fedroute_theory.theorems.fedavg_convergence.formulas import Growth, growth, published_step


def limits() -> list[str]:
    """Margins by the statement, growth step by step up to overflow, the least number of rounds of the published step."""
    found: dict[str, float] = {}
    known: dict[str, float] = {}
    for eta, tau, L, beta in ((0.1, 4, 2.0, 1.5), (0.3, 5, 2.0, 1.2), (0.01, 9, 1.0, 3.0)):
        nu, phi, psi = drifts(eta, tau, L)
        g, s = growth(eta, tau, L), eta * tau * L
        name = f"eta {eta}"
        found |= {f"{name} nu": g.noise, f"{name} phi": g.drift, f"{name} psi": g.noise_drift, f"{name} margin": g.margin(beta)}
        known |= {f"{name} nu": nu, f"{name} phi": phi, f"{name} psi": psi}
        known[f"{name} margin"] = 2.0 - s - 2.0 * abs(1.0 - s) * phi * beta - s * (phi * beta) ** 2
    wrong = differ(found, known)
    if not math.isfinite(growth(0.25, 1500, 1.0).noise) or growth(0.25, 1500, 1.0).drift < 1e100:
        wrong.append("growth of 1.25^3000 is a finite number")
    if growth(0.25, 1700, 1.0) != Growth(425.0, math.inf, math.inf, math.inf):
        wrong.append("growth of 1.25^3400 is not")
    run = {"gap": 1.0, "sigma": 1.0, "A": 1.0, "kappa": 0.5}
    for tau, N, beta, L in ((3, 5, 1.5, 1.2), (2, 4, 2.0, 0.7)):
        least = 16.0 * (beta * L) ** 2 * N * tau
        published_step(**run, tau=tau, T=math.ceil(least), L=L, N=N, beta=beta)
        try:
            published_step(**run, tau=tau, T=math.ceil(least) - 1, L=L, N=N, beta=beta)
        except InputError:
            continue
        wrong.append(f"accepted fewer than {least} rounds")
    return wrong
