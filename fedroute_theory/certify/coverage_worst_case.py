"""Worst suboptimality of a greedy router given its squared error under the logging law, as a second-order cone program.

Problem: maximise E_nu[max_m U - U(x, chosen)] over tables U, U_hat (n, M) in a range of length R (or without range) with
chosen = argmax U_hat, ties in any way, and sum rho(x, m) (U - U_hat)^2 <= eps^2. The best model a(x) and the chosen model
b(x) make it non-convex. The program takes a mixture theta of all ordered pairs (a, b) at every query, with the pair's own
U, U_hat scaled by theta (perspective), so the squared error is u^2 / theta: a rotated cone.

Exactness. Let f_p(s) be the largest U(a) - U(b) of pair p = (a, b) at one query with squared error s spent there, and
F = max_p f_p. The program is a relaxation (theta in {0, 1} gives every instance). Conversely sum_p theta_p f_p(s_p / theta_p)
<= sum_p theta_p F(s_p / theta_p) <= F(sum_p s_p) when F is concave. Here f_p(s) = min(R, sqrt(s k_p)), k_p = 1 / rho(x, a) +
1 / rho(x, b) (Cauchy-Schwarz, attained with U_hat tied); the f_p are ordered by k_p, so F is one of them, hence concave.

The check needs none of this. Witness: tables U, U_hat and a choice, evaluated as they are. Dual: for every price kappa >= 0
the value is at most kappa eps^2 + sum_x max_p max_{0 <= g <= R} (nu(x) g - kappa g^2 / k_p), because U_hat(a) <= U_hat(b)
gives U(a) - U(b) <= e(a) - e(b), and e(a) - e(b) = g costs at least g^2 / k_p.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, number
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "coverage-worst-case"
TOLERANCE = 1e-6


def coverage_worst_case(
    test_law: FloatArray, logging_law: FloatArray, eps: float, label_range: float | None = None
) -> Certificate:
    """Certificate for the largest suboptimality with root mean squared error `eps` under the logging law.

    test_law: (n,) nu, normalised here. logging_law: (n, M) rho(x, m), non-negative, summing to at most 1 (records off the
    test law are not listed). label_range: R, utilities and estimates within [0, R]; None: no range. InputError where a model
    is never logged and there is no range: the value is infinite.
    """
    nu, rho, eps = _laws(test_law, logging_law, eps)
    return PROGRAM.certify({"test_law": nu, "logging_law": rho, "eps": eps, "label_range": label_range})


def _laws(test_law: object, logging_law: object, eps: object) -> tuple[FloatArray, FloatArray, float]:
    nu = array("test_law", test_law, (None,), 0.0)
    rho = array("logging_law", logging_law, (nu.size, None), 0.0)
    if nu.sum() <= 0.0:
        raise InputError(f"The 'test_law' parameter must have a positive sum; got {nu.sum():g}.")
    if rho.sum() > 1.0 + 1e-9:
        raise InputError(f"The 'logging_law' parameter must sum to at most 1; got {rho.sum():g}.")
    if rho.shape[1] < 2:
        raise InputError(f"The 'logging_law' parameter must have at least two columns, one a model; got {rho.shape[1]}.")
    return nu / nu.sum(), rho, number("eps", eps, 0.0, open_low=True)


def _reach(rho: FloatArray, pairs: list[tuple[int, int]]) -> FloatArray:
    """(n, P) k_p = 1 / rho(x, a) + 1 / rho(x, b), infinite without coverage."""
    with np.errstate(divide="ignore"):
        inverse = 1.0 / rho
    return np.stack([inverse[:, a] + inverse[:, b] for a, b in pairs], axis=1)


def _solve(inputs: Values) -> Certificate:
    nu, rho, eps = _laws(inputs["test_law"], inputs["logging_law"], inputs["eps"])
    given = inputs["label_range"]
    pairs = list(permutations(range(rho.shape[1]), 2))
    live = nu > 0
    reach = _reach(rho, pairs)[live]
    if given is None:
        if not np.isfinite(reach).all():
            raise InputError("The 'logging_law' parameter must be positive on the test law when there is no range; got 0.")
        width = 1.5 * eps * np.sqrt(reach.max(axis=1))  # a query cannot use more than eps^2: never binding
    else:
        width = np.full(reach.shape[0], number("label_range", given, 0.0, open_low=True))
        width = np.minimum(width, 1.5 * eps * np.sqrt(reach.max(axis=1)))
    covered = np.isfinite(reach).all(axis=1)  # elsewhere a model is never logged, and the whole range is lost for nothing
    spent, price = np.zeros(covered.size), 0.0
    if covered.any():
        spent[covered], price = _cone_program(nu[live][covered], rho[live][covered], eps, width[covered], pairs)
        spent *= eps**2 / spent.sum()
    truth, estimate, chosen = _instance(rho[live], spent, width, pairs, reach)
    rows = np.flatnonzero(live)
    tables = {name: np.zeros(rho.shape) for name in ("truth", "estimate")}
    tables["truth"][rows], tables["estimate"][rows] = truth, estimate
    picked = np.zeros(nu.size, dtype=np.int64)
    picked[rows] = chosen
    stored = {"test_law": nu, "logging_law": rho, "eps": eps, "label_range": given}
    witness = {**tables, "chosen": picked}
    multipliers = {"price": price}
    primal, dual = _primal(stored, witness), _dual(stored, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.CLARABEL, witness, stored, multipliers)


def _cone_program(
    nu: FloatArray, rho: FloatArray, eps: float, width: FloatArray, pairs: list[tuple[int, int]]
) -> tuple[FloatArray, float]:
    """Squared error spent at every query (n,) and the price of the budget eps^2."""
    cp = solvers.cvxpy()
    shape = (nu.size, len(pairs))
    best, worst = [a for a, _ in pairs], [b for _, b in pairs]
    share, cost = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
    # utilities in units of the range, of the best and the chosen model, and their estimates
    u_best, u_chosen, h_best, h_chosen = (cp.Variable(shape, nonneg=True) for _ in range(4))
    scale = 2.0 * width[:, None] / eps  # cost in units of eps^2
    first = cp.multiply(scale * np.sqrt(rho[:, best]), u_best - h_best)
    second = cp.multiply(scale * np.sqrt(rho[:, worst]), u_chosen - h_chosen)
    budget = cp.sum(cost) <= 1.0
    cones = cp.SOC(
        cp.vec(share + cost, order="C"),
        cp.vstack([cp.vec(first, order="C"), cp.vec(second, order="C"), cp.vec(share - cost, order="C")]),
        axis=0,
    )
    rows = [cp.sum(share, axis=1) <= 1.0, h_best <= h_chosen, budget, cones]
    rows += [part <= share for part in (u_best, u_chosen, h_best, h_chosen)]
    gain = nu * width
    solvers.conic(cp.Problem(cp.Maximize(gain / gain.max() @ cp.sum(u_best - u_chosen, axis=1)), rows))
    spent = np.maximum(np.asarray(cost.value), 0.0).sum(axis=1) * eps**2
    return spent, max(0.0, float(budget.dual_value)) * float(gain.max()) / eps**2


def _instance(
    rho: FloatArray, spent: FloatArray, width: FloatArray, pairs: list[tuple[int, int]], reach: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Tables U, U_hat and choices that spend the given squared errors on the least covered pairs, estimates tied."""
    truth, estimate = np.zeros(rho.shape), np.zeros(rho.shape)
    chosen = np.zeros(spent.size, dtype=np.int64)
    for x, p in enumerate(reach.argmax(axis=1).tolist()):
        a, b = pairs[p]
        if not np.isfinite(reach[x, p]):
            gain, part = float(width[x]), 1.0 if rho[x, a] == 0.0 else 0.0
        else:
            gain, part = min(float(width[x]), float(np.sqrt(spent[x] * reach[x, p]))), 1.0 / rho[x, a] / reach[x, p]
        estimate[x, [a, b]] = (1.0 - part) * gain
        truth[x, a], chosen[x] = gain, b
    return truth, estimate, chosen


