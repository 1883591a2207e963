"""Runs the steps of proof.md: least squares on small designs in rational arithmetic, over every outcome of the labels."""

import sys
from collections.abc import Callable, Iterator
from itertools import product
from math import log, sqrt
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F
from mpmath import iv

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, INTERVAL, RATIONAL, READER, SQUARES, SYMPY, Step, main

CONSTANTS = {
    "largest_variance": F(1, 4),
    "deviation": (2, 2),  # p + 2 sqrt(p L) + 2 L
    "trap_stopped": (F(6, 64), F(9, 64)),
    "trap_copied": (F(1, 8), F(1, 4)),
}

Matrix = list[list[F]]
Vector = list[F]

LINE = [[F(1), F(x)] for x in (0, 1, 2, 4)]
DESIGNS: dict[str, Matrix] = {
    "constant": [[F(1)]] * 3,
    "line": LINE,
    "equal columns": [[F(1), F(1)]] * 3,
    "third column the sum": [[F(1), F(x), F(1 + x)] for x in (0, 1, 3, 4)],
    "as many features as records": [[F(1), F(x), F(x * x)] for x in (0, 1, 3)],
    "a feature no record shows": [[F(1), F(0)], [F(1), F(0)], [F(2), F(0)]],
}
CHANCES = (F(1, 5), F(1, 2), F(2, 3), F(9, 10))


def chances(n: int) -> Iterator[Vector]:
    yield [F(1, 2)] * n
    yield list(CHANCES[:n])
    yield [F(1, 5) + F(i, 7) for i in range(n)]


PLAIN = F(0)
"""The ridge of plain least squares."""


def hat(design: Matrix, ridge: F = PLAIN) -> Matrix:
    """The smoother, exactly: by Gram-Schmidt on the columns for plain least squares, by the inverse for ridge."""
    n = len(design)
    if ridge:
        phi = sp.Matrix(design)
        smoother = phi * (phi.T * phi + sp.Rational(ridge) * sp.eye(phi.cols)).inv() * phi.T
        return [[F(int(smoother[i, j].p), int(smoother[i, j].q)) for j in range(n)] for i in range(n)]
    basis: list[Vector] = []
    for column in zip(*design, strict=True):
        rest = list(column)
        for b in basis:
            scale = sum(x * y for x, y in zip(b, column, strict=True)) / sum(x * x for x in b)
            rest = [x - scale * y for x, y in zip(rest, b, strict=True)]
        if any(rest):
            basis.append(rest)
    return [[sum((b[i] * b[j] / sum(x * x for x in b) for b in basis), F(0)) for j in range(n)] for i in range(n)]


def rank(design: Matrix) -> int:
    return int(sp.Matrix(design).rank())


def times(matrix: Matrix, vector: Vector) -> Vector:
    return [sum((a * b for a, b in zip(row, vector, strict=True)), F(0)) for row in matrix]


def square(vector: Vector) -> F:
    return sum((x * x for x in vector), F(0))


def outcomes(q: Vector) -> Iterator[tuple[Vector, F]]:
    for y in product((F(0), F(1)), repeat=len(q)):
        weight = F(1)
        for label, chance in zip(y, q, strict=True):
            weight *= chance if label else 1 - chance
        yield list(y), weight


def excesses(smoother: Matrix, q: Vector, change: Callable[[F], F] = lambda a: a) -> list[tuple[F, F]]:
    """(n X, probability) over all label outcomes, the truth being the chances q."""
    return [(square([change(a) - f for a, f in zip(times(smoother, y), q, strict=True)]), weight) for y, weight in outcomes(q)]


def mean(values: list[tuple[F, F]]) -> F:
    return sum((value * weight for value, weight in values), F(0))


def bias(smoother: Matrix, q: Vector) -> F:
    return square([f - a for f, a in zip(q, times(smoother, q), strict=True)])


