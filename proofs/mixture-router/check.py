"""Runs the steps of proof.md: a client's mixture of its local and the federated router."""

import sys
from collections.abc import Sequence
from itertools import product
from math import comb, log, sqrt
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, FLOAT, RATIONAL, READER, SQUARES, SYMPY, Step, main

# harmonic mean = harmonic_factor B B'/(B + B'); it is below harmonic_over_smaller times the smaller level.
CONSTANTS = {
    "harmonic_factor": 2,
    "harmonic_over_smaller": 2,
    "union_share": F(1, 2),
    "aligned_gap": F(3, 16),
    "trap_failure": 0.05688793364098078,
}

Row = Sequence[F]
HALF, GRID = F(1, 2), (F(0), F(1, 2), F(1))


def osc(e: Row) -> F:
    return max(e) - min(e)


def top2(b: Row) -> F:
    return sum(sorted(b)[-2:], F(0))


def mix(u: F, a: Row, b: Row) -> list[F]:
    return [u * x + (1 - u) * y for x, y in zip(a, b, strict=True)]


def minus(a: Row, b: Row) -> list[F]:
    return [x - y for x, y in zip(a, b, strict=True)]


def worst_greedy(u: Row, u_hat: Row) -> F:
    """Largest regret over the ties of the greedy choice."""
    best = max(u_hat)
    return max(u) - min(v for v, g in zip(u, u_hat, strict=True) if g == best)


def harmonic(a: F, b: F) -> F:
    return CONSTANTS["harmonic_factor"] * a * b / (a + b) if a + b else F(0)


def constant_weight() -> bool:
    for u, local, fed in product(product(GRID, repeat=3), repeat=3):
        for w in (F(0), F(1, 4), HALF, F(1)):
            right = w * osc(minus(u, local)) + (1 - w) * osc(minus(u, fed))
            if worst_greedy(u, mix(w, local, fed)) > right:
                return False
    return True


def per_model_and_disagreement() -> bool:
    corners = list(product((F(0), F(1)), repeat=3))
    for u, local, fed in product(product((F(0), F(1)), (F(0), HALF), GRID), corners, corners):
        mine, theirs = minus(u, local), minus(u, fed)
        for weights in product((F(0), F(1, 3), F(1)), repeat=3):
            mixed = [w * a + (1 - w) * b for w, a, b in zip(weights, local, fed, strict=True)]
            gap = worst_greedy(u, mixed)
            b = [w * abs(a) + (1 - w) * abs(c) for w, a, c in zip(weights, mine, theirs, strict=True)]
            if gap > top2(b):
                return False
            for v in GRID:
                apart = osc(minus(mix(v, local, fed), mixed))
                known = osc([(v - w) * (a - c) for w, a, c in zip(weights, local, fed, strict=True)])
                if gap > v * osc(mine) + (1 - v) * osc(theirs) + apart or apart != known:
                    return False
    return True


def quality_and_cost_apart() -> bool:
    """Any weights for quality and for cost, lam = 1: |U - U_hat| <= the b of statement 4."""
    small = (F(0), HALF)
    for eq_l, eq_f, ec_l, ec_f, w, v in product(small, (-HALF, HALF), (-HALF, HALF), small, GRID, GRID):
        error = w * eq_l + (1 - w) * eq_f - (v * ec_l + (1 - v) * ec_f)
        b = w * abs(eq_l) + (1 - w) * abs(eq_f) + v * abs(ec_l) + (1 - v) * abs(ec_f)
        if abs(error) > b or (w == v and abs(error) > w * abs(eq_l - ec_l) + (1 - w) * abs(eq_f - ec_f)):
            return False
    return True


def harmonic_weight_balances() -> bool:
    a, b = sp.symbols("B_l B_f", positive=True)
    u = b / (a + b)
    value = CONSTANTS["harmonic_factor"] * a * b / (a + b)
    return sp.simplify(u * a + (1 - u) * b - value) == 0 == sp.simplify(u * a - (1 - u) * b)


def between_one_and_two() -> bool:
    """With levels a and a + t, t >= 0: H - a = a t/(2a + t) >= 0 and 2a - H = 2a^2/(2a + t) > 0; H/a -> 2."""
    a, t = sp.symbols("a t", positive=True)
    value = CONSTANTS["harmonic_factor"] * a * (a + t) / (2 * a + t)
    above = sp.simplify(value - a - a * t / (2 * a + t)) == 0
    below = sp.simplify(CONSTANTS["harmonic_over_smaller"] * a - value - 2 * a**2 / (2 * a + t)) == 0
    return above and below and sp.limit(value / a, t, sp.oo) == CONSTANTS["harmonic_over_smaller"]


