"""Runs the steps of proof.md: every form of the K-means router's bound, its intervals and its traps."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations_with_replacement, permutations, product
from math import comb
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F
from mpmath import iv

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, INTERVAL, RATIONAL, READER, SYMPY, Step, main

# Bound over gap on the one-dimensional family; w = R sqrt(log(events * N / delta) / (2 n)); half-widths in units of R.
CONSTANTS = {
    "uniform": {"sharp": 4, "pairwise": F(8, 3), "spread": F(4, 3)},
    "two-point": {"sharp": 4, "pairwise": 2, "spread": 1},
    "two places": {"sharp": 1, "pairwise": 1, "spread": 1, "expected": 1},
    "log_factor": 2,
    "log_factor_all_lam": 4,
    "width_denominator": 2,
    "pinsker": 2,
    "midrange_halfwidth": F(1, 2),
    "spread_lipschitz_factor": 1,
    "three_terms_empty_cell": 1,
}
LO, HI = F(0), F(1)
L = F(1, 8)


def mean(values: Sequence[F]) -> F:
    return sum(values, F(0)) / len(values)


def pair_line(up: Sequence[F], down: Sequence[F], keepers: Sequence[int]) -> F:
    return max(up[m] + down[k] for m in range(len(up)) for k in keepers if m != k)


@dataclass(frozen=True)
class Cell:
    """Test law on integer positions, centre, utilities [m][x], recorded positions [m], errors of the means, widths."""

    law: dict[int, F]
    centre: F
    utility: Sequence[Sequence[F]]
    records: Sequence[Sequence[int]]
    shift: Sequence[F]
    up: F
    down: F
    exclude: bool = False  # leave models without records out of the argmax; otherwise they sit at mid-range

    @property
    def models(self) -> range:
        return range(len(self.utility))

    @cached_property
    def kept(self) -> list[int]:
        return [m for m in self.models if self.records[m] or not self.exclude]

    @cached_property
    def guess(self) -> list[F]:
        values = [self.recorded_mean(m) + self.shift[m] if self.records[m] else (LO + HI) / 2 for m in self.models]
        best = max(values[m] for m in self.kept)
        return [values[m] if m in self.kept else best for m in self.models]

    def recorded_mean(self, m: int) -> F:
        return mean([self.utility[m][x] for x in self.records[m]])

    def expect(self, value: Callable[[int], F]) -> F:
        return sum((p * value(x) for x, p in self.law.items()), F(0))

    def law_mean(self, m: int) -> F:
        return self.expect(lambda x: self.utility[m][x])

    def choices(self) -> list[int]:
        return [m for m in self.kept if self.guess[m] == max(self.guess)]

    def gap(self, chosen: int) -> F:
        return self.expect(lambda x: max(u[x] for u in self.utility) - self.utility[chosen][x])

    def sides(self, m: int, distance: F) -> tuple[F, F]:
        """How far U may lie above and below the estimate: distance term plus interval, clipped to the range."""
        above, below = HI - self.guess[m], self.guess[m] - LO
        if not self.records[m]:
            return above, below
        return min(distance + self.up, above), min(distance + self.down, below)

    def reach(self, x: F | int, m: int, pairwise: bool) -> F:
        if not self.records[m]:
            return F(0)
        if pairwise:
            return L * mean([abs(F(x - y)) for y in self.records[m]])
        return L * (abs(x - self.centre) + mean([abs(y - self.centre) for y in self.records[m]]))

    def pointwise(self, pairwise: bool = False) -> F:
        """Sharp form, or pairwise form."""

        def line(x: int) -> F:
            sides = [self.sides(m, self.reach(x, m, pairwise)) for m in self.models]
            return pair_line([s[0] for s in sides], [s[1] for s in sides], self.kept)

        return self.expect(line)

    def policy(self, chosen: int, pairwise: bool = False, itself: bool = False) -> F:
        def line(x: int) -> F:
            sides = [self.sides(m, self.reach(x, m, pairwise)) for m in self.models]
            others = [m for m in self.models if itself or m != chosen]
            top = max(self.guess[m] + sides[m][0] for m in others)
            return max(F(0), top - self.guess[chosen] + sides[chosen][1])

        return self.expect(line)

    def relative(self, signed: bool = False) -> F:
        """Against the best constant on the cell: mismatch plus interval, by size or with its sign."""
        up, down = [], []
        for m in self.models:
            move = self.law_mean(m) - self.recorded_mean(m) if self.records[m] else F(0)
            above, below = (move, -move) if signed else (abs(move), abs(move))
            empty = HI - self.guess[m], self.guess[m] - LO
            up.append(above + self.up if self.records[m] else empty[0])
            down.append(below + self.down if self.records[m] else empty[1])
        return pair_line(up, down, self.kept)

    def spread(self) -> F:
        return L * self.expect(lambda x: self.expect(lambda y: F(abs(x - y)))) + self.relative()

    def mismatch(self) -> F:
        """max over logged models of W1(law, recorded positions), by distribution functions on the integers."""
        worst = F(0)
        for m in self.models:
            if self.records[m]:
                places = range(min([*self.law, *self.records[m]]), max([*self.law, *self.records[m]]))
                below = [sum((p for x, p in self.law.items() if x <= t), F(0)) for t in places]
                seen = [F(sum(y <= t for y in self.records[m]), len(self.records[m])) for t in places]
                worst = max(worst, sum((abs(a - b) for a, b in zip(below, seen, strict=True)), F(0)))
        return worst

    def three_terms(self) -> F:
        empty = any(not r for r in self.records)
        distance = 2 * L * self.expect(lambda x: abs(x - self.centre))
        extra = CONSTANTS["three_terms_empty_cell"] * (HI - LO) * empty
        return distance + 2 * L * self.mismatch() + 2 * max(self.up, self.down) + extra

    def own_gap(self) -> F:
        """Gap of the best constant on the cell."""
        return min(self.gap(m) for m in self.models)


SHAPES = [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 1, 2), (2, 1, 2, 1), (1, 1, 2, 3), (0, 0, 0, 0)]
LAWS = [{0: F(1, 4), 1: F(1, 4), 2: F(1, 4), 3: F(1, 4)}, {0: F(1, 2), 3: F(1, 2)}, {1: F(1, 5), 3: F(4, 5)}]
RECORDS = [((0,), (0, 3)), ((0, 1, 2, 3), (0, 1, 2, 3)), ((), (1, 1, 2)), ((0, 0, 1), ())]


def cells() -> Iterator[Cell]:
    ends = [(F(0), F(0)), (F(1, 16), F(1, 16)), (F(1, 16), F(1, 32))]
    for first, second, law, records in product(SHAPES, SHAPES, LAWS, RECORDS):
        table = [[F(3, 8) + L * v for v in first], [F(3, 8) + L * v for v in second]]
        for (up, down), centre in product(ends, (F(3, 2), F(0))):
            for shift in product({-up, down}, repeat=2):  # estimate - mean in [-up, down]
                for exclude in {False, not all(records)}:
                    yield Cell(law, centre, table, records, shift, up, down, exclude)


def all_forms_hold() -> bool:
    """Every form against the exact gap, for every greedy tie; policy <= sharp and pairwise <= sharp on the way."""
    for cell in cells():
        pointwise = [cell.pointwise(), cell.pointwise(pairwise=True)]
        if pointwise[1] > pointwise[0]:
            return False
        constant = [cell.spread(), cell.three_terms()]
        relative = [cell.relative(), cell.relative(signed=True)]
        for chosen in cell.choices():
            gap = cell.gap(chosen)
            policy = [cell.policy(chosen), cell.policy(chosen, pairwise=True)]
            if any(p > s for p, s in zip(policy, pointwise, strict=True)):
                return False
            if gap > min(pointwise + policy + constant) or gap - cell.own_gap() > min(relative):
                return False
    return True


def signed_below_unsigned() -> bool:
    return all(c.relative(signed=True) <= c.relative() for c in cells())


def mismatch_chain() -> bool:
    """s <= L W1 <= L * cost of the independent coupling, and <= L (E|x-c| + r)."""
    for cell in cells():
        for m in cell.models:
            if cell.records[m]:
                only = Cell(cell.law, cell.centre, [cell.utility[m]], [cell.records[m]], (F(0),), F(0), F(0))
                s = abs(only.law_mean(0) - only.recorded_mean(0))
                pairs = only.expect(lambda x, o=only: o.reach(x, 0, True))
                if not s <= L * only.mismatch() <= pairs <= only.expect(lambda x, o=only: o.reach(x, 0, False)):
                    return False
    return True


def ties_inside_a_cell() -> bool:
    """U = +-Lx on two points, the tie broken against x: gap 2La above spread La; relative La above 0."""
    cell = two_point_cell()
    broken = cell.expect(lambda x: max(u[x] for u in cell.utility) - min(u[x] for u in cell.utility))
    two_l_a = 2 * L * F(1)
    return broken == two_l_a > cell.spread() == L and broken - cell.own_gap() == L > cell.relative() == 0


def two_point_cell() -> Cell:
    slope = [F(1, 2) - L, F(1, 2), F(1, 2) + L]
    return Cell({0: F(1, 2), 2: F(1, 2)}, F(1), [slope, slope[::-1]], [(0, 2), (0, 2)], (F(0),) * 2, F(0), F(0))


def family_two_point() -> bool:
    cell, ratios = two_point_cell(), CONSTANTS["two-point"]
    values = {"sharp": cell.pointwise(), "pairwise": cell.pointwise(True), "spread": cell.spread()}
    return all(v / cell.gap(0) == ratios[k] for k, v in values.items())


def family_two_places() -> bool:
    """Records at 0, test at 2, centre at 1: the tie at 0 becomes a gap 4La at 2."""
    up, down = [F(1, 2) + L * x for x in range(3)], [F(1, 2) - L * x for x in range(3)]
    cell, ratios = Cell({2: F(1)}, F(1), [up, down], [(0,), (0,)], (F(0),) * 2, F(0), F(0)), CONSTANTS["two places"]
    values = {"sharp": cell.pointwise(), "pairwise": cell.pointwise(True), "spread": cell.spread()}
    values["expected"] = 4 * L  # no noise: the mismatch of the two models, 2L each
    return all(v / cell.gap(1) == ratios[k] for k, v in values.items())


def expected_rival() -> bool:
    """Stationary point and value of y exp(-2 (y - s)^2 / (R^2 h)), and its value (R/2) sqrt(h/e) at s = 0."""
    y, r, h = sp.symbols("y R h", positive=True)
    s = sp.symbols("s", real=True)
    loss = y * sp.exp(-2 * (y - s) ** 2 / (r**2 * h))
    root = (s + sp.sqrt(s**2 + r**2 * h)) / 2
    stationary = sp.simplify(sp.diff(sp.log(loss), y).subs(y, root)) == 0
    bent = sp.simplify(sp.diff(sp.log(loss), y, 2) + 1 / y**2 + 4 / (r**2 * h)) == 0  # concave logarithm
    value = loss.subs(s, 0).subs(y, r * sp.sqrt(h) / 2)
    return bool(stationary and bent and sp.simplify(value - r / 2 * sp.sqrt(h / sp.E)) == 0)


def expected_two_models() -> bool:
    """All counts up to 5, chances on a grid, ties lost: D P(worse chosen) <= (1/2) sqrt(h/e), that is 4 e (D P)^2 <= h."""
    euler = F(27182818285, 10**10)  # above e
    grid = [F(i, 12) for i in range(13)]

    def law(n: int, p: F) -> list[F]:
        return [comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]

    laws = {(n, p): law(n, p) for n in range(1, 6) for p in grid}
    for n, m in product(range(1, 6), repeat=2):
        for p, q in product(grid, repeat=2):
            if p > q:
                wrong = sum((a * b for i, a in enumerate(laws[n, p]) for j, b in enumerate(laws[m, q]) if j * n >= i * m), F(0))
                if 4 * euler * ((p - q) * wrong) ** 2 > F(1, n) + F(1, m):
                    return False
    return True


def expected_many_rivals() -> bool:
    """q sqrt(log 1/q) with q = e^-t, t > 0: slope sqrt(t) - 1/(2 sqrt t), zero at t = 1/2, rising in t: concave in q."""
    t = sp.symbols("t", positive=True)
    value = sp.exp(-t) * sp.sqrt(t)
    slope = sp.diff(value, t) / sp.diff(sp.exp(-t), t)
    right = sp.simplify(slope - (sp.sqrt(t) - 1 / (2 * sp.sqrt(t)))) == 0
    rising = sp.simplify(sp.diff(slope, t) - (1 / (2 * sp.sqrt(t)) + 1 / (4 * t ** sp.Rational(3, 2)))) == 0
    below_sum = iv.sqrt(iv.log(iv.mpf(2)) / 2) < 2 * iv.sqrt(1 / iv.exp(iv.mpf(1))) / 2
    return bool(right and rising and sp.solve(slope, t) == [sp.Rational(1, 2)] and below_sum)


def expected_broken() -> bool:
    """Gap 1/4 at h = 1 + 1/1000 lies between sqrt(h/(2e))/2 and sqrt(h/e)/2; one-sided h, ten rivals, copied labels."""
    below, above = F(27182818284, 10**10), F(27182818285, 10**10)
    h, square = F(1001, 1000), 4 * F(1, 4) ** 2
    known = square > h / (2 * below) and square > F(1, 1000) / below and square < h / above
    crowd, copies = F(4, 5) * (1 - F(4, 5) ** 10), F(1, 2) * (1 - F(3, 4) ** 2)
    return known and 4 * crowd**2 > 2 / below and 4 * copies**2 > F(1, 50) / below


def expected_kl_rival() -> bool:
    """Stationary point in (D, p) for fixed theta; worst means for equal counts; sup of D (1 - D^2)^n."""
    y, p, a, b, n, m = sp.symbols("y p alpha beta n m", positive=True)
    s = sp.symbols("s", real=True)  # s - c, where y = D - c
    q = p + y - s
    logs = sp.log(y) + m * sp.log(1 + p * a) + n * sp.log(1 - q * b)
    best = (1 / a + 1 / b + s) / (n + m + 1)
    at = {p: m * best - 1 / a}  # 1 + p alpha = m alpha y
    slopes = [sp.simplify(sp.diff(logs, v).subs(at).subs(y, best)) for v in (y, p)]
    other = sp.simplify((1 - q * b).subs(at).subs(y, best) - n * b * best) == 0
    t, k = sp.symbols("t k", positive=True)
    equal = sp.simplify(2 * sp.sqrt((1 + t) / 2 * (1 - t) / 2) - sp.sqrt(1 - t**2)) == 0
    lead = 1 / sp.sqrt(2 * k + 1)
    top = sp.simplify(sp.diff(sp.log(t) + k * sp.log(1 - t**2), t).subs(t, lead)) == 0
    return bool(slopes == [0, 0] and other and equal and top)


def expected_kl_below_hoeffding() -> bool:
    """1 - t^2 <= e^{-t^2}, and for all z, p on a grid kl >= 2 (z - p)^2: certified with intervals."""
    grid = [F(i, 40) for i in range(1, 40)]

    def kl(z: F, p: F) -> object:
        first, second = iv.mpf(z.numerator) / z.denominator, iv.mpf(p.numerator) / p.denominator
        return first * iv.log(first / second) + (1 - first) * iv.log((1 - first) / (1 - second))

    def square(z: F, p: F) -> object:
        return iv.mpf((2 * (z - p) ** 2).numerator) / (2 * (z - p) ** 2).denominator

    return all(bool(kl(z, p) >= square(z, p)) for z, p in product(grid, grid) if z != p)


def expected_kl_two_models() -> bool:
    """Counts up to 4, chances on a grid, ties lost: D P(worse chosen) is below the bound at rational multipliers."""
    grid = [F(i, 12) for i in range(13)]
    bases = [F(k, 32) for k in range(33, 200)]  # e^{theta / (n m)}

    def bound(n: int, m: int) -> F:
        least = F(1)
        for base in bases:
            a, b = base**n - 1, 1 - base**-m
            y = (1 / a + 1 / b) / (n + m + 1)
            if y <= 1:
                least = min(least, y * (m * a * y) ** m * (n * b * y) ** n)
        return least

    def lost(n: int, m: int, q: F, p: F) -> F:
        return sum(
            (
                comb(n, i) * q**i * (1 - q) ** (n - i) * comb(m, j) * p**j * (1 - p) ** (m - j)
                for i, j in product(range(n + 1), range(m + 1))
                if j * n >= i * m
            ),
            F(0),
        )

    for n, m in product(range(1, 5), repeat=2):
        top = bound(n, m)
        if any((q - p) * lost(n, m, q, p) > top for q, p in product(grid, grid) if q > p):
            return False
        if n == m and float(top) > 1.01 * (2 * n / (2 * n + 1)) ** n / (2 * n + 1) ** 0.5:
            return False
    return True


def expected_kl_broken() -> bool:
    """0.2199 > half of 2/(3 sqrt 3); D (1 - D)^10 at most 0.0351 below the gap of 0.59 against 0.41; both in fractions."""
    d = F(535, 1000)
    gap = d * (1 - (1 + d) ** 2 / 4)
    halved = 27 * gap**2 > 1  # gap > 1 / (3 sqrt 3)
    q, p = F(59, 100), F(41, 100)
    chosen = sum(
        (
            comb(10, i) * q**i * (1 - q) ** (10 - i) * comb(10, j) * p**j * (1 - p) ** (10 - j)
            for i, j in product(range(11), repeat=2)
            if j >= i
        ),
        F(0),
    )
    return bool(halved and (q - p) * chosen > F(1, 11) * F(10, 11) ** 10)


def family_uniform() -> bool:
    x, y, a, lip = sp.symbols("x y a L", positive=True)
    distance = sp.integrate(x, (x, 0, a)) / a
    pairs = 2 * sp.integrate(sp.integrate(x - y, (y, -a, x)), (x, -a, a)) / (2 * a) ** 2
    gap, sharp = lip * distance, 2 * lip * (distance + distance)
    values = {"sharp": sharp, "pairwise": 2 * lip * pairs, "spread": lip * pairs}
    return all(sp.simplify(v / gap - sp.Rational(CONSTANTS["uniform"][k])) == 0 for k, v in values.items())


def spread_attained_by_cones() -> bool:
    """For every law: one cone a support point, all cell means equal, gap = L E|x-x'| exactly."""
    laws = [{0: F(1, 2), 3: F(1, 2)}, {x: F(1, 4) for x in range(4)}, {0: F(1, 7), 1: F(2, 7), 3: F(4, 7)}]
    for law in laws:
        cones = []
        for centre in law:
            lift = L * sum((p * abs(x - centre) for x, p in law.items()), F(0))
            cones.append([F(1, 2) + lift - L * abs(x - centre) for x in range(4)])
        cell = Cell(law, F(0), cones, [tuple(law)] * len(law), (F(0),) * len(law), F(0), F(0))
        pairs = L * cell.expect(lambda x, c=cell: c.expect(lambda y: F(abs(x - y))))
        gaps = {cell.gap(m) for m in cell.models}
        if gaps != {pairs * CONSTANTS["spread_lipschitz_factor"]} or not all(0 <= min(c) <= max(c) <= 1 for c in cones):
            return False
    return True


