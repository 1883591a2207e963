"""Runs the steps of proof.md: the averaged squared gradient of FedAvg."""

import sys
from itertools import product
from math import comb, factorial
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F
from mpmath import iv

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, INTERVAL, RATIONAL, READER, SQUARES, SYMPY, Step, main

CONSTANTS = {
    "explicit": (F(8, 5), F(21, 20), F(6, 5), F(3, 2)),
    "two_sets": (
        (F(42, 19), F(28, 19), F(24, 19), F(32, 19)),
        (F(56, 31), F(56, 31), F(48, 31), F(64, 31)),
    ),
    "step_limit": F(1, 4),
    "mu": F(1, 2),
    "c": F(5, 2),
}


def descent_identity() -> bool:
    """One dimension suffices: both sides are quadratic forms in (g, v) with scalar coefficients."""
    eta, tau, L, g, v = sp.symbols("eta tau L g v", real=True)
    s, G = eta * tau * L, g - v
    left = -eta * tau * g * G + L / 2 * eta**2 * tau**2 * G**2
    return sp.expand(left + eta * tau / 2 * ((2 - s) * g**2 - 2 * (1 - s) * g * v - s * v**2)) == 0


def drift_recursions() -> bool:
    """a_{k+1} = (1+x) a_k + x and b_{k+1} = (1+x)^2 b_k + 1 have the stated solutions, symbolically up to k = 8."""
    x = sp.symbols("x")
    a, b = sp.Integer(0), sp.Integer(0)
    for k in range(9):
        if sp.expand(a - ((1 + x) ** k - 1)) != 0 or sp.expand(b - sum((1 + x) ** (2 * j) for j in range(k))) != 0:
            return False
        a, b = sp.expand((1 + x) * a + x), sp.expand((1 + x) ** 2 * b + 1)
    return True


def concavity() -> bool:
    """(y (b y + k))'' of the root: the second derivative is -k^2 / (4 (y (b y + k))^(3/2))."""
    y, b, k = sp.symbols("y b k", positive=True)
    return sp.simplify(sp.diff(sp.sqrt(y * (b * y + k)), y, 2) + k**2 / (4 * (y * (b * y + k)) ** sp.Rational(3, 2))) == 0


def young() -> bool:
    mu, c, r, e, p, n = sp.symbols("mu c r e p n", positive=True)
    first = sp.simplify(mu * r**2 + e**2 / mu - 2 * r * e - (mu * r - e) ** 2 / mu) == 0
    second = sp.simplify((1 + c) * p**2 + (1 + 1 / c) * n**2 - (p + n) ** 2 - (c * p - n) ** 2 / c) == 0
    return first and second


def linear_equals_root() -> bool:
    """At mu = e/r, c = n/p the line through y has the value q(y): a rational point with a rational root."""
    s, r, phi, beta, kappa, n = F(1, 3), F(4), F(1, 10), F(3), F(5), F(2)
    h = F(13)  # beta r = 12, kappa = 5
    p = phi * h
    e = p + n
    q = (2 - s) * r**2 - 2 * (1 - s) * r * e - s * e**2
    mu, c = e / r, n / p
    w = s + (1 - s) / mu
    slope = 2 - s - (1 - s) * mu - w * (1 + c) * phi**2 * beta**2
    return (q + w * (1 + 1 / c) * n**2 + w * (1 + c) * phi**2 * kappa**2) / slope == r**2


def binomial_mean() -> bool:
    """(1/tau) sum_k C(k, j) = C(tau, j+1)/tau <= (1 - 1/tau) tau^j / (j+1)!, exactly for tau <= 60, j <= 12."""
    return all(
        F(sum(comb(k, j) for k in range(tau)), tau) == F(comb(tau, j + 1), tau) <= (1 - F(1, tau)) * F(tau**j, factorial(j + 1))
        for tau, j in product(range(1, 61), range(1, 13))
    )


def e_of(u: object) -> object:
    """((e^u - 1)/u - 1)/u by its series, 12 terms and a remainder; increasing in u, for 0 <= u <= 1."""
    total = sum((iv.mpf(u) ** j / factorial(j + 2) for j in range(12)), iv.mpf(0))
    return total + iv.mpf([0, 1]) * iv.mpf(u) ** 12 / factorial(13)


