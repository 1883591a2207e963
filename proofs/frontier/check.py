"""Runs the steps of proof.md: bounds at every price, envelopes, areas."""

import sys
from collections.abc import Sequence
from itertools import pairwise, product
from math import comb
from pathlib import Path

import cvxpy as cp
import numpy as np
import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import CLARABEL, ENUMERATION, RATIONAL, READER, SYMPY, Step, main

# Subopt <= a + lam b with the two largest errors of each kind; log(4 N / delta) for quality and cost apart
CONSTANTS = {"errors_of_each_kind": 2, "log_factor": 4, "ratio_at_extremal": 1, "one_price_union": 0.1968}
Point = tuple[F, F]
Row = Sequence[F]


def top2(row: Row) -> F:
    return sum(sorted(row)[-2:], F(0))


def osc(row: Row) -> F:
    return max(row) - min(row)


def mean(values: Sequence[F]) -> F:
    return sum(values, F(0)) / len(values)


def greedy(q: Row, c: Row, lam: F, last: bool = False) -> int:
    u = [a - lam * b for a, b in zip(q, c, strict=True)]
    ties = [m for m, v in enumerate(u) if v == max(u)]
    return ties[-1] if last else ties[0]


def subadditive() -> bool:
    grid = list(product((F(-1), F(0), F(1, 2)), repeat=3))
    for p in grid:
        for r in grid:
            for lam in (F(0), F(1, 3), F(5)):
                if osc([a - lam * b for a, b in zip(p, r, strict=True)]) > osc(p) + lam * osc(r):
                    return False
                x, y = [abs(a) for a in p], [abs(b) for b in r]
                if top2([a + lam * b for a, b in zip(x, y, strict=True)]) > top2(x) + lam * top2(y) or osc(p) > top2(x):
                    return False
    return True


INSTANCES = [
    # two queries, three models: quality, cost, fitted quality, fitted cost (tenths)
    tuple([[F(v, 10) for v in row] for row in table] for table in tables)
    for tables in (
        (((9, 6, 2), (5, 8, 3)), ((9, 4, 1), (6, 7, 2)), ((7, 7, 3), (6, 6, 5)), ((8, 5, 2), (5, 5, 4))),
        (((5, 5, 5), (9, 1, 0)), ((1, 2, 3), (9, 1, 0)), ((5, 6, 7), (8, 2, 1)), ((3, 2, 1), (7, 3, 1))),
        (((10, 9, 1), (2, 4, 8)), ((10, 2, 0), (1, 5, 9)), ((9, 10, 0), (4, 4, 4)), ((9, 3, 0), (5, 5, 5))),
        (((7, 3, 4), (3, 3, 9)), ((2, 2, 2), (4, 4, 4)), ((3, 7, 4), (9, 3, 3)), ((2, 2, 2), (4, 4, 4))),
        (((6, 2, 8), (1, 7, 4)), ((3, 0, 9), (0, 6, 2)), ((5, 3, 9), (2, 5, 5)), ((4, 1, 7), (1, 4, 3))),
        (((8, 2, 5), (6, 5, 7)), ((5, 1, 3), (2, 2, 8)), ((2, 8, 5), (7, 5, 6)), ((1, 5, 3), (8, 2, 2))),
    )
]


def breaks(q: Sequence[Row], c: Sequence[Row]) -> list[F]:
    """All positive prices at which two models tie in some row, with prices between and beyond them."""
    at = {
        (a[m] - a[k]) / (b[m] - b[k])
        for a, b in zip(q, c, strict=True)
        for m in range(3)
        for k in range(3)
        if b[m] != b[k] and (a[m] - a[k]) / (b[m] - b[k]) > 0
    }
    ends = sorted(at)
    inner = [(x + y) / 2 for x, y in pairwise(ends)]
    return sorted([*ends, *inner, *([ends[0] / 2, 2 * ends[-1]] if ends else [F(1)])])


