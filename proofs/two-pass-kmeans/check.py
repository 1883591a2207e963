"""Runs the steps of proof.md: what two-pass K-means loses against K-means on the pooled data."""

import sys
from collections.abc import Iterator, Sequence
from itertools import combinations, combinations_with_replacement, product
from math import cos, isclose, pi, sqrt
from pathlib import Path

import numpy as np
import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, FLOAT, RATIONAL, READER, SQUARES, SYMPY, Step, main

# phi(X; C_fed) <= (alpha + beta (1 + sqrt(alpha))^2) OPT_K: 5 with exact solvers, and 5 cannot be lowered.
# The family with 2n-gons in D planes has ratio 1 + 4 cos^2(pi/2n) (1 - 1/D);
# polygon_limit[n] = 3 + 2 cos(pi/n) is its limit in D.
CONSTANTS = {
    "exact_solvers": 5,
    "exact_solvers_supremum": 5,
    "polygon_limit": {2: 3, 4: 3 + sp.sqrt(2), 6: 3 + sp.sqrt(3)},
}

Point = tuple[F, ...]
Labels = tuple[int, ...]


def square(a: Point, b: Point) -> F:
    return sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), F(0))


def centroid(points: Sequence[Point], mass: Sequence[int]) -> Point:
    total = sum(mass)
    pairs = list(zip(points, mass, strict=True))
    return tuple(sum((w * p[i] for p, w in pairs), F(0)) / total for i in range(len(points[0])))


def nearest_cost(points: Sequence[Point], mass: Sequence[int], centres: Sequence[Point]) -> F:
    return sum((w * min(square(p, c) for c in centres) for p, w in zip(points, mass, strict=True)), F(0))


def partitions(size: int, blocks: int) -> Iterator[Labels]:
    """Set partitions of range(size) into at most `blocks` blocks, as restricted growth strings."""

    def grow(prefix: Labels, used: int) -> Iterator[Labels]:
        if len(prefix) == size:
            yield prefix
            return
        for label in range(min(used + 1, blocks)):
            yield from grow((*prefix, label), max(used, label + 1))

    return grow((), 0)


def summary(points: Sequence[Point], mass: Sequence[int], labels: Labels) -> tuple[list[Point], list[int], F]:
    """Means, counts and inertia of an assignment."""
    centres, counts, inertia = [], [], F(0)
    for block in range(max(labels) + 1):
        members = [i for i, label in enumerate(labels) if label == block]
        part, weight = [points[i] for i in members], [mass[i] for i in members]
        centres.append(centroid(part, weight))
        counts.append(sum(weight))
        inertia += sum((w * square(p, centres[-1]) for p, w in zip(part, weight, strict=True)), F(0))
    return centres, counts, inertia


def optima(points: Sequence[Point], mass: Sequence[int], k: int) -> tuple[F, list[tuple[list[Point], list[int], F]]]:
    found = [summary(points, mass, labels) for labels in partitions(len(points), k)]
    best = min(s[2] for s in found)
    return best, [s for s in found if s[2] == best]


def line(*values: int) -> list[Point]:
    return [(F(v),) for v in values]


PLANE: list[Point] = [(F(0), F(0)), (F(2), F(1)), (F(3), F(-1)), (F(1), F(4)), (F(-2), F(1))]
CENTRE_SETS = [line(0), line(0, 4), line(1, 3), line(-2, 2, 7)]


def pooled_means() -> bool:
    """(a) count-weighted client means equal the pooled mean, for every split of five labels over two clients."""
    values = [F(1), F(0), F(1, 3), F(2), F(5, 7)]
    for owner in product((0, 1), repeat=5):
        groups = [[v for v, o in zip(values, owner, strict=True) if o == i] for i in (0, 1)]
        means = [(len(g), sum(g) / len(g)) for g in groups if g]
        if sum(n * m for n, m in means) / sum(n for n, _ in means) != sum(values) / 5:
            return False
    return True


