"""Worst suboptimality of a greedy router given the law of the margin and E osc^2, as a second-order cone program.

At query x with margin D(x) (best utility minus the largest strictly smaller one) the loss is 0 or some r in [D(x), R], and
r <= osc e(x); with two models it is 0 or D(x). With k(x) the coverage integrand r^2 <= k(x) times the squared error
spent at x. Problem: the largest E_nu r with E_nu[r^2 / k] <= s^2, where a query may be split (a law of margins has no
atoms, or the tie is broken by a coin): share p(x) of it loses z(x) / p(x).

Program: maximise nu @ z subject to D p <= z <= R p (z = D p for two models), 0 <= p <= 1, nu @ (z^2 / (p k)) <= s^2: the
perspective of a convex set, so it is exact for split queries, by Jensen inside [D, R]. Every (p, z) is an instance: three
models with utilities U, U - D and U - r, U_hat tied between the first and the last, give loss r at osc e = r.
The solver sees shares, losses and errors in units of the most that the budget allows at each query, so that a small s or a
small margin is no small number there.
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

    weights, margin: (n,) test law and margins in (0, label_range]. k2: (n,) coverage integrand, positive (default 1: s^2 is E
    osc^2; else s is the root mean squared error under the logging law). two_models: losses are the margins themselves. s:
    positive. InputError for values out of range.
    """
    nu = array("weights", weights, (None,), 0.0)
    if nu.sum() <= 0.0:
        raise InputError(f"The 'weights' parameter must have a positive sum; got {nu.sum():g}.")
    top = number("label_range", label_range, 0.0, open_low=True)
    inputs = {
        "weights": nu / nu.sum(),
        "margin": array("margin", margin, (nu.size,), 1e-9 * top, top),
        "k2": array("k2", np.ones(nu.size) if k2 is None else k2, (nu.size,), 1e-9),
        "s": number("s", s, 0.0, open_low=True),
        "label_range": top,
        "two_models": bool(two_models),
    }
    return PROGRAM.certify(inputs)


def _arrays(inputs: Values) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Weights, margins, coverage and largest losses."""
    nu, margin, k2 = (np.asarray(inputs[key], float) for key in ("weights", "margin", "k2"))
    return nu, margin, k2, margin if inputs["two_models"] else np.full(nu.size, float(inputs["label_range"]))


def _solve(inputs: Values) -> Certificate:
    cp = solvers.cvxpy()
    nu, margin, k2, top = _arrays(inputs)
    s, live = float(inputs["s"]), nu > 0
    spare = s * np.sqrt(k2[live] / nu[live])  # root of the most that E r^2 can be at this query
    unit_share = np.minimum(1.0, np.square(spare / margin[live]))
    unit_loss = np.minimum(top[live], np.minimum(spare, spare**2 / margin[live]))
    share, loss, cost = (cp.Variable(unit_share.size, nonneg=True) for _ in range(3))
    budget = np.square(unit_loss / spare) / unit_share @ cost <= 1.0
    cone = cp.SOC(share + cost, cp.vstack([2.0 * loss, share - cost]), axis=0)
    least, most = margin[live] * unit_share / unit_loss, unit_loss / (top[live] * unit_share)
    rows = [
        share <= np.minimum(1.0 / unit_share, 10.0),
        cp.multiply(least, share) <= loss,
        cp.multiply(most, loss) <= share,
        budget,
        cone,
    ]
    # the budget alone keeps a scaled share at or below 1; the price is its own only where no other row binds with it
    gain = nu[live] * unit_loss
    solvers.conic(cp.Problem(cp.Maximize(gain / gain.max() @ loss), rows))
    price = max(1e-300, float(budget.dual_value) * float(gain.max()) / s**2)
    # the kinks of the dual function: the price is that of a query whose loss at its margin is just worth it
    price = min([price, *(k2 / margin)[live]], key=lambda kappa: _dual(inputs, {"price": kappa}).value)
    part = np.clip(np.asarray(share.value), 0.0, 1.0)
    p, each = np.zeros(nu.size), margin.copy()
    p[live] = part * unit_share
    mean = np.asarray(loss.value) * unit_loss
    each[live] = np.divide(mean, p[live], out=margin[live].copy(), where=part > 1e-9)
    each = np.clip(each, margin, top)
    spent = float((nu / k2) @ (p * each**2))
    p *= min(1.0, s**2 / spent) if spent > 0 else 1.0  # rounding of the solver taken out of the budget
    witness, multipliers = {"share": p, "loss": each}, {"price": price}
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.CLARABEL, witness, inputs, multipliers)


def _primal(inputs: Values, witness: Values) -> Reached:
    nu, margin, k2, top = _arrays(inputs)
    share, loss = np.asarray(witness["share"], float), np.asarray(witness["loss"], float)
    spent = float((nu / k2) @ (share * loss**2)) / float(inputs["s"]) ** 2 - 1.0
    violations = [spent, share.max() - 1.0, -share.min(), (1.0 - loss / margin).max(), (loss / top).max() - 1.0]
    return Reached(float(nu @ (share * loss)), max(0.0, *map(float, violations)))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    nu, margin, k2, top = _arrays(inputs)
    price = float(multipliers["price"])
    loss = np.clip(k2 / (2.0 * price), margin, top)  # maximiser of r - price r^2 / k2 on [margin, top]
    worth = np.maximum(0.0, loss - price * loss**2 / k2)
    return Reached(price * float(inputs["s"]) ** 2 + float(nu @ worth), max(0.0, -price))


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