def harmonic_is_concave() -> bool:
    a, b = sp.symbols("a b", positive=True)
    hessian = sp.hessian(2 * a * b / (a + b), (a, b))
    outer = sp.Matrix([b, -a]) * sp.Matrix([[b, -a]])
    return sp.simplify(hessian + 4 / (a + b) ** 3 * outer) == sp.zeros(2)


def pointwise_below() -> bool:
    levels = (F(0), F(1, 4), F(1), F(3))
    for a, b, p in product(product(levels, repeat=2), product(levels, repeat=2), (F(1, 4), F(2, 3))):
        law = (p, 1 - p)
        mean = [sum(q * v for q, v in zip(law, side, strict=True)) for side in (a, b)]
        pointwise = sum(q * harmonic(x, y) for q, x, y in zip(law, a, b, strict=True))
        least = sum(q * min(x, y) for q, x, y in zip(law, a, b, strict=True))
        if pointwise > harmonic(*mean) or least > min(mean) or not least <= pointwise <= 2 * least:
            return False
    return True


def squared_weights_add_up() -> bool:
    """sum a_j^2 over s shared, n - s local and n' - s other records is V."""
    u, n, m, s = sp.symbols("u n m s", positive=True)
    total = s * (u / n + (1 - u) / m) ** 2 + (n - s) * (u / n) ** 2 + (m - s) * ((1 - u) / m) ** 2
    return sp.simplify(total - (u**2 / n + (1 - u) ** 2 / m + 2 * u * (1 - u) * s / (n * m))) == 0


def one_width_below_two() -> bool:
    u, a, b, s = sp.symbols("u a b s", positive=True)  # n = a^2, n' = b^2
    v = u**2 / a**2 + (1 - u) ** 2 / b**2 + 2 * u * (1 - u) * s / (a * b) ** 2
    gap = (u / a + (1 - u) / b) ** 2 - v
    return sp.simplify(gap - 2 * u * (1 - u) * (a * b - s) / (a * b) ** 2) == 0


def variance_minima() -> bool:
    u, n, m = sp.symbols("u n m", positive=True)
    nested = u**2 / n + (1 - u) ** 2 / m + 2 * u * (1 - u) / m
    apart = u**2 / n + (1 - u) ** 2 / m
    same = sp.simplify(nested - (1 / m + u**2 * (1 / n - 1 / m))) == 0
    square = sp.simplify(apart - 1 / (n + m) - (n + m) / (n * m) * (u - n / (n + m)) ** 2) == 0
    return same and square


def extremal_family() -> bool:
    gap, (local, fed) = CONSTANTS["aligned_gap"], ((F(-3, 16), F(3, 16)), (F(-1, 16), F(1, 16)))
    u = [HALF - gap / 2, HALF + gap / 2]
    w = osc(fed) / (osc(local) + osc(fed))
    guess = mix(w, minus(u, local), minus(u, fed))
    b = [w * abs(a) + (1 - w) * abs(c) for a, c in zip(local, fed, strict=True)]
    regret = worst_greedy(u, guess)
    return guess[0] == guess[1] and regret == gap == w * osc(local) + (1 - w) * osc(fed) == harmonic(
        osc(local), osc(fed)
    ) == top2(b)


def unequal_weights_attain_disagreement() -> bool:
    u, local, fed, weights = [HALF, F(1)], [F(0), HALF], [HALF, F(1)], [F(0), F(1)]
    mixed = [w * a + (1 - w) * b for w, a, b in zip(weights, local, fed, strict=True)]
    apart = {osc(minus(mix(F(k, 8), local, fed), mixed)) for k in range(9)}
    return osc(minus(u, local)) == osc(minus(u, fed)) == 0 and apart == {HALF} and worst_greedy(u, mixed) == HALF


def trap_quality_and_cost() -> bool:
    """q = (1/2, 3/4), c = 1/4, lam = 1; the local side has 1/4 less of both for model 2; weight 1 for q, 0 for c."""
    u = [F(1, 4), HALF]
    local = [HALF - F(1, 4), (F(3, 4) - F(1, 4)) - F(0)]
    mixed = [HALF - F(1, 4), (F(3, 4) - F(1, 4)) - F(1, 4)]
    return osc(minus(u, local)) == 0 and worst_greedy(u, mixed) == F(1, 4)


def trap_suboptimality() -> bool:
    u, local, fed = [F(1), F(1), F(0)], [F(1), F(0), F(3, 4)], [F(0), F(1), F(3, 4)]
    return worst_greedy(u, local) == worst_greedy(u, fed) == 0 and worst_greedy(u, mix(HALF, local, fed)) == 1


def trap_union() -> bool:
    delta = F(1, 20)
    return 1 - (1 - delta) ** 2 > delta >= 1 - (1 - CONSTANTS["union_share"] * delta) ** 2


