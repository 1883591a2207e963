"""The smallest constant with which the fixed-design least-squares bound holds for a finite class: by all label outcomes.

Design of T records, functions f in a class, truth f*, labels y in {0, 1} independent with means f*. With S(f) = sum (f - y)^2
- (f* - y)^2 the statement sum (f - f*)^2 <= 2 (S(f) + B) for all f of the class says B >= Z(y) := max over f of
sum (f - f*)^2 / 2 - S(f). So the least B that holds with probability 1 - delta is the (1 - delta)-quantile of Z, found by
enumerating the 2^T outcomes; the theorem takes B = log(|F| / delta).

The solution uses Z = max_f 2 sum g (y - f*) - sum g^2 / 2, g = f - f* (because S(f) = sum g^2 - 2 sum g (y - f*)); the check
uses the definition of S. There is no dual: P(Z <= B) >= 1 - delta and P(Z < B) < 1 - delta, both in the witness, are the proof.
"""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, array, probability
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "least-squares"
RECORD_LIMIT, CLASS_LIMIT = 14, 2**10 + 1
TIE = 1e-11
"""Values of Z closer than this are one value: they come from sums of at most RECORD_LIMIT terms of order one."""
_CHUNK = 2_000_000


def least_squares(functions: FloatArray, truth: FloatArray, delta: float) -> Certificate:
    """Certificate for the (1 - delta)-quantile of Z.

    functions: (F, T) values of the class at the design (need not be in [0, 1]). truth: (T,) f*, in [0, 1]. InputError for more
    than RECORD_LIMIT records or CLASS_LIMIT functions.
    """
    values = array("functions", functions, (None, None))
    if values.shape[0] > CLASS_LIMIT or values.shape[1] > RECORD_LIMIT:
        raise InputError(
            f"The 'functions' parameter must have at most {CLASS_LIMIT} rows and {RECORD_LIMIT} columns; got {values.shape}."
        )
    means = array("truth", truth, (values.shape[1],), 0.0, 1.0)
    return PROGRAM.certify({"functions": values, "truth": means, "delta": probability("delta", delta)})


def _outcomes(truth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """All label vectors (2^T, T) and their chances."""
    labels = (np.arange(2**truth.size)[:, None] >> np.arange(truth.size) & 1).astype(np.float64)
    return labels, np.prod(np.where(labels > 0, truth, 1.0 - truth), axis=1)


def _solve(inputs: Values) -> Certificate:
    functions, truth = np.asarray(inputs["functions"], float), np.asarray(inputs["truth"], float)
    labels, chance = _outcomes(truth)
    g = functions - truth
    step = max(1, _CHUNK // len(g))
    half = (g**2).sum(axis=1) / 2.0
    parts = [2.0 * (labels[i : i + step] - truth) @ g.T - half for i in range(0, len(labels), step)]
    worst = np.concatenate([part.max(axis=1) for part in parts])
    order = np.argsort(worst)
    reached = np.cumsum(chance[order])
    level = float(worst[order][np.searchsorted(reached, 1.0 - float(inputs["delta"]) - TIE)])
    witness = {"at_most": float(chance[worst <= level + TIE].sum()), "below": float(chance[worst < level - TIE].sum())}
    reason = "enumeration: P(Z <= B) and P(Z < B) in the witness lie on both sides of 1 - delta"
    return Certificate(NAME, level, None, "exact enumeration", {"level": level, **witness}, inputs, reason=reason)


def _primal(inputs: Values, witness: Values) -> Reached:
    """Both probabilities again, outcome by outcome, with S(f) as it is defined."""
    functions, truth = np.asarray(inputs["functions"], float), np.asarray(inputs["truth"], float)
    level, delta = float(witness["level"]), float(inputs["delta"])
    at_most = below = 0.0
    squared = ((functions - truth) ** 2).sum(axis=1)
    for label, chance in zip(*_outcomes(truth), strict=True):
        excess = ((functions - label) ** 2).sum(axis=1) - ((truth - label) ** 2).sum()
        value = float((squared / 2.0 - excess).max())
        at_most += float(chance) * (value <= level + TIE)
        below += float(chance) * (value < level - TIE)
    violation = max(0.0, 1.0 - delta - at_most, below - (1.0 - delta))
    violation = max(violation, abs(at_most - float(witness["at_most"])), abs(below - float(witness["below"])))
    return Reached(level, violation)


PROGRAM = Program("min", 0.0, _solve, _primal)
