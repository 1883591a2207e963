"""Runs the steps of proof.md: the chain from excess risk through squared error to suboptimality."""

import math
import sys
from itertools import product
from pathlib import Path

import numpy as np
import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _kappa import five_digits
from _steps import ENUMERATION, FLOAT, INTERVAL, READER, SQUARES, SYMPY, Step, main

CONSTANTS = {"events": 2, "kappa_one": F(46317, 100000), "kappa_best": F(46369, 100000), "grid": 4}
BEST_ETA, ETAS = F(104, 100), (F(1), F(1, 2), F(1, 4), F(1, 8))


def minkowski() -> bool:
    """E(a + b)^2 <= (sqrt(E a^2) + sqrt(E b^2))^2: the rest is 2 (sqrt(E a^2 E b^2) - E ab), two-point law: a square."""
    a, b, c, d, p, q = sp.symbols("a b c d p q", positive=True)
    cauchy = (p * a**2 + q * c**2) * (p * b**2 + q * d**2) - (p * a * b + q * c * d) ** 2
    return sp.expand(cauchy - p * q * (a * d - b * c) ** 2) == 0


def network_log_size() -> bool:
    """2^(P b) functions, k choices: log = P b log 2 + log k, for tiny P and b by counting grids."""
    for weights, bits, choices in product((1, 2, 3), (1, 2), (1, 4)):
        count = choices * sum(1 for _ in product(range(2**bits), repeat=weights))
        if not math.isclose(math.log(count), weights * bits * math.log(2) + math.log(choices)):
            return False
    return True


def mean_weight_trap() -> bool:
    """v tanh(u x) is even in (u, v): the average over {(u,v), (-u,-v)} is the function, the mean weights give 0."""
    u, v, x = sp.symbols("u v x", real=True)
    f = v * sp.tanh(u * x)
    flipped = f.subs({u: -u, v: -v}, simultaneous=True)
    return sp.simplify((f + flipped) / 2 - f) == 0 and f.subs({u: 0, v: 0}) == 0


def weights_at_zero_excess() -> bool:
    """At S = 0 both forms have sqrt(r) times 1 + lam c_max = R; only the log 2 differs."""
    lam, c, r = sp.symbols("lam c r", positive=True)
    return sp.expand(sp.sqrt(r) + lam * c * sp.sqrt(r) - (1 + lam * c) * sp.sqrt(r)) == 0


def excess_is_mean_error() -> bool:
    """E[(f - y)^2 - (f* - y)^2] = (f - f*)^2 for Bernoulli labels."""
    f, p = sp.symbols("f p")
    mean = p * ((f - 1) ** 2 - (p - 1) ** 2) + (1 - p) * (f**2 - p**2)
    return sp.expand(mean - (f - p) ** 2) == 0


def exact_conclusion() -> bool:
    """One query, two models, 3 + 3 records drawn from rho = (1/2, 1/2), all designs and labels, all 4^2 functions of a grid.

    P(some function's gap exceeds the chain with the simple linear level) <= delta, in rationals but for the level itself.
    """
    truth = (F(1, 4), F(3, 4))
    grid = (F(0), F(1, 4), F(3, 4), F(1))
    functions = list(product(grid, repeat=2))
    n, delta = 6, F(1, 4)
    level_log = math.log(CONSTANTS["events"] * len(functions) / float(delta))
    failed = F(0)
    for visits in range(n + 1):
        for ones in product(range(visits + 1), range(n - visits + 1)):
            counts = (visits, n - visits)
            chance = F(math.comb(n, visits), 2**n)
            for k, size, p in zip(ones, counts, truth, strict=True):
                chance *= math.comb(size, k) * p**k * (1 - p) ** (size - k)
            for f in functions:
                excess = sum(
                    size * (v - p) ** 2 - 2 * (v - p) * (k - size * p)
                    for v, p, k, size in zip(f, truth, ones, counts, strict=True)
                )
                level = max(0.0, float(excess) + level_log) / (float(CONSTANTS["kappa_one"]) * n)
                gap = F(1, 2) if f[0] >= f[1] else F(0)
                if float(gap) > math.sqrt(4 * level):
                    failed += chance
                    break
    return failed <= delta


def constants_of_least_squares() -> bool:
    return (five_digits(F(1)), five_digits(BEST_ETA)) == (CONSTANTS["kappa_one"], CONSTANTS["kappa_best"])


def price_of_the_unions() -> bool:
    """With log(k/delta) for log(1/delta) each fails with delta/k: 2 events (quality, cost) and 4 etas add up to delta."""
    delta = sp.symbols("delta", positive=True)
    unions = ((("quality", "cost"), CONSTANTS["events"]), (ETAS, CONSTANTS["grid"]))
    return all(sp.simplify(len(failures) * sp.exp(-sp.log(price / delta)) - delta) == 0 for failures, price in unions)


def chain_on_random_errors() -> bool:
    """Subopt <= sqrt(K2)(root error of quality + lam c_max root error of cost) on seeded finite problems."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        n, m, lam, top = 4, 3, float(rng.choice([0.0, 0.3, 2.0])), float(rng.choice([0.5, 3.0]))
        nu, rho = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n * m)).reshape(n, m)
        q, c = rng.random((2, n, m))
        fq, fc = rng.random((2, n, m))
        utility, fitted = q - lam * top * c, fq - lam * top * fc
        w = np.sort(nu[:, None] / rho, axis=1)
        k2 = nu @ (w[:, -1] + w[:, -2])
        gap = nu @ (utility.max(axis=1) - utility[np.arange(n), fitted.argmax(axis=1)])
        root = math.sqrt((rho * (q - fq) ** 2).sum()) + lam * top * math.sqrt((rho * (c - fc) ** 2).sum())
        if gap > math.sqrt(k2) * root * (1 + 1e-12):
            return False
    return True


def chain_ratio() -> bool:
    """2 sqrt(L/(c n)) over 2 g with g^2 = 2 L/n is sqrt(1/(2c))."""
    ell, n, c = sp.symbols("L n c", positive=True)
    ratio = 2 * sp.sqrt(ell / (c * n)) / (2 * sp.sqrt(2 * ell / n))
    return sp.simplify(ratio - sp.sqrt(1 / (2 * c))) == 0


def steps() -> list[Step]:
    return [
        Step("least-squares for quality and cost at delta/2 each", READER),
        Step("Minkowski in L2(rho), by Cauchy-Schwarz", SQUARES, minkowski),
        Step("coverage-transfer at eps, deterministic: K2(pi_hat) may depend on the data", READER),
        Step("the chain on 300 seeded problems", FLOAT, chain_on_random_errors),
        Step("P(gap > bound) <= delta over all designs and labels, 16 functions", ENUMERATION, exact_conclusion),
        Step("kappa(1) and kappa(1.04) at their deciding error, five digits", INTERVAL, constants_of_least_squares),
        Step("two events cost log 2; PAC-Bayes: a grid of four etas costs log 4", SYMPY, price_of_the_unions),
        Step("log|F| = P b log 2 + log k", ENUMERATION, network_log_size),
        Step("one event for one lam: the same weight R at S = 0", SYMPY, weights_at_zero_excess),
        Step("E S(f) = sum E (f - f*)^2: the distance to the class is inside S", SYMPY, excess_is_mean_error),
        Step("bound / gap = sqrt(1/(2c)) on the tied pair as delta -> 0", SYMPY, chain_ratio),
        Step("trap: mean weights of two networks that are one function give 0", SYMPY, mean_weight_trap),
    ]


if __name__ == "__main__":
    sys.exit(main("mlp-router", steps()))
