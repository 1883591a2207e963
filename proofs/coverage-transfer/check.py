"""Runs the steps of proof.md: from a mean squared error under the log's law to suboptimality under the test law."""

import sys
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product
from math import isclose, isqrt, sqrt
from pathlib import Path

import cvxpy as cp
import numpy as np
import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import CLARABEL, ENUMERATION, FLOAT, RATIONAL, READER, SQUARES, SYMPY, Step, main

# K2 <= sup_w_factor * sup w; uniform logging: K2 = uniform_factor * M * E[nu/rho_X]; familiar form: sqrt(2) wider.
CONSTANTS = {"sup_w_factor": 2, "uniform_factor": 2, "familiar_over_sharp": sp.sqrt(2), "ratio_at_extremal": 1}

Table = Sequence[Sequence[F]]
# Two queries, three models. The third query carries log mass but no test mass: it must not matter.
NU = (F(1, 3), F(2, 3), F(0))
RHO: Table = ((F(1, 12), F(1, 6), F(1, 24)), (F(1, 8), F(1, 4), F(1, 12)), (F(1, 8), F(1, 16), F(1, 16)))


def weights(nu: Sequence[F], rho: Table) -> list[list[F]]:
    return [[nu_x / r for r in row] for nu_x, row in zip(nu, rho, strict=True)]


def pair_max(row: Sequence[F]) -> F:
    return sum(sorted(row)[-2:], F(0))


def k2_at(row: Sequence[F], chosen: int) -> F:
    return row[chosen] + max(v for m, v in enumerate(row) if m != chosen)


def mean(nu: Sequence[F], values: Sequence[F]) -> F:
    return sum((p * v for p, v in zip(nu, values, strict=True)), F(0))


def coverage(nu: Sequence[F], rho: Table) -> F:
    return mean(nu, [pair_max(row) for row in weights(nu, rho)])


def energy(rho: Table, error: Table) -> F:
    return sum((r * e * e for rr, er in zip(rho, error, strict=True) for r, e in zip(rr, er, strict=True)), F(0))


def range_aware(nu: Sequence[float], k2: Sequence[float], eps: float, spread: float) -> float:
    """E min(R, mu k2) with E min(R, mu k2)^2 / k2 = eps^2, mu found by bisection."""

    def used(mu: float) -> float:
        return sum(p * min(spread, mu * k) ** 2 / k for p, k in zip(nu, k2, strict=True))

    if used(spread / min(k2)) <= eps**2:
        return spread
    low, high = 0.0, spread / min(k2)
    for _ in range(200):
        mid = (low + high) / 2
        low, high = (mid, high) if used(mid) < eps**2 else (low, mid)
    return sum(p * min(spread, low * k) for p, k in zip(nu, k2, strict=True))


def holes_value(nu: Sequence[float], k2: Sequence[float], eps: float, spread: float, hole: Sequence[int]) -> float:
    kept = sum(nu[x] * k2[x] for x in range(len(nu)) if x not in hole)
    return spread * sum(nu[x] for x in hole) + eps * sqrt(kept)


def two_term_cauchy_schwarz() -> bool:
    a, b, v, w = sp.symbols("a b v w", positive=True)
    return sp.simplify((v + w) * (a**2 / v + b**2 / w) - (a + b) ** 2 - (a * w - b * v) ** 2 / (v * w)) == 0


def error_tables() -> Iterator[list[list[F]]]:
    for flat in product((F(-1), F(0), F(1, 3)), repeat=6):
        yield [list(flat[:3]), list(flat[3:]), [F(5), F(-5), F(0)]]


def osc(row: Sequence[F]) -> F:
    return max(row) - min(row)


def plain_form() -> bool:
    k2 = coverage(NU[:2], RHO[:2])
    return all(mean(NU, [osc(r) for r in e]) ** 2 <= k2 * energy(RHO, e) for e in error_tables())


