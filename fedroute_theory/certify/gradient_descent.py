"""Worst averaged squared gradient of gradient descent on L-smooth functions, as a semidefinite program.

x_{k+1} = x_k - eta g_k for k < K - 1; F, convex or not, with an L-Lipschitz gradient; F(x_0) - inf F <= gap. Value: the largest
mean of |g_k|^2 over k = 0, every, 2 every, ... This is FedAvg without gradient noise, K / every rounds of `every` local steps
by clients of one objective; for `every` = 1 whatever the clients' objectives are. Values f_k and gradients g_k of such an F
with inf F = 0 satisfy, for all pairs (Taylor, Hendrickx and Glineur 2017, with curvatures in [-L, L]; Drori and Shamir 2020),
  f_i - f_j >= <g_i + g_j, x_i - x_j> / 2 - L |x_i - x_j|^2 / 4 + |g_i - g_j|^2 / (4 L)   and   f_i >= |g_i|^2 / (2 L),
linear in f and in the Gram matrix of the gradients, since the x are sums of the g. That these are necessary makes the value an
upper bound on the worst case, which is all that the bracket table needs: there an explicit function reaches it.

Witness: values and gradients. Dual: multipliers with which the constraints add up to price * gap - mean - (a sum of squares).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, integer, number
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "gradient-descent"
TOLERANCE = 1e-5
STEP_LIMIT = 8


def gradient_descent(eta: float, steps: int, *, every: int = 1, smoothness: float = 1.0, gap: float = 1.0) -> Certificate:
    """Certificate for the largest mean of |g_k|^2 over k = 0, every, ... < steps.

    eta: step size, eta L in (0, 2). steps: number of gradients, at most STEP_LIMIT, a multiple of `every`. smoothness: L. gap:
    F(x_0) - inf F. InputError for values out of range.
    """
    size, apart = integer("steps", steps, 1, STEP_LIMIT), integer("every", every, 1, STEP_LIMIT)
    if size % apart:
        raise InputError(f"The 'steps' parameter must be a multiple of every = {apart}; got {size}.")
    L = number("smoothness", smoothness, 0.0, open_low=True)
    inputs = {
        "eta": number("eta", eta, 0.0, 2.0 / L, open_low=True), "steps": size, "every": apart, "smoothness": L,
        "gap": number("gap", gap, 0.0, open_low=True),
    }  # fmt: skip
    return PROGRAM.certify(inputs)


def _pairs(inputs: Values) -> Iterator[tuple[int, int, FloatArray]]:
    """(i, j, Q) with f_i - f_j >= <Q, Gram> in units L = 1: x and f scaled by L."""
    size, step = int(inputs["steps"]), float(inputs["eta"]) * float(inputs["smoothness"])
    gradient = np.eye(size)
    place = np.vstack([np.zeros(size), -step * np.cumsum(gradient, axis=0)])[:-1]
    for i in range(size):
        for j in range(size):
            if i != j:
                move, total, apart = place[i] - place[j], gradient[i] + gradient[j], gradient[i] - gradient[j]
                mixed = (np.outer(total, move) + np.outer(move, total)) / 4.0
                yield i, j, mixed - np.outer(move, move) / 4.0 + np.outer(apart, apart) / 4.0


def _target(inputs: Values) -> FloatArray:
    """Weights of |g_k|^2 in the value."""
    size, every = int(inputs["steps"]), int(inputs["every"])
    weights = np.zeros(size)
    weights[::every] = every / size
    return weights


def _solve(inputs: Values) -> Certificate:
    cp = solvers.cvxpy()
    size, L, gap = int(inputs["steps"]), float(inputs["smoothness"]), float(inputs["gap"])
    gram, value = cp.Variable((size, size), PSD=True), cp.Variable(size)
    pairs = list(_pairs(inputs))
    # |g|^2 in units of L gap, f in units of the gap
    start, floor = value[0] <= 1.0, value >= cp.diag(gram) / 2.0
    rows = [value[i] - value[j] >= cp.sum(cp.multiply(q, gram)) for i, j, q in pairs]
    solvers.conic(cp.Problem(cp.Maximize(_target(inputs) @ cp.diag(gram)), [start, floor, *rows]))
    energy, vectors = np.linalg.eigh(np.asarray(gram.value))
    gradients = vectors * np.sqrt(np.maximum(energy, 0.0))
    witness = {"gradients": math.sqrt(L * gap) * gradients, "values": gap * np.asarray(value.value)}
    pair = np.maximum([float(np.ravel(row.dual_value)[0]) for row in rows], 0.0)
    multipliers = {"pairs": pair, "first": max(0.0, float(np.ravel(floor.dual_value)[0]))}
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.CLARABEL, witness, inputs, multipliers)


def _primal(inputs: Values, witness: Values) -> Reached:
    L = float(inputs["smoothness"])
    g, f = np.asarray(witness["gradients"], float), np.asarray(witness["values"], float)
    gram, f = g @ g.T / (L * float(inputs["gap"])), f / float(inputs["gap"])
    violations = [float(f[0]) - 1.0, float((np.diag(gram) / 2.0 - f).max())]
    violations += [float((q * gram).sum() - f[i] + f[j]) for i, j, q in _pairs(inputs)]
    return Reached(float(_target(inputs) @ np.square(g).sum(axis=1)), max(0.0, *violations))


def _dual(inputs: Values, multipliers: Values) -> Reached:
    """Price of the gap. Those of f_i >= |g_i|^2 / 2 follow from the pairs' by cancelling f_i, but for the first."""
    pair, first = np.asarray(multipliers["pairs"], float), float(multipliers["first"])
    net, quadratic = np.zeros(int(inputs["steps"])), -np.diag(_target(inputs))
    for weight, (i, j, q) in zip(pair, _pairs(inputs), strict=True):
        net[i] += weight
        net[j] -= weight
        quadratic = quadratic + weight * q
    floor = np.append(first, -net[1:])
    least = np.linalg.eigvalsh(quadratic + np.diag(floor) / 2.0)[0]
    violation = max(0.0, -float(least), -float(floor.min()), -float(pair.min(initial=0.0)))
    return Reached(float(inputs["smoothness"]) * float(inputs["gap"]) * (first + float(net[0])), violation)


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