def two_model_identity() -> bool:
    """max(a,b) = (a+b+|a-b|)/2, so E max - max E = (E|D| - |E D|)/2."""
    a, b = sp.symbols("a b", real=True)
    return sp.simplify(sp.Max(a, b).rewrite(sp.Abs) - (a + b + sp.Abs(a - b)) / 2) == 0


def convex_chord() -> bool:
    """exp(tx) - (1 - x + x e^t) is convex in x and zero at x = 0 and 1, hence <= 0 between."""
    x, t = sp.symbols("x t", real=True)
    gap = sp.exp(t * x) - (1 - x + x * sp.exp(t))
    return gap.subs(x, 0) == sp.simplify(gap.subs(x, 1)) == 0 == sp.simplify(gap.diff(x, 2) - t**2 * sp.exp(t * x))


def log_concavity() -> bool:
    p, t = sp.symbols("p t", positive=True)
    inside = 1 - p + p * sp.exp(t)
    return sp.simplify(sp.log(inside).diff(p, 2) + ((sp.exp(t) - 1) / inside) ** 2) == 0


def kl(a: sp.Expr, p: sp.Expr) -> sp.Expr:
    return a * sp.log(a / p) + (1 - a) * sp.log((1 - a) / (1 - p))


def chernoff_exponent() -> bool:
    """The minimum over t of log(1-p+p e^t) - t a is at e^t = a(1-p)/(p(1-a)) and equals -kl(a,p)."""
    u, v, t = sp.symbols("u v t", positive=True)  # a = u/(1+u), p = v/(1+v): a and p run over (0,1)
    a, p = u / (1 + u), v / (1 + v)
    value = sp.log(1 - p + p * sp.exp(t)) - t * a
    at = value.subs(t, sp.log(u / v))
    slope = sp.simplify(value.diff(t).subs(t, sp.log(u / v)))
    return slope == 0 and sp.simplify(sp.expand_log(sp.simplify(at + kl(a, p)), force=True)) == 0


