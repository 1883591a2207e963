"""Runs the steps of proof.md: margins, second moments and coverage."""

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, RATIONAL, READER, SQUARES, SYMPY, Step, main

A, T, S = sp.symbols("a t s", positive=True)
KAPPA = (A + 2 ** (-(A + 1))) / ((A + 1) * (A + 2))
# min over t of s^2/t + kappa t^(1+a) (t0 = 1) = lead * s^exponent while s^2 <= edge; simple form: t/4 instead of kappa
CONSTANTS = {
    "kappa": KAPPA,
    "edge": (1 + A) * KAPPA,
    "lead": (A + 2) / (A + 1) * ((1 + A) * KAPPA) ** (1 / (A + 2)),
    "exponent": (2 * A + 2) / (A + 2),
    "simple": sp.Rational(1, 4),
    "sup_factor": 2,
    "ratio_at_extremal": 1,
}


def margin(row: Sequence[F]) -> F | None:
    below = [v for v in row if v < max(row)]
    return max(row) - max(below) if below else None


def phi(t: F, d: F | None) -> F:
    if d is None or d >= t:
        return F(0)
    return t / 4 if d <= t / 2 else d * (1 - d / t)


def zeta(t: F, d: F) -> F:
    return max(d, t / 2) if d <= t else F(0)


def mean(values: Sequence[F]) -> F:
    return sum(values, F(0)) / len(values)


def losses_start_at_the_margin() -> bool:
    """All utilities and estimates on a grid, three models, all greedy ties: loss 0 or in [D, osc]."""
    grid = (F(0), F(1, 2), F(1))
    for u in product(grid, repeat=3):
        d = margin(u)
        for guess in product(grid, repeat=3):
            e = [p - q for p, q in zip(u, guess, strict=True)]
            for m in (m for m in range(3) if guess[m] == max(guess)):
                loss = max(u) - u[m]
                if loss and (d is None or not d <= loss <= max(e) - min(e)):
                    return False
    return True


def spread_of_bounded_errors() -> bool:
    """The largest osc e with |e| <= 1, over all errors of three models on a grid."""
    grid = (F(-1), F(-1, 2), F(0), F(1, 2), F(1))
    return max(max(e) - min(e) for e in product(grid, repeat=3)) == CONSTANTS["sup_factor"]


def pointwise_maximum() -> bool:
    z, d = sp.symbols("z d", positive=True)
    free = sp.simplify(T / 4 - (z - z**2 / T) - (z - T / 2) ** 2 / T) == 0
    bound = sp.simplify((d - d**2 / T) - (z - z**2 / T) - (z - d) * (z + d - T) / T) == 0
    x, y = sp.symbols("x y", nonnegative=True)  # z = d + x, d = t/2 + y: every factor is a sum of nonnegative terms
    factor = sp.expand(((z - d) * (z + d - T)).subs(z, d + x).subs(d, T / 2 + y))
    return free and bound and all(c >= 0 for c in sp.Poly(factor, x, y, T).coeffs())


def shape_of_phi() -> bool:
    """Continuous; in d its slope on [t/2, t] is 1 - 2d/t <= 0; in t it is 1/4, then d^2/t^2 >= 0; below t/4."""
    d, y = sp.symbols("d y", nonnegative=True)
    middle = d * (1 - d / T)
    ends = middle.subs(d, T / 2) == T / 4 and sp.simplify(middle.subs(d, T)) == 0
    falling = sp.simplify(sp.diff(middle, d).subs(d, T / 2 + y) + 2 * y / T) == 0
    rising = sp.simplify(sp.diff(middle, T) - d**2 / T**2) == 0
    return ends and falling and rising and sp.simplify(T / 4 - middle - (d - T / 2) ** 2 / T) == 0


def kappa_integral() -> bool:
    u = sp.symbols("u", positive=True)
    anti = 2 * u ** (A + 2) / (A + 2) - u ** (A + 1) / (A + 1)
    derivative = sp.simplify(sp.diff(anti, u) - (2 * u - 1) * u**A) == 0
    value = anti.subs(u, 1) - anti.subs(u, sp.Rational(1, 2))
    limit = sp.limit(CONSTANTS["kappa"], A, 0)
    return derivative and sp.simplify(sp.expand_power_base(value - CONSTANTS["kappa"])) == 0 and limit == CONSTANTS["simple"]


