"""A continuous optimiser on the unit cube of an arena, from a good instance, with a fixed number of evaluations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.attack.arena import Arena, Values

MANY = 10_000
"""Never reached: the number of tries ends every method."""

METHODS = ("nelder-mead", "moves", "powell", "evolution")


class _Done(Exception):
    """The polish has used its evaluations."""


def polish(arena: Arena, values: Values, ratio: Callable[[Values], float], *, seed: int, turn: int, tries: int) -> None:
    """Raise `ratio` from `values` by one of METHODS in `tries` evaluations; sizes stay. The caller keeps what is best."""
    centre = arena.encode(values)
    if centre.size == 0:
        return
    left = tries

    def cost(vector: FloatArray) -> float:
        nonlocal left
        if left == 0:
            raise _Done
        left -= 1
        return -ratio(arena.decode(values, vector))

    try:
        _RUNS[METHODS[turn % len(METHODS)]](cost, centre, np.random.default_rng(seed))
    except _Done:
        return


Cost = Callable[[FloatArray], float]


def _nelder_mead(cost: Cost, centre: FloatArray, rng: np.random.Generator) -> None:
    from scipy.optimize import minimize

    step = 0.05 * rng.choice([0.02, 0.2, 1.0, 4.0])
    simplex = np.vstack([centre, centre + step * np.where(centre < 0.5, 1.0, -1.0)[:, None] * np.eye(centre.size)])
    minimize(cost, centre, method="Nelder-Mead", options={"initial_simplex": simplex, "adaptive": True, "maxfev": MANY})


def _powell(cost: Cost, centre: FloatArray, rng: np.random.Generator) -> None:
    from scipy.optimize import minimize

    directions = np.eye(centre.size)[rng.permutation(centre.size)]
    bounds = [(0.0, 1.0)] * centre.size
    minimize(cost, centre, method="Powell", bounds=bounds, options={"direc": directions, "maxfev": MANY})


def _evolution(cost: Cost, centre: FloatArray, rng: np.random.Generator) -> None:
    from scipy.optimize import differential_evolution

    size = 15
    jitter = rng.normal(scale=rng.choice([0.01, 0.1, 0.3]), size=(size, centre.size))
    kept = rng.random((size, centre.size)) < 0.5
    crowd = np.clip(centre + np.where(kept, 0.0, jitter), 0.0, 1.0)
    crowd[0] = centre
    bounds = [(0.0, 1.0)] * centre.size
    differential_evolution(
        cost, bounds, init=crowd, seed=int(rng.integers(2**31)), polish=False, maxiter=MANY, tol=0.0, atol=0.0
    )


def _moves(cost: Cost, centre: FloatArray, rng: np.random.Generator) -> None:
    """Climb by steps that continuous methods do not take: to the ends, to another entry's value, by powers of ten."""
    best, value = centre.copy(), cost(centre)
    while True:
        trial = best.copy()
        for _ in range(int(rng.integers(1, 4))):
            i, j = rng.integers(0, trial.size, size=2)
            kind = rng.integers(0, 5)
            if kind == 0:
                trial[i] = rng.integers(0, 5) / 4.0
            elif kind == 1:
                trial[i] = trial[j]
            elif kind == 2:
                trial[i] = rng.random()
            else:
                trial[i] += rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-7.0, -0.5)
        trial = np.clip(trial, 0.0, 1.0)
        found = cost(trial)
        if found <= value:
            best, value = trial, found


_RUNS: dict[str, Callable[[Cost, FloatArray, np.random.Generator], None]] = {
    "nelder-mead": _nelder_mead,
    "moves": _moves,
    "powell": _powell,
    "evolution": _evolution,
}
