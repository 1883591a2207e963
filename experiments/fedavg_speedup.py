"""How far the FedAvg bound is from the truth, and the linear speed-up in the number of clients, on quadratic clients.

    python experiments/fedavg_speedup.py [--json FILE]

Everything is exact (mean and covariance recursions); only the client problems are drawn, from 5 seeds.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fedroute_theory._json import put, text
from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import Quadratics
from fedroute_theory.federation import Measured
from fedroute_theory.theorems import Bound
from fedroute_theory.theorems.fedavg_convergence.claims import answer

CLIENTS, STEPS, ROUNDS, SEEDS = (2, 4, 8, 16, 32, 64), (1, 2, 8, 32), (10, 100, 1000), range(5)
LOCAL = 0.02  # s = eta tau L


def clients(seed: int, count: int) -> Quadratics:
    """Clients with equal shares."""
    drawn = Quadratics.generate(np.random.default_rng([seed, count]), clients=count, spread=0.3, sigma=3.0)
    return replace(drawn, shares=np.full(count, 1.0 / count))


def tightness() -> list[dict[str, Any]]:
    """bound / measured by tau and T, over N and seeds."""
    rows: list[dict[str, Any]] = []
    for tau in STEPS:
        ratios: dict[tuple[int, str], list[float]] = {}
        for seed in SEEDS:
            for count in CLIENTS:
                problem = clients(seed, count)
                start = problem.minimiser + 1.0
                eta = LOCAL / (tau * problem.smoothness)
                measured = problem.averaged(start, eta, tau, max(ROUNDS))
                whole = problem.descent(start, eta, tau, 1)
                for rounds in ROUNDS:
                    seen = float(measured[rounds - 1])
                    descent = replace(whole, rounds=rounds, squared_gradient=Measured(seen))
                    for form in ("sharp", "explicit", "two-sets"):
                        found, _ = answer(form, descent)
                        ratios.setdefault((rounds, form), []).append(
                            found.value / seen if isinstance(found, Bound) else math.nan
                        )
        for rounds in ROUNDS:
            row: dict[str, Any] = {"tau": tau, "T": rounds}
            for form in ("sharp", "explicit", "two-sets"):
                given = np.array(ratios[rounds, form])
                answered = given[np.isfinite(given)]
                row[form] = [float(np.quantile(answered, q)) for q in (0.0, 0.5, 1.0)] if answered.size else None
                row[f"{form} answered"] = f"{answered.size}/{given.size}"
            rows.append(row)
    return rows


def noise_floor(problem: Quadratics, eta: float, tau: int) -> float:
    """What the noise adds to the averaged squared gradient, exact: with noise minus without."""
    quiet = replace(problem, noise=problem.noise * 0.0)
    loud, still = (q.averaged(q.minimiser, eta, tau, 1000)[-1] for q in (problem, quiet))
    return float(loud - still)


def slope(log_n: FloatArray, log_y: FloatArray) -> tuple[float, float]:
    """Least-squares slope and the half-width of its 95 % interval (Student)."""
    from scipy.stats import linregress, t

    fit = linregress(log_n, log_y)
    return float(fit.slope), float(fit.stderr * t.ppf(0.975, log_n.size - 2))


def shares(name: str, rng: np.random.Generator, count: int) -> FloatArray:
    """Shares of `count` clients."""
    if name == "equal":
        return np.full(count, 1.0 / count)
    if name == "one client holds 0.9":
        return np.array([0.9] + [0.1 / (count - 1)] * (count - 1))
    return rng.dirichlet(np.full(count, {"Dirichlet(1)": 1.0, "Dirichlet(0.1)": 0.1}[name]))


def speedup() -> list[dict[str, Any]]:
    """The exponent of N in the noise floor, for ever more concentrated shares: the first N of the same 64 clients, one eta."""
    rows: list[dict[str, Any]] = []
    for name in ("equal", "Dirichlet(1)", "Dirichlet(0.1)", "one client holds 0.9"):
        n, floor, a = [], [], []
        for seed in SEEDS:
            rng = np.random.default_rng([seed, 64])
            whole = Quadratics.generate(rng, clients=max(CLIENTS), spread=0.3, sigma=3.0)
            eta = LOCAL / (8 * whole.smoothness)
            for count in CLIENTS:
                p = shares(name, rng, count)
                problem = Quadratics(p, whole.curvature[:count], whole.centre[:count], whole.noise[:count])
                n.append(math.log(count))
                floor.append(math.log(noise_floor(problem, eta, 8)))
                a.append(count * float((p**2).sum()))
        exponent, half = slope(np.array(n), np.array(floor))
        row: dict[str, Any] = {"shares": name, "A at N = 64": float(np.mean(a[5::6])), "N": [exponent, half], "N/A": None}
        effective = np.array(n) - np.log(a)
        if np.ptp(effective) > 1.0:  # else N/A does not move and has no exponent
            row["N/A"] = list(slope(effective, np.array(floor)))
        rows.append(row)
    return rows


def triple(values: list[float] | None) -> str:
    return "-" if values is None else f"{values[1]:.2f} ({values[0]:.2f} to {values[2]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write all numbers to this file")
    given = parser.parse_args()
    first, second = tightness(), speedup()
    print(f"bound / measured, median (least to largest) over N in {CLIENTS} and {len(SEEDS)} seeds, s = {LOCAL}\n")
    print("| tau | T | sharp | explicit | two-sets | explicit answers |\n|---|---|---|---|---|---|")
    for row in first:
        cells = " | ".join(triple(row[form]) for form in ("sharp", "explicit", "two-sets"))
        print(f"| {row['tau']} | {row['T']} | {cells} | {row['explicit answered']} |")
    print("\nExponent of N in the noise's part of the squared gradient, tau = 8, T = 1000, 95 % intervals\n")
    print("| shares | A at N = 64 | exponent of N | exponent of N/A |\n|---|---|---|---|")
    for row in second:
        shown = ["-" if row[k] is None else f"{row[k][0]:.3f} +- {row[k][1]:.3f}" for k in ("N", "N/A")]
        print(f"| {row['shares']} | {row['A at N = 64']:.2f} | {shown[0]} | {shown[1]} |")
    if given.json:
        put(given.json, text({"tightness": first, "speedup": second}).encode())


if __name__ == "__main__":
    main()