def policy_form() -> bool:
    """Every U and U_hat on a grid, every greedy tie: Subopt^2 <= K2(pi_hat) E_rho e^2, and K2(pi_hat) <= K2."""
    nu, rho = NU[:2], RHO[:2]
    w = weights(nu, rho)
    rows = list(product((F(0), F(1)), repeat=3))
    for u_hat in product(rows, repeat=2):
        ties = [[m for m in range(3) if row[m] == max(row)] for row in u_hat]
        for u in product(rows, repeat=2):
            error = [[a - b for a, b in zip(p, q, strict=True)] for p, q in zip(u, u_hat, strict=True)]
            for chosen in product(*ties):
                k2 = mean(nu, [k2_at(w[x], chosen[x]) for x in range(2)])
                gap = mean(nu, [max(u[x]) - u[x][chosen[x]] for x in range(2)])
                if gap**2 > k2 * energy(rho, error) or k2 > coverage(nu, rho):
                    return False
    return True


def extremal_family() -> bool:
    """e = +t w and -t w on the pair of largest w, U_hat tied there: Subopt^2 = K2 E_rho e^2 exactly."""
    nu, rho, t = NU[:2], RHO[:2], F(1, 64)
    error, gaps = [], []
    for row in weights(nu, rho):
        second, first = sorted(range(3), key=row.__getitem__)[-2:]
        error.append([t * row[m] * ((m == first) - (m == second)) for m in range(3)])
        u = [F(1, 2) + v for v in error[-1]]
        gaps.append(max(u) - u[second])
        if not 0 <= min(u) <= max(u) <= 1:
            return False
    ratio_squared = mean(nu, gaps) ** 2 / (coverage(nu, rho) * energy(rho, error))
    return ratio_squared == CONSTANTS["ratio_at_extremal"]