def predicted(smoother: Matrix, q: Vector) -> F:
    """sum (H'H)_ii s_i^2 + |(I - H) f|^2."""
    columns = list(zip(*smoother, strict=True))
    return sum((square(list(c)) * p * (1 - p) for c, p in zip(columns, q, strict=True)), F(0)) + bias(smoother, q)


def cases(ridge: F = PLAIN) -> Iterator[tuple[Matrix, Matrix, Vector]]:
    for design in DESIGNS.values():
        smoother = hat(design, ridge)
        for q in chances(len(design)):
            yield design, smoother, q


def projection_is_the_least_squares_of_least_norm() -> bool:
    """H by Gram-Schmidt is Phi Phi^+, symmetric, idempotent, and its trace is the rank."""
    for design in DESIGNS.values():
        h = sp.Matrix(hat(design))
        phi = sp.Matrix(design)
        if h != phi * phi.pinv() or h * h != h or h != h.T or h.trace() != rank(design):
            return False
    return True


def leverages_identity() -> bool:
    """E n X = sum h_ii s_i^2 + n b, well and misspecified, full rank and not."""
    biases = set()
    for _, smoother, q in cases():
        biases.add(bias(smoother, q) > 0)
        diagonal = sum((smoother[i][i] * q[i] * (1 - q[i]) for i in range(len(q))), F(0))
        if not mean(excesses(smoother, q)) == diagonal + bias(smoother, q) == predicted(smoother, q):
            return False
    return biases == {True, False}


def equal_variances() -> bool:
    """E X = s^2 p / n + b for chances q or 1 - q (equal variances, unequal means)."""
    for design in DESIGNS.values():
        smoother, n = hat(design), len(design)
        for flips in product((F(1, 5), F(4, 5)), repeat=n):
            q = list(flips)
            if mean(excesses(smoother, q)) != F(4, 25) * rank(design) + bias(smoother, q):
                return False
    return True


def quarter_is_the_cap() -> bool:
    """E n X <= p / 4 + n b, with equality exactly where every record of positive leverage has a fair coin."""
    seen = set()
    for design, smoother, q in cases():
        slack = CONSTANTS["largest_variance"] * rank(design) + bias(smoother, q) - mean(excesses(smoother, q))
        fair = all(q[i] == F(1, 2) for i in range(len(q)) if smoother[i][i] > 0)
        seen.add(fair)
        if slack < 0 or (slack == 0) != fair:
            return False
    return seen == {True, False}


def popoviciu() -> bool:
    """For mean f in [lo, hi], E (y - f)^2 <= R^2 / 4: any law on three points, and the coin by a square."""
    q = sp.symbols("q")
    coin = sp.expand(sp.Rational(CONSTANTS["largest_variance"]) - q * (1 - q) - (q - sp.Rational(1, 2)) ** 2) == 0
    y, m, f = sp.symbols("y m f")
    around = sp.expand((y - m) ** 2 - (y - f) ** 2 - (f - m) ** 2 - 2 * (y - f) * (f - m)) == 0
    lo, hi = sp.symbols("lo hi")
    inside = sp.expand(((hi - lo) / 2) ** 2 - (y - (lo + hi) / 2) ** 2 - (y - lo) * (hi - y)) == 0
    return coin and around and inside


def ridge_identity() -> bool:
    for r in (F(1), F(1, 3)):
        for _, smoother, q in cases(r):
            if mean(excesses(smoother, q)) != predicted(smoother, q):
                return False
    return True


def ridge_eigenvalues() -> bool:
    """sum of k_j^2 is the trace of H'H, k_j = g / (g + r) for the eigenvalues g of Phi'Phi; at most p."""
    r = sp.Rational(1, 3)
    for design in DESIGNS.values():
        phi = sp.Matrix(design)
        smoother = sp.Matrix(hat(design, F(1, 3)))
        total = sum(k * (g / (g + r)) ** 2 for g, k in (phi.T * phi).eigenvals().items())
        if sp.simplify(total - (smoother.T * smoother).trace()) != 0 or (smoother.T * smoother).trace() > phi.rank():
            return False
    return True