def best_t() -> bool:
    """Stationary point, value, exponent; the stationary t is at most 1 while s^2 <= (1+a) kappa; convex in 1/t."""
    k, mu = sp.symbols("k mu", positive=True)
    objective = S**2 / T + k * T ** (1 + A)
    stationary = sp.simplify(sp.diff(objective, T).subs(S, sp.sqrt((1 + A) * k) * T ** ((A + 2) / 2))) == 0
    value = (A + 2) / (A + 1) * ((1 + A) * k) ** (1 / (A + 2)) * S ** CONSTANTS["exponent"]
    at_star = (2 + A) * k * T ** (1 + A)  # the objective once s^2 = (1 + a) k t^(a + 2) is put in
    put_in = sp.simplify((1 + A) * k * T ** (A + 2) / T + k * T ** (1 + A) - at_star) == 0
    logs = sp.log(value).subs(S, sp.sqrt((1 + A) * k) * T ** ((A + 2) / 2)) - sp.log(at_star)
    same = sp.simplify(sp.expand(sp.expand_log(logs, force=True))) == 0
    lead = sp.simplify(CONSTANTS["lead"] - value.subs({k: KAPPA, S: 1})) == 0
    edge = sp.simplify(CONSTANTS["edge"] - ((1 + A) * k * T ** (A + 2)).subs({T: 1, k: KAPPA})) == 0
    second = sp.simplify(sp.diff(S**2 * mu + k * mu ** (-(1 + A)), mu, 2) - k * (1 + A) * (2 + A) * mu ** (-(3 + A))) == 0
    return stationary and put_in and same and lead and edge and second


def beyond_the_scale() -> bool:
    """t0 = 1 < t < 2: integral over [t/2, 1] and [1, t]; it meets kappa at t = 1 and t/4 at t = 2; t = 2s gives s."""
    r, t = sp.symbols("r t", positive=True)
    good = sp.simplify(2 * S**2 / (4 * S) + 2 * S / 4 - S) == 0
    for a in (sp.Rational(1, 2), sp.Integer(1), sp.Integer(3)):
        inner = sp.integrate((2 * r / t - 1) * r**a, (r, t / 2, 1)) + sp.integrate(2 * r / t - 1, (r, 1, t))
        low = t / 2
        closed = 2 * (1 - low ** (a + 2)) / ((a + 2) * t) - (1 - low ** (a + 1)) / (a + 1) + 1 - 1 / t
        good = good and sp.simplify(inner - closed) == 0
        good = (
            good
            and sp.simplify(closed.subs(t, 1) - KAPPA.subs(A, a)) == 0
            and sp.simplify(closed.subs(t, 2)) == sp.Rational(1, 2)
        )
    return good


def second_moment_at_the_optimum() -> bool:
    """E zeta_t^2 = (1+a) kappa t^(a+2) and E zeta_t = the bound, for the exact power law with scale 1."""
    r = sp.symbols("r", positive=True)
    second = (T / 2) ** 2 * (T / 2) ** A + A / (A + 2) * (T ** (A + 2) - (T / 2) ** (A + 2))
    first = (T / 2) * (T / 2) ** A + A / (A + 1) * (T ** (A + 1) - (T / 2) ** (A + 1))
    anti = [sp.simplify(sp.diff(A / (A + p) * r ** (A + p), r) - r**p * A * r ** (A - 1)) == 0 for p in (1, 2)]
    moment = sp.simplify(sp.expand_power_base(second / T ** (A + 2) - CONSTANTS["edge"])) == 0
    value = sp.simplify(sp.expand_power_base((second / T + KAPPA * T ** (1 + A) - first) / T ** (A + 1))) == 0
    return all(anti) and moment and value