def explicit_constants() -> bool:
    """Pieces [a, b] of (0, 1/4]: increasing factors at b, decreasing ones at a."""
    pieces = 400
    mu, c = (iv.mpf(CONSTANTS[name].numerator) / CONSTANTS[name].denominator for name in ("mu", "c"))
    gap, noise, shaken, pulled = (iv.mpf(f.numerator) / f.denominator for f in CONSTANTS["explicit"])
    for i in range(pieces):
        a, b = iv.mpf(i) / (4 * pieces), iv.mpf(i + 1) / (4 * pieces)
        ratio = e_of(b)  # E(s)/s
        weight = a + (1 - a) / mu  # s + (1-s)/mu decreases
        slope = 2 - b - (1 - b) * mu  # 2 - s - (1-s) mu decreases for mu <= 1
        slope = slope - weight * (1 + c) * (ratio / 4) ** 2
        nu = 1 + 2 * b * e_of(2 * b)  # (e^u - 1)/u = 1 + u e_of(u)
        drift = e_of(2 * b + b**2 / 2)
        reached = (2 / slope, nu / slope, weight * (1 + 1 / c) * drift / slope, weight * (1 + c) * ratio**2 / slope)
        if not all(value.b <= limit.a for value, limit in zip(reached, (gap, noise, shaken, pulled), strict=True)):
            return False
    return True


def textbook_constants() -> bool:
    s2 = CONSTANTS["step_limit"] ** 2
    kept = 1 - 2 * s2
    noise, pull = 1 / kept, F(4, 3) / kept
    absorbed = pull * s2
    first = 1 - absorbed
    a = 1 / CONSTANTS["step_limit"] - 1
    one = (2 / first, (1 + 1 / a) / first, noise / first, pull / first)
    second = F(5, 4) - F(3, 2) * absorbed
    two = (2 / second, 2 / second, F(3, 2) * noise / second, F(3, 2) * pull / second)
    return (one, two) == CONSTANTS["two_sets"] and a == 3 and absorbed == F(2, 21)


def explicit_is_below() -> bool:
    return all(
        e < other for constants in CONSTANTS["two_sets"] for e, other in zip(CONSTANTS["explicit"], constants, strict=True)
    )


def reverse_young() -> bool:
    g, G = sp.symbols("g G", real=True)
    return sp.expand(G**2 - (g**2 / 2 - (g - G) ** 2) - (sp.sqrt(2) * G - g / sp.sqrt(2)) ** 2) == 0


def published_step() -> bool:
    N, tau, T, L = sp.symbols("N tau T L", positive=True)
    eta, root = sp.sqrt(N / (tau * T)), sp.sqrt(N * tau * T)
    pairs = ((1 / (eta * tau * T), 1 / root), (eta * L / N, L / root), (eta**2 * L**2, L**2 * N / (tau * T)))
    return all(sp.simplify(left - right) == 0 for left, right in pairs)


def sums_of_steps() -> bool:
    """sum k = tau(tau-1)/2, sum k^2 <= tau^2(tau-1)/3 and sum_{k>j} k <= tau^2/2 for all tau: differences factor."""
    t, j, k = sp.symbols("t j k", integer=True, nonnegative=True)
    squares = sp.factor(t**2 * (t - 1) / 3 - sp.summation(k**2, (k, 0, t - 1)))
    tail = sp.expand(t**2 / 2 - sp.summation(k, (k, j + 1, t - 1)))
    return sp.simplify(squares - t * (t - 1) / 6) == 0 and sp.simplify(tail - (t + j**2 + j) / 2) == 0


