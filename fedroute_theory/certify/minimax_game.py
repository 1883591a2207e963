"""The value of the routing game in one cell: two models with n_a and n_b Bernoulli labels, bracketed rigorously.

The router sees the successes (i, j) and takes model b with probability phi[i, j]; nature picks the chances (q_a, q_b). The
risk is R(q, phi) = (q_a - q_b) E phi where q_a >= q_b, else (q_b - q_a) E[1 - phi]. Value = min over phi of max over q.

Lower side: for every prior pi on finitely many q, value >= min over phi of sum pi(q) R(q, phi), which is attained outcome by
outcome: sum over (i, j) of min(sum_q pi P_q(i, j) (q_a - q_b)_+, the same with (q_b - q_a)_+).

Upper side: for every phi, value <= max over ALL q of R(q, phi). On each half the risk is a polynomial; E phi has the Bernstein
coefficients phi[i, j] in (q_a, q_b), q_a is elevated exactly, and on a box [l, u] x [l', u'] the coefficients are convex
combinations of these (blossoms: entry (k, i) is the chance of i successes in n - k trials of chance l and k of chance u). A
polynomial lies below its largest Bernstein coefficient on the box, and the excess is quadratic in the side of the box, where a
Lipschitz bound would be linear. Boxes that meet a half are taken whole, which only raises the bound.

The linear program (min v: R(q, phi) <= v on the points) supplies phi, and its multipliers the prior; points are added where
phi is worst until both sides meet, and those of the prior then leave the grid. "primal" is the upper side, "dual" the lower.
"""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray, integer
from fedroute_theory.certify import solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "minimax-game"
TOLERANCE = 2e-3
FINE = 200
"""Intervals of [0, 1] on which a router's worst chances are searched."""
REFINEMENTS = 6
"""Times that the chances of the prior are moved by half as much."""
COUNT_LIMIT = 24


def minimax_game(n_a: int, n_b: int, boxes: int | None = None, rounds: int = 40) -> Certificate:
    """Certificate for the game's value with n_a and n_b records (0 to COUNT_LIMIT each).

    boxes: intervals a side in the upper bound; by default enough for the tolerance. rounds: most linear programs. InputError
    for values out of range.
    """
    return PROGRAM.certify(
        {
            "n_a": integer("n_a", n_a, 0, COUNT_LIMIT),
            "n_b": integer("n_b", n_b, 0, COUNT_LIMIT),
            "boxes": integer("boxes", (64 if max(n_a, n_b) <= 20 else 128) if boxes is None else boxes, 1),
            "rounds": integer("rounds", rounds, 1),
        }
    )


def binomial(n: int, chances: FloatArray) -> FloatArray:
    """(len(chances), n + 1) law of the number of successes, one trial after the other."""
    law = np.ones((chances.size, 1))
    p = chances[:, None]
    for _ in range(n):
        law = np.pad(law * (1.0 - p), ((0, 0), (0, 1))) + np.pad(law * p, ((0, 0), (1, 0)))
    return law


def worst_risk(n_a: int, n_b: int, phi: FloatArray, boxes: int) -> float:
    """Upper bound on the largest risk of the rule phi (n_a + 1, n_b + 1) over all chances in [0, 1]^2."""
    return max(_half(n_a, n_b, phi, boxes), _half(n_b, n_a, 1.0 - phi.T, boxes))


def _half(n_a: int, n_b: int, phi: FloatArray, boxes: int) -> float:
    """Largest Bernstein coefficient of (q_a - q_b) E phi over the boxes that meet q_a >= q_b."""
    up_a = np.arange(n_a + 2) / (n_a + 1)  # q times a Bernstein form of degree n: coefficient i/(n + 1) times that of i - 1
    up_b = np.arange(n_b + 2) / (n_b + 1)
    wide = np.pad(phi, ((1, 1), (1, 1)))
    after_a, after_b = wide[1:, :] * (1.0 - up_a)[:, None], wide[:-1, :] * up_a[:, None]  # not-taken and taken q_a
    raised_a = after_a + after_b  # degree n_a + 1, b still padded
    times_qa = after_b[:, 1:] * (1.0 - up_b) + after_b[:, :-1] * up_b
    times_qb = raised_a[:, :-1] * up_b
    coefficients = times_qa - times_qb
    edges = np.linspace(0.0, 1.0, boxes + 1)
    to_a, to_b = _blossoms(n_a + 1, edges), _blossoms(n_b + 1, edges)
    on_a = np.einsum("gki,ij->gkj", to_a, coefficients)
    worst = 0.0
    for g in range(boxes):
        low = to_b[: g + 1]  # boxes of q_b at or below this one of q_a
        worst = max(worst, float(np.einsum("kj,hlj->hkl", on_a[g], low).max()))
    return worst


def _blossoms(n: int, edges: FloatArray) -> FloatArray:
    """(boxes, n + 1, n + 1) Bernstein coefficients on [0, 1] to those on each interval."""
    result = np.zeros((edges.size - 1, n + 1, n + 1))
    for k in range(n + 1):
        left, right = binomial(n - k, edges[:-1]), binomial(k, edges[1:])
        for i in range(k + 1):
            result[:, k, i : i + n - k + 1] += right[:, [i]] * left
    return result