def pinsker() -> bool:
    """d/dq [kl(p,q) - 2(p-q)^2] = (q-p)(1-2q)^2/(q(1-q)), zero value at q = p."""
    p, q = sp.symbols("p q", positive=True)
    gap = p * sp.log(p / q) + (1 - p) * sp.log((1 - p) / (1 - q)) - CONSTANTS["pinsker"] * (p - q) ** 2
    return sp.simplify(gap.diff(q) - (q - p) * (1 - 2 * q) ** 2 / (q * (1 - q))) == 0 == sp.simplify(gap.subs(q, p))


def hoeffding_width() -> bool:
    """w solves 2 exp(-2 n w^2/R^2) = delta/N; quality and cost apart: 2 exp(-2 n w^2) = delta/(2N)."""
    n, size, delta, spread = sp.symbols("n N delta R", positive=True)

    def width(factor: int) -> sp.Expr:
        return sp.sqrt(sp.log(factor * size / delta) / (CONSTANTS["width_denominator"] * n))

    one = 2 * sp.exp(-2 * n * width(CONSTANTS["log_factor"]) ** 2 * spread**2 / spread**2) - delta / size
    both = 2 * sp.exp(-2 * n * width(CONSTANTS["log_factor_all_lam"]) ** 2) - delta / (2 * size)
    return sp.simplify(one) == 0 == sp.simplify(both)


