"""Runs the steps of proof.md: exponential moments of the excess loss, and the best constants of the random design."""

import sys
from itertools import pairwise, product
from math import comb
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F
from mpmath import iv, mp, mpf

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, INTERVAL, RATIONAL, READER, SQUARES, SYMPY, Step, main

CONSTANTS = {
    "fixed": 2,
    "simple": 1 - sp.exp(-sp.Rational(1, 2)),
    "kappa_one": F(46317, 100000),
    "kappa_one_above": F(46318, 100000),
    "kappa_best": F(46369, 100000),
    "kappa_best_above": F(46370, 100000),
    "best_eta": F(104, 100),
    "adaptive_etas": (F(1), F(1, 2), F(1, 4), F(1, 8)),
}

# (eta, kappa) of the package's table, in units of 1e-2 and 1e-6.
TABLE = (
    (1, 9931), (2, 19730), (4, 38935), (6, 57623), (8, 75800), (10, 93475), (13, 119059), (16, 143552), (20, 174550),
    (25, 210707), (30, 244076), (35, 274749), (40, 302816), (45, 328362), (50, 351465), (55, 372201), (60, 390644),
    (65, 406861), (70, 420916), (75, 432872), (80, 442786), (85, 450714), (90, 456707), (95, 460815), (100, 463170),
    (104, 463690), (110, 462277), (120, 454604), (130, 440345), (140, 415500), (150, 371100), (160, 316700),
    (170, 252300), (180, 178100), (190, 94000),
)  # fmt: skip
KAPPA = {F(eta, 100): F(kappa, 10**6) for eta, kappa in TABLE}


def exact(value: F) -> "iv.mpf":
    return iv.mpf(value.numerator) / value.denominator


def excess_identity() -> bool:
    f, y, mean = sp.symbols("f y m")
    g, xi = f - mean, y - mean
    return sp.expand((f - y) ** 2 - (mean - y) ** 2 - g**2 + 2 * g * xi) == 0


def fixed_exponent() -> bool:
    """Hoeffding with s = 2 eta g: exponent -(eta - eta^2/2) g^2, best at eta = 1, where it is -g^2/2."""
    eta, g = sp.symbols("eta g", positive=True)
    exponent = sp.expand(-eta * g**2 + (2 * eta * g) ** 2 / 8)
    best = sp.solve(sp.diff(exponent, eta), eta)
    return (
        sp.expand(exponent + (eta - eta**2 / 2) * g**2) == 0
        and best == [1]
        and 1 / (1 - sp.Rational(1, 2)) == CONSTANTS["fixed"]
    )


def free_eta_fixed() -> bool:
    """A - S <= sqrt(2AL) iff (sqrt A - sqrt(L/2))^2 <= S + L/2; the fixed-eta line at eta = sqrt(2L/A); below 2(S+L)."""
    a, ell, u = sp.symbols("a ell u", positive=True)  # A = a^2, L/2 = ell^2, S + L/2 = u^2
    square = sp.expand((a - ell) ** 2 - (a**2 - 2 * a * ell + ell**2)) == 0
    root = ell + u
    big_l, big_s = 2 * ell**2, u**2 - ell**2
    eta = sp.sqrt(2 * big_l) / root
    same = sp.simplify((big_s + big_l / eta) / (1 - eta / 2) - root**2) == 0
    below = sp.expand(2 * (big_s + big_l) - root**2 - (u - ell) ** 2) == 0
    x = sp.symbols("x", positive=True)
    stationary = sp.simplify(sp.diff((big_s + big_l / x) / (1 - x / 2), x).subs(x, eta)) == 0
    return square and same and below and stationary


def chord() -> bool:
    """e^{-u/2} is convex, so on [0,1] it is below its chord 1 - (1 - e^{-1/2}) u, equal at both ends."""
    u = sp.symbols("u", real=True)
    convex = sp.diff(sp.exp(-u / 2), u, 2).is_positive
    line = 1 - CONSTANTS["simple"] * u
    return bool(convex) and line.subs(u, 0) == 1 and sp.simplify(line.subs(u, 1) - sp.exp(-sp.Rational(1, 2))) == 0