def variance_formula() -> bool:
    """Var(n X), with and without ridge, cross terms included."""
    for r in (F(0), F(1)):
        for _, h, q in cases(r):
            n, found = len(q), excesses(h, q)
            exact = sum((w * v * v for v, w in found), F(0)) - mean(found) ** 2
            a = [[sum((h[k][i] * h[k][j] for k in range(n)), F(0)) for j in range(n)] for i in range(n)]
            rest = [f - g for f, g in zip(q, times(h, q), strict=True)]
            c = [-2 * sum((h[k][i] * rest[k] for k in range(n)), F(0)) for i in range(n)]
            s = [p * (1 - p) for p in q]
            total = 2 * sum((a[i][j] ** 2 * s[i] * s[j] for i in range(n) for j in range(n) if i != j), F(0))
            for i in range(n):
                third, fourth = s[i] * (1 - 2 * q[i]), s[i] * (1 - 3 * s[i])
                total += a[i][i] ** 2 * (fourth - s[i] ** 2) + 2 * a[i][i] * c[i] * third + c[i] ** 2 * s[i]
            if total != exact:
                return False
    return True


def moments_of_a_coin() -> bool:
    q = sp.symbols("q")
    s = q * (1 - q)
    central = [sp.expand(q * (1 - q) ** k + (1 - q) * (-q) ** k) for k in (2, 3, 4)]
    return all(sp.expand(x - y) == 0 for x, y in zip(central, (s, s * (1 - 2 * q), s * (1 - 3 * s)), strict=True))


def hoeffding_curvature() -> bool:
    """(log E e^{t xi})'' = u (1 - u) for a coin, u the tilted chance: at most 1/4; value and slope at 0 vanish."""
    t, q = sp.symbols("t q", positive=True)
    psi = sp.log(1 - q + q * sp.exp(t)) - q * t
    u = q * sp.exp(t) / (1 - q + q * sp.exp(t))
    curvature = sp.simplify(sp.diff(psi, t, 2) - u * (1 - u)) == 0
    return curvature and sp.simplify(psi.subs(t, 0)) == 0 and sp.simplify(sp.diff(psi, t).subs(t, 0)) == 0


def chi_square_moment() -> bool:
    """-x - log(1 - 2x)/2 <= x^2/(1 - 2x): equal at 0, derivatives apart by 2 x^2 / (1 - 2x)^2."""
    x = sp.symbols("x", positive=True)
    apart = x**2 / (1 - 2 * x) + x + sp.log(1 - 2 * x) / 2
    return apart.subs(x, 0) == 0 and sp.simplify(sp.diff(apart, x) - 2 * x**2 / (1 - 2 * x) ** 2) == 0


def chernoff_point() -> bool:
    """At x = a/(1 + 2a), L = p a^2: x (2 sqrt(pL) + 2L) - p x^2/(1 - 2x) = L."""
    a, p = sp.symbols("a p", positive=True)
    first, second = CONSTANTS["deviation"]
    level, x = first * p * a + second * p * a**2, a / (1 + 2 * a)
    return sp.simplify(x * level - p * x**2 / (1 - 2 * x) - p * a**2) == 0


def moments_below_chi_square() -> bool:
    """E exp(t |U' xi|^2) <= (1 - t/2)^{-p/2} on every small design, in interval arithmetic."""
    for t in (F(1, 4), F(1), F(3, 2), F(19, 10)):
        scale = iv.mpf(t.numerator) / t.denominator
        for design, smoother, q in cases():
            found = iv.mpf(0)
            for value, weight in excesses(smoother, q):
                noise = value - bias(smoother, q)
                found += iv.exp(scale * noise.numerator / noise.denominator) * weight.numerator / weight.denominator
            limit = iv.exp(-iv.mpf(rank(design)) / 2 * iv.log(1 - scale / 2))
            if not found.a <= limit.b:
                return False
    return True


