"""least-squares, mlp-router, client-heterogeneity and linear-heads, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from fedroute_theory.selftest.references.base import Expected, Reference, total
from fedroute_theory.selftest.references.decisions import saturated

Numbers = list[float]


def constants() -> tuple[Sequence[float], Sequence[float]]:
    """The certified table of (eta, kappa); the check of constants certifies it again."""
    from fedroute_theory.theorems.least_squares.constants import ETAS, KAPPAS

    return [float(v) for v in ETAS], [float(v) for v in KAPPAS]


GRID = (1.0, 0.5, 0.25, 0.125)


def kappa_at(eta: float) -> float:
    """Linear between the entries of the table, which is 0 at 0 and 2."""
    etas, kappas = constants()
    points = [(0.0, 0.0), *zip(etas, kappas, strict=True), (2.0, 0.0)]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= eta <= x1:
            return y0 + (y1 - y0) * (eta - x0) / (x1 - x0)
    raise AssertionError(eta)


def shares(excess: float, complexity: float, log_delta: float) -> dict[str, float]:
    """Positive parts over their sum."""
    parts = {"excess risk": max(0.0, excess), "complexity": max(0.0, complexity), "delta": log_delta}
    return {k: v / sum(parts.values()) for k, v in parts.items()}


def random_level(S: float, L: float, n: float, free: bool) -> tuple[float, float]:
    """(least level, its eta): (1 - exp(-(eta S + L) / n)) / kappa(eta)."""
    pairs = list(zip(*constants(), strict=True)) if free else [(eta, kappa_at(eta)) for eta in GRID]
    L = L if free else L + math.log(4.0)
    return min(((1.0 - math.exp(-max(0.0, eta * S + L) / n)) / k, eta) for eta, k in pairs)


def blamed(level: float, eta: float, S: float, complexity: float, delta: float, R: float) -> Expected:
    """Terms of one level in label units."""
    found = shares(eta * S / R**2, complexity, -math.log(delta))
    return Expected({k: R * R * level * v for k, v in found.items()}, R * R)


def random_design(*, S: float, log_class: float, delta: float, n: float, R: float = 1.0) -> Expected:
    """Least over the table."""
    level, eta = random_level(S / R**2, log_class - math.log(delta), n, True)
    return blamed(level, eta, S, log_class, delta, R)


def simple(*, S: float, log_class: float, delta: float, n: float, R: float = 1.0) -> Expected:
    """(S + L) / ((1 - e^{-1/2}) n)."""
    level = max(0.0, S / R**2 + log_class - math.log(delta)) / ((1.0 - 1.0 / math.sqrt(math.e)) * n)
    return blamed(level, 1.0, S, log_class, delta, R)


def random_eta(*, S: float, log_class: float, delta: float, n: float, eta: float, R: float = 1.0) -> Expected:
    """One eta."""
    L = log_class - math.log(delta)
    level = (1.0 - math.exp(-max(0.0, eta * S / R**2 + L) / n)) / kappa_at(eta)
    return blamed(level, eta, S, log_class, delta, R)


def fixed_design(*, S: float, log_class: float, delta: float, n: float, R: float = 1.0) -> Expected:
    """The larger root g of g^2 - sqrt(2 L) g = S, squared: least over eta of (S + L / eta) / (1 - eta / 2)."""
    s, L = S / R**2, log_class - math.log(delta)
    if s + L / 2.0 < 0.0:
        return blamed(0.0, 1.0, S, log_class, delta, R)
    g = (math.sqrt(2.0 * L) + math.sqrt(2.0 * L + 4.0 * s)) / 2.0
    return blamed(g * g / n, math.sqrt(2.0 * L) / g, S, log_class, delta, R)


def fixed_eta(*, S: float, log_class: float, delta: float, n: float, eta: float, R: float = 1.0) -> Expected:
    """(S + L / eta) / ((1 - eta / 2) n)."""
    level = max(0.0, S / R**2 + (log_class - math.log(delta)) / eta) / (1.0 - eta / 2.0) / n
    return blamed(level, eta, S, log_class, delta, R)


def pac_bayes(*, S: float, log_ratio: float, delta: float, n: float, R: float = 1.0) -> Expected:
    """Four etas at the price of log 4."""
    level, eta = random_level(S / R**2, log_ratio - math.log(delta), n, False)
    return blamed(level, eta, S, log_ratio + 2.0 * math.log(2.0), delta, R)


def roots(
    S_q: float, S_c: float, complexity: float, n: float, lam: float, c_max: float, delta: float, free: bool
) -> dict[str, float]:
    """sqrt(r_q) + lam c_max sqrt(r_c) at delta / 2 each, by what is to blame."""
    result = {}
    for label, S, weight in (("quality", S_q, 1.0), ("cost", S_c, lam * c_max)):
        level, eta = random_level(S, complexity - math.log(delta / 2.0), n, free)
        paid = complexity if free else complexity + math.log(4.0)
        for k, v in shares(eta * S, paid, -math.log(delta / 2.0)).items():
            result[f"{k} ({label})"] = weight * level**0.5 * v
    return result


def finite_class(*, K2: float, lam: float, c_max: float, log_class: float, free: bool = True, **rest: Any) -> Expected:
    """sqrt(K2) times the root error."""
    found = roots(complexity=log_class, lam=lam, c_max=c_max, free=free, **rest)
    return Expected({k: K2**0.5 * v for k, v in found.items()}, 1.0 + lam * c_max)


def network(*, P: float, bits: float, choices: float = 1.0, **rest: Any) -> Expected:
    """2^(P bits) weights times the choices."""
    return finite_class(log_class=math.log(2.0) * P * bits + math.log(choices), **rest)


def averaged(*, log_ratio: float, **rest: Any) -> Expected:
    """PAC-Bayes."""
    return finite_class(log_class=log_ratio, free=False, **rest)


def one_price(*, K2: float, S: float, log_class: float, n: float, R: float, delta: float) -> Expected:
    """One event about the utility."""
    level, eta = random_level(S / R**2, log_class - math.log(delta), n, True)
    found = shares(eta * S / R**2, log_class, -math.log(delta))
    return Expected({k: (K2 * R * R * level) ** 0.5 * v for k, v in found.items()}, R)


def cut_off(*, mass: Numbers, k2: Numbers, lam: float, c_max: float, log_class: float, **rest: Any) -> Expected:
    """Range-aware at the root error, the rest in its proportions."""
    root = roots(complexity=log_class, lam=lam, c_max=c_max, free=True, **rest)
    moved = saturated(eps=sum(root.values()), mass=mass, k2=k2, R=1.0 + lam * c_max)
    part = (moved.value - moved.terms["holes"]) / sum(root.values())
    return Expected({"holes": moved.terms["holes"]} | {k: part * v for k, v in root.items()}, moved.trivial)


def client(*, bias: float, **rest: Any) -> Expected:
    """The pooled bound and the bias."""
    base = finite_class(**rest)
    return Expected(dict(base.terms) | {"client's own bias": bias}, base.trivial)


def alone_from(*, federated: float, K2: float, log_class: float, lam: float, c_max: float, delta: float) -> Expected:
    """n at which K2 R^2 (1 - exp(-L / n)) / c equals federated^2; any n if even n = 0 does not reach it."""
    best = max(constants()[1])
    reach = K2 * (1.0 + lam * c_max) ** 2 / best
    if federated**2 >= reach:
        return Expected({"records": 0.0})
    return Expected({"records": (log_class + math.log(2.0) - math.log(delta)) / -math.log(1.0 - federated**2 / reach)})


def bias(*, mass: Numbers, own: list[Numbers], pool: list[Numbers]) -> Expected:
    """Largest difference of differences over pairs of models."""
    value = 0.0
    for p, a, b in zip(mass, own, pool, strict=True):
        h = [x - y for x, y in zip(a, b, strict=True)]
        value += p / sum(mass) * max(x - y for x in h for y in h)
    return Expected({"bias": value})


def normal(*, s2: float, d: int, surplus: int) -> Expected:
    """s^2 (1/n + (1 + 1/n) d / (n - d - 2))."""
    n = d + 2 + surplus
    return Expected({"intercept": s2 / n, "slopes": s2 * (n + 1) * d / (n * (n - d - 2))})


def high_probability(*, p: int, n: int, delta: float, R: float = 1.0, bias: float = 0.0) -> Expected:
    """A quarter of R^2 / n times p + 2 sqrt(p L) + 2 L."""
    L = -math.log(delta)
    parts = {"variance": p, "deviation": 2.0 * math.sqrt(L) * (math.sqrt(p) + math.sqrt(L))}
    return Expected({k: (R / 2.0) ** 2 / n * v for k, v in parts.items()} | {"bias": bias})


def _renamed(given: dict[str, float]) -> dict[str, float]:
    return {{"log_class": "log_ratio"}.get(name, name): value for name, value in given.items()}


_S = {"S": 3.0, "delta": 0.05, "n": 400.0}
_LS = [_S | {"log_class": 5.0, "R": 1.5}, _S | {"log_class": 5.0}, _S | {"log_class": 2.0, "S": -1.0},
       _S | {"log_class": 2.0, "S": -9.0}, _S | {"log_class": 1.0, "S": 40.0, "n": 300.0}]  # fmt: skip
LEAST = {
    "random-design": Reference(random_design, _LS),
    "random-design-simple": Reference(simple, _LS),
    "random-design-eta": Reference(random_eta, [a | {"eta": e} for a in _LS for e in (0.3, 0.93, 1.95, 0.004)]),
    "fixed-design": Reference(fixed_design, [*_LS, _S | {"log_class": 0.0, "S": -0.5}]),
    "fixed-design-eta": Reference(fixed_eta, [a | {"eta": e} for a in _LS for e in (0.3, 0.93, 1.5)]),
    "pac-bayes": Reference(pac_bayes, [_renamed(a) for a in _LS]
                           + [_S | {"log_ratio": -1.0}]),
}  # fmt: skip
_PRICE = {"n": 900.0, "lam": 0.4, "c_max": 2.0, "delta": 0.05}
_RISK = {"K2": 6.0, "S_q": 2.0, "S_c": -1.0} | _PRICE
_LAW = {"mass": [0.5, 0.3, 0.2], "k2": [4.0, 20.0, 0.0]}
_CUT = {k: v for k, v in _RISK.items() if k != "K2"} | {"log_class": 9.0}
MLP = {
    "finite-class": Reference(finite_class, [_RISK | {"log_class": 7.0}, _RISK | {"log_class": 7.0, "S_c": 30.0}]),
    "network": Reference(network, [_RISK | {"P": 6.0, "bits": 3.0}, _RISK | {"P": 6.0, "bits": 3.0, "choices": 8.0}]),
    "pac-bayes": Reference(averaged, [_RISK | {"log_ratio": 7.0}, _RISK | {"log_ratio": -0.5}]),
    "utility": Reference(one_price, [{"K2": 6.0, "S": 2.0, "log_class": 7.0, "n": 900.0, "R": 1.8, "delta": 0.05}]),
    "range-aware": Reference(cut_off, [_CUT | _LAW, _CUT | _LAW | {"n": 40.0}]),
}
HETEROGENEITY = {
    "client": Reference(client, [_RISK | {"log_class": 7.0, "bias": 0.07}]),
    "pooled-bias": Reference(
        lambda *, base, bias: Expected({"pooled router": base, "client's own bias": bias}), [{"base": 0.2, "bias": 0.07}]
    ),
    "bias": Reference(
        bias, [{"mass": [0.5, 0.5], "own": [[0.2, 0.9, 0.4], [0.1, 0.3, 0.2]], "pool": [[0.3, 0.5, 0.9], [0.7, 0.3, 0.1]]}]
    ),
    "alone-from": Reference(
        alone_from,
        [
            {"federated": f, "K2": 6.0, "log_class": 7.0, "lam": 0.4, "c_max": 2.0, "delta": 0.05}
            for f in (0.3, 1.1, 6.3, 6.7, 9.0)
        ],
    ),
}
LINEAR = {
    "in-sample": Reference(
        lambda *, s2, p, n, bias=0.0: Expected({"variance": s2 * p / n, "bias": bias}),
        [{"s2": 0.2, "p": 5, "n": 40, "bias": 0.03}],
    ),
    "leverages": Reference(
        lambda *, h, s2, bias=0.0: Expected(
            {"variance": sum(a * b for a, b in zip(h, s2, strict=True)) / len(h), "bias": bias}
        ),
        [{"h": [0.2, 0.5, 0.9], "s2": [0.1, 0.2, 0.25], "bias": 0.03}],
    ),
    "bernoulli": Reference(
        lambda *, p, n, R=1.0, bias=0.0: Expected({"variance": (R / 2.0) ** 2 * p / n, "bias": bias}),
        [{"p": 5, "n": 40, "R": 1.5, "bias": 0.03}, {"p": 5, "n": 40}],
    ),
    "high-probability": Reference(
        high_probability, [{"p": 5, "n": 40, "delta": 0.05, "R": 1.5, "bias": 0.03}, {"p": 5, "n": 40, "delta": 0.05}]
    ),
    "ridge": Reference(
        lambda *, shrink, n, s2, bias=0.0: Expected({"variance": s2 * sum(k * k for k in shrink) / n, "bias": bias}),
        [{"shrink": [0.9, 0.5, 0.2], "n": 40, "s2": 0.2, "bias": 0.03}],
    ),
    "repetitions": Reference(
        lambda *, spread, T: total(spread * math.sqrt(2.0 * (math.log(2.0) + 9.0 * math.log(10.0)) / T)),
        [{"spread": 0.1, "T": 30}],
    ),
    "normal-design": Reference(normal, [{"s2": 0.2, "d": 3, "surplus": 7}, {"s2": 0.2, "d": 5, "surplus": 1}]),
    "new-model": Reference(
        lambda *, p, excess, s2=0.25: total(max(p, math.ceil(s2 * p / excess - 1e-9))),
        [
            {"p": 5, "excess": 0.013, "s2": 0.2},
            {"p": 5, "excess": 0.013},
            {"p": 5, "excess": 0.9},
            {"p": 3, "excess": 0.01, "s2": 0.2},
        ],
    ),
}