def attained_exactly() -> bool:
    """A finite law in fractions: three models reach s^2/t + E phi_t(D), and no t' does better at that s."""
    for steps in (8, 20):
        d = [F(i, steps) for i in range(1, steps + 1)]
        for t in d[steps // 2 :: 3]:
            gaps = []
            for x in d:
                z = zeta(t, x)
                u = [F(1), 1 - x, 1 - (z or x)]
                e = [z / 2, z / 2 if z > x else -z / 2, -z / 2]
                guess = [p - q for p, q in zip(u, e, strict=True)]
                if z and guess[2] != max(guess):
                    return False
                gaps.append(z)
            squared = mean([z * z for z in gaps])
            bound = squared / t + mean([phi(t, x) for x in d])
            others = [squared / o + mean([phi(o, x) for x in d]) for o in (t * F(k, 16) for k in range(4, 40))]
            if mean(gaps) != CONSTANTS["ratio_at_extremal"] * bound or min(others) < bound:
                return False
    return True


def two_models_reach_the_rate() -> bool:
    """D = max(D0, t/2) keeps the condition and its losses D 1{D <= t} are zeta_t(D0): fractions, exponent 1."""
    steps = 40
    d0 = [F(i, steps) for i in range(1, steps + 1)]
    t = F(1, 2)
    d = [max(x, t / 2) for x in d0]
    condition = all(sum(y <= x for y in d) <= steps * x for x in d0)
    return condition and [y if y <= t else F(0) for y in d] == [zeta(t, x) for x in d0]


def law_form_by_brute_force() -> bool:
    """Every choice of losses from a grid, in fractions: mean loss <= s^2/t + E phi_t(D) <= s^2/t + (t/4) P(D <= t)."""
    d = (F(1, 10), F(3, 10), F(7, 10))
    grid = [F(k, 10) for k in range(11)]
    menus = [[F(0), *[g for g in grid if g >= x]] for x in d]
    for z in product(*menus):
        s2 = mean([v * v for v in z])
        for t in (F(k, 10) for k in (1, 2, 4, 7, 12, 20)):
            sharp = s2 / t + mean([phi(t, x) for x in d])
            if mean(list(z)) > sharp or sharp > s2 / t + t / 4 * F(sum(x <= t for x in d), 3):
                return False
    return True


def two_model_form() -> bool:
    """Subsets of seven margins: E[D; A] <= E[D; D <= u] + part of an atom; and the closed form for the power law."""
    d = [F(k, 10) for k in (1, 2, 3, 5, 6, 8, 9)]

    def best(s2: F) -> F:
        total, left = F(0), s2 * 7
        for x in d:
            part = min(F(1), left / x**2)
            total, left = total + part * x / 7, left - part * x**2
        return total

    for bits in product((0, 1), repeat=7):
        own = [x for x, b in zip(d, bits, strict=True) if b]
        if sum(own, F(0)) / 7 > best(sum((x * x for x in own), F(0)) / 7):
            return False
    if any(best(sum((x * x for x in d[:k]), F(0)) / 7) != sum(d[:k], F(0)) / 7 for k in range(8)):
        return False
    u, r = sp.symbols("u r", positive=True)
    density = A * r ** (A - 1)
    moments = [sp.simplify(sp.integrate(r**p * density, (r, 0, u)) - A / (A + p) * u ** (A + p)) == 0 for p in (1, 2)]
    return all(moments)


def pair_inequality() -> bool:
    p, q, v, w = sp.symbols("p q v w", positive=True)
    return sp.simplify((v + w) * (p**2 / v + q**2 / w) - (p + q) ** 2 - (p * w - q * v) ** 2 / (v * w)) == 0


def joint_below_both() -> bool:
    """Fractions: E phi_{theta k}(D) <= E phi_{theta sup k}(D) and <= theta K2 / 4; eps^2/theta + theta K2/4 >= eps sqrt(K2)."""
    k, d = (F(4), F(20), F(60)), (F(1, 10), F(1, 4), F(9, 10))
    for theta in (F(1, 500), F(1, 100), F(1, 20), F(1, 7)):
        own = mean([phi(theta * a, b) for a, b in zip(k, d, strict=True)])
        if own > mean([phi(theta * max(k), b) for b in d]) or own > theta * mean(list(k)) / 4:
            return False
    e, th, big = sp.symbols("e theta K", positive=True)
    square = sp.simplify(e**2 / th + th * big / 4 - e * sp.sqrt(big) - (2 * e - th * sp.sqrt(big)) ** 2 / (4 * th))
    return square == 0


def trap_ties() -> bool:
    u, guess = (F(1), F(1), F(0)), (F(0), F(0), F(1))
    plain = sorted(u)[-1] - sorted(u)[-2]
    e = [a - b for a, b in zip(u, guess, strict=True)]
    return plain == 0 < max(u) - u[2] <= max(e) - min(e) and margin(u) == 1


def trap_mean_coverage() -> bool:
    """Subopt = s^2/t0 = 1/4 with s^2 = 1/8; eps^2 K2 / t0 = 5/36 is below it, eps^2 sup k2 / t0 equals it."""
    nu, rho, e, scale = (F(1, 2), F(1, 2)), (F(1, 20), F(9, 20)), (F(1, 4), F(0)), F(1, 2)
    eps2 = sum((2 * r * x * x for r, x in zip(rho, e, strict=True)), F(0))
    k2 = [2 * p / r for p, r in zip(nu, rho, strict=True)]
    subopt = sum((p * 2 * x for p, x in zip(nu, e, strict=True)), F(0))
    return subopt == eps2 * max(k2) / scale == F(1, 4) > eps2 * mean(k2) / scale == F(5, 36)


def trap_exponent() -> bool:
    """s^(1+a) over s^((2a+2)/(a+2)) tends to 0 with s for every a > 0: the difference of the exponents is positive."""
    return sp.simplify(1 + A - CONSTANTS["exponent"] - A * (A + 1) / (A + 2)) == 0


def steps() -> list[Step]:
    return [
        Step("a loss is 0 or lies in [D, osc e]: 729 tables, all ties", ENUMERATION, losses_start_at_the_margin),
        Step("sup form: |e| <= eps gives osc e <= 2 eps, attained: 125 error tables", ENUMERATION, spread_of_bounded_errors),
        Step("max of z - z^2/t over z >= d: at max(d, t/2)", SQUARES, pointwise_maximum),
        Step("phi_t is continuous, falls in d, grows in t, and is at most t/4", SQUARES, shape_of_phi),
        Step("weak duality: E Delta <= s^2/t + E phi_t(D); integration of the pointwise line", READER),
        Step("law form on all losses of a grid: 3 queries, 6 values of t", ENUMERATION, law_form_by_brute_force),
        Step("E phi_t(D) is an integral of P(D <= r) against 2r/t - 1 >= 0 on [t/2, t]", READER),
        Step("integral of (2u-1) u^a over [1/2, 1] is kappa_a; kappa_0 = 1/4", SYMPY, kappa_integral),
        Step("best t, its value and exponent; t <= t0 iff s^2 <= (1+a) kappa t0^2; convex in 1/t", SYMPY, best_t),
        Step("t0 < t < 2 t0: closed form, continuous at both ends; t = 2s gives s: a = 1/2, 1, 3", SYMPY, beyond_the_scale),
        Step("power law: E zeta^2 = (1+a) kappa t^(a+2), E zeta = the bound", SYMPY, second_moment_at_the_optimum),
        Step("three models attain the law form, ratio exactly 1: 8 and 20 equal atoms", RATIONAL, attained_exactly),
        Step(
            "two models attain the l2 rate: D = max(D0, t/2) keeps the condition: a = 1, t = 1/2, 40 atoms",
            RATIONAL,
            two_models_reach_the_rate,
        ),
        Step("two models: smallest margins first, 128 subsets; closed form for the power law", ENUMERATION, two_model_form),
        Step("(|p|+|q|)^2 <= (v+w)(p^2/v + q^2/w)", SQUARES, pair_inequality),
        Step(
            "joint form below the chained one and theta K2/4: 3 queries, 4 thetas; the minimum eps sqrt(K2) is a square",
            SQUARES,
            joint_below_both,
        ),
        Step("trap: without 'strictly' a copy of the best model makes the margin 0", RATIONAL, trap_ties),
        Step("trap: eps^2 K2 for E osc^2 is false (5/36 against 1/4)", RATIONAL, trap_mean_coverage),
        Step("trap: exponent 1 + a for a root mean square", SYMPY, trap_exponent),
    ]


if __name__ == "__main__":
    sys.exit(main("margin-rate", steps()))