def root_below(value: F, digits: int = 40) -> F:
    scale = 10**digits
    return F(isqrt(value.numerator * scale * scale // value.denominator), scale)


def best_hole_is_a_threshold() -> bool:
    """All subsets of six queries: the best subset is a set {k2 > t}, decided by rational enclosures of the roots."""
    nu = [F(k, 21) for k in (4, 1, 6, 2, 5, 3)]
    k2 = [F(k) for k in (3, 40, 5, 900, 17, 90)]
    order = sorted(range(6), key=k2.__getitem__)
    thresholds = [frozenset(order[i:]) for i in range(7)]
    subsets = [frozenset(c) for size in range(7) for c in combinations(range(6), size)]
    tiny, winners = F(1, 10**39), set()
    for eps_squared in (F(1, 10**6), F(1, 1000), F(1, 200), F(1, 50), F(1, 10)):
        lower = {}
        for hole in subsets:
            kept = sum((nu[x] * k2[x] for x in range(6) if x not in hole), F(0))
            lower[hole] = sum((nu[x] for x in hole), F(0)) + root_below(eps_squared * kept)
        best = min(thresholds, key=lower.__getitem__)
        winners.add(best)
        if any(lower[best] + tiny > value for hole, value in lower.items() if hole != best):
            return False
    return len(winners) >= 3


def root_as_a_minimum() -> bool:
    s, theta = sp.symbols("s theta", positive=True)
    gap = (theta * s + 1 / theta) / 2 - sp.sqrt(s)
    return sp.simplify(gap - (theta * sp.sqrt(s) - 1) ** 2 / (2 * theta)) == 0


def range_aware_duality() -> bool:
    """r - r^2/(2 mu k) against its value at r = mu k (free) and at r = R (when mu k >= R)."""
    r, mu, k, top, slack = sp.symbols("r mu k R slack", positive=True)
    objective = r - r**2 / (2 * mu * k)
    free = sp.simplify(mu * k / 2 - objective - (r - mu * k) ** 2 / (2 * mu * k)) == 0
    capped = (top - top**2 / (2 * mu * k)) - objective
    factor = (top - r) * (2 * mu * k - top - r) / (2 * mu * k)
    at_bound = sp.simplify(capped - factor) == 0
    positive = sp.expand((2 * mu * k - top - r).subs({mu: (top + slack) / k})) == sp.expand(top - r + 2 * slack)
    below_holes = sp.simplify(mu * k / 2 - (top - top**2 / (2 * mu * k)) - (mu * k - top) ** 2 / (2 * mu * k)) == 0
    return free and at_bound and positive and below_holes


def program_value(nu: Sequence[float], rho: Sequence[Sequence[float]], eps: float, spread: float | None) -> float:
    """Worst suboptimality by cone programs: for each choice of best and routed model a query, the largest gap."""
    queries, models = len(nu), len(rho[0])
    truth, guess = cp.Variable((queries, models)), cp.Variable((queries, models))
    root_rho = np.sqrt(np.array(rho))
    base = [cp.norm(cp.multiply(root_rho, truth - guess), "fro") <= eps]
    if spread is not None:
        base += [truth >= 0, truth <= spread]
    best = -1.0
    for pairs in product(permutations(range(models), 2), repeat=queries):
        gap = sum(nu[x] * (truth[x, a] - truth[x, b]) for x, (a, b) in enumerate(pairs))
        greedy = [guess[x, b] >= guess[x, m] for x, (_, b) in enumerate(pairs) for m in range(models)]
        problem = cp.Problem(cp.Maximize(gap), base + greedy)
        problem.solve(solver=cp.CLARABEL)
        if problem.status != "optimal":
            return float("nan")
        best = max(best, float(problem.value))
    return best


def program_instance() -> tuple[list[float], list[list[float]], list[float], float]:
    nu, rho = [float(p) for p in NU[:2]], [[float(r) for r in row] for row in RHO[:2]]
    k2 = [float(pair_max(row)) for row in weights(NU[:2], RHO[:2])]
    return nu, rho, k2, float(coverage(NU[:2], RHO[:2]))


def cone_program_plain() -> bool:
    nu, rho, _, total = program_instance()
    return isclose(program_value(nu, rho, 0.05, None), 0.05 * sqrt(total), rel_tol=1e-6)


def cone_program_range() -> bool:
    """With U in [0, R] the value is the range-aware form, strictly below both the plain form and R."""
    nu, rho = [1 / 3, 2 / 3], [[1 / 60, 1 / 30, 1 / 120], [1 / 4, 1 / 2, 1 / 6]]
    k2 = [60.0, 20 / 3]
    for eps in (0.12, 0.25):
        formula = range_aware(nu, k2, eps, 1.0)
        plain = min(1.0, eps * sqrt(k2[0] / 3 + k2[1] * 2 / 3))
        if not (isclose(program_value(nu, rho, eps, 1.0), formula, rel_tol=1e-6) and formula < plain - 1e-3):
            return False
    return True


def range_aware_below_holes() -> bool:
    nu, k2 = [0.1, 0.2, 0.3, 0.4], [900.0, 40.0, 6.0, 3.0]
    holes = [c for size in range(5) for c in combinations(range(4), size)]
    for eps in (0.001, 0.01, 0.03, 0.1, 0.3, 0.6):
        sharp = range_aware(nu, k2, eps, 1.0)
        if sharp > min(holes_value(nu, k2, eps, 1.0, hole) for hole in holes) + 1e-12:
            return False
    return True


def familiar_forms() -> bool:
    """K2 <= 2 sup w, equal for constant w; uniform logging: K2 = 2 M E[nu/rho_X]; sqrt(4 M s) over sqrt(2 M s) is sqrt(2)."""
    if coverage(NU[:2], RHO[:2]) > CONSTANTS["sup_w_factor"] * max(map(max, weights(NU[:2], RHO[:2]))):
        return False
    if coverage((F(1, 2), F(1, 2)), [[F(1, 6)] * 3] * 2) != CONSTANTS["sup_w_factor"] * 3:  # w = 3 everywhere
        return False
    nu, rho_x = (F(1, 3), F(2, 3)), (F(3, 4), F(1, 4))
    for models in (2, 3, 5):
        rho = [[r / models] * models for r in rho_x]
        ratio = [p / r for p, r in zip(nu, rho_x, strict=True)]
        if coverage(nu, rho) != CONSTANTS["uniform_factor"] * models * mean(nu, ratio):
            return False
    m, s = sp.symbols("M s", positive=True)
    return sp.simplify(2 * sp.sqrt(m * s) / sp.sqrt(2 * m * s) - CONSTANTS["familiar_over_sharp"]) == 0


def trap_full_support() -> bool:
    """nu uniform on [0,1], rho(x,m) = x: K2 infinite; at R = 1 the exact worst case over eps is unbounded."""
    x, y, ell = sp.symbols("x y ell", positive=True)
    total_mass = sp.integrate(2 * x, (x, 0, 1))
    k2_tail = sp.integrate(2 / x, (x, y, 1))
    value = y + sp.integrate(y / x, (x, y, 1))
    used = sp.integrate(x / 2, (x, 0, y)) + sp.integrate((y / x) ** 2 * x / 2, (x, y, 1))
    closed = y * (1 - sp.log(y)), y**2 * (sp.Rational(1, 4) - sp.log(y) / 2)
    same = sp.simplify(value - closed[0]) == 0 == sp.simplify(used - closed[1])
    ratio = (1 + ell) / sp.sqrt(sp.Rational(1, 4) + ell / 2)
    return total_mass == 1 and sp.limit(k2_tail, y, 0) == sp.oo and same and sp.limit(ratio, ell, sp.oo) == sp.oo


def trap_second_moment() -> bool:
    """E_nu osc^2 <= eps^2 K2 is false: error only where coverage is least; eps^2 sup k2 is right and attained."""
    nu, rho = (F(1, 2), F(1, 2)), ((F(1, 20), F(1, 20)), (F(9, 20), F(9, 20)))
    error = ((F(1, 4), F(-1, 4)), (F(0), F(0)))
    second, eps2 = mean(nu, [osc(row) ** 2 for row in error]), energy(rho, error)
    sup = max(pair_max(row) for row in weights(nu, rho))
    return second == eps2 * sup == F(1, 8) > eps2 * coverage(nu, rho) == F(5, 72)


def trap_single_weight() -> bool:
    """Paying for one model of the pair, eps sqrt(E max w), is false: uniform two-model log, errors +-eps."""
    nu, rho = (F(1),), ((F(1, 2), F(1, 2)),)
    error = ((F(1, 4), F(-1, 4)),)
    single = mean(nu, [max(row) for row in weights(nu, rho)])
    return osc(error[0]) ** 2 == F(1, 4) > energy(rho, error) * single == F(1, 8)


def steps() -> list[Step]:
    return [
        Step("(v+w)(a^2/v + b^2/w) - (a+b)^2 = (aw-bv)^2/(vw) >= 0", SQUARES, two_term_cauchy_schwarz),
        Step("E_nu[e^2/w] <= E_rho e^2 for both chosen models; Cauchy-Schwarz over nu", READER),
        Step("(E_nu osc e)^2 <= K2 E_rho e^2 on 729 error tables, log mass outside nu included", ENUMERATION, plain_form),
        Step(
            "Subopt^2 <= K2(pi_hat) E_rho e^2 for all greedy ties, and K2(pi_hat) <= K2: 2 queries, 4,096 tables",
            ENUMERATION,
            policy_form,
        ),
        Step(
            "extremal e = +-t w, U_hat tied: ratio exactly 1, within the range: 2 queries, 3 models", RATIONAL, extremal_family
        ),
        Step("cone program without range = eps sqrt(K2): one instance, eps = 0.05", CLARABEL, cone_program_plain),
        Step("sqrt(s) = min over theta of (theta s + 1/theta)/2", SQUARES, root_as_a_minimum),
        Step("for fixed theta the best hole is pointwise {eps theta k2 > 2R}: a threshold", READER),
        Step("all 64 holes, five eps: the best one is a threshold set", ENUMERATION, best_hole_is_a_threshold),
        Step(
            "range-aware form: the pointwise maximum of r - r^2/(2 mu k2) on [0,R] is at min(R, mu k2)",
            SQUARES,
            range_aware_duality,
        ),
        Step(
            "cone program with U in [0,R] = range-aware form, below min(R, plain): one instance, eps = 0.12, 0.25",
            CLARABEL,
            cone_program_range,
        ),
        Step("range-aware form <= every hole's form: 4 queries, 16 holes, six eps", FLOAT, range_aware_below_holes),
        Step(
            "weaker forms: K2 <= 2 sup w (one law); uniform logging K2 = 2M E[nu/rho_X] (M = 2, 3, 5), factor sqrt 2",
            RATIONAL,
            familiar_forms,
        ),
        Step("trap: rho(x,m) = x has full support, K2 infinite, worst case / eps unbounded", SYMPY, trap_full_support),
        Step("trap: E osc^2 <= eps^2 K2 is false (1/8 against 5/72)", RATIONAL, trap_second_moment),
        Step("trap: max w in place of the pair sum is false (1/4 against 1/8)", RATIONAL, trap_single_weight),
    ]


if __name__ == "__main__":
    sys.exit(main("coverage-transfer", steps()))