def huygens() -> bool:
    """sum |x-c|^2 = sum |x-b|^2 + n |b-c|^2 with b the mean: three symbolic points on a line (coordinates add up)."""
    x, y, z, c = sp.symbols("x y z c", real=True)
    b = (x + y + z) / 3
    return sp.expand(sum((p - c) ** 2 - (p - b) ** 2 for p in (x, y, z)) - 3 * (b - c) ** 2) == 0


def assigned_cost(points: Sequence[Point], labels: Labels, centres: Sequence[Point], server: Sequence[Point]) -> F:
    """phi(X; label of b(x)): every point goes where its local centre goes."""
    target = [min(server, key=lambda c: square(b, c)) for b in centres]
    return sum((square(p, target[label]) for p, label in zip(points, labels, strict=True)), F(0))


def instances() -> Iterator[tuple[list[Point], Labels, list[Point]]]:
    for values in combinations_with_replacement(range(5), 4):
        for labels in partitions(4, 3):
            for server in CENTRE_SETS:
                yield line(*values), labels, server
    for labels in partitions(5, 3):
        for server in combinations(PLANE, 2):
            yield PLANE, labels, [(a + F(1, 2), b) for a, b in server]


def exact_form_and_certificate() -> bool:
    """(b) for every assignment, good or bad."""
    for points, labels, server in instances():
        ones = [1] * len(points)
        centres, counts, inertia = summary(points, ones, labels)
        value = inertia + nearest_cost(centres, counts, server)
        if assigned_cost(points, labels, centres, server) != value or nearest_cost(points, ones, server) > value:
            return False
    return True


def trap_nearest_inertia_example() -> bool:
    """X = {0,3,4}, labels {0,3},{4}, one server centre 7/3: cost 26/3; with nearest-centre inertia 89/12, too small."""
    points, ones, server = line(0, 3, 4), [1, 1, 1], [(F(7, 3),)]
    centres, counts, inertia = summary(points, ones, (0, 0, 1))
    moved = nearest_cost(centres, counts, server)
    stale = nearest_cost(points, ones, centres)
    cost = nearest_cost(points, ones, server)
    values = cost, inertia + moved, stale + moved, inertia, stale
    return values == (F(26, 3), F(26, 3), F(89, 12), F(9, 2), F(13, 4))


def trap_nearest_inertia_is_common() -> bool:
    """Among line instances where the two inertias differ and one server centre is used, all break the trap version."""
    broken = cases = 0
    for points, labels, server in instances():
        ones = [1] * len(points)
        centres, counts, inertia = summary(points, ones, labels)
        stale = nearest_cost(points, ones, centres)
        if stale == inertia or len(server) > 1:
            continue
        cases += 1
        broken += nearest_cost(points, ones, server) > stale + nearest_cost(centres, counts, server)
    return broken == cases > 100


def trap_centre_not_the_mean() -> bool:
    """X = {0,1}, local centre 0 (not the mean), server centre -1: cost 5, claimed 1 + 2*1 = 3."""
    points, server, centre = line(0, 1), line(-1), line(0)
    claimed = nearest_cost(points, [1, 1], centre) + nearest_cost(centre, [2], server)
    return nearest_cost(points, [1, 1], server) == 5 > claimed == 3


def constant_from_alpha_beta() -> bool:
    """W <= alpha OPT, phi_w(B;C*) <= (sqrt W + sqrt OPT)^2, server factor beta; alpha = beta = 1 gives 5."""
    alpha, beta, opt = sp.symbols("alpha beta OPT", positive=True)
    bound = alpha * opt + beta * (sp.sqrt(alpha * opt) + sp.sqrt(opt)) ** 2
    same = sp.simplify(bound / opt - (alpha + beta * (1 + sp.sqrt(alpha)) ** 2)) == 0
    return same and sp.simplify(bound.subs({alpha: 1, beta: 1}) / opt) == CONSTANTS["exact_solvers"]


