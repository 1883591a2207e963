"""Worst suboptimality of a greedy router given the law of the margin and E osc^2, as a second-order cone program.

At query x with margin D(x) (best utility minus the largest strictly smaller one) the loss is 0 or some r in [D(x), R], and
r <= osc e(x); with two models it is 0 or D(x). With k(x) the coverage integrand r^2 <= k(x) times the squared error
spent at x. Problem: the largest E_nu r with E_nu[r^2 / k] <= s^2, where a query may be split (a law of margins has no
atoms, or the tie is broken by a coin): share p(x) of it loses z(x) / p(x).

Program: maximise nu @ z subject to D p <= z <= R p (z = D p for two models), 0 <= p <= 1, nu @ (z^2 / (p k)) <= s^2: the
perspective of a convex set, so it is exact for split queries, by Jensen inside [D, R]. Every (p, z) is an instance: three
models with utilities U, U - D and U - r, U_hat tied between the first and the last, give loss r at osc e = r.
Dual: for every price kappa >= 0 the value is at most kappa s^2 + E_nu max(0, max over r of r - kappa r^2 / k).
"""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array, number
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "margin-worst-case"
TOLERANCE = 1e-5


def margin_worst_case(
    weights: FloatArray,
    margin: FloatArray,
    s: float,
    *,
    label_range: float = 1.0,
    two_models: bool = False,
    k2: FloatArray | None = None,
) -> Certificate:
    """Certificate for the largest expected loss with E[r^2 / k2] <= s^2.

    weights, margin: (n,) test law and margins in (0, label_range]. k2: (n,) coverage integrand, positive (default 1: s^2 is
    E osc^2; else s is the root mean squared error under the logging law). two_models: losses are the margins themselves.
    """
    nu = array("weights", weights, (None,), 0.0)
    if nu.sum() <= 0.0:
        raise InputError(f"The 'weights' parameter must have a positive sum; got {nu.sum():g}.")
    top = number("label_range", label_range, 0.0, open_low=True)
    inputs = {
        "weights": nu / nu.sum(),
        "margin": array("margin", margin, (nu.size,), 1e-9, top),
        "k2": array("k2", np.ones(nu.size) if k2 is None else k2, (nu.size,), 1e-9),
        "s": number("s", s, 0.0, open_low=True),
        "label_range": top,
        "two_models": bool(two_models),
    }
    return _solve(inputs)


def _arrays(inputs: Values) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Weights, margins, coverage and largest losses."""
    nu, margin, k2 = (np.asarray(inputs[key], float) for key in ("weights", "margin", "k2"))
    return nu, margin, k2, margin if inputs["two_models"] else np.full(nu.size, float(inputs["label_range"]))


def _solve(inputs: Values) -> Certificate:
    cp = solvers.cvxpy()
    nu, margin, k2, top = _arrays(inputs)
    share, loss, cost = (cp.Variable(nu.size, nonneg=True) for _ in range(3))
    budget = (nu / k2) @ cost <= float(inputs["s"]) ** 2
    cone = cp.SOC(share + cost, cp.vstack([2.0 * loss, share - cost]), axis=0)
    rows = [share <= 1.0, loss >= cp.multiply(margin, share), loss <= cp.multiply(top, share), budget, cone]
    solvers.conic(cp.Problem(cp.Maximize(nu @ loss), rows))
    price = max(1e-12, float(budget.dual_value))
    p = np.clip(np.asarray(share.value), 0.0, 1.0)
    each = np.clip(np.divide(np.asarray(loss.value), p, out=margin.copy(), where=p > 1e-9), margin, top)
    spent = float((nu / k2) @ (p * each**2))
    p *= min(1.0, float(inputs["s"]) ** 2 / spent) if spent > 0 else 1.0  # rounding of the solver taken out of the budget
    witness, multipliers = {"share": p, "loss": each}, {"price": price}
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.CLARABEL, witness, inputs, multipliers)


def _primal(inputs: Values, witness: Values) -> Reached:
    nu, margin, k2, top = _arrays(inputs)
    share, loss = np.asarray(witness["share"], float), np.asarray(witness["loss"], float)
    spent = float((nu / k2) @ (share * loss**2)) - float(inputs["s"]) ** 2
    violations = [spent, share.max() - 1.0, -share.min(), (margin - loss).max(), (loss - top).max()]
    return Reached(float(nu @ (share * loss)), max(0.0, *map(float, violations)))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    nu, margin, k2, top = _arrays(inputs)
    price = float(multipliers["price"])
    loss = np.clip(k2 / (2.0 * price), margin, top)  # maximiser of r - price r^2 / k2 on [margin, top]
    worth = np.maximum(0.0, loss - price * loss**2 / k2)
    return Reached(price * float(inputs["s"]) ** 2 + float(nu @ worth), max(0.0, -price))


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