def kl_implies_hoeffding() -> bool:
    """n kl <= log(2N/delta) and Pinsker give |p-q| <= the Hoeffding width, with the same logarithm."""
    n, size, delta, gap = sp.symbols("n N delta gap", positive=True)
    limit = sp.log(CONSTANTS["log_factor"] * size / delta) / n
    width = sp.sqrt(sp.log(CONSTANTS["log_factor"] * size / delta) / (CONSTANTS["width_denominator"] * n))
    solution = list(sp.solve(sp.Eq(CONSTANTS["pinsker"] * gap**2, limit), gap))
    return len(solution) == 1 and sp.simplify(solution[0] - width) == 0


def power(base: F, exponent: int) -> F:
    return F(1) if exponent == 0 else base**exponent


def exp_n_kl(s: int, n: int, p: F) -> F:
    """exp(n kl(s/n, p)) as a rational number, for 0 < p < 1."""
    return power(F(s) / (n * p), s) * power(F(n - s) / (n * (1 - p)), n - s)


def poisson_binomial(chances: Sequence[F]) -> list[F]:
    law = [F(1)]
    for p in chances:
        law = [a * (1 - p) + b * p for a, b in zip([*law, F(0)], [F(0), *law], strict=True)]
    return law


def unequal_means() -> Iterator[tuple[F, ...]]:
    for n in range(1, 7):
        for chances in combinations_with_replacement((F(0), F(1, 4), F(1, 2), F(9, 10), F(1)), n):
            if 0 < sum(chances) < n:
                yield chances