def levels_are_kept() -> bool:
    """P(n X > level) <= delta, exactly, over every design and three deltas; not kept by the mean alone."""
    broken = False
    for delta in (0.3, 0.1, 0.01):
        for design, smoother, q in cases():
            p, far, found = rank(design), log(1 / delta), excesses(smoother, q)
            level = (p + 2 * sqrt(p * far) + 2 * far) / 4 + float(bias(smoother, q))
            if sum(float(w) for v, w in found if float(v) > level * (1 + 1e-12)) > delta:
                return False
            cap = F(p, 4) + bias(smoother, q)
            broken |= sum(float(w) for v, w in found if v > cap) > delta
    return broken


def influence_function() -> bool:
    x = sp.symbols("x", real=True)
    product_ = sp.expand((1 - x + x**2 / 2) * (1 + x + x**2 / 2) - 1 - x**4 / 4) == 0
    positive = sp.discriminant(1 - x + x**2 / 2, x) < 0
    alpha, v, far, t = sp.symbols("alpha v L T", positive=True)
    width = alpha * v / 2 + far / (alpha * t)
    best = sp.sqrt(2 * far / (t * v))
    least = sp.simplify(sp.diff(width, alpha).subs(alpha, best)) == 0
    return bool(product_ and positive and least and sp.simplify(width.subs(alpha, best) - sp.sqrt(2 * v * far / t)) == 0)


def models_add_up() -> bool:
    """Two models with their own records: the block design has the sum of both excesses; the first head is unchanged."""
    first, second = DESIGNS["line"], DESIGNS["constant"]
    blocks = [[*row, F(0)] for row in first] + [[F(0), F(0), *row] for row in second]
    q1, q2 = list(CHANCES), [F(1, 2)] * 3
    both = hat(blocks)
    apart = mean(excesses(hat(first), q1)) + mean(excesses(hat(second), q2))
    same = [row[:4] for row in both[:4]] == hat(first) and all(x == 0 for row in both[:4] for x in row[4:])
    return same and mean(excesses(both, q1 + q2)) == apart


def clipping_never_hurts() -> bool:
    strict = False
    for _, smoother, q in cases():
        plain, cut = excesses(smoother, q), excesses(smoother, q, lambda a: min(max(a, F(0)), F(1)))
        if any(c > v for (c, _), (v, _) in zip(cut, plain, strict=True)):
            return False
        strict |= mean(cut) < mean(plain)
    return strict


def inverse_chi_square() -> bool:
    """E 1/chi^2_k = 1/(k - 2) for k = 3..8 by integration."""
    x = sp.symbols("x", positive=True)
    for k in range(3, 9):
        density = x ** (sp.Rational(k, 2) - 1) * sp.exp(-x / 2) / (2 ** sp.Rational(k, 2) * sp.gamma(sp.Rational(k, 2)))
        if sp.simplify(sp.integrate(density / x, (x, 0, sp.oo)) - sp.Rational(1, k - 2)) != 0:
            return False
    return True


def new_query_variance() -> bool:
    """1/n + (x - xbar)^2 / W is the quadratic form of the inverse Gram matrix with an intercept (one coordinate)."""
    for xs in ((0, 1, 2, 4), (-1, 3, 5)):
        design = sp.Matrix([[1, x] for x in xs])
        n, centre = len(xs), sp.Rational(sum(xs), len(xs))
        scatter = sum((x - centre) ** 2 for x in xs)
        for new in (-2, 0, 7):
            phi = sp.Matrix([1, new])
            form = (phi.T * (design.T * design).inv() * phi)[0]
            if sp.simplify(form - sp.Rational(1, n) - (new - centre) ** 2 / scatter) != 0:
                return False
    return True


