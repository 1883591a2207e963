"""What federated K-means with exact solvers can lose on a small instance: every optimal clustering, in fractions.

Clients cluster their points optimally into at most K groups and send means and counts; the server clusters the weighted means
optimally; all ties are tried. Solution: enumeration of set partitions, inertia from the centroids. Check: the stored groups
are evaluated, and optimality is proved by another enumeration, dynamic programming over subsets with the inertia from pairwise
distances, sum over pairs of w w' |x - x'|^2 / sum w. There is no short dual for K-means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from fedroute_theory._validate import InputError, integer
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values
from fedroute_theory.certify.rational import rational_rows

NAME = "optimal-kmeans"
POINT_LIMIT = 9
"""Most points of all clients together."""
TIE_LIMIT = 5_000
"""Most combinations of optimal clusterings that are tried."""

Point = tuple[Fraction, ...]
Labels = tuple[int, ...]


def optimal_kmeans(clients: Sequence[Sequence[Sequence[Any]]], clusters: int) -> Certificate:
    """Certificate for the largest ratio of federated to optimal inertia over all ties; 1 where the optimum is zero.

    clients: points (numbers, Fractions or "p/q" strings) of each client. clusters: K >= 1. InputError for more than POINT_LIMIT
    points.
    """
    if not isinstance(clients, Sequence):
        raise InputError(f"The 'clients' parameter must be a list of lists of points; got {clients!r:.40}.")
    found = [rational_rows("clients", points) for points in clients]
    total = sum(len(points) for points in found)
    if not 1 <= total <= POINT_LIMIT:
        raise InputError(f"The 'clients' parameter must hold 1 to {POINT_LIMIT} points, some for each client; got {total}.")
    rational_rows("clients", [point for points in found for point in points])  # one dimension for all clients
    stored = [[[str(v) for v in point] for point in points] for points in found]
    return PROGRAM.certify({"clients": stored, "clusters": integer("clusters", clusters, 1)})


def distance(a: Point, b: Point) -> Fraction:
    """Squared Euclidean distance."""
    return sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), Fraction(0))


def groups(points: Sequence[Point], mass: Sequence[int], labels: Labels) -> tuple[list[Point], list[int], Fraction]:
    """Centroids, masses and inertia of an assignment."""
    centres, masses, inertia = [], [], Fraction(0)
    for label in range(max(labels) + 1):
        members = [i for i, own in enumerate(labels) if own == label]
        weight = sum(mass[i] for i in members)
        centre = tuple(sum((mass[i] * points[i][d] for i in members), Fraction(0)) / weight for d in range(len(points[0])))
        centres.append(centre)
        masses.append(weight)
        inertia += sum((mass[i] * distance(points[i], centre) for i in members), Fraction(0))
    return centres, masses, inertia


def partitions(size: int, blocks: int) -> Iterator[Labels]:
    """Set partitions of range(size) into at most `blocks` blocks, as restricted growth strings."""

    def grow(prefix: Labels, used: int) -> Iterator[Labels]:
        if len(prefix) == size:
            yield prefix
            return
        for label in range(min(used + 1, blocks)):
            yield from grow((*prefix, label), max(used, label + 1))

    return grow((), 0)


def optima(points: Sequence[Point], mass: Sequence[int], clusters: int) -> list[Labels]:
    """All assignments of least inertia."""
    best: Fraction | None = None
    found: list[Labels] = []
    for labels in partitions(len(points), clusters):
        inertia = groups(points, mass, labels)[2]
        if best is None or inertia < best:
            best, found = inertia, []
        if inertia == best:
            found.append(labels)
    return found


def least_inertia(points: Sequence[Point], mass: Sequence[int], clusters: int) -> Fraction:
    """The optimal inertia by dynamic programming over subsets: another route than `optima`."""
    size = len(points)
    single = [Fraction(0)] * (1 << size)
    for code in range(1, 1 << size):
        members = [i for i in range(size) if code >> i & 1]
        pairs = (mass[i] * mass[j] * distance(points[i], points[j]) for i in members for j in members if i < j)
        single[code] = sum(pairs, Fraction(0)) / sum(mass[i] for i in members)
    best = list(single)
    for _ in range(min(clusters, size) - 1):
        further = list(best)
        for code in range(1, 1 << size):
            lowest = code & -code
            rest = code ^ lowest
            part = rest
            while part:  # the block of the lowest member is what is left without `part`
                further[code] = min(further[code], single[code ^ part] + best[part])
                part = (part - 1) & rest
        best = further
    return best[-1]


def federated_inertia(clients: Sequence[Sequence[Point]], local: Sequence[Labels], server: Labels) -> Fraction:
    """phi(X; C): inertia of all points at the centres that the given clusterings lead to."""
    means, masses = sent(clients, local)
    centres = groups(means, masses, server)[0]
    return sum((min(distance(x, c) for c in centres) for points in clients for x in points), Fraction(0))


def sent(clients: Sequence[Sequence[Point]], local: Sequence[Labels]) -> tuple[list[Point], list[int]]:
    """Means and counts that reach the server."""
    parts = [groups(points, [1] * len(points), labels) for points, labels in zip(clients, local, strict=True)]
    return [c for part in parts for c in part[0]], [n for part in parts for n in part[1]]


def _clients(inputs: Values) -> list[list[Point]]:
    return [[tuple(Fraction(v) for v in point) for point in points] for points in inputs["clients"]]


def _ratio(reached: Fraction, optimum: Fraction) -> Fraction:
    return reached / optimum if optimum else Fraction(1)


def _solve(inputs: Values) -> Certificate:
    clients, clusters = _clients(inputs), int(inputs["clusters"])
    everything = [x for points in clients for x in points]
    ones = [1] * len(everything)
    optimum = groups(everything, ones, optima(everything, ones, clusters)[0])[2]
    worst, witness, tried = Fraction(-1), {}, 0
    for local in product(*(optima(points, [1] * len(points), clusters) for points in clients)):
        for server in optima(*sent(clients, local), clusters):
            tried += 1
            if tried > TIE_LIMIT:
                raise InputError(f"The 'clients' parameter must have at most {TIE_LIMIT} combinations of optima; it has more.")
            ratio = _ratio(federated_inertia(clients, local, server), optimum)
            if ratio > worst:
                worst, witness = ratio, {"local": [list(labels) for labels in local], "server": list(server)}
    witness |= {"optimum": str(optimum), "ratio": str(worst)}
    reason = "K-means has no short dual; optimality is proved by dynamic programming over subsets"
    return Certificate(NAME, float(worst), None, "exact enumeration", witness, inputs, reason=reason)


def _primal(inputs: Values, witness: Values) -> Reached:
    clients, clusters = _clients(inputs), int(inputs["clusters"])
    local, server = [tuple(labels) for labels in witness["local"]], tuple(witness["server"])
    excess = [Fraction(0)]
    for points, labels in zip(clients, local, strict=True):
        ones = [1] * len(points)
        excess.append(groups(points, ones, labels)[2] - least_inertia(points, ones, clusters))
    means, masses = sent(clients, local)
    excess.append(groups(means, masses, server)[2] - least_inertia(means, masses, clusters))
    everything = [x for points in clients for x in points]
    optimum = least_inertia(everything, [1] * len(everything), clusters)
    excess.append(abs(optimum - Fraction(witness["optimum"])))
    ratio = _ratio(federated_inertia(clients, local, server), optimum)
    excess.append(abs(ratio - Fraction(witness["ratio"])))
    return Reached(float(ratio), float(max(excess)))


PROGRAM = Program("max", 0.0, _solve, _primal)