def chernoff_for_unequal_bernoulli() -> bool:
    """P(S >= s) exp(n kl(s/n, mean p)) <= 1 above the mean, and the mirror below."""
    for chances in unequal_means():
        n, p, law = len(chances), mean(chances), poisson_binomial(chances)
        for s in range(n + 1):
            tail = sum(law[s:]) if s >= n * p else sum(law[: s + 1])
            if tail * exp_n_kl(s, n, p) > 1:
                return False
    return True


def chernoff_for_three_valued_labels() -> bool:
    """Labels in {0, 1/2, 1}, three of them with different laws; squares keep the half-integer powers rational."""
    kinds = [(F(1, 2), F(1, 2), F(0)), (F(1, 4), F(1, 2), F(1, 4)), (F(1, 5), F(0), F(4, 5)), (F(0), F(1, 3), F(2, 3))]
    for trio in combinations_with_replacement(kinds, 3):
        law = {0: F(1)}  # twice the sum -> chance
        for kind in trio:
            step: dict[int, F] = {}
            for (twice, chance), (value, q) in product(law.items(), enumerate(kind)):
                step[twice + value] = step.get(twice + value, F(0)) + chance * q
            law = step
        p = sum(t * c for t, c in law.items()) / 6
        for twice in range(7):
            side = [c for t, c in law.items() if (t >= twice if twice >= 6 * p else t <= twice)]
            if sum(side, F(0)) ** 2 * exp_n_kl(twice, 6, p) > 1:
                return False
    return True