def stopped_logging() -> bool:
    """All outcomes of: two fair coins, two more if they differ; a constant feature."""
    claimed = true = F(0)
    for y in product((0, 1), repeat=4):
        n = 2 if y[0] == y[1] else 4
        claimed += F(1, 16) * F(1, 4 * n)
        true += F(1, 16) * (F(sum(y[:n]), n) - F(1, 2)) ** 2
    return (claimed, true) == CONSTANTS["trap_stopped"]


def copied_labels() -> bool:
    smoother = hat([[F(1)]] * 2)
    true = sum((F(1, 2) * square([a - F(1, 2) for a in times(smoother, [y, y])]) / 2 for y in (F(0), F(1))), F(0))
    return (CONSTANTS["largest_variance"] / 2, true) == CONSTANTS["trap_copied"]


def wrong_forms_differ() -> bool:
    """p + 1, n - p, n - p - 1, the mean variance, the number of columns: each differs from the exact mean somewhere."""
    h, n, p = hat(LINE), 4, 2
    fair = mean(excesses(h, [F(1, 2)] * 4)) / n
    skewed = [F(1, 5), F(7, 20), F(1, 2), F(4, 5)]
    flat = sum((q * (1 - q) for q in skewed), F(0)) / n * F(p, n)
    wrong = (F(p + 1, 4 * n), F(p, 4 * (n - p)), F(p, 4 * (n - p - 1)))
    columns = mean(excesses(hat(DESIGNS["equal columns"]), [F(1, 2)] * 3)) / 3
    return fair == F(1, 8) and fair not in wrong and mean(excesses(h, skewed)) / n != flat and columns == F(1, 12) != F(2, 12)


def steps() -> list[Step]:
    return [
        Step("H is the orthogonal projection, trace = rank", SYMPY, projection_is_the_least_squares_of_least_norm),
        Step("1: E X by leverages, with bias, any rank: six small designs", ENUMERATION, leverages_identity),
        Step("1: equal variances give s^2 p / n + bias: six small designs", ENUMERATION, equal_variances),
        Step("2: a label's variance is at most R^2 / 4", SQUARES, popoviciu),
        Step("2: p / (4 n) is the cap, attained exactly by fair coins", ENUMERATION, quarter_is_the_cap),
        Step("3: ridge identity: six small designs", ENUMERATION, ridge_identity),
        Step("3: ridge eigenvalues, capped by the rank", SYMPY, ridge_eigenvalues),
        Step("4: Hoeffding's curvature for a coin", SYMPY, hoeffding_curvature),
        Step("4: e^{t |v|^2} as a normal mean, Fubini", READER),
        Step("4: exponential moments below chi-square's on small designs", INTERVAL, moments_below_chi_square),
        Step("4: exponential moments of chi-square", SYMPY, chi_square_moment),
        Step("4: the Chernoff point gives e^{-L} exactly", SYMPY, chernoff_point),
        Step("4: levels kept over all outcomes, means are not", ENUMERATION, levels_are_kept),
        Step("5: central moments of a coin", SYMPY, moments_of_a_coin),
        Step("5: variance of the excess: six small designs", ENUMERATION, variance_formula),
        Step("6: influence function and its best scale", SYMPY, influence_function),
        Step("6: Markov on both sides", READER),
        Step("7: models add up, heads of others unchanged", RATIONAL, models_add_up),
        Step("8: clipping never hurts and sometimes helps: six small designs", ENUMERATION, clipping_never_hurts),
        Step("9: inverse chi-square", SYMPY, inverse_chi_square),
        Step("9: variance at a new query with an intercept", SYMPY, new_query_variance),
        Step("9: rotation invariance, independence of mean and scatter", READER),
        Step("trap: logging stopped after seeing labels", ENUMERATION, stopped_logging),
        Step("trap: copied labels", ENUMERATION, copied_labels),
        Step("trap: wrong constants and ranks", ENUMERATION, wrong_forms_differ),
    ]


if __name__ == "__main__":
    sys.exit(main("linear-heads", steps()))
