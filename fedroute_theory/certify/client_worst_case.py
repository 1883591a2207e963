"""Worst suboptimality for one client of a router of all clients, given the pooled error and the client's bias.

The router is greedy for U_hat; E_rho (U_pool - U_hat)^2 <= eps^2; the client's truth is U_j = U_pool + h with E_nu osc h <= H;
U_j, U_pool, U_hat lie within [0, 1]. At query x with squared error s spent and osc h = o the loss is at most
min(1, sqrt(s k) + o), k the largest 1 / rho(x, a) + 1 / rho(x, b): U_j(a) - U_j(b) = U_pool(a) - U_pool(b) + h(a) - h(b), and
Cauchy-Schwarz. Both are attained at once, U_hat tied on that pair, so the program is: maximise E_nu min(1, sqrt(s k) + o)
subject to sum s <= eps^2, E_nu o <= H, concave in (s, o).

The check needs none of this. Witness: three tables and a choice, evaluated as they are. Dual: for prices kappa, mu >= 0 the
value is at most kappa eps^2 + mu H + sum_x max over g, o >= 0, g + o <= 1 of nu (g + o) - kappa g^2 / k - mu nu o.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array, number
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "client-worst-case"
TOLERANCE = 1e-6


def client_worst_case(test_law: FloatArray, logging_law: FloatArray, eps: float, bias: float) -> Certificate:
    """Certificate for the client's largest suboptimality.

    test_law: (n,) nu, normalised here. logging_law: (n, M) mean law rho(x, m) of all clients' records, positive, summing to at
    most 1. eps: root mean squared pooled error. bias: H, the client's E_nu osc h. InputError for values out of range.
    """
    nu = array("test_law", test_law, (None,), 1e-12)
    rho = array("logging_law", logging_law, (nu.size, None), 1e-12)
    if rho.sum() > 1.0 + 1e-9 or rho.shape[1] < 2:
        raise InputError(f"The 'logging_law' parameter must have two columns or more and sum to at most 1; got {rho.sum():g}.")
    inputs = {"test_law": nu / nu.sum(), "logging_law": rho, "eps": number("eps", eps, 0.0, open_low=True)}
    return PROGRAM.certify(inputs | {"bias": number("bias", bias, 0.0)})


def _reach(rho: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Largest k of every query, and the pair (n, 2) that has it."""
    pairs = np.array(list(combinations(range(rho.shape[1]), 2)))
    k = (1.0 / rho)[:, pairs].sum(axis=2)
    return k.max(axis=1), pairs[k.argmax(axis=1)]


def _solve(inputs: Values) -> Certificate:
    cp = solvers.cvxpy()
    nu, rho = np.asarray(inputs["test_law"], float), np.asarray(inputs["logging_law"], float)
    eps, bias = float(inputs["eps"]), float(inputs["bias"])
    k, _ = _reach(rho)
    # in units of the most that either budget allows at each query, so that small budgets are no small numbers
    unit_g, unit_o = np.minimum(1.0, eps * np.sqrt(k)), np.minimum(1.0, bias / nu)
    gain, osc = cp.Variable(nu.size, nonneg=True), cp.Variable(nu.size, nonneg=True)
    spent = cp.sum_squares(cp.multiply(gain, unit_g / (eps * np.sqrt(k)))) <= 1.0
    biased = (nu * unit_o / bias if bias else np.ones(nu.size)) @ osc <= 1.0
    both = cp.multiply(unit_g, gain) + cp.multiply(unit_o, osc) <= 1.0
    scale = float((nu * np.maximum(unit_g, unit_o)).max())
    target = (nu * unit_g / scale) @ gain + (nu * unit_o / scale) @ osc
    solvers.conic(cp.Problem(cp.Maximize(target), [spent, biased, both]))
    g, o = (np.clip(np.asarray(v.value) * unit, 0.0, 1.0) for v, unit in ((gain, unit_g), (osc, unit_o)))
    g *= min(1.0, eps / max(1e-300, float(np.sqrt((g**2 / k).sum()))))  # rounding of the solver taken out of the budgets
    o = np.minimum(o, 1.0 - g) * min(1.0, bias / max(1e-300, float(nu @ o)))
    witness = _instance(rho, g, o)
    multipliers = {
        "error": max(1e-12, float(np.ravel(spent.dual_value)[0])) * scale / eps**2,
        "bias": max(0.0, float(np.ravel(biased.dual_value)[0])) * scale / bias if bias else 1.0,
    }
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.CLARABEL, witness, inputs, multipliers)


def _instance(rho: FloatArray, g: FloatArray, o: FloatArray) -> dict[str, FloatArray]:
    """Tables in which the least covered pair (a, b) has U_pool = (g, 0), h = (o, 0), U_hat tied where the errors cost least."""
    rows = np.arange(len(g))
    a, b = _reach(rho)[1].T
    pool, own, estimate = (np.zeros(rho.shape) for _ in range(3))
    pool[rows, a], own[rows, a] = g, g + o
    tied = g * rho[rows, a] / (rho[rows, a] + rho[rows, b])
    estimate[rows, a] = estimate[rows, b] = tied
    return {"pool": pool, "own": own, "estimate": estimate, "chosen": b}


def _primal(inputs: Values, witness: Values) -> Reached:
    nu, rho = np.asarray(inputs["test_law"], float), np.asarray(inputs["logging_law"], float)
    pool, own, estimate = (np.asarray(witness[key], float) for key in ("pool", "own", "estimate"))
    rows, chosen = np.arange(nu.size), np.asarray(witness["chosen"])
    tables = np.stack([pool, own, estimate])
    bias, size = float(nu @ np.ptp(own - pool, axis=1)), max(float(np.ptp(tables)), 1e-300)
    violations = [
        float((rho * ((pool - estimate) / float(inputs["eps"])) ** 2).sum()) - 1.0,
        (bias - float(inputs["bias"])) / size,
        float((estimate.max(axis=1) - estimate[rows, chosen]).max()) / size,
        float(tables.max()) - 1.0,
        -float(tables.min()),
    ]
    return Reached(float(nu @ (own.max(axis=1) - own[rows, chosen])), max(0.0, *violations))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    nu, rho = np.asarray(inputs["test_law"], float), np.asarray(inputs["logging_law"], float)
    error, bias = float(multipliers["error"]), float(multipliers["bias"])
    k, _ = _reach(rho)
    # g + o = 1 where osc is cheaper than its gain (bias < 1), else o = 0
    worth = min(1.0, bias)
    g = np.clip(nu * worth * k / (2.0 * error), 0.0, 1.0)
    rest = nu * worth * g - error * g**2 / k + nu * (1.0 - worth)
    value = error * float(inputs["eps"]) ** 2 + bias * float(inputs["bias"]) + float(rest.sum())
    return Reached(value, max(0.0, -error, -bias))


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