def peak_in_p() -> bool:
    """log M is concave in p with peak at 1/s - 1/(e^s - 1); M grows in s > 0; M at p = 1 - g in closed form."""
    p, s, g, eta = sp.symbols("p s g eta", positive=True)
    log_m = -s * p + sp.log(1 + p * (sp.exp(s) - 1))
    bracket = (1 - p) * sp.exp(-s * p) + p * sp.exp(s * (1 - p))
    same = sp.simplify(sp.exp(-s * p) * (1 + p * (sp.exp(s) - 1)) - bracket) == 0
    curve = sp.simplify(sp.diff(log_m, p, 2) + ((sp.exp(s) - 1) / (1 + p * (sp.exp(s) - 1))) ** 2) == 0
    peak = sp.simplify(sp.diff(log_m, p).subs(p, 1 / s - 1 / (sp.exp(s) - 1))) == 0
    slope = sp.simplify(sp.diff(bracket, s) - p * (1 - p) * (sp.exp(s * (1 - p)) - sp.exp(-s * p))) == 0
    closed = sp.exp(-eta * g**2) * bracket.subs({p: 1 - g, s: 2 * eta * g})
    end = sp.simplify(closed - sp.exp(eta * g**2) * (1 - g + g * sp.exp(-2 * eta * g))) == 0
    return same and curve and peak and slope and end


def free_peak(s):
    """sup over p of M(p, s) = e^{-1 + s/(e^s - 1)} (e^s - 1)/s, as an interval."""
    grown = iv.exp(s) - 1
    return iv.exp(-1 + s / grown) * grown / s


def chord_piece(eta: F, kappa: F, end: F) -> bool:
    """(i) (1 - e^{-(eta - eta^2/2) g^2})/g^2 falls in g, so its value at the end decides."""
    e, g = exact(eta - eta * eta / 2), exact(end)
    return bool(((1 - iv.exp(-e * g * g)) / (g * g)).a > exact(kappa).b)


def free_piece(eta: F, kappa: F, a: F, b: F, depth: int = 0) -> bool:
    """(ii) cells with p free: (1 - e^{-eta a^2} sup_p M(p, 2 eta b)) / b^2 >= kappa, bisected."""
    e, left, right = exact(eta), exact(a), exact(b)
    value = (1 - iv.exp(-e * left * left) * free_peak(2 * e * right)) / (right * right)
    if value.a > exact(kappa).b:
        return True
    if depth > 14:
        return False
    middle = (a + b) / 2
    return free_piece(eta, kappa, a, middle, depth + 1) and free_piece(eta, kappa, middle, b, depth + 1)


def edge_margin(eta, kappa, g):
    """1 - kappa g^2 - h at p = 1 - g."""
    return 1 - kappa * g * g - iv.exp(eta * g * g) * (1 - g + g * iv.exp(-2 * eta * g))


def edge_slope(eta, kappa, g):
    grown, shrunk = iv.exp(eta * g * g), iv.exp(-2 * eta * g)
    return -2 * kappa * g - grown * (2 * eta * g * (1 - g + g * shrunk) - 1 + shrunk - 2 * eta * g * shrunk)


def edge_piece(eta: F, kappa: F, a: F, b: F, depth: int = 0) -> bool:
    """(iii) p = 1 - g: the centred form of the margin is positive, bisected."""
    e, k, middle = exact(eta), exact(kappa), (a + b) / 2
    cell = iv.mpf([exact(a).a, exact(b).b])
    centre = exact(middle)
    if (edge_margin(e, k, centre) + edge_slope(e, k, cell) * (cell - centre)).a > 0:
        return True
    if depth > 16:
        return False
    return edge_piece(eta, kappa, a, middle, depth + 1) and edge_piece(eta, kappa, middle, b, depth + 1)


def edge_starts(eta: F, g: F) -> bool:
    """p_0(2 eta g) >= 1 - g; once true it stays true, because |p_0'| <= 1/12 < 1/(2 eta)."""
    s = 2 * exact(eta) * exact(g)
    return bool((1 / s - 1 / (iv.exp(s) - 1)).a >= exact(1 - g).b) and eta < 6