def posterior_ratio() -> bool:
    """With r = sqrt(phi_w/W) >= 2: 5 (r-1)^2 - (1 + r^2) = 2 (2r-1)(r-2) >= 0; for r <= 2: 1 + r^2 <= 5."""
    r, s = sp.symbols("r s", nonnegative=True)
    gap = 5 * (r - 1) ** 2 - (1 + r**2)
    shifted = sp.Poly(sp.expand(gap.subs(r, 2 + s)), s)
    return sp.expand(gap - 2 * (2 * r - 1) * (r - 2)) == 0 and all(c >= 0 for c in shifted.coeffs())


def worst_ratio(clients: Sequence[Sequence[Point]], k: int) -> tuple[F, bool]:
    """Worst phi(X;C_fed)/OPT over all ties of exact solvers, and whether every intermediate inequality holds."""
    everything = [p for c in clients for p in c]
    opt = optima(everything, [1] * len(everything), k)[0]
    locals_ = [optima(c, [1] * len(c), k) for c in clients]
    worst, fine = F(0), sum(o[0] for o in locals_) <= opt
    for choice in product(*(o[1] for o in locals_)):
        centres = [b for s in choice for b in s[0]]
        counts = [n for s in choice for n in s[1]]
        inertia = sum(s[2] for s in choice)
        server, solutions = optima(centres, counts, k)
        for found, _, _ in solutions:
            cost = nearest_cost(everything, [1] * len(everything), found)
            fine = fine and cost <= inertia + server <= CONSTANTS["exact_solvers"] * opt
            worst = max(worst, cost / opt if opt else F(1))
    return worst, fine


def approximation_on_small_instances() -> bool:
    """Two clients, three points each in {0..4}, K = 2, all ties: the theorem holds; worst ratio 21/10."""
    triples = list(combinations_with_replacement(range(5), 3))
    results = [worst_ratio([line(*a), line(*b)], 2) for a, b in combinations_with_replacement(triples, 2)]
    return all(fine for _, fine in results) and max(w for w, _ in results) == F(21, 10)


# The extremal family: products of 2n-gons of side 1/2. Sides alternate: c_0, b_0, c_1, b_1, ...


def polygon_square() -> tuple[list[Point], list[Point], list[list[Point]]]:
    """n = 2, rational: midpoints c_0, c_1 of two opposite sides, b_0, b_1 of the others, ends of the side of each c."""
    q = F(1, 4)
    c, b = [(-q, F(0)), (q, F(0))], [(F(0), q), (F(0), -q)]
    ends = [[(-q, q), (-q, -q)], [(q, -q), (q, q)]]  # ends[j][0] also lies on side b_j
    return c, b, ends


def place(base: Sequence[Point], coordinate: int, value: Point) -> Point:
    parts = [*base[:coordinate], value, *base[coordinate + 1 :]]
    return tuple(v for part in parts for v in part)


def family(dimensions: int) -> tuple[list[list[Point]], list[list[Point]], list[Point]]:
    """Points of each client, its edge midpoints (weight 2), and the server's bad centres, for n = 2."""
    c, b, ends = polygon_square()
    clients: list[list[Point]] = [[] for _ in range(dimensions)]
    middles: list[list[Point]] = [[] for _ in range(dimensions)]
    bad: list[Point] = []
    for z in product((0, 1), repeat=dimensions):
        base = [c[j] for j in z]
        for d in range(dimensions):
            clients[d] += [place(base, d, p) for p in ends[z[d]]]
            middles[d].append(place(base, d, b[z[d]]))
        if sum(z) % 2 == 0:
            for shift in (0, 1):  # the edges z -> z + e_d (shift 0) or z -> z - e_d (shift 1), one per direction
                star = [place(base, d, b[(z[d] - shift) % 2]) for d in range(dimensions)]
                bad.append(centroid(star, [1] * dimensions))
    return clients, middles, bad


