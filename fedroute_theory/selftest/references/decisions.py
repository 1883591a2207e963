"""greedy-decomposition, coverage-transfer, pooling and frontier, by looking at every pair and in fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

from fedroute_theory.selftest.references.base import Expected, Reference, total

Numbers = list[float]


def top2(*, b: Numbers) -> Expected:
    """Every pair of different models."""
    x, y = max(permutations(b, 2), key=sum)
    return Expected({"largest error": max(x, y), "second largest error": min(x, y)})


def oscillation(*, errors: Numbers) -> Expected:
    """Every ordered pair."""
    best, worst = max(((a, b) for a in errors for b in errors), key=lambda p: p[0] - p[1])
    return Expected({"largest error": best, "least error": -worst})


def policy(*, high: Numbers, low: Numbers, chosen: int) -> Expected:
    """Every rival."""
    return total(max([0.0] + [h - low[chosen] for m, h in enumerate(high) if m != chosen]))


def saturated(*, eps: float, mass: Numbers, k2: Numbers, R: float) -> Expected:
    """Caps set one query at a time, the largest k2 first, until mu from the rest leaves the others below the range."""
    whole = sum(mass)
    pairs = sorted(((k, m / whole) for k, m in zip(k2, mass, strict=True) if k > 0 and m > 0), reverse=True)
    holes = R * sum(m / whole for k, m in zip(k2, mass, strict=True) if k <= 0)
    if sum(m * R * R / k for k, m in pairs) <= eps * eps:
        return Expected({"holes": holes, "range": R * sum(m for _, m in pairs)}, R)
    for j in range(len(pairs)):
        left = eps * eps - sum(m * R * R / k for k, m in pairs[:j])
        if left < 0.0:
            break
        mu = (left / sum(m * k for k, m in pairs[j:])) ** 0.5
        if mu * pairs[j][0] <= R and all(mu * k >= R for k, _ in pairs[:j]):
            capped = R * sum(m for _, m in pairs[:j])
            return Expected({"holes": holes, "range": capped, "transfer": mu * sum(m * k for k, m in pairs[j:])}, R)
    raise AssertionError("no level of mu fits")


def _exact(values: Numbers) -> list[Fraction]:
    return [Fraction(v) for v in values]


def per_record(*, K2: Numbers, records: Numbers) -> Expected:
    """In fractions."""
    return Expected({"best client": float(min(k / n for k, n in zip(_exact(K2), _exact(records), strict=True)))})


def effective_size(*, K2: Numbers, records: Numbers) -> Expected:
    """In fractions."""
    sizes = sum(n / k for k, n in zip(_exact(K2), _exact(records), strict=True))
    return Expected({"1 / sum of effective sizes": float(1 / sizes)})


def w_bar(*, w: Numbers, records: Numbers) -> Expected:
    """In fractions."""
    rho = sum(n / v for v, n in zip(_exact(w), _exact(records), strict=True)) / sum(_exact(records))
    return Expected({"w_bar": float(1 / rho)})


def all_prices(*, a: float, b: float, lam: float, c_max: float) -> Expected:
    """Vacuous from the difference of the largest q - lam c and the smallest on."""
    corners = [q - lam * c for q in (0.0, 1.0) for c in (0.0, c_max)]
    return Expected({"quality": a, "cost": lam * b}, max(corners) - min(corners))


def pointwise(*, quality_error: Numbers, cost_error: Numbers, lam: float, c_max: float) -> Expected:
    """Every pair."""
    a, b = (max(x + y for x, y in permutations(e, 2)) for e in (quality_error, cost_error))
    return all_prices(a=a, b=b, lam=lam, c_max=c_max)


def kmeans_curve(
    *, L_q: float, L_c: float, distance: float, mismatch: float, n_min: float, N: float, c_max: float, lam: float,
    delta: float, hole_mass: float = 0.0,
) -> Expected:  # fmt: skip
    """Quality with range 1 and cost with range c_max, each an event of 2N intervals at delta / 2."""
    from math import log

    width = (log(4.0 * N / delta) / (2.0 * n_min)) ** 0.5
    sides = {"quality": (L_q, 1.0), "cost": (L_c, c_max)}
    found = {k: 2.0 * L * (distance + mismatch) + r * (2.0 * width + hole_mass) for k, (L, r) in sides.items()}
    return Expected({"quality": found["quality"], "cost": lam * found["cost"]}, 1.0 + lam * c_max)


GREEDY = {
    "top2": Reference(top2, [{"b": [0.3, 0.7, 0.2]}, {"b": [0.1, 0.4, 0.45, 0.02]}]),
    "oscillation": Reference(oscillation, [{"errors": [0.3, -0.2, 0.1]}, {"errors": [-0.3, -0.2, -0.5]}]),
    "sup": Reference(lambda *, eps: Expected({"two sup errors": eps + eps}), [{"eps": 0.3}]),
    "policy": Reference(
        policy,
        [
            {"high": [0.9, 0.6, 0.8], "low": [0.2, 0.3, 0.7], "chosen": 0},
            {"high": [0.9, 0.6, 0.8], "low": [0.85, 0.3, 0.7], "chosen": 0},
            {"high": [0.9, 0.6, 0.8], "low": [0.2, 0.3, 0.7], "chosen": 2},
        ],
    ),
}
_LAW = {"mass": [0.5, 0.3, 0.2], "k2": [4.0, 9.0, 30.0], "R": 1.3}
TRANSFER = {
    "plain": Reference(lambda *, eps, K2: Expected({"transfer": (eps * eps * K2) ** 0.5}), [{"eps": 0.2, "K2": 5.0}]),
    "sup-ratio": Reference(
        lambda *, eps, w_max: Expected({"transfer": (eps * eps * (w_max + w_max)) ** 0.5}), [{"eps": 0.2, "w_max": 3.0}]
    ),
    "uniform-logging": Reference(
        lambda *, eps, M, ratio: Expected({"transfer": (eps * eps * (M + M) * ratio) ** 0.5}),
        [{"eps": 0.2, "M": 3, "ratio": 1.7}],
    ),
    "holes": Reference(
        lambda *, eps, K2_covered, hole_mass, R: Expected(
            {"holes": R * hole_mass, "transfer": (eps * eps * K2_covered) ** 0.5}, R
        ),
        [{"eps": 0.2, "K2_covered": 3.0, "hole_mass": 0.1, "R": 1.5}],
    ),
    "range-aware": Reference(
        saturated,
        [
            _LAW | {"eps": 0.05}, _LAW | {"eps": 0.2}, _LAW | {"eps": 0.35}, _LAW | {"eps": 0.6},
            {"eps": 0.1, "mass": [0.4, 0.4, 0.2], "k2": [4.0, 0.0, 12.0], "R": 2.0},
            {"eps": 1.2, "mass": [0.4, 0.4, 0.2], "k2": [4.0, 0.0, 12.0], "R": 2.0},
            {"eps": 0.1, "mass": [0.4, 0.4, 0.0], "k2": [4.0, 6.0, 0.0], "R": 2.0},
        ],
    ),
}  # fmt: skip
_CLIENTS = {"K2": [4.0, 100.0, 9.0], "records": [100.0, 400.0, 300.0]}
POOLING = {
    "per-record": Reference(per_record, [_CLIENTS, {"K2": [4.0, 5.0], "records": [10.0, 40.0]}]),
    "effective-size": Reference(effective_size, [_CLIENTS]),
    "w-bar": Reference(w_bar, [{"w": [0.5, 3.0, 8.0], "records": [10.0, 40.0, 25.0]}]),
}
_WIDE = {"distance": 0.1, "mismatch": 0.03, "n_min": 40.0, "N": 30.0, "c_max": 2.0, "lam": 0.4, "delta": 0.05}
FRONTIER = {
    "all-prices": Reference(all_prices, [{"a": 0.1, "b": 0.3, "lam": 0.7, "c_max": 2.0}]),
    "envelope": Reference(
        lambda *, a, b, slope=0.0: Expected({"quality": a, "cost": slope * b}, 1.0), [{"a": 0.1, "b": 0.3, "slope": 0.7}]
    ),
    "area": Reference(
        lambda *, a, b, width, rise: Expected({"quality": a * width, "cost": b * rise}, width),
        [{"a": 0.1, "b": 0.3, "width": 0.7, "rise": 0.4}],
    ),
    "pointwise": Reference(
        pointwise, [{"quality_error": [0.1, 0.3, 0.2], "cost_error": [0.5, 0.1, 0.4], "lam": 0.7, "c_max": 2.0}]
    ),
    "squared-errors": Reference(
        lambda *, K2, r_q, r_c, c_max, lam: Expected(
            {"quality": (K2 * r_q) ** 0.5, "cost": lam * (K2 * r_c * c_max * c_max) ** 0.5}, 1.0 + lam * c_max
        ),
        [{"K2": 5.0, "r_q": 0.02, "r_c": 0.03, "c_max": 2.0, "lam": 0.7}],
    ),
    "kmeans": Reference(kmeans_curve, [_WIDE | {"L_q": 1.5, "L_c": 0.8}, _WIDE | {"L_q": 1.5, "L_c": 0.8, "hole_mass": 0.2}]),
}
