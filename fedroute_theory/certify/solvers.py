"""The solvers of the second route, each named, each trusted only when it says "optimal"."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, InputError

HIGHS = "HiGHS (scipy)"
CLARABEL = "CLARABEL (cvxpy)"


class SolverError(RuntimeError):
    """A solver ended with another status than "optimal"."""


@dataclass(frozen=True, eq=False)
class Solved:
    """A minimum: its value, the variables, the multipliers of A x <= b (at least 0), and a lower bound on the value."""

    value: float
    x: FloatArray
    multipliers: FloatArray
    bound: float


def linear(cost: FloatArray, matrix: Any, upper: FloatArray, low: Any = 0.0, high: Any = np.inf) -> Solved:
    """Minimise cost @ x subject to matrix @ x <= upper, low <= x <= high, by HiGHS. SolverError unless optimal."""
    from scipy.optimize import linprog

    ends = np.stack([np.broadcast_to(low, cost.shape), np.broadcast_to(high, cost.shape)], axis=1)
    found = linprog(cost, A_ub=matrix, b_ub=upper, bounds=ends, method="highs")
    if found.status != 0:
        raise SolverError(f"The solver {HIGHS} ended with {found.message!r} instead of 'optimal'.")
    return Solved(float(found.fun), np.asarray(found.x), -np.asarray(found.ineqlin.marginals), float(found.fun))


def mixed_integer(
    cost: FloatArray, matrix: Any, upper: FloatArray, low: FloatArray, high: FloatArray, whole: FloatArray
) -> Solved:
    """As `linear` with x integer where `whole` is 1; `bound` is that of branch and bound. SolverError unless optimal."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = LinearConstraint(matrix, -np.inf, upper)
    found = milp(cost, integrality=whole, bounds=Bounds(low, high), constraints=rows, options={"mip_rel_gap": 1e-9})
    if found.status != 0:
        raise SolverError(f"The solver {HIGHS} ended with {found.message!r} instead of 'optimal'.")
    bound = found.mip_dual_bound
    bound = float(found.fun) if bound is None or not math.isfinite(bound) else float(bound)
    return Solved(float(found.fun), np.asarray(found.x), np.empty(0), bound)


def cvxpy() -> ModuleType:
    """The modelling library; InputError naming the extra where it is not installed."""
    try:
        import cvxpy as module
    except ImportError:
        raise InputError(
            "The cone programs need cvxpy; install the 'test' extra: pip install 'fedroute-theory[test]'."
        ) from None
    return module  # type: ignore[no-any-return, unused-ignore]


def conic(problem: Any) -> float:
    """Solve a cvxpy problem by CLARABEL and return its value. SolverError unless optimal."""
    failed = cvxpy().error.SolverError
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate")  # the status says so, and it is refused below
        try:
            problem.solve(solver="CLARABEL")
        except (failed, ValueError) as error:  # ValueError: infinite data
            raise SolverError(f"The solver {CLARABEL} failed: {str(error).splitlines()[0].rstrip('.')[:80]}.") from None
    if problem.status != "optimal":
        raise SolverError(f"The solver {CLARABEL} ended with {problem.status!r} instead of 'optimal'.")
    return float(problem.value)
