"""Runs the steps of proof.md: pooled records of clients that disagree, and the bias each client pays."""

import math
import sys
from itertools import product
from pathlib import Path

import numpy as np
import sympy as sp
from gmpy2 import mpq as F
from mpmath import iv

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _kappa import five_digits
from _steps import ENUMERATION, FLOAT, INTERVAL, RATIONAL, READER, SYMPY, Step, main

CONSTANTS = {"kappa_one": F(46317, 100000), "kappa_best": F(46369, 100000), "bias_ratio": 1}
BEST_ETA = F(104, 100)


def products_below_the_mixture() -> bool:
    """prod M_i^{D_i} <= (mean M)^D on rational grids."""
    values = [F(1, 5), F(1), F(7, 4), F(3)]
    for counts in product((1, 2, 5), repeat=3):
        total = sum(counts)
        for moments in product(values, repeat=3):
            left = math.prod((m**d for m, d in zip(moments, counts, strict=True)), start=F(1))
            if left > (sum(m * d for m, d in zip(moments, counts, strict=True)) / total) ** total:
                return False
    return True


def logarithm_is_concave() -> bool:
    """log m <= log a + (m - a)/a for m > 0: the tangent, with equality only at m = a; summed with weights D_i at the mean."""
    m, a = sp.symbols("m a", positive=True)
    rest = sp.log(a) + (m - a) / a - sp.log(m)
    return sp.simplify(rest.subs(m, a)) == 0 and sp.simplify(sp.diff(rest, m, 2) - 1 / m**2) == 0


def pooled_moment() -> bool:
    """Two clients, two queries, truths apart: E e^{-S} exactly (all labels enumerated) times e^{D(...)} <= 1, in intervals."""
    iv.prec = 60
    kappa = iv.mpf(CONSTANTS["kappa_one"].numerator) / CONSTANTS["kappa_one"].denominator
    laws = ((F(3, 4), F(1, 4)), (F(1, 4), F(3, 4)))
    for truths in product(product((F(0), F(1, 2), F(1)), repeat=2), repeat=2):
        for counts in ((1, 1), (3, 1)):
            total = sum(counts)
            weight = [sum(F(d, total) * law[x] for d, law in zip(counts, laws, strict=True)) for x in (0, 1)]
            pool = [
                sum(F(d, total) * law[x] * f[x] for d, law, f in zip(counts, laws, truths, strict=True)) / weight[x]
                for x in (0, 1)
            ]
            for fit in product((F(0), F(1, 3), F(1)), repeat=2):
                moment = iv.mpf(1)
                for d, law, f in zip(counts, laws, truths, strict=True):
                    one = iv.mpf(0)
                    for x, y in product((0, 1), repeat=2):
                        chance = law[x] * (f[x] if y else 1 - f[x])
                        z = (fit[x] - y) ** 2 - (pool[x] - y) ** 2
                        one += iv.mpf(chance.numerator) / chance.denominator * iv.exp(-iv.mpf(z.numerator) / z.denominator)
                    moment *= one**d
                a = sum(w * (v - p) ** 2 for w, v, p in zip(weight, fit, pool, strict=True))
                limit = (1 - kappa * iv.mpf(a.numerator) / a.denominator) ** total
                if moment.a > limit.b * (1 + 1e-15):
                    return False
    return True


def constants_of_least_squares() -> bool:
    return (five_digits(F(1)), five_digits(BEST_ETA)) == (CONSTANTS["kappa_one"], CONSTANTS["kappa_best"])


def bias_decomposition() -> bool:
    """Subopt_j <= E osc h_j + E osc(U_pool - U_hat), and the policy form below it, on all utilities of a grid."""
    grid = (F(0), F(1, 2), F(1))
    for own, pool, fit in product(product(grid, repeat=3), repeat=3):
        chosen = fit.index(max(fit))
        h = [a - b for a, b in zip(own, pool, strict=True)]
        e = [a - b for a, b in zip(pool, fit, strict=True)]
        gap = max(own) - own[chosen]
        policy = max(F(0), *(h[m] - h[chosen] for m in range(3) if m != chosen))
        pooled = max(F(0), *(e[m] - e[chosen] for m in range(3) if m != chosen))
        if gap > policy + pooled or policy > max(h) - min(h):
            return False
    return True