def expected_gap(n: int, u: F | None) -> F:
    """One query, means 2/5 and 3/5, n and 25 independent records a model; u None: the local side alone."""
    other = 25

    def law(size: int, p: F) -> list[F]:
        return [comb(size, k) * p**k * (1 - p) ** (size - k) for k in range(size + 1)]

    total = F(0)
    laws = [(law(n, p), law(other, p)) for p in (F(2, 5), F(3, 5))]
    values: list[dict[F, F]] = []
    for own, far in laws:
        found: dict[F, F] = {}
        for (k, a), (j, b) in product(enumerate(own), enumerate(far)):
            value = F(k, n) if u is None else u * F(k, n) + (1 - u) * F(j, other)
            found[value] = found.get(value, F(0)) + a * b
        values.append(found)
    for (low, a), (high, b) in product(values[0].items(), values[1].items()):
        if low >= high:
            total += a * b
    return F(1, 5) * total


def trap_training_error() -> bool:
    alone, certified = expected_gap(1, None), expected_gap(1, F(1, 6))
    return alone == F(16, 125) and 0.027 < certified < 0.028


def realised_order() -> bool:
    alone, mixed = expected_gap(25, None), expected_gap(25, HALF)
    return round(float(alone), 4) == 0.0196 and round(float(mixed), 4) == 0.0054


def trap_shared_records() -> bool:
    n, delta = 100, 0.05
    width = sqrt(log(2 / delta) / 2 * (1 / 2 / n))  # V = 1/(2n) as if independent; the truth is 1/n
    fails = float(sum(F(comb(n, k), 2**n) for k in range(n + 1) if abs(k / n - 0.5) > width))
    right = float(sum(F(comb(n, k), 2**n) for k in range(n + 1) if abs(k / n - 0.5) > sqrt(2) * width))
    return abs(fails - CONSTANTS["trap_failure"]) < 1e-12 and fails > delta >= right


def steps() -> list[Step]:
    return [
        Step("osc is a maximum of linear functionals, so convex and subadditive; all is pointwise in x", READER),
        Step("regret <= u osc e_l + (1-u) osc e_f for every tie, 19,683 tables and four weights", ENUMERATION, constant_weight),
        Step("u B_l = (1-u) B_f = B_l B_f/(B_l + B_f) at the harmonic weight", SYMPY, harmonic_weight_balances),
        Step("smaller <= harmonic < 2 smaller, and 2 is approached", SYMPY, between_one_and_two),
        Step("union bound over two events at delta/2; both levels hold on both events, whatever chose u", READER),
        Step("the Hessian of the harmonic mean is -4/(a+b)^3 times a square", SQUARES, harmonic_is_concave),
        Step(
            "E harmonic <= harmonic of E, E min <= min of E, pointwise harmonic <= 2 E min: 2 queries, 512 cases",
            ENUMERATION,
            pointwise_below,
        ),
        Step(
            "per-model and disagreement forms for every tie; the distance is osc[(u - u_m)(U_l - U_f)]",
            ENUMERATION,
            per_model_and_disagreement,
        ),
        Step("quality and cost with weights of their own: |U - U_hat| <= b", ENUMERATION, quality_and_cost_apart),
        Step("sum of squared weights of the records is V", SYMPY, squared_weights_add_up),
        Step("Hoeffding for the weighted sum, union over N mixed means; Lipschitz record by record", READER),
        Step("V <= (u/sqrt n + (1-u)/sqrt n')^2: the difference is 2u(1-u)(sqrt(nn') - s)/(nn')", SYMPY, one_width_below_two),
        Step("nested records: V least at u = 0; independent: at n/(n+n'), value 1/(n+n')", SQUARES, variance_minima),
        Step("aligned errors: constant, harmonic, per-model are equalities at 3/16", RATIONAL, extremal_family),
        Step("weights 0 and 1: the disagreement form is an equality at 1/2", RATIONAL, unequal_weights_attain_disagreement),
        Step("trap: one weight for quality, another for cost (gap 1/4 against 0)", RATIONAL, trap_quality_and_cost),
        Step("trap: mixing bounds on the suboptimality (gap 1 against 0)", RATIONAL, trap_suboptimality),
        Step("trap: both levels at delta (2 delta - delta^2)", RATIONAL, trap_union),
        Step("trap: training error: expected gap 16/125 against 0.027 at the certified weight", RATIONAL, trap_training_error),
        Step("realised gap: 0.0054 for the mixture, 0.0196 for either side, at equal levels", RATIONAL, realised_order),
        Step("trap: shared records taken as independent: failure 0.057 > 0.05", FLOAT, trap_shared_records),
    ]


if __name__ == "__main__":
    sys.exit(main("mixture-router", steps()))