def sweep(tables: Sequence[Sequence[Row]], last: bool = False) -> list[tuple[F, Point]]:
    """(price, true cost and quality) at every break of the fitted tables, between, beyond, and at 0."""
    q, c, fq, fc = tables
    found = []
    for lam in [F(0), *breaks(fq, fc)]:
        choice = [greedy(a, b, lam, last) for a, b in zip(fq, fc, strict=True)]
        found.append(
            (lam, (mean([r[m] for r, m in zip(c, choice, strict=True)]), mean([r[m] for r, m in zip(q, choice, strict=True)])))
        )
    return found


def optimum(q: Sequence[Row], c: Sequence[Row], lam: F) -> F:
    return mean([max(a - lam * b for a, b in zip(x, y, strict=True)) for x, y in zip(q, c, strict=True)])


def parts(tables: Sequence[Sequence[Row]], size) -> tuple[F, F]:
    q, c, fq, fc = tables
    return tuple(
        mean([size([x - y for x, y in zip(r, s, strict=True)]) for r, s in zip(t, f, strict=True)])
        for t, f in ((q, fq), (c, fc))
    )


def hull(points: Sequence[Point]) -> list[Point]:
    kept: list[Point] = []
    for p in sorted(set(points), key=lambda p: (p[0], -p[1])):
        if kept and p[1] <= kept[-1][1]:
            continue
        while len(kept) > 1 and (kept[-1][0] - kept[-2][0]) * (p[1] - kept[-2][1]) >= (kept[-1][1] - kept[-2][1]) * (
            p[0] - kept[-2][0]
        ):
            kept.pop()
        kept.append(p)
    return kept


def height(vertices: Sequence[Point], at: F) -> F:
    if at >= vertices[-1][0]:
        return vertices[-1][1]
    for (x, y), (z, w) in pairwise(vertices):
        if x <= at <= z:
            return y + (w - y) * (at - x) / (z - x)
    raise ValueError("below the lowest cost")


def every_price() -> bool:
    """Subopt <= a + lam b at all breaks, between and beyond, both tie rules, spreads and two largest errors."""
    for tables in INSTANCES:
        for size in (osc, lambda row: top2([abs(v) for v in row])):
            a, b = parts(tables, size)
            for last in (False, True):
                for lam, (cost, quality) in sweep(tables, last):
                    if optimum(tables[0], tables[1], lam) - (quality - lam * cost) > a + lam * b:
                        return False
    return True


def models_left_out() -> bool:
    """One model left out at a time, with errors 1 and c_max there: all price levels of the grid."""
    for q, c, fq, fc in INSTANCES:
        for out in range(3):
            kept = [m for m in range(3) if m != out]
            sizes = []
            for table, fitted, full in ((q, fq, F(1)), (c, fc, F(1))):
                rows = [[full if m == out else abs(r[m] - s[m]) for m in range(3)] for r, s in zip(table, fitted, strict=True)]
                sizes.append(mean([top2(r) for r in rows]))
            for lam in (F(0), F(1, 5), F(1), F(3), F(100)):
                lost = []
                for r, s, u, v in zip(q, c, fq, fc, strict=True):
                    choice = max(kept, key=lambda m: u[m] - lam * v[m])
                    lost.append(max(x - lam * y for x, y in zip(r, s, strict=True)) - (r[choice] - lam * s[choice]))
                if mean(lost) > sizes[0] + lam * sizes[1]:
                    return False
    return True


def curves(tables: Sequence[Sequence[Row]]) -> tuple[list[Point], list[Point], F, F]:
    q, c, _, _ = tables
    best = hull([p for _, p in sweep((q, c, q, c)) + sweep((q, c, q, c), True)])
    return best, hull([p for _, p in sweep(tables)]), *parts(tables, osc)


def envelope_line() -> bool:
    for tables in INSTANCES:
        best, own, a, b = curves(tables)
        low = min(p[0] for p in best)
        if own[0][0] > low + b:
            return False
        bends = [x + b for x, _ in best] + [x for x, _ in own if x >= low + b]
        if any(height(own, g) < height(best, g - b) - a for g in bends):
            return False
    return True


def integral(vertices: Sequence[Point], low: F, high: F) -> F:
    knots = sorted({low, high, *(x for x, _ in vertices if low < x < high)})
    return sum(((height(vertices, x) + height(vertices, y)) / 2 * (y - x) for x, y in pairwise(knots)), F(0))


