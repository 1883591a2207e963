"""mixture-router and two-pass-kmeans, term by term."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations

from fedroute_theory.selftest.references.base import Expected, Reference, total

Numbers = list[float]


def harmonic(*, B_loc: float, B_fed: float, delta: float) -> Expected:
    """Both sides the same, twice the inverse of the sum of inverses."""
    del delta
    half = 0.0 if min(B_loc, B_fed) == 0.0 else 1.0 / (1.0 / B_loc + 1.0 / B_fed)
    return Expected({"local": half, "federated": half})


def pointwise(*, mass: Numbers, B_loc: Numbers, B_fed: Numbers) -> Expected:
    """Query by query."""
    parts = [p * harmonic(B_loc=a, B_fed=b, delta=0.5).terms["local"] for p, a, b in zip(mass, B_loc, B_fed, strict=True)]
    return Expected(dict.fromkeys(("local", "federated"), sum(parts) / sum(mass)))


def per_model(*, u: Numbers, b_loc: Numbers, b_fed: Numbers) -> Expected:
    """Every pair of mixed bounds."""
    mixed = [w * x + y - w * y for w, x, y in zip(u, b_loc, b_fed, strict=True)]
    x, y = max(permutations(mixed, 2), key=sum)
    return Expected({"largest error": max(x, y), "second largest error": min(x, y)})


def weighted(*, n_loc: float, n_fed: float, shared: float, u: float, N: float, R: float, delta: float) -> Expected:
    """Hoeffding over single records: those of one side, of the other, and of both."""
    mine, ours = u / n_loc, (1.0 - u) / n_fed
    squares = (n_loc - shared) * mine**2 + (n_fed - shared) * ours**2 + shared * (mine + ours) ** 2
    return total(R * math.sqrt(squares * math.log(2.0 * N / delta) / 2.0))


def own_ratio(*, inertia: float, weighted_inertia: float) -> Expected:
    """Two lower bounds on the optimum, the larger one."""
    apart = math.sqrt(weighted_inertia) - math.sqrt(inertia)
    optimum = max(inertia, apart**2 if apart > 0.0 else 0.0)
    if optimum == 0.0:
        return Expected({"nothing to lose": 1.0})
    return Expected({"within local cells": inertia / optimum, "between local centres": weighted_inertia / optimum}, 5.0)


def means(*, counts: Numbers, means: Numbers) -> Expected:
    """In fractions."""
    whole = sum(Fraction(n) for n in counts)
    return Expected(
        {f"client {i}": float(Fraction(n) / whole * Fraction(v)) for i, (n, v) in enumerate(zip(counts, means, strict=True))}
    )


_LEVELS = [{"B_loc": a, "B_fed": b} for a, b in ((0.3, 0.5), (0.7, 0.2), (0.0, 0.4), (0.0, 0.0))]
MIXTURE = {
    "constant": Reference(
        lambda *, u, B_loc, B_fed: Expected({"local": u * B_loc, "federated": B_fed - u * B_fed}),
        [{"u": 0.3, "B_loc": 0.4, "B_fed": 0.9}],
    ),
    "harmonic": Reference(harmonic, [v | {"delta": 0.05} for v in _LEVELS]),
    "smaller": Reference(
        lambda *, B_loc, B_fed, delta: total(sorted([B_loc, B_fed, 1e9 + delta])[0]), [v | {"delta": 0.05} for v in _LEVELS]
    ),
    "pointwise": Reference(pointwise, [{"mass": [0.5, 0.3, 0.2], "B_loc": [0.3, 0.7, 0.0], "B_fed": [0.5, 0.1, 0.4]}]),
    "per-model": Reference(per_model, [{"u": [0.2, 0.7, 0.5], "b_loc": [0.3, 0.6, 0.1], "b_fed": [0.5, 0.2, 0.9]}]),
    "disagreement": Reference(
        lambda *, u, B_loc, B_fed, apart: Expected(
            {"local": u * B_loc, "federated": B_fed - u * B_fed, "distance to the constant mixture": apart}
        ),
        [{"u": 0.3, "B_loc": 0.4, "B_fed": 0.9, "apart": 0.05}],
    ),
    "weighted-width": Reference(
        weighted, [{"n_loc": 40, "n_fed": 200, "shared": s, "u": 0.3, "N": 12.0, "R": 1.4, "delta": 0.1} for s in (0, 25, 40)]
    ),
}
CLUSTERS = {
    "approximation": Reference(
        lambda *, alpha, beta, optimum=1.0: Expected(
            {"within local cells": alpha * optimum,
             "between local centres": beta * optimum * (1.0 + alpha + 2.0 * math.sqrt(alpha))}
        ),
        [{"alpha": 1.3, "beta": 1.7, "optimum": 2.5}, {"alpha": 1.3, "beta": 1.7}],
    ),
    "certificate": Reference(
        lambda *, inertias, weighted_inertia: Expected(
            {"within local cells": sum(inertias), "between local centres": weighted_inertia}
        ),
        [{"inertias": [0.5, 0.8, 0.1], "weighted_inertia": 1.7}],
    ),
    "own-ratio": Reference(
        own_ratio,
        [{"inertia": w, "weighted_inertia": f} for w, f in ((0.5, 1.7), (0.5, 9.0), (1.7, 0.5), (0.0, 2.0), (0.0, 0.0))],
    ),
    "means": Reference(means, [{"counts": [10, 40, 25], "means": [0.2, 0.9, 0.5]}]),
}  # fmt: skip