def least_square_distance(points: Sequence[Point]) -> F:
    return min(square(p, q) for p, q in combinations(points, 2))


def family_lower_bounds() -> bool:
    """n = 2, D = 3: points of a client at least 1/2 apart, edge midpoints at least 2h^2 = 1/4; both optima attained."""
    clients, middles, bad = family(3)
    k = len(bad)
    everything = [m for part in middles for m in part]
    for points, mids in zip(clients, middles, strict=True):
        lower = (len(points) - k) * least_square_distance(points) / 2
        if nearest_cost(points, [1] * len(points), mids) != lower or len(mids) != k:
            return False
    apart = least_square_distance(everything)
    server = nearest_cost(everything, [2] * len(everything), bad)
    return server == (len(everything) - k) * apart and apart == F(1, 4)


def family_by_full_enumeration() -> bool:
    """n = 2, D = 2: all partitions into at most 4 blocks confirm both optima."""
    clients, middles, bad = family(2)
    everything = [m for part in middles for m in part]
    local = all(optima(x, [1] * 8, 4)[0] == nearest_cost(x, [1] * 8, m) for x, m in zip(clients, middles, strict=True))
    return local and optima(everything, [2] * 8, 4)[0] == nearest_cost(everything, [2] * 8, bad)


def polygon(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Midpoints c_j and b_j, and the end of side c_j that also lies on side b_j, of a 2n-gon of side 1/2."""
    inner, outer = 0.25 / np.tan(pi / (2 * n)), 0.25 / np.sin(pi / (2 * n))
    turn = 2 * pi * np.arange(n) / n
    c = inner * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    b = inner * np.stack([np.cos(turn + pi / n), np.sin(turn + pi / n)], axis=1)
    end = outer * np.stack([np.cos(turn + pi / (2 * n)), np.sin(turn + pi / (2 * n))], axis=1)
    return c, b, end


def family_ratio(n: int, dimensions: int) -> float:
    """phi(X;C_bad)/phi(X;C*): by symmetry one point of an even and one of an odd vertex, centres by parity."""
    c, b, end = polygon(n)
    costs = []
    for parity in (0, 1):
        best = np.inf
        for shift in (0, 1):
            centre = c + (np.roll(b, shift, axis=0) - c) / dimensions
            own = ((end[0] - centre) ** 2).sum(axis=1)
            rest = ((c[0] - centre) ** 2).sum(axis=1)
            moved = np.arange(dimensions)  # how many of the other coordinates differ by an odd step
            others = (dimensions - 1 - moved) * rest[::2].min() + moved * rest[1::2].min()
            wanted = np.where(moved % 2 == parity, own[::2].min(), own[1::2].min())
            best = min(best, float((others + wanted).min()))
        costs.append(best)
    return sum(costs) / 2 * 16


def family_ratio_brute_force() -> bool:
    """n = 2, D = 2, 3, 4: rational brute force over all points and centres agrees with the symmetric formula."""
    for dimensions in (2, 3, 4):
        clients, _, bad = family(dimensions)
        points = [p for part in clients for p in part]
        ratio = nearest_cost(points, [1] * len(points), bad) / (F(len(points), 16))
        if not isclose(float(ratio), family_ratio(2, dimensions), rel_tol=1e-12):
            return False
    return True


def polygon_distances() -> bool:
    """h^2 = cos^2(pi/2n)/4, |c-c'|^2 = cos^4, end of c to the next c = 1/16 + cos^2/2, all for n = 2, 4, 6, 10."""
    for n in (2, 4, 6, 10):
        c, b, end = polygon(n)
        root = cos(pi / (2 * n)) ** 2
        h2 = ((b[0] - c[0]) ** 2).sum()
        step = ((c[1] - c[0]) ** 2).sum()
        cross = ((end[0] - c[1]) ** 2).sum()
        good = isclose(h2, root / 4) and isclose(step, root**2) and isclose(cross, 1 / 16 + root / 2)
        far = min(((c[j] - c[0]) ** 2).sum() for j in range(1, n)) >= step - 1e-12
        if not (good and far and root >= 0.5 - 1e-12 and isclose(((end[0] - c[0]) ** 2).sum(), 1 / 16)):
            return False
    return True


def limit_formula() -> bool:
    """(1/16 + 1/16 + cos^2(pi/2n)/2)/2 * 16 = 1 + 4 cos^2(pi/2n) = 3 + 2 cos(pi/n), tending to 5."""
    n = sp.symbols("n", positive=True)
    value = 8 * (sp.Rational(1, 8) + sp.cos(sp.pi / (2 * n)) ** 2 / 2)
    same = sp.simplify(value - (3 + 2 * sp.cos(sp.pi / n))) == 0
    table = all(sp.simplify(value.subs(n, k) - v) == 0 for k, v in CONSTANTS["polygon_limit"].items())
    return same and table and sp.limit(value, n, sp.oo) == CONSTANTS["exact_solvers_supremum"]


def finite_ratio() -> bool:
    """The ratio is 1 + 4 cos^2(pi/2n) (1 - 1/D), the certificate (b); above Minkowski; 4.9 is passed."""
    for n, dimensions in product((2, 4, 6, 16), (2, 3, 4, 10, 100, 10_000)):
        c = cos(pi / (2 * n))
        ratio, certificate = family_ratio(n, dimensions), 1 + 4 * c * c * (1 - 1 / dimensions)
        minkowski = max(0.0, sqrt(1 + 4 * c * c) - 2 * c / sqrt(dimensions)) ** 2
        if not (isclose(ratio, certificate, rel_tol=1e-9) and minkowski <= ratio < CONSTANTS["exact_solvers"]):
            return False
    return family_ratio(16, 10_000) > 4.9


def tie_free_family() -> bool:
    """n = 2, D = 3, edges shrunk by 1/100 and moved 1/1000 towards the bad centres: both optima unique, ratio kept."""
    zeta, eta = F(1, 100), F(1, 1000)
    clients, middles, _ = family(3)
    pairs = [(x, m, p) for x, part in enumerate(middles) for m in part for p in clients[x] if square(p, m) == F(1, 16)]
    home = star_of_each_edge()

    def shift(m: Point) -> Point:
        return tuple(v + eta * (w - v) for v, w in zip(m, home[m], strict=True))

    for x in range(3):
        moved = [
            (m, tuple(s + (1 - zeta) * (v - w) for s, v, w in zip(shift(m), p, m, strict=True))) for y, m, p in pairs if y == x
        ]
        if not closest_pairs_are(moved):
            return False
    return closest_pairs_are([(home[m], shift(m)) for part in middles for m in part])


def star_of_each_edge() -> dict[Point, Point]:
    """Edge midpoint -> the bad centre of its star (n = 2, D = 3)."""
    c, b, _ = polygon_square()
    home = {}
    for z in product((0, 1), repeat=3):
        if sum(z) % 2 == 0:
            for shift in (0, 1):
                star = [place([c[j] for j in z], d, b[(z[d] - shift) % 2]) for d in range(3)]
                home |= dict.fromkeys(star, centroid(star, [1, 1, 1]))
    return home


def closest_pairs_are(tagged: Sequence[tuple[Point, Point]]) -> bool:
    """The pairs at least distance are exactly the pairs with the same tag."""
    distances = {(i, j): square(tagged[i][1], tagged[j][1]) for i, j in combinations(range(len(tagged)), 2)}
    least = min(distances.values())
    return all((v == least) == (tagged[i][0] == tagged[j][0]) for (i, j), v in distances.items())


def cluster_lower_bound() -> bool:
    """Inertia of s points = sum over pairs |x-y|^2 / s, hence >= (s-1) delta^2/2 at mutual distance >= delta."""
    x, y, z = sp.symbols("x y z", real=True)
    mean_ = (x + y + z) / 3
    pairs = ((x - y) ** 2 + (x - z) ** 2 + (y - z) ** 2) / 3
    s, delta = sp.symbols("s delta", positive=True)
    count = sp.simplify(s * (s - 1) / 2 * delta**2 / s - (s - 1) * delta**2 / 2) == 0
    return count and sp.expand(sum((p - mean_) ** 2 for p in (x, y, z)) - pairs) == 0


def minkowski_cross_term() -> bool:
    """(a+b)^2 weights: 2<u,v> <= t|u|^2 + |v|^2/t, with t = sqrt(OPT/W) giving (sqrt W + sqrt OPT)^2."""
    w, o = sp.symbols("W OPT", positive=True)
    t = sp.sqrt(o / w)
    return sp.simplify(w + o + t * w + o / t - (sp.sqrt(w) + sp.sqrt(o)) ** 2) == 0


def steps() -> list[Step]:
    return [
        Step(
            "(a) count-weighted client means are the pooled means: 5 labels, all 32 splits over 2 clients",
            RATIONAL,
            pooled_means,
        ),
        Step("Huygens: sum |x-c|^2 = sum |x-b|^2 + n|b-c|^2 when b is the mean", SYMPY, huygens),
        Step(
            "(b) phi(X; label of b(x)) = sum W_i + phi_w(B;C), and phi(X;C) is at most that",
            ENUMERATION,
            exact_form_and_certificate,
        ),
        Step("trap: nearest-centre inertia with stale labels, 26/3 against 89/12", RATIONAL, trap_nearest_inertia_example),
        Step(
            "that trap fails in every case where the inertias differ and the server has one centre",
            ENUMERATION,
            trap_nearest_inertia_is_common,
        ),
        Step("trap: a local centre that is not the mean of its labels, 5 against 3", RATIONAL, trap_centre_not_the_mean),
        Step("(c) sum W_i <= alpha sum OPT_K(X_i) <= alpha OPT_K(X); Minkowski on x -> b(x) -> c*(x)", READER),
        Step("Minkowski's cross term: W + OPT + 2 sqrt(W OPT)", SYMPY, minkowski_cross_term),
        Step("the constant alpha + beta (1 + sqrt alpha)^2, 5 at alpha = beta = 1", SYMPY, constant_from_alpha_beta),
        Step("the computable ratio (W+phi_w)/max(W,(sqrt phi_w - sqrt W)^2) is at most 5", SYMPY, posterior_ratio),
        Step(
            "(c) on 630 two-client instances, all ties: holds; worst ratio 21/10", ENUMERATION, approximation_on_small_instances
        ),
        Step("inertia by pairs, and its lower bound (s-1) delta^2/2", SQUARES, cluster_lower_bound),
        Step("family n = 2, D = 2: both optima by enumerating all partitions", ENUMERATION, family_by_full_enumeration),
        Step("family n = 2, D = 3: both optima meet the pair lower bound", RATIONAL, family_lower_bounds),
        Step("2n-gon distances: h^2, |c-c'|^2, end to next centre: n = 2, 4, 6, 10", FLOAT, polygon_distances),
        Step("family ratio: brute force = formula for n = 2, D = 2, 3, 4", ENUMERATION, family_ratio_brute_force),
        Step("limit in D: 1 + 4 cos^2(pi/2n) = 3 + 2 cos(pi/n); supremum 5", SYMPY, limit_formula),
        Step(
            "finite n, D: ratio = 1 + 4 cos^2(pi/2n)(1 - 1/D), the certificate (b) attained; above 4.9 reached",
            FLOAT,
            finite_ratio,
        ),
        Step("ties are not needed: perturbed family with unique optima (n = 2, D = 3)", RATIONAL, tie_free_family),
    ]


if __name__ == "__main__":
    sys.exit(main("two-pass-kmeans", steps()))