def area_line() -> bool:
    for tables in INSTANCES:
        best, own, a, b = curves(tables)
        low = best[0][0]
        for high in (low + b, low + b + F(1, 10), F(2)):
            rise = height(best, high) - best[0][1]
            if integral(best, low + b, high) - integral(own, low + b, high) > a * (high - low - b) + b * rise:
                return False
            if high - b >= low:
                shifted = integral(best, low, high - b)
                whole = integral(best, low + b, high) - shifted
                if whole > b * rise:
                    return False
    return True


def vertices_by_programs() -> bool:
    """Q* from a linear program over randomised policies equals the hull of the sweep of pi*."""
    for tables in INSTANCES[:3]:
        q, c, _, _ = tables
        best = curves(tables)[0]
        quality, cost = np.array(q, dtype=float), np.array(c, dtype=float)
        for budget in np.linspace(float(best[0][0]), float(best[-1][0]) + 0.1, 6):
            p = cp.Variable(quality.shape, nonneg=True)
            program = cp.Problem(
                cp.Maximize(cp.sum(cp.multiply(p, quality)) / 2),
                [cp.sum(p, axis=1) == 1, cp.sum(cp.multiply(p, cost)) / 2 <= budget + 1e-12],
            )
            program.solve(solver=cp.CLARABEL)
            if program.status != "optimal" or abs(program.value - float(height(best, max(F(budget), best[0][0])))) > 1e-6:
                return False
    return True


def convex_between_breaks() -> bool:
    """A maximum of lines minus a line: for three lines and two ends, the middle is below the chord."""
    ends = (F(1, 3), F(2))
    for lines in product(((F(9, 10), F(1)), (F(1, 2), F(1, 5)), (F(1, 5), F(0))), repeat=2):
        top = lambda lam: max(q - lam * c for q, c in lines)  # noqa: E731, B023
        for k in range(5):
            w = F(k, 4)
            if top(ends[0] * w + ends[1] * (1 - w)) > w * top(ends[0]) + (1 - w) * top(ends[1]):
                return False
    return True


def equality() -> bool:
    """The tie: Subopt_lam = a + lam b for a symbolic price; Env = Q*(cost - b) - a."""
    lam, x, y = sp.symbols("lam x y", nonnegative=True)
    good, poor = (sp.Rational(1, 2) + x) - lam * (1 - y), (sp.Rational(1, 2) - x) - lam * (1 + y)
    a, b = CONSTANTS["errors_of_each_kind"] * x, CONSTANTS["errors_of_each_kind"] * y
    gap = sp.expand(good - poor - (a + lam * b)) == 0
    curve = sp.expand((sp.Rational(1, 2) + x) - a - (sp.Rational(1, 2) - x)) == 0 and sp.expand((1 - y) + b - (1 + y)) == 0
    ratio = sp.simplify((good - poor) / (a + lam * b)) == CONSTANTS["ratio_at_extremal"]
    return gap and curve and bool(ratio)


def union_of_one_event() -> bool:
    """Hoeffding's two sides of N means of quality and N of cost: 2 N 2 exp(-2 n w^2) = delta."""
    pairs, n, delta = sp.symbols("N n delta", positive=True)
    squared_width = sp.log(CONSTANTS["log_factor"] * pairs / delta) / (2 * n)
    return sp.simplify(2 * pairs * 2 * sp.exp(-2 * n * squared_width) - delta) == 0


def kmeans_parts() -> bool:
    """Three terms with L_q + lam L_c and R = 1 + lam c_max are a + lam b."""
    lq, lc, d, w, h, c, lam = sp.symbols("L_q L_c d w h c lam", nonnegative=True)
    whole = 2 * (lq + lam * lc) * d + (1 + lam * c) * (2 * w + h)
    return sp.expand(whole - (2 * lq * d + 2 * w + h) - lam * (2 * lc * d + c * (2 * w + h))) == 0