def certify(eta: F, kappa: F) -> bool:
    """kappa(eta) >= kappa on all of 0 < g <= 1: chord up to the last g where it suffices, p free, then p = 1 - g."""
    ends = [F(k, 400) for k in range(1, 401)]
    reach = max((g for g in ends if chord_piece(eta, kappa, g)), default=None)
    if reach is None:
        return False
    if reach == 1:
        return True
    split = min(g for g in ends if edge_starts(eta, g))
    free = reach >= split or free_piece(eta, kappa, reach, split)
    return free and edge_piece(eta, kappa, split, F(1))


def certified_table() -> bool:
    iv.prec = 60
    return all(certify(eta, kappa) for eta, kappa in KAPPA.items())


def certified_named() -> bool:
    iv.prec = 60
    return (
        KAPPA[F(1)] == CONSTANTS["kappa_one"]
        and KAPPA[CONSTANTS["best_eta"]] == CONSTANTS["kappa_best"]
        and certify(F(1), CONSTANTS["kappa_one"])
        and certify(CONSTANTS["best_eta"], CONSTANTS["kappa_best"])
    )


def constant_at(eta: F, g: F):
    """(1 - h_eta)/g^2 at p = 1 - g, as an interval."""
    e, x = exact(eta), exact(g)
    return (1 - iv.exp(e * x * x) * (1 - x + x * iv.exp(-2 * e * x))) / (x * x)


def no_larger_constants() -> bool:
    """kappa(1) < 0.46318; max over eta of (1 - h)/g^2 at one (p, g) is below 0.46370: concave in eta, so secants bound it."""
    iv.prec = 60
    g = F(647, 1000)
    at_one = constant_at(F(1), g).b < exact(CONSTANTS["kappa_one_above"]).a
    # concave in eta: it rises before and falls after the points; between two of them it lies below their neighbours' secants
    points = [F(k, 2000) for k in range(2060, 2101)]
    values = [constant_at(eta, g) for eta in points]
    limit = exact(CONSTANTS["kappa_best_above"])
    rising, falling = (values[1] - values[0]).a > 0, (values[-1] - values[-2]).b < 0
    below = all((values[i] + (values[i] - values[i - 1])).b < limit.a for i in range(1, len(values)))
    last_digit = {CONSTANTS[f"{name}_above"] - CONSTANTS[name] for name in ("kappa_one", "kappa_best")} == {F(1, 100_000)}
    return bool(at_one and rising and falling and below and last_digit)


def concave_in_eta() -> bool:
    """h_eta is a mean of exponentials of linear functions of eta: its second derivative is a sum of squares times positives."""
    eta, p, g = sp.symbols("eta p g", positive=True)
    h = (1 - p) * sp.exp(-eta * (g**2 + 2 * g * p)) + p * sp.exp(-eta * (g**2 - 2 * g * (1 - p)))
    second = sp.diff(h, eta, 2)
    squares = (1 - p) * (g**2 + 2 * g * p) ** 2 * sp.exp(-eta * (g**2 + 2 * g * p)) + p * (
        g**2 - 2 * g * (1 - p)
    ) ** 2 * sp.exp(-eta * (g**2 - 2 * g * (1 - p)))
    return sp.simplify(second - squares) == 0


def moment_on_small_cases() -> bool:
    """E e^{-Z} <= 1 - kappa(1) g^2 and E e^{-Z + g^2/2} <= 1 for three-point labels on a grid, in intervals."""
    iv.prec = 60
    kappa = exact(CONSTANTS["kappa_one"])
    for a, b in product(range(5), repeat=2):
        if a + b > 4:
            continue
        law = {F(0): F(a, 4), F(1, 2): F(b, 4), F(1): F(4 - a - b, 4)}
        mean = sum(y * w for y, w in law.items())
        for f in (F(k, 8) for k in range(9)):
            g = f - mean
            moment = sum(exact(w) * iv.exp(-exact(g * g - 2 * g * (y - mean))) for y, w in law.items())
            if g == 0:
                continue
            if moment.b > (1 - kappa * exact(g * g)).a or (moment * iv.exp(exact(g * g / 2))).b > 1 + mpf(2) ** -50:
                return False
    return True


