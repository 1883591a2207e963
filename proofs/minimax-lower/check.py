"""Runs the steps of proof.md: two points in every cell."""

import sys
from itertools import product
from math import comb
from pathlib import Path

import mpmath as mp
import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, FLOAT, INTERVAL, RATIONAL, READER, SYMPY, Step, main

CONSTANTS = {
    "v(0,0)": F(1, 2),
    "v(0,n)": F(1, 4),
    "v(1,1)": F(1, 8),
    "normal_limit": 0.08499,
    "normal_gap": 0.3759,
    "affinity_limit": 0.0675,
    "affinity_gap": 0.297,
}
HALF = F(1, 2)
Pair = tuple[int, int]
Law = dict[Pair, F]


def binomial(n: int, p: F) -> list[F]:
    return [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]


def laws(counts: Pair, shifts: tuple[F, F]) -> tuple[Law, Law]:
    """The labels' laws under plus and minus."""
    (n, k), (a, b) = counts, shifts
    outcomes = list(product(range(n + 1), range(k + 1)))
    plus = binomial(n, HALF + a), binomial(k, HALF - b)
    minus = binomial(n, HALF - a), binomial(k, HALF + b)
    return ({(x, y): plus[0][x] * plus[1][y] for x, y in outcomes}, {(x, y): minus[0][x] * minus[1][y] for x, y in outcomes})


def error(counts: Pair, shifts: tuple[F, F]) -> F:
    """(1 - TV) / 2 in fractions."""
    plus, minus = laws(counts, shifts)
    return sum((min(plus[o], minus[o]) for o in plus), F(0)) / 2


def value(counts: Pair, shifts: tuple[F, F]) -> F:
    return sum(shifts, F(0)) * error(counts, shifts)


SHIFTS = tuple(product((F(0), F(1, 10), F(1, 4), F(2, 5), HALF), repeat=2))


def other_models_lose_more() -> bool:
    """1/2 + e_a - (e_a + e_b) = 1/2 - e_b >= 0, and the mirror."""
    a, b = sp.symbols("a b")
    return sp.expand(sp.Rational(1, 2) + a - (a + b)) == sp.Rational(1, 2) - b and all(b <= HALF for _, b in SHIFTS)


def no_rule_beats_the_error() -> bool:
    """All rules with values 0, 1/2, 1: mean error at least (1 - TV)/2, with equality for one of them."""
    for counts in ((1, 1), (0, 2), (1, 2)):
        for shifts in ((F(1, 4), F(1, 4)), (F(2, 5), F(1, 10)), (F(1, 10), F(3, 10))):
            plus, minus = laws(counts, shifts)
            best = min(
                sum(((1 - r) * plus[o] + r * minus[o] for o, r in zip(plus, rule, strict=True)), F(0)) / 2
                for rule in product((F(0), HALF, F(1)), repeat=len(plus))
            )
            if best != error(counts, shifts):
                return False
    return True


def two_cells_at_once() -> bool:
    """Counts (1,1) and (0,1), masses 2/3 and 1/3: the best of all joint routers over the four sign patterns is the sum."""
    cells = [((1, 1), (F(1, 4), F(1, 4)), F(2, 3)), ((0, 1), (HALF, F(1, 10)), F(1, 3))]
    both = [laws(counts, shifts) for counts, shifts, _ in cells]
    total = F(0)
    for first, second in product(both[0][0], both[1][0]):  # for each outcome the best of the four joint choices
        costs = []
        for choice in product((0, 1), repeat=2):  # 0: side with plus
            lost = F(0)
            for signs in product((0, 1), repeat=2):
                chance = F(1, 4) * both[0][signs[0]][first] * both[1][signs[1]][second]
                wrong = zip(choice, signs, cells, strict=True)
                lost += chance * sum((m * sum(s, F(0)) for c, g, (_, s, m) in wrong if c != g), F(0))
            costs.append(lost)
        total += min(costs)
    return total == sum((m * value(n, s) for n, s, m in cells), F(0))


