"""The smallest constant with which a random-design bound holds for all members of a finite class: by all draws of the data.

Client i has n_i records, each a point z (query and model) drawn from rho_i and a label in {0, 1} of mean f_i(z); f* is the mean
of all clients' labels at z. With n = sum n_i and S(f) = sum (f - y)^2 - (f* - y)^2 the statement c n left(f) <= S(f) + B for
all f of the class says B >= Z := max over f of c n left(f) - S(f). left(f) is what is to be bounded: the squared error of f
under the mean law of the records, or Subopt(f)^2 / K2 for the router that follows f. The least B that holds with probability
1 - delta is the (1 - delta)-quantile of Z; the theorems take log(|F| / delta).

Z depends on the data through the counts of the pairs (z, y) only. The solution lists the compositions of every n_i with
multinomial chances; the check adds one record at a time and uses the definition of S. There is no dual: P(Z <= B) >= 1 - delta
and P(Z < B) < 1 - delta, both in the witness, are the proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, number, probability
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "network-quantile"
OUTCOME_LIMIT = 20_000
"""Most count vectors that are listed."""
TIE = 1e-10


def network_quantile(
    functions: FloatArray,
    truths: FloatArray,
    laws: FloatArray,
    left: FloatArray,
    records: IntArray,
    factor: float,
    delta: float,
) -> Certificate:
    """Certificate for the (1 - delta)-quantile of Z.

    functions: (F, P) values at the points, in [0, 1]. truths: (C, P) f_i, in [0, 1]. laws: (C, P) rho_i, each normalised here;
    every point has records. left: (F,) at least 0. records: (C,) n_i. factor: c. InputError above OUTCOME_LIMIT count vectors.
    """
    means = array("truths", truths, (None, None), 0.0, 1.0)
    clients, points = means.shape
    values = array("functions", functions, (None, points), 0.0, 1.0)
    rho = array("laws", laws, (clients, points), 0.0)
    sizes = array("records", records, (clients,), 1.0, 64.0).astype(int)
    if not (rho.sum(axis=0) > 0.0).all() or not (rho.sum(axis=1) > 0.0).all():
        raise InputError("The 'laws' parameter must give every client and every point a positive sum; got 0.")
    if math.prod(math.comb(int(n) + 2 * points - 1, 2 * points - 1) for n in sizes) > OUTCOME_LIMIT:
        raise InputError(f"The 'records' parameter must be smaller for {points} points; got {sizes.tolist()}.")
    inputs = {
        "functions": values, "truths": means, "laws": rho / rho.sum(axis=1, keepdims=True),
        "left": array("left", left, (len(values),), 0.0), "records": sizes,
        "factor": number("factor", factor, 0.0, open_low=True), "delta": probability("delta", delta),
    }  # fmt: skip
    return PROGRAM.certify(inputs)


def pooled(truths: FloatArray, laws: FloatArray, records: IntArray) -> tuple[FloatArray, FloatArray]:
    """(P,) f* = E[y | z] and the mean law of all records."""
    mass = records[:, None] * laws / records.sum()
    return (mass * truths).sum(axis=0) / mass.sum(axis=0), mass.sum(axis=0)


def _arrays(inputs: Values) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Functions, f*, chances (C, 2P) of a point with label 0 then 1, and records."""
    functions, truths, laws = (np.asarray(inputs[key], float) for key in ("functions", "truths", "laws"))
    records = np.asarray(inputs["records"], int)
    truth, _ = pooled(truths, laws, records)
    return functions, truth, np.concatenate([laws * (1.0 - truths), laws * truths], axis=1), records


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def _solve(inputs: Values) -> Certificate:
    functions, truth, chances, records = _arrays(inputs)
    n = int(records.sum())
    counts, weight = np.zeros((1, chances.shape[1]), int), np.ones(1)
    factorials = np.array([math.factorial(k) for k in range(n + 1)], dtype=np.float64)
    for own, size in zip(chances, records.tolist(), strict=True):
        new = np.array(list(_compositions(size, own.size)))
        chance = factorials[size] / factorials[new].prod(axis=1) * (own**new).prod(axis=1)
        counts = (counts[:, None] + new[None]).reshape(-1, own.size)
        weight = np.outer(weight, chance).ravel()
    # S = sum g^2 - 2 g (y - f*), g = f - f*
    g = functions - truth
    zeros, ones = g**2 + 2.0 * g * truth, g**2 - 2.0 * g * (1.0 - truth)
    excess = counts @ np.concatenate([zeros, ones], axis=1).T
    worst = (float(inputs["factor"]) * n * np.asarray(inputs["left"], float) - excess).max(axis=1)
    order = np.argsort(worst)
    reached = np.cumsum(weight[order])
    level = float(worst[order][np.searchsorted(reached, 1.0 - float(inputs["delta"]) - TIE)])
    witness = {"at_most": float(weight[worst <= level + TIE].sum()), "below": float(weight[worst < level - TIE].sum())}
    reason = "enumeration: P(Z <= B) and P(Z < B) in the witness lie on both sides of 1 - delta"
    return Certificate(NAME, level, None, "exact enumeration", {"level": level, **witness}, inputs, reason=reason)


def _primal(inputs: Values, witness: Values) -> Reached:
    """Both probabilities again: the law of the counts record by record, S as it is defined."""
    functions, truth, chances, records = _arrays(inputs)
    law: dict[tuple[int, ...], float] = {(0,) * chances.shape[1]: 1.0}
    for own in np.repeat(chances, records, axis=0).tolist():
        grown: dict[tuple[int, ...], float] = {}
        for counts, weight in law.items():
            for place, chance in enumerate(own):
                new = (*counts[:place], counts[place] + 1, *counts[place + 1 :])
                grown[new] = grown.get(new, 0.0) + weight * chance
        law = grown
    label = np.repeat([0.0, 1.0], truth.size)
    both = np.tile(truth, 2)
    each = (np.tile(functions, 2) - label) ** 2 - (both - label) ** 2
    level, delta = float(witness["level"]), float(inputs["delta"])
    reach = float(inputs["factor"]) * int(records.sum()) * np.asarray(inputs["left"], float)
    at_most = below = 0.0
    for counts, weight in law.items():
        value = float((reach - each @ np.array(counts, float)).max())
        at_most += weight * (value <= level + TIE)
        below += weight * (value < level - TIE)
    violation = max(0.0, 1.0 - delta - at_most, below - (1.0 - delta))
    violation = max(violation, abs(at_most - float(witness["at_most"])), abs(below - float(witness["below"])))
    return Reached(level, violation)


PROGRAM = Program("min", 0.0, _solve, _primal)