def crossover() -> bool:
    """n = L / -log(1 - c v) solves (1 - e^{-L/n})/c = v, and the left side falls in n."""
    ell, c, v, n = sp.symbols("L c v n", positive=True)
    level = (1 - sp.exp(-ell / n)) / c
    solved = sp.simplify(level.subs(n, ell / -sp.log(1 - c * v)) - v) == 0
    falls = sp.simplify(sp.diff(level, n) + ell * sp.exp(-ell / n) / (c * n**2)) == 0
    return solved and falls


def fixed_design_trap() -> bool:
    """Queries a, b; client 1 (truth 1) came to a only, client 2 (truth 0) to b only; f_pool = 1/2, f = (1, 0)."""
    n = 10
    excess = sum((F(1) - 1) ** 2 - (F(1, 2) - 1) ** 2 for _ in range(n // 2)) + sum(
        (F(0) - 0) ** 2 - (F(1, 2) - 0) ** 2 for _ in range(n // 2)
    )
    error = n * F(1, 4)
    return excess == -F(n, 4) and error > max(0, 2 * (excess + 1))


def own_truth_trap() -> bool:
    """f = f_pool = 1/2, truths 1/2 +- h: S against f_pool is 0 for every label, the error against own truths h^2 a record."""
    h, y = sp.symbols("h y")
    half = sp.Rational(1, 2)
    return (
        sp.expand((half - y) ** 2 - (half - y) ** 2) == 0
        and sp.expand(((half - (half + h)) ** 2 + (half - (half - h)) ** 2) / 2 - h**2) == 0
    )


def policy_bias_attained() -> bool:
    """Truths 1/2 +- h, the pool tied: gap 2h = osc h_j."""
    h = F(2, 5)
    own = (F(1, 2) + h, F(1, 2) - h)
    bias = [v - F(1, 2) for v in own]
    return (max(own) - own[1]) / (max(bias) - min(bias)) == CONSTANTS["bias_ratio"]


def mixture_mean() -> bool:
    """sum D_i rho_i (y - f_pool) has mean 0 at each cell, on seeded laws."""
    rng = np.random.default_rng(2)
    counts, laws, truths = rng.integers(1, 9, 3), rng.dirichlet(np.ones(6), 3), rng.random((3, 6))
    weight = (counts[:, None] * laws).sum(axis=0)
    pool = (counts[:, None] * laws * truths).sum(axis=0) / weight
    return bool(np.abs((counts[:, None] * laws * (truths - pool)).sum(axis=0)).max() < 1e-12)


def steps() -> list[Step]:
    return [
        Step(
            "prod M_i^{D_i} <= (sum D_i/D M_i)^D on rational grids: 27 count triples x 64 moments",
            RATIONAL,
            products_below_the_mixture,
        ),
        Step("because the logarithm lies below its tangent at the mean", SYMPY, logarithm_is_concave),
        Step("a record of the mixture has mean f_pool given (x, m): one seeded federation, 6 cells", FLOAT, mixture_mean),
        Step("least-squares for one record of the mixture; Markov; union; free eta", READER),
        Step(
            "E e^{-S} <= (1 - kappa a)^D for two clients with truths apart, 2 queries, counts (1,1) and (3,1), all labels",
            INTERVAL,
            pooled_moment,
        ),
        Step("kappa(1) and kappa(1.04) at their deciding error, five digits", INTERVAL, constants_of_least_squares),
        Step(
            "gap_j <= bias + pooled error, policy form below osc, all utilities of a grid: 3 models, 19,683 tables",
            ENUMERATION,
            bias_decomposition,
        ),
        Step("crossover n = L / -log(1 - c v)", SYMPY, crossover),
        Step("two opposite clients, pool tied: gap = osc h_j", RATIONAL, policy_bias_attained),
        Step("trap: the fixed design with f_pool", RATIONAL, fixed_design_trap),
        Step("trap: own truths on the left", SYMPY, own_truth_trap),
    ]


if __name__ == "__main__":
    sys.exit(main("client-heterogeneity", steps()))