def more_records_never_hurt() -> bool:
    for shifts in SHIFTS:
        table = {(n, k): error((n, k), shifts) for n in range(5) for k in range(5)}
        if any(table[n + 1, k] > table[n, k] or table[k, n + 1] > table[k, n] for n in range(4) for k in range(5)):
            return False
        if any(table[n, k] != error((k, n), shifts[::-1]) for n, k in table):
            return False
    return True


def closed_values() -> bool:
    a, b = sp.symbols("a b", nonnegative=True)
    half = sp.Rational(1, 2)
    one = sp.expand((half + b) * (1 - 2 * b) / 2 - (sp.Rational(1, 4) - b**2)) == 0
    at = value((0, 0), (HALF, HALF)), value((0, 3), (HALF, F(0))), value((1, 1), (F(1, 4), F(1, 4)))
    # a >= b: the smaller law is minus at (1,0) and (1,1) [by a >= b] and plus at (0,1) and (0,0)
    smaller = 2 * (half - a) * (half - b) + 2 * (half - a) * (half + b)
    pair = sp.expand(smaller - (1 - 2 * a)) == 0
    ordered = all(2 * error((1, 1), s) == 1 - 2 * s[0] for s in SHIFTS if s[0] >= s[1])
    square = sp.expand(sp.Rational(1, 8) - a * (1 - 2 * a) - 2 * (a - sp.Rational(1, 4)) ** 2) == 0
    return one and pair and ordered and square and at == (CONSTANTS["v(0,0)"], CONSTANTS["v(0,n)"], CONSTANTS["v(1,1)"])


def routers_that_meet_them() -> bool:
    """(1,1): the larger label is wrong with chance (1-g)/2, loses g(1-g)/2 <= 1/8; (0,1): loses at most q(1-q) <= 1/4."""
    p, q, g = sp.symbols("p q g")
    wrong = q * (1 - p) + (p * q + (1 - p) * (1 - q)) / 2
    larger = sp.expand(wrong - (1 - (p - q)) / 2) == 0
    eighth = sp.expand(sp.Rational(1, 8) - g * (1 - g) / 2 - (g - sp.Rational(1, 2)) ** 2 / 2) == 0
    quarter = sp.expand(sp.Rational(1, 4) - q * (1 - q) - (q - sp.Rational(1, 2)) ** 2) == 0
    # q_a in [q_b, 1]: (q_a - q_b) q_b <= (1 - q_b) q_b, linear in q_a; q_a in [0, q_b]: (q_b - q_a)(1 - q_b) <= q_b (1 - q_b)
    ends = (
        sp.expand((1 - q) * q - (p - q) * q - (1 - p) * q) == 0
        and sp.expand(q * (1 - q) - (q - p) * (1 - q) - p * (1 - q)) == 0
    )
    return larger and eighth and quarter and ends


def ratio_test_is_the_error() -> bool:
    """P(ratio < 0) + P(ratio = 0)/2, the ratio compared in fractions, against the sum of minima."""
    for counts in ((1, 2), (3, 3), (2, 5), (0, 4)):
        for shifts in ((F(1, 10), F(1, 4)), (F(1, 4), F(1, 4)), (F(2, 5), F(1, 10))):
            plus, minus = laws(counts, shifts)
            test = sum((p if p < minus[o] else p / 2 if p == minus[o] else F(0) for o, p in plus.items()), F(0))
            mirror = {(counts[0] - x, counts[1] - y): p for (x, y), p in plus.items()}
            if test != error(counts, shifts) or mirror != minus:
                return False
    return True


def affinity_bound() -> bool:
    """TV^2 <= 1 - BC^2 in fractions (BC^2 is rational), and BC^2 of one label is 1 - 4 e^2."""
    for counts in ((1, 1), (2, 3), (0, 4)):
        for a, b in SHIFTS:
            tv = 1 - 2 * error(counts, (a, b))
            if tv**2 > 1 - (1 - 4 * a**2) ** counts[0] * (1 - 4 * b**2) ** counts[1]:
                return False
    e = sp.symbols("e", positive=True)
    half = sp.Rational(1, 2)
    return sp.expand((2 * sp.sqrt((half + e) * (half - e))) ** 2 - (1 - 4 * e**2)) == 0