def failure_on_small_design() -> bool:
    """Every outcome of 6 Bernoulli labels, 16 functions: P(some f has A > bound(S)) <= delta for both fixed-design lines."""
    means = [F(1, 5), F(1, 2), F(4, 5)]
    functions = list(product((F(0), F(1, 3), F(2, 3), F(1)), repeat=2))
    delta, mp.prec = F(1, 4), 60
    ell = mp.log(mpf(len(functions)) / mpf(delta.numerator) * delta.denominator)
    worst = F(0)
    for law in product(means, repeat=2):
        failed = F(0)
        for ones in product(range(4), repeat=2):  # three records at each of two queries
            chance = F(1)
            for k, p in zip(ones, law, strict=True):
                chance *= comb(3, k) * p**k * (1 - p) ** (3 - k)
            for f in functions:
                g = [v - p for v, p in zip(f, law, strict=True)]
                error = 3 * sum(v * v for v in g)
                s = error - 2 * sum(v * (k - 3 * p) for v, k, p in zip(g, ones, law, strict=True))
                inside = mpf(s.numerator) / s.denominator + ell / 2
                bound = mpf(0) if inside < 0 else (mp.sqrt(ell / 2) + mp.sqrt(inside)) ** 2
                if mpf(error.numerator) / error.denominator > bound:
                    failed += chance
                    break
        worst = max(worst, failed)
    return worst <= delta


def factor_two_is_false() -> bool:
    """n = 4000, hit probability 1/8, f = 1, p = 6/17, L = 98.4: a partial sum of P(S < n Eg^2/2 - L) already exceeds e^{-L}."""
    mp.prec = 90
    n, p, g, ell = 4000, F(6, 17), F(11, 17), F(984, 10)
    threshold = F(n, 8) * g * g / 2 - ell
    total = mpf(0)
    log_choose = [mp.loggamma(mpf(k + 1)) for k in range(n + 1)]
    for hits in range(340, 460):
        # S = hits g^2 - 2g(Y - hits p) < threshold
        needed = (hits * g * g - threshold) / (2 * g) + hits * p
        first = int(needed) + 1
        weight = mp.exp(
            log_choose[n]
            - log_choose[hits]
            - log_choose[n - hits]
            + hits * mp.log(mpf(1) / 8)
            + (n - hits) * mp.log(mpf(7) / 8)
        )
        tail = mpf(0)
        for y in range(first, min(hits, first + 40) + 1):
            tail += mp.exp(
                log_choose[hits]
                - log_choose[y]
                - log_choose[hits - y]
                + y * mp.log(mpf(6) / 17)
                + (hits - y) * mp.log(mpf(11) / 17)
            )
        total += weight * tail
    return bool(total > 10 * mp.exp(-mpf(ell.numerator) / ell.denominator))


def draws_need_not_be_independent() -> bool:
    """Two-point data, two functions, G depending on the data, k = 2 draws fully dependent or independent: E exp(...) <= 1."""
    phi = {
        (d, f): v for (d, f), v in zip(product((0, 1), repeat=2), (F(1, 2), F(3, 2), F(3, 2), F(1, 2)), strict=True)
    }  # e^Phi
    prior = {0: F(1, 3), 1: F(2, 3)}
    for posterior in ({0: {0: F(1, 4), 1: F(3, 4)}, 1: {0: F(4, 5), 1: F(1, 5)}},):
        dependent, independent = sp.Integer(0), sp.Integer(0)
        for d in (0, 1):
            ratio = {f: phi[d, f] * prior[f] / posterior[d][f] for f in (0, 1)}  # exp(Phi - log dG/dP)
            exact_ratio = {f: sp.Rational(r.numerator, r.denominator) for f, r in ratio.items()}
            chance = {f: sp.Rational(q.numerator, q.denominator) for f, q in posterior[d].items()}
            dependent += sum(chance[f] * exact_ratio[f] for f in (0, 1)) / 2
            independent += (
                sum(chance[f] * chance[h] * sp.sqrt(exact_ratio[f] * exact_ratio[h]) for f in (0, 1) for h in (0, 1)) / 2
            )
        if not (dependent <= 1 and sp.N(independent, 30) <= 1):
            return False
    return all(sum(phi[d, f] for d in (0, 1)) / 2 <= 1 for f in (0, 1))