def trap_one_price() -> bool:
    """20 fair labels of each kind, exact widths in fractions at 42 prices: each fails with at most 1/10, the union more."""
    n, delta = 20, F(1, 10)
    law = [F(comb(n, k), 2**n) for k in range(n + 1)]
    union: set[tuple[int, int]] = set()
    for price in [F(0), *(F(10) ** k * F(j, 4) for k in (-2, -1, 0, 1) for j in (4, 5, 6, 8, 10, 14, 18, 24, 30, 36)), F(100)]:
        size = {(x, y): abs((x - F(n, 2)) - price * (y - F(n, 2))) for x in range(n + 1) for y in range(n + 1)}
        order = sorted(size, key=size.__getitem__, reverse=True)
        failing, total, k = set(), F(0), 0
        while k < len(order):  # add whole levels of the deviation while the failure stays within delta
            level = [o for o in order[k:] if size[o] == size[order[k]]]
            mass = sum((law[x] * law[y] for x, y in level), F(0))
            if total + mass > delta:
                break
            total, k = total + mass, k + len(level)
            failing |= set(level)
        union |= failing
    found = float(sum((law[x] * law[y] for x, y in union), F(0)))
    return found > 1.5 * float(delta) and abs(found - CONSTANTS["one_price_union"]) < 5e-5


def trap_own_spans() -> bool:
    good, poor = [(F(0), F(1, 5)), (F(1), F(1))], [(F(9, 10), F(7, 10)), (F(1), F(7, 10))]
    own = [integral(c, c[0][0], c[-1][0]) / (c[-1][0] - c[0][0]) for c in (good, poor)]
    return own == [F(3, 5), F(7, 10)] and all(height(good, x) >= y for x, y in poor)


def trap_no_shift() -> bool:
    """Twins with costs 1/2 and 7/10 held equal: a = 0, b = 1/5, and Q* - Env is positive at cost 1/2, never with the shift."""
    best, own = [(F(0), F(1, 5)), (F(1, 2), F(4, 5))], [(F(0), F(1, 5)), (F(7, 10), F(4, 5))]
    b = F(1, 5)
    bends = [x + b for x, _ in best] + [x for x, _ in own if x >= b]
    return height(best, F(1, 2)) > height(own, F(1, 2)) and all(height(own, g) >= height(best, g - b) for g in bends)


def steps() -> list[Step]:
    return [
        Step("top2 and osc are subadditive and homogeneous; osc <= top2: 729 pairs, three prices", ENUMERATION, subadditive),
        Step("greedy-decomposition at each price; nothing depends on one price", READER),
        Step("Subopt <= a + lam b at every break, between, beyond; both tie rules; six tables", RATIONAL, every_price),
        Step("models left out count as 1 and c_max: six tables, 3 models left out, five prices", RATIONAL, models_left_out),
        Step("three terms of K-means split into a + lam b", SYMPY, kmeans_parts),
        Step("K-means: 2N means, two sides each: width sqrt(log(4N/delta)/(2 n))", SYMPY, union_of_one_event),
        Step("supporting lines: Env = inf of lam cost + h(lam), Q* below its own", READER),
        Step(
            "lowest learned cost <= lowest + b, Env(cost) >= Q*(cost - b) - a at all bends: six tables", RATIONAL, envelope_line
        ),
        Step("area deficit, and the integral of Q*(cost) - Q*(cost - b): six tables, three ends", RATIONAL, area_line),
        Step(
            "sweep of pi* = linear program over randomised policies: three tables, six budgets", CLARABEL, vertices_by_programs
        ),
        Step(
            "between breaks the gap is convex in the price: 9 pairs of lines, 5 points of one chord",
            RATIONAL,
            convex_between_breaks,
        ),
        Step("the tie: equality at every price and along the envelope", SYMPY, equality),
        Step("trap: widths of one price along the sweep", RATIONAL, trap_one_price),
        Step("trap: own cost spans order curves wrongly", RATIONAL, trap_own_spans),
        Step("trap: the shift by b cannot be dropped", RATIONAL, trap_no_shift),
    ]


if __name__ == "__main__":
    sys.exit(main("frontier", steps()))