def coverage_of_the_event() -> bool:
    """Exact failure chance of n kl(mean label, mean p) <= log(2N/delta): at most delta/N, sometimes positive."""
    seen = False
    for chances, size, delta in product(unequal_means(), (1, 4), (F(1, 2), F(1, 10))):
        n, p, law = len(chances), mean(chances), poisson_binomial(chances)
        failure = sum((law[s] for s in range(n + 1) if exp_n_kl(s, n, p) > 2 * size / delta), F(0))
        seen = seen or failure > 0
        if failure > delta / size:
            return False
    return seen


def all_lam_interval() -> bool:
    """U = q - lam c, q within [-dq, uq] and c within [-dc, uc] of the estimates: [-(dq + lam uc), uq + lam dc]."""
    for lam, uq, dq, uc, dc in product((F(0), F(2)), *[(F(1, 8), F(1, 4))] * 4):
        values = [q - lam * c for q, c in product((-dq, uq), (-dc, uc))]
        if (min(values), max(values)) != (-(dq + lam * uc), uq + lam * dc):
            return False
    return True


def empty_pair_extra() -> bool:
    """Exactly one empty model at mid-range costs at most R/2 beyond 2 max width; two cost at most R."""
    half = CONSTANTS["midrange_halfwidth"] * (HI - LO)
    grid = [F(k, 8) for k in range(5)]
    for a, b in product(grid, repeat=2):
        one = sum(sorted((a, b, half))[-2:])
        two = sum(sorted((a, half, half))[-2:])
        if one > 2 * max(a, b) + half or two > 2 * a + 2 * half:
            return False
    return True


def fallback_value() -> bool:
    """Any v in the range with up = hi - v, down = v - lo covers every utility; mid-range needs R/2 on both sides."""
    values = [F(k, 8) for k in range(9)]
    cover = all(-(v - LO) <= u - v <= HI - v for v, u in product(values, values))
    middle = (LO + HI) / 2
    return cover and HI - middle == middle - LO == CONSTANTS["midrange_halfwidth"] * (HI - LO)


def trap_silent_zero() -> bool:
    """An empty pair at 0 with b = R/2: truth (0.9, 0.3), model 2 known exactly: gap 0.6 above the claimed 0.5."""
    truth, widths = [F(9, 10), F(3, 10)], [F(1, 2), F(0)]
    return truth[0] - truth[1] == F(3, 5) > sum(widths) == F(1, 2)


def law_trap_cell(place: int) -> Cell:
    table = [[F(0), F(1)], [F(2, 5), F(2, 5)]]
    return Cell({0: F(1, 2), 1: F(1, 2)}, F(1, 2), table, [(place,), (0,)], (F(0),) * 2, F(0), F(0))


def trap_training_law() -> bool:
    """Two queries, noise-free, one record a model: against the law s = 0 and the bound 0 fails with chance 1/2."""
    failures = F(0)
    for place in (0, 1):
        cell = law_trap_cell(place)
        (chosen,) = cell.choices()
        loss = cell.gap(chosen) - cell.own_gap()
        failures += F(1, 2) * (loss > 0)
        if loss > cell.relative() or cell.mismatch() == 0:
            return False
    return failures == F(1, 2)


def chance_of_a_run(length: int, flips: int) -> F:
    """Chance of a run of ones in fair flips, by counting the sequences without one."""
    without = [2**k for k in range(length)]
    for _ in range(length, flips + 1):
        without.append(sum(without[-length:]))
    return 1 - F(without[flips], 2**flips)


def trap_cells_follow_the_queries() -> bool:
    """delta = 1/2, three cells, N = 6: seven neighbours with utility 1 in one cell of law mean 1/2 break w < 1/2."""
    width = iv.sqrt(iv.log(iv.mpf(2 * 6 * 2)) / 14)
    small = chance_of_a_run(2, 3) == F(3, 8)
    return small and width < iv.mpf(1) / 2 and chance_of_a_run(7, 1000) > F(98, 100) > F(1, 2)