def best_split() -> bool:
    """n_a e_a^2 + n_b e_b^2 >= g^2 / (1/n_a + 1/n_b), a square."""
    a, b, n, k = sp.symbols("a b n k", positive=True)
    gap = n * a**2 + k * b**2 - (a + b) ** 2 / (1 / n + 1 / k)
    return sp.simplify(gap - (n * a - k * b) ** 2 / (n + k)) == 0


def affinity_constant() -> bool:
    """y (1 - sqrt(1 - exp(-4 y^2))) / 2 at 0.297 is in [0.0675, 0.0676], by interval arithmetic."""
    y = mp.iv.mpf(CONSTANTS["affinity_gap"])
    found = y * (1 - mp.iv.sqrt(1 - mp.iv.exp(-4 * y**2))) / 2
    return bool(found.a >= CONSTANTS["affinity_limit"] and found.b <= 0.0676)


def normal_constant() -> bool:
    """max of y Phi(-2y), 30 digits; the derivative changes sign once on a fine grid."""
    with mp.workdps(30):
        slope = lambda y: mp.ncdf(-2 * y) - 2 * y * mp.npdf(2 * y)  # noqa: E731
        root = mp.findroot(slope, 0.37)
        signs = [slope(mp.mpf(k) / 1000) > 0 for k in range(3000)]
        near = abs(root - CONSTANTS["normal_gap"]) < 1e-4 and abs(root * mp.ncdf(-2 * root) - CONSTANTS["normal_limit"]) < 1e-5
        return bool(near and signs == sorted(signs, reverse=True))


def trap_random_counts() -> bool:
    """E v = 5/16; g/4 + g(1-g)/4 = 1/4 - (1-g)^2/4 <= 1/4."""
    g = sp.symbols("g")
    mixed = sp.expand(g / 4 + g * (1 - g) / 4 - (sp.Rational(1, 4) - (1 - g) ** 2 / 4)) == 0
    return mixed and (CONSTANTS["v(0,0)"] + CONSTANTS["v(1,1)"]) / 2 == F(5, 16) > F(1, 4)


def steps() -> list[Step]:
    return [
        Step("a third model of quality 0 loses at least e_a + e_b in both worlds", SYMPY, other_models_lose_more),
        Step(
            "no rule with values 0, 1/2, 1 errs less than (1 - TV)/2; one reaches it: 3 count pairs x 3 shifts",
            ENUMERATION,
            no_rule_beats_the_error,
        ),
        Step("given the other cells and the seed, the choice in a cell is a test of its own sign", READER),
        Step(
            "two cells, all joint routers: Bayes risk is exactly the sum, at counts (1,1) and (0,1)",
            ENUMERATION,
            two_cells_at_once,
        ),
        Step(
            "the error falls in both counts; names can be exchanged: counts up to 4, 25 shifts",
            ENUMERATION,
            more_records_never_hurt,
        ),
        Step("v(0,0) = 1/2, v(0,n) = 1/4 (evaluated at n = 3), v(1,1) = 1/8 (25 shifts)", SYMPY, closed_values),
        Step("routers whose worst case is 1/8 at (1,1) and 1/4 at (0,1)", SYMPY, routers_that_meet_them),
        Step(
            "the mirror of the first law is the second; the likelihood ratio test gives the error: 4 count pairs x 3 shifts",
            RATIONAL,
            ratio_test_is_the_error,
        ),
        Step("TV^2 <= 1 - BC^2: 3 count pairs x 25 shifts (general: reader)", RATIONAL, affinity_bound),
        Step("split of the gap: e_a : e_b = n_b : n_a is the least distinguishable", SYMPY, best_split),
        Step("affinity constant 0.0675", INTERVAL, affinity_constant),
        Step("normal limit 0.0850: 0.08499 at 0.3759 (the limit itself is the reader's)", FLOAT, normal_constant),
        Step("bracket: an upper bound that depends on counts alone, plus delta R", READER),
        Step("trap: E v of random counts is 5/16, a router's worst case 1/4", RATIONAL, trap_random_counts),
    ]


if __name__ == "__main__":
    sys.exit(main("minimax-lower", steps()))