def grid_of_etas() -> bool:
    """1, best for a fixed design, and its halves; at each the exponent's moment stays at most 1 when the logger looks.

    Two records with two-point labels, the query of the second chosen by the label of the first: every path, in intervals.
    """
    iv.prec = 60
    etas = CONSTANTS["adaptive_etas"]
    halves = etas[0] == 1 and all(2 * later == earlier for earlier, later in pairwise(etas))
    means, fit = (F(1, 4), F(2, 3)), (F(3, 4), F(1, 3))

    def moment(eta: F, x: int) -> list[object]:
        """By label: its chance times exp(-eta Z + (eta - eta^2/2) g^2)."""
        g, chances = fit[x] - means[x], (1 - means[x], means[x])
        powers = (-eta * (g * g - 2 * g * (y - means[x])) + (eta - eta * eta / 2) * g * g for y in (0, 1))
        return [exact(chance) * iv.exp(exact(power)) for chance, power in zip(chances, powers, strict=True)]

    for eta, rule in product(etas, product((0, 1), repeat=2)):
        whole = sum((one * sum(moment(eta, rule[y])) for y, one in enumerate(moment(eta, 0))), iv.mpf(0))
        if not whole.b <= 1:
            return False
    return halves


def jensen_for_the_average() -> bool:
    a, b, m = sp.symbols("a b m", real=True)
    return sp.expand(((a - m) ** 2 + (b - m) ** 2) / 2 - ((a + b) / 2 - m) ** 2 - ((a - b) / 2) ** 2) == 0


def sum_of_logs() -> bool:
    """-log(1 - kappa a) is convex in a: its second derivative is kappa^2/(1 - kappa a)^2."""
    a, k = sp.symbols("a kappa", positive=True)
    return sp.simplify(sp.diff(-sp.log(1 - k * a), a, 2) - k**2 / (1 - k * a) ** 2) == 0


def steps() -> list[Step]:
    return [
        Step("(f-y)^2 - (f*-y)^2 = g^2 - 2 g xi", SYMPY, excess_identity),
        Step("Hoeffding's lemma E e^{s xi} <= e^{s^2/8}; Markov; union over F", READER),
        Step("exponent -(eta - eta^2/2) g^2, best at eta = 1: factor 2", SYMPY, fixed_exponent),
        Step(
            "free eta, fixed design: (sqrt(L/2) + sqrt(S+L/2))^2 is the least fixed-eta line, below 2(S+L)",
            SQUARES,
            free_eta_fixed,
        ),
        Step("for one f the best eta is a number, not a function of the data: Markov at it", READER),
        Step("P(failure) <= delta over all outcomes, 16 functions, 6 labels, 9 laws", ENUMERATION, failure_on_small_design),
        Step("simple constant: chord of e^{-u/2}", SYMPY, chord),
        Step("among labels in [0,1] with mean p the Bernoulli law has the largest E e^{s xi}", READER),
        Step("M(p,s): concave log in p, peak, growth in s, closed form at p = 1 - g", SYMPY, peak_in_p),
        Step("kappa(1) >= 0.46317 and kappa(1.04) >= 0.46369", INTERVAL, certified_named),
        Step("all 35 entries of the table", INTERVAL, certified_table),
        Step("kappa(1) < 0.46318; max kappa < 0.46370", INTERVAL, no_larger_constants),
        Step("1 - h_eta is concave in eta, so kappa is", SQUARES, concave_in_eta),
        Step(
            "E e^{-Z} <= 1 - kappa g^2 and E e^{-Z+g^2/2} <= 1, three-point labels on a grid: 15 laws x 9 values",
            INTERVAL,
            moment_on_small_cases,
        ),
        Step("-log(1 - kappa a) is convex: records that differ may be averaged", SYMPY, sum_of_logs),
        Step("factor 2 is false in the random design (n = 4000, L = 98.4)", "exact sums, 90 bits", factor_two_is_false),
        Step("Cramer: the constants kappa(1), max kappa cannot be improved as delta -> 0", READER),
        Step("adaptive logging: a nonnegative supermartingale for fixed eta", READER),
        Step("grid of etas 1, 1/2, 1/4, 1/8: moment at most 1 for two records, every rule of a logger", INTERVAL, grid_of_etas),
        Step(
            "k draws: E exp(mean(Phi - log dG/dP)) <= 1, draws dependent or not: k = 2, two functions (general: reader)",
            RATIONAL,
            draws_need_not_be_independent,
        ),
        Step("the average of the draws has at most their mean error", SQUARES, jensen_for_the_average),
    ]


if __name__ == "__main__":
    sys.exit(main("least-squares", steps()))