@cache
def stopped_failure(records: int, pairs: int, inverse_delta: int) -> F:
    """Chance that a fair-coin mean ever leaves the Hoeffding band and logging stops there, at most `records` labels."""
    log_term = iv.log(iv.mpf(2 * pairs * inverse_delta))
    alive, failed = {0: 1}, F(0)
    for n in range(1, records + 1):
        step: dict[int, int] = {}
        for s, ways in alive.items():
            for y in (0, 1):
                step[s + y] = step.get(s + y, 0) + ways
        outside = {s: (iv.mpf((2 * s - n) ** 2) > 2 * n * log_term) for s in step}
        failed += F(sum(w for s, w in step.items() if outside[s]), 2**n)
        alive = {s: w for s, w in step.items() if not outside[s]}
    return failed


def trap_adaptive_logging() -> bool:
    """delta = 1/10, one cell, two models, at most 200 records each: the event fails with chance 0.1314 > 0.1."""
    single = stopped_failure(200, 2, 10)
    both = 1 - (1 - single) ** 2
    return F(13135, 100000) < both < F(13136, 100000) and F(1, 10) < both


def fixed_count_failure() -> bool:
    """The same band with counts fixed beforehand: at most 1/10 for every n up to 200."""
    log_term = iv.log(iv.mpf(40))
    for n in range(1, 201):
        out = sum(comb(n, s) for s in range(n + 1) if iv.mpf((2 * s - n) ** 2) > 2 * n * log_term)
        if 1 - (1 - F(out, 2**n)) ** 2 > F(1, 10):
            return False
    return True


def trap_policy_with_itself() -> bool:
    """Including m = pi_hat, the policy form can exceed the sharp form; without it never (checked above)."""
    table = [[F(1, 2)] * 3, [F(1, 4)] * 3]
    far = Cell({2: F(1)}, F(2), table, [(0,), (2,)], (F(0),) * 2, F(0), F(0))
    right, wrong = far.policy(0), far.policy(0, itself=True)
    return (right, far.pointwise(), wrong) == (F(0), F(1, 4), F(1, 2))


def spread_and_sharp_are_not_ordered() -> bool:
    """Cones +-L|x|, records at the centre: sharp 2La below spread 3La; the reverse on the slope family."""
    up, down = [F(1, 2) + L, F(1, 2), F(1, 2) + L], [F(1, 2) - L, F(1, 2), F(1, 2) - L]
    cone = Cell({0: F(1, 2), 2: F(1, 2)}, F(1), [up, down], [(1,), (1,)], (F(0),) * 2, F(0), F(0))
    slope = two_point_cell()
    return cone.pointwise() == 2 * L < cone.spread() == 3 * L and slope.spread() == L < slope.pointwise() == 4 * L


def three_terms_attained() -> bool:
    """Each factor is needed: mismatch 2 (records elsewhere), R (best model left out), distance 2 in a limit."""
    up, down = [F(1, 2) + L * x for x in range(3)], [F(1, 2) - L * x for x in range(3)]
    none = (F(0),) * 2
    moved = Cell({2: F(1)}, F(2), [up, down], [(0,), (0,)], none, F(0), F(0))
    unseen = Cell({0: F(1)}, F(0), [[HI], [LO]], [(), (0,)], none, F(0), F(0), exclude=True)
    p, places = F(1, 1000), (0,) * 999 + (1,)
    rise, fall = [F(1, 2) - L * p, F(1, 2) + L * (1 - p)], [F(1, 2) + L * p, F(1, 2) - L * (1 - p)]
    rare = Cell({0: 1 - p, 1: p}, F(0), [rise, fall], [places, places], none, F(0), F(0))
    distance = rare.three_terms() / rare.gap(0) == 1 / (1 - p)
    return moved.three_terms() == moved.gap(1) == 4 * L and unseen.three_terms() == unseen.gap(1) == 1 and distance


def pairs_of_widths() -> bool:
    """top2(s+w) <= 2 max s + 2 max w, and E|x-x'| <= 2 E|x-c|: what the three terms add up."""
    grid = [F(k, 4) for k in range(4)]
    tops = all(
        max(s[m] + w[m] + s[k] + w[k] for m, k in permutations(range(2), 2)) <= 2 * max(s) + 2 * max(w)
        for s, w in product(product(grid, repeat=2), repeat=2)
    )
    spreads = all(
        cell.expect(lambda x, c=cell: c.expect(lambda y: F(abs(x - y)))) <= 2 * cell.expect(lambda x, t=c: abs(x - t))
        for cell in (law_trap_cell(0), two_point_cell())
        for c in (F(-1), F(0), F(1, 2), F(1))
    )
    return tops and spreads


