"""Worst suboptimality of a mixture of two routers given the levels of their errors, as a linear program.

At each query the router takes b although a is best. Variables: utilities and both estimates of a and b in [0, 1], and
o, o' >= |difference of the two errors|, which is osc e for two models. Greedy on the mixture: u (L_b - L_a) +
(1 - u) (F_b - F_a) >= 0. Levels: E o <= B and E o' <= B', or the same at every query. More models add nothing: osc of the pair
is at most osc of all, and a third model of utility and estimates 0 changes neither osc nor choice. Loss 0 is feasible, so no
query need be split.

Dual: for prices k, k' >= 0 of the levels the loss g of a query satisfies g <= min(1, u o + (1 - u) o'), so the value is at most
k B + k' B' + E max(0, 1 - min(k / u, k' / (1 - u))).
"""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "mixture-worst-case"
TOLERANCE = 1e-7
PARTS = ("best", "chosen", "local_best", "local_chosen", "federated_best", "federated_chosen")
_ERRORS = {"local": (1.0, -1.0, -1.0, 1.0, 0.0, 0.0), "federated": (1.0, -1.0, 0.0, 0.0, -1.0, 1.0)}
"""e(best) - e(chosen) of both sides, by PARTS."""


def mixture_worst_case(weights: FloatArray, share: FloatArray, local: FloatArray, federated: FloatArray) -> Certificate:
    """Certificate for the largest suboptimality of the mixture, utilities and estimates within [0, 1].

    weights: (n,) test law, normalised here. share: (n,) weight u of the local side. local, federated: levels of osc e, each of
    one entry (of the mean over queries) or of n (of every query). InputError for other shapes and values out of range.
    """
    nu = array("weights", weights, (None,), 0.0)
    if nu.sum() <= 0.0:
        raise InputError(f"The 'weights' parameter must have a positive sum; got {nu.sum():g}.")
    levels = {name: array(name, level, (None,), 0.0) for name, level in (("local", local), ("federated", federated))}
    for name, level in levels.items():
        if level.size not in (1, nu.size):
            raise InputError(f"The '{name}' parameter must have one entry or one a query ({nu.size}); got {level.size}.")
    return PROGRAM.certify({"weights": nu / nu.sum(), "share": array("share", share, (nu.size,), 0.0, 1.0), **levels})


def _levels(nu: FloatArray, level: FloatArray) -> FloatArray:
    """(rows, n) by which o is summed: the mean, or every query alone."""
    rows: FloatArray = nu[None] if level.size == 1 else np.diag(nu)
    return rows


def _unit(*levels: FloatArray) -> float:
    """The largest level, at most the range 1: what the solver works in and violations are measured in; 1 for levels of 0."""
    return min(1.0, max(float(level.max()) for level in levels)) or 1.0


def _solve(inputs: Values) -> Certificate:
    nu, share, *levels = (np.asarray(inputs[k], float) for k in ("weights", "share", "local", "federated"))
    unit = _unit(*levels)
    reach = min(1.0 / unit, 4.0 / float(nu[nu > 0].min()))  # errors within the levels stay below a quarter of the latter
    local, federated = (level / unit for level in levels)
    n, width = nu.size, len(PARTS)
    rows, upper = [], []

    def place(query: int, parts: dict[int, float], osc: dict[int, float], limit: float) -> None:
        row = np.zeros((width + 2) * n)
        for part, factor in parts.items():
            row[part * n + query] = factor
        for side, factor in osc.items():
            row[(width + side) * n + query] = factor
        rows.append(row)
        upper.append(limit)

    for x in range(n):
        u = float(share[x])
        place(x, {2: u, 3: -u, 4: 1.0 - u, 5: u - 1.0}, {}, 0.0)
        for side, factors in enumerate(_ERRORS.values()):
            for sign in (1.0, -1.0):
                place(x, {k: sign * f for k, f in enumerate(factors)}, {side: -1.0}, 0.0)
    for side, level in enumerate((local, federated)):
        for sums, limit in zip(_levels(nu, level), level, strict=True):
            row = np.zeros((width + 2) * n)
            row[(width + side) * n : (width + side + 1) * n] = sums
            rows.append(row)
            upper.append(float(limit * (1.0 if level.size == 1 else sums.sum())))
    cost = np.zeros((width + 2) * n)
    cost[:n], cost[n : 2 * n] = -nu, nu
    high = reach * np.concatenate([np.ones(width * n), np.full(2 * n, 2.0)])
    found = solvers.linear(cost, np.array(rows), np.array(upper), 0.0, high)
    prices = found.multipliers[-local.size - federated.size :]
    witness = {name: unit * found.x[k * n : (k + 1) * n].clip(0.0, reach) for k, name in enumerate(PARTS)}
    if reach < 1.0 / unit:  # the range does not bind: what the dual pays for it, 1 - price / weight, is rounding of 0
        prices = prices * (1.0 + 1e-9)
    multipliers = {"local": prices[: local.size].clip(0.0), "federated": prices[local.size :].clip(0.0)}
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.HIGHS, witness, inputs, multipliers)


def _primal(inputs: Values, witness: Values) -> Reached:
    nu, share = np.asarray(inputs["weights"], float), np.asarray(inputs["share"], float)
    parts = np.array([witness[name] for name in PARTS], float)
    unit = _unit(np.asarray(inputs["local"], float), np.asarray(inputs["federated"], float))
    best, chosen, local_best, local_chosen, federated_best, federated_chosen = parts
    lead = share * (local_best - local_chosen) + (1.0 - share) * (federated_best - federated_chosen)
    violations = [float(lead.max()) / unit, -float(parts.min()) / unit, float(parts.max()) - 1.0]
    for name, first, second in (("local", local_best, local_chosen), ("federated", federated_best, federated_chosen)):
        osc, level = np.abs((best - first) - (chosen - second)), np.asarray(inputs[name], float)
        violations.append(float(nu @ osc - level[0] if level.size == 1 else (osc - level)[nu > 0].max()) / unit)
    return Reached(float(nu @ (best - chosen)), max(0.0, *violations))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    nu, share = np.asarray(inputs["weights"], float), np.asarray(inputs["share"], float)
    value, cheapest, least = 0.0, np.full(nu.size, np.inf), 0.0
    for name, weight in (("local", share), ("federated", 1.0 - share)):
        level, price = np.asarray(inputs[name], float), np.asarray(multipliers[name], float)
        value += float((level * price) @ (np.ones(1) if level.size == 1 else nu))
        with np.errstate(divide="ignore", invalid="ignore"):
            cheapest = np.fmin(cheapest, np.where(weight > 0.0, price / weight, np.inf))
        least = max(least, -float(price.min()))
    return Reached(value + float(nu @ np.maximum(0.0, 1.0 - cheapest)), least)


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