def bayes_risk(n_a: int, n_b: int, chances: FloatArray, prior: FloatArray) -> float:
    """Least mean risk of any rule under a prior (p,), normalised, on chances (p, 2): a lower bound on the value."""
    law = np.einsum("p,pi,pj->pij", prior / prior.sum(), binomial(n_a, chances[:, 0]), binomial(n_b, chances[:, 1]))
    ahead = chances[:, 0] - chances[:, 1]
    take_b, take_a = np.tensordot(np.maximum(ahead, 0.0), law, 1), np.tensordot(np.maximum(-ahead, 0.0), law, 1)
    return float(np.minimum(take_a, take_b).sum())


def risks(n_a: int, n_b: int, phi: FloatArray, chances: FloatArray) -> FloatArray:
    """(len(chances), len(chances)) risk of phi at all pairs (q_a, q_b) of the given chances: exact."""
    taken_b = binomial(n_a, chances) @ phi @ binomial(n_b, chances).T
    ahead = chances[:, None] - chances[None]
    risk: FloatArray = np.where(ahead >= 0, ahead * taken_b, -ahead * (1.0 - taken_b))
    return risk


def _solve(inputs: Values) -> Certificate:
    n_a, n_b = int(inputs["n_a"]), int(inputs["n_b"])
    fine = np.linspace(0.0, 1.0, FINE + 1)
    start = np.linspace(0.0, 1.0, 9)
    points = np.array([(a, b) for a in start for b in start if a != b])
    for _ in range(int(inputs["rounds"])):
        phi, _, value = _linear_program(n_a, n_b, points)
        risk = risks(n_a, n_b, phi, fine)
        if risk.max() <= value * (1.0 + 1e-5):
            break
        points = np.unique(np.concatenate([points, _peaks(risk, fine, value)]), axis=0)
    phi, prior, _ = _linear_program(n_a, n_b, points)
    witness = {"take_b": phi}
    chances, prior = _refined(n_a, n_b, points[prior > 1e-12], prior[prior > 1e-12])
    multipliers = {"chances": chances, "prior": prior / prior.sum()}
    primal, dual = _primal(inputs, witness), _dual(inputs, multipliers)
    return Certificate(NAME, primal.value, dual.value, solvers.HIGHS, witness, inputs, multipliers)


def _peaks(risk: FloatArray, fine: FloatArray, value: float) -> FloatArray:
    """Local maxima of the risk above the value of the program, as pairs of chances."""
    wide = np.pad(risk, 1, constant_values=-np.inf)
    size = risk.shape[0]
    around = np.max([wide[i : i + size, j : j + size] for i in range(3) for j in range(3) if (i, j) != (1, 1)], axis=0)
    place = np.argwhere((risk >= around) & (risk > value))
    found: FloatArray = np.stack([fine[place[:, 0]], fine[place[:, 1]]], axis=1)
    return found


def _refined(n_a: int, n_b: int, points: FloatArray, prior: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The best prior on the given points and neighbours of them, at distances that halve."""
    best, step = bayes_risk(n_a, n_b, points, prior), 0.5 / FINE
    around = np.array([(i, j) for i in (-1.0, 0.0, 1.0) for j in (-1.0, 0.0, 1.0)])
    for _ in range(REFINEMENTS):
        near = np.unique((points[:, None] + step * around).reshape(-1, 2).clip(0.0, 1.0), axis=0)
        mass = _linear_program(n_a, n_b, near)[1]
        kept = mass > 1e-12
        found = bayes_risk(n_a, n_b, near[kept], mass[kept])
        if found > best:
            best, points, prior = found, near[kept], mass[kept]
        step /= 2.0
    return points, prior


def _linear_program(n_a: int, n_b: int, points: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Best rule against the points, the multipliers of the points, and the value."""
    law = np.einsum("pi,pj->pij", binomial(n_a, points[:, 0]), binomial(n_b, points[:, 1])).reshape(len(points), -1)
    ahead = points[:, 0] - points[:, 1]
    matrix = np.concatenate([ahead[:, None] * law, -np.ones((len(points), 1))], axis=1)
    cost = np.zeros(matrix.shape[1])
    cost[-1] = 1.0
    solved = solvers.linear(cost, matrix, np.minimum(ahead, 0.0), 0.0, 1.0)
    return solved.x[:-1].reshape(n_a + 1, n_b + 1), np.maximum(solved.multipliers, 0.0), solved.value


def _primal(inputs: Values, witness: Values) -> Reached:
    phi = np.asarray(witness["take_b"], float)
    violation = max(0.0, float(phi.max()) - 1.0, -float(phi.min()))
    return Reached(worst_risk(int(inputs["n_a"]), int(inputs["n_b"]), np.clip(phi, 0.0, 1.0), int(inputs["boxes"])), violation)


def _dual(inputs: Values, multipliers: Values) -> Reached:
    chances, prior = np.asarray(multipliers["chances"], float), np.asarray(multipliers["prior"], float)
    violation = max(0.0, -float(prior.min()), float(chances.max()) - 1.0, -float(chances.min()))
    return Reached(bayes_risk(int(inputs["n_a"]), int(inputs["n_b"]), chances, prior), violation)


PROGRAM = Program("min", TOLERANCE, _solve, _primal, _dual)