def steps() -> list[Step]:
    return [
        Step("given the logged (x, m) and label-free cells, counts are constants and labels independent", READER),
        Step("exp(tx) <= 1 - x + x e^t on [0,1]", SYMPY, convex_chord),
        Step("log(1 - p + p e^t) is concave in p: unequal means are no worse than their average", SYMPY, log_concavity),
        Step("the best t gives the exponent kl", SYMPY, chernoff_exponent),
        Step(
            "P(S >= s) exp(n kl) <= 1 and its mirror, all unequal Bernoulli means, n <= 6",
            ENUMERATION,
            chernoff_for_unequal_bernoulli,
        ),
        Step("the same for three labels with three values: 20 triples of laws", ENUMERATION, chernoff_for_three_valued_labels),
        Step(
            "exact failure chance of the kl event is at most delta/N, n <= 6, N = 1, 4, delta = 1/2, 1/10",
            ENUMERATION,
            coverage_of_the_event,
        ),
        Step("Pinsker: derivative in q is (q-p)(1-2q)^2/(q(1-q))", SYMPY, pinsker),
        Step("so the kl interval lies inside Hoeffding's, same logarithm", SYMPY, kl_implies_hoeffding),
        Step("widths: log(2N/delta) for one lam, log(4N/delta) for all", SYMPY, hoeffding_width),
        Step(
            "all lam at once: interval of q - lam c from those of q and c: lam = 0, 2, 16 pairs of intervals",
            RATIONAL,
            all_lam_interval,
        ),
        Step("fallback v: up = hi - v, down = v - lo; mid-range R/2: 81 pairs", RATIONAL, fallback_value),
        Step(
            "sharp, pairwise, policy, spread, three terms, relative, signed on 11,664 cells, some with empty pairs",
            ENUMERATION,
            all_forms_hold,
        ),
        Step("signed relative form <= relative form: 11,664 cells", ENUMERATION, signed_below_unsigned),
        Step("s <= L W1 <= L * cost of a coupling <= L (E|x-c| + r): 11,664 cells", ENUMERATION, mismatch_chain),
        Step(
            "three terms: top2(s+w) <= 2 max s + 2 max w and E|x-x'| <= 2 E|x-c|: two models, two laws",
            ENUMERATION,
            pairs_of_widths,
        ),
        Step("three terms: factors 2, 2 and R cannot be lowered", RATIONAL, three_terms_attained),
        Step("an empty pair adds at most R/2 (one) or R (more) on its cell: 25 pairs of widths", ENUMERATION, empty_pair_extra),
        Step("uniform law: sharp 4, pairwise 8/3, spread 4/3", SYMPY, family_uniform),
        Step("two-point law: sharp 4, pairwise 2, spread 1", RATIONAL, family_two_point),
        Step("expected form: worst gap of one rival and its value (R/2) sqrt(h/e)", SYMPY, expected_rival),
        Step("expected form: many rivals, q sqrt(log 1/q) concave, largest at e^(-1/2)", SYMPY, expected_many_rivals),
        Step("expected form: smaller constants and copied labels fail, exactly", RATIONAL, expected_broken),
        Step("expected form: two models, counts up to 5, all label outcomes", RATIONAL, expected_two_models),
        Step("expected form: Hoeffding for the difference of two means of independent labels", READER),
        Step("expected-kl form: worst D and means at a fixed multiplier, equal counts D (1 - D^2)^n", SYMPY, expected_kl_rival),
        Step(
            "expected-kl form: never above the expected form (Pinsker): 1,482 pairs of a grid",
            INTERVAL,
            expected_kl_below_hoeffding,
        ),
        Step("expected-kl form: two models, counts up to 4, all label outcomes", RATIONAL, expected_kl_two_models),
        Step("expected-kl form: half the chance, and means that are not the worst, fail", RATIONAL, expected_kl_broken),
        Step("expected-kl form: chord, concavity in the means, Fenchel duality", READER),
        Step("records and test at two places: sharp, pairwise and spread 1", RATIONAL, family_two_places),
        Step("constant L of the spread form attained by cones: three finite laws", RATIONAL, spread_attained_by_cones),
        Step("two models: E max - max E = (E|D| - |E D|)/2", SYMPY, two_model_identity),
        Step("two models, uniform law: the supremum is La/2, so there 4/3 can become 1", READER),
        Step("spread and sharp are not ordered", RATIONAL, spread_and_sharp_are_not_ordered),
        Step("trap: ties broken differently inside a cell, spread and relative form fail", RATIONAL, ties_inside_a_cell),
        Step("trap: s against the training law, noise-free: bound 0 fails with chance 1/2", ENUMERATION, trap_training_law),
        Step(
            "trap: s against the training law, cells following the queries: fails with chance > 0.98, delta 1/2",
            RATIONAL,
            trap_cells_follow_the_queries,
        ),
        Step("trap: logging stopped on labels fails with chance 0.1314 > delta = 0.1", INTERVAL, trap_adaptive_logging),
        Step("control: the same band with fixed counts stays below delta", INTERVAL, fixed_count_failure),
        Step("trap: policy form including m = pi_hat, 1/2 above sharp 1/4; right value 0", RATIONAL, trap_policy_with_itself),
        Step("trap: an empty pair at zero with b = R/2, 0.6 against 0.5", RATIONAL, trap_silent_zero),
    ]


if __name__ == "__main__":
    sys.exit(main("kmeans-router", steps()))