def enumerated_rounds() -> bool:
    """Dimension 1, two clients with kinked gradients, two-point noise, all paths: bias and variance of one round."""
    L, eta, sigma, shares = F(1), F(1, 8), F(1), (F(2, 3), F(1, 3))
    gradients = (lambda t: abs(t) - F(1, 5), lambda t: t / 2 + F(1, 3))
    for start, tau in product((F(-1, 2), F(0), F(1, 7)), (1, 2, 3)):
        x, ends, ups = eta * L, [], []
        for gradient in gradients:
            finals = []
            for signs in product((sigma, -sigma), repeat=tau):
                y = start
                for noise in signs:
                    y -= eta * (gradient(y) + noise)
                finals.append(y - start)
            mean = sum(finals) / len(finals)
            ends.append(mean)
            ups.append(sum((f - mean) ** 2 for f in finals) / len(finals))
        nu = sum((1 + x) ** (2 * k) for k in range(tau)) / tau
        variance = sum(p * p * u for p, u in zip(shares, ups, strict=True))
        if variance > sum(p * p for p in shares) * eta**2 * tau * nu * sigma**2:
            return False
        g = sum(p * f(start) for p, f in zip(shares, gradients, strict=True))
        bias = abs(g + sum(p * m for p, m in zip(shares, ends, strict=True)) / (eta * tau))
        phi = sum((1 + x) ** k - 1 for k in range(tau)) / tau
        roots = [sp.sqrt(sp.Rational(sum((1 + x) ** (2 * j) for j in range(k)))) for k in range(tau)]
        psi = sp.Rational(x) * sum(roots, sp.Integer(0)) / tau
        pulled = phi * sum(p * abs(f(start)) for p, f in zip(shares, gradients, strict=True))
        if not bool(sp.Rational(bias) <= sp.Rational(pulled) + psi * sp.Rational(sigma)):
            return False
    return True


def tight_terms() -> bool:
    """At rest eta A/(N(2-s)) solves v = (1-s)^2 v + eta^2 A/N; the kink stands still at d = L eta sigma/2 = psi sigma."""
    eta, a = sp.symbols("eta a", positive=True)
    v = eta * a / (2 - eta)
    noise = sp.simplify((1 - eta) ** 2 * v + eta**2 * a - v) == 0
    step, sigma = F(1, 100), F(1)
    d = step * sigma / 2
    second = sum((abs(step * (d - n)) for n in (sigma, -sigma)), F(0)) / 2 - d
    return noise and -d + second == 0


def least_squares_trap() -> bool:
    second = 1 - 2 * F(1, 4) + F(1, 4) ** 2 * 10
    variance = F(1, 10) * (10 - 1) ** 2 + F(9, 10)
    return second == F(9, 8) and variance == 9


def steps() -> list[Step]:
    return [
        Step("one step is (1+x)-Lipschitz; noise of mean zero given the past adds its variance", READER),
        Step("the drift recursions have the stated solutions", SYMPY, drift_recursions),
        Step("|v| <= phi h + psi sigma by the triangle inequality and Jensen; variances of independent clients add", READER),
        Step("the descent of a round is -(eta tau/2) [(2-s)|g|^2 - 2(1-s)<g,v> - s|v|^2]", SYMPY, descent_identity),
        Step("bias and variance of kinked rounds, all noise paths: 3 starts, tau <= 3", ENUMERATION, enumerated_rounds),
        Step("sqrt(y (b y + k)) is concave, so q is convex", SYMPY, concavity),
        Step("telescoping, Jensen, and the interval {q <= R}", READER),
        Step("both Young inequalities are squares", SQUARES, young),
        Step("the linear form at the stated mu, c has the root's value: one rational point", RATIONAL, linear_equals_root),
        Step("sum C(k,j)/tau = C(tau,j+1)/tau <= (1-1/tau) tau^j/(j+1)!, tau <= 60 (general: reader)", RATIONAL, binomial_mean),
        Step("explicit constants 8/5, 21/20, 6/5, 3/2 for all s beta <= 1/4", INTERVAL, explicit_constants),
        Step("textbook drift: the sums over local steps", SYMPY, sums_of_steps),
        Step("textbook reverse Young: |G|^2 >= |g|^2/2 - |g-G|^2", SQUARES, reverse_young),
        Step("textbook constants from Young parameters 3 and 1", RATIONAL, textbook_constants),
        Step("explicit is below both textbook sets, constant by constant", RATIONAL, explicit_is_below),
        Step("the published step gives 1/sqrt(N tau T) and drifts of order N/T", SYMPY, published_step),
        Step("tight families: noise at rest, the kink", SYMPY, tight_terms),
        Step("trap: mini-batch least squares, variance 9 theta^2, second moment grows by 9/8", RATIONAL, least_squares_trap),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main("fedavg-convergence", steps()))