def _primal(inputs: Values, witness: Values) -> Reached:
    nu, rho = np.asarray(inputs["test_law"]), np.asarray(inputs["logging_law"])
    truth, estimate = np.asarray(witness["truth"]), np.asarray(witness["estimate"])
    rows, chosen = np.arange(nu.size), np.asarray(witness["chosen"])
    regret = truth.max(axis=1) - truth[rows, chosen]
    both = np.stack([truth, estimate])
    violations = [
        float((rho * ((truth - estimate) / inputs["eps"]) ** 2).sum()) - 1.0,
        float((estimate.max(axis=1) - estimate[rows, chosen])[nu > 0].max()) / max(float(np.ptp(both)), 1e-300),
    ]
    if inputs["label_range"] is not None:
        violations += [float(both.max()) / inputs["label_range"] - 1.0, -float(both.min()) / inputs["label_range"]]
    return Reached(float(nu @ regret), max(0.0, *violations))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    nu, rho, price = np.asarray(inputs["test_law"]), np.asarray(inputs["logging_law"]), float(multipliers["price"])
    reach = _reach(rho, list(permutations(range(rho.shape[1]), 2)))
    top = np.inf if inputs["label_range"] is None else inputs["label_range"]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.minimum(top, nu[:, None] * reach / (2.0 * price))  # maximiser of nu g - price g^2 / k
        worth = nu[:, None] * gain - price * gain**2 / reach
    worth = np.where(nu[:, None] > 0, worth, 0.0)
    return Reached(price * inputs["eps"] ** 2 + float(worth.max(axis=1).sum()), max(0.0, -price))


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
