"""two-pass-kmeans: what federated K-means shares with pooled K-means, and a certificate without raw data."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.assumptions import ENUMERATION_LIMIT, optimal_inertia
from fedroute_theory.distances import nearest_centre
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Logs
from fedroute_theory.theorems.base import Case, Claim, Control, Extremal, Formula, Quantity, Theorem
from fedroute_theory.theorems.bound import Bound, Measurement, NotApplicable

STATEMENT = """\
Pass 1: client i sends the means B_i of its local assignment, their counts, and the inertia W_i of that very assignment.
Pass 2: with common centres C, clients send counts and sums by cell and model.
(a) Count-weighted client means are the pooled means over the same centres.
(b) phi(X; C) <= sum_i W_i + phi_w(B; C), phi the squared-distance inertia: the server knows the right-hand side.
(c) If local solvers are alpha-approximate with at least K centres and the server's is beta-approximate,
    phi(X; C) <= (alpha + beta (1 + sqrt(alpha))^2) OPT_K(X); at most 5 OPT_K when both are exact, and 5 is best possible.
(d) With exact solvers the server knows a ratio of its own: with W = sum_i W_i and F = phi_w(B; C),
    phi(X; C) / OPT_K(X) <= (W + F) / max(W, (sqrt(F) - sqrt(W))_+^2) <= 5."""

EXACT_SOLVERS_FACTOR = 5.0
"""The factor of (c) for alpha = beta = 1."""


def certificate(*, inertias: FloatArray, weighted_inertia: float) -> Bound:
    """(b): sum of the clients' inertias plus the weighted inertia of their centres."""
    return Bound({"within local cells": float(inertias.sum()), "between local centres": weighted_inertia})


def approximation(*, alpha: float, beta: float, optimum: float = 1.0) -> Bound:
    """(c): alpha OPT + beta (1 + sqrt(alpha))^2 OPT."""
    return Bound(
        {"within local cells": alpha * optimum, "between local centres": beta * (1.0 + math.sqrt(alpha)) ** 2 * optimum}
    )


def own_ratio(*, inertia: float, weighted_inertia: float) -> Bound:
    """(d): (W + F) / max(W, (sqrt(F) - sqrt(W))_+^2), for exact solvers; 1 when both vanish."""
    optimum = max(inertia, max(0.0, math.sqrt(weighted_inertia) - math.sqrt(inertia)) ** 2)
    if optimum == 0.0:
        return Bound({"nothing to lose": 1.0})
    return Bound(
        {"within local cells": inertia / optimum, "between local centres": weighted_inertia / optimum},
        trivial=EXACT_SOLVERS_FACTOR,
    )


def pooled_mean(*, counts: FloatArray, means: FloatArray) -> Bound:
    """(a): the count-weighted mean of client means of one cell and model."""
    if counts.size != means.size or counts.sum() <= 0:
        raise InputError(f"The 'counts' parameter must be {means.size} counts, not all zero; got {counts.tolist()}.")
    shares = counts / counts.sum()
    return Bound({f"client {i}": float(v) for i, v in enumerate(shares * means)}, kind="identity")


_FACTOR = "the solver's inertia divided by the optimal one"
FORMS = {
    "approximation": Formula(
        approximation,
        {
            "alpha": Quantity("worst local approximation factor: " + _FACTOR, "", 1.0),
            "beta": Quantity("server approximation factor: " + _FACTOR, "", 1.0),
            "optimum": Quantity("OPT_K of all records", "squared distance", 0.0),
        },
    ),
    "certificate": Formula(
        certificate,
        {
            "inertias": Quantity("W_i of each client", "squared distance", 0.0, shape=(None,)),
            "weighted_inertia": Quantity("phi_w(B; C)", "squared distance", 0.0),
        },
    ),
    "own-ratio": Formula(
        own_ratio,
        {
            "inertia": Quantity("W, the sum of the clients' inertias", "squared distance", 0.0),
            "weighted_inertia": Quantity("F = phi_w(B; C)", "squared distance", 0.0),
        },
    ),
    "means": Formula(
        pooled_mean,
        {
            "counts": Quantity("records of the pair, by client", "records", 0.0, whole=True, shape=(None,)),
            "means": Quantity("mean label of the pair, by client", "label", shape=(None,)),
        },
    ),
}


def claims(case: Case) -> Iterable[Claim]:
    """(a) and (b) from the messages; (c) where the instance is small enough for exact optima."""
    first = [m for m in case.messages if isinstance(m, ClientCentres)]
    sent = [m for m in case.messages if isinstance(m, Broadcast)]
    second = [m for m in case.messages if isinstance(m, CellStatistics)]
    if not (first and sent and second):
        return
    logs, centres = case.logs, sent[0].centres
    yield from _certificate_claims(logs, centres, first)
    yield _means_claim(logs, centres, second)


def _certificate_claims(logs: Logs, centres: FloatArray, first: list[ClientCentres]) -> Iterable[Claim]:
    silent = [m.sender for m in first if len(m.centres) == 0]
    measured = Measurement(
        "every client sends its centres",
        not silent,
        float(len(silent)),
        how="clients whose records all coincide send none",
        where=", ".join(silent),
        limit=0.0,
    )
    phi = float((nearest_centre(logs.embedding, centres)[1] ** 2).sum())
    if silent:
        answer = NotApplicable(measured.name, f"no centre from {', '.join(silent)}")
        yield Claim("certificate", "federated", None, logs.size, answer, phi, assumptions=(measured,))
        return
    points = np.concatenate([m.centres for m in first])
    weights = np.concatenate([m.counts for m in first]).astype(np.float64)
    between = float(weights @ nearest_centre(points, centres)[1] ** 2)
    bound = certificate(inertias=np.concatenate([m.inertia for m in first]), weighted_inertia=between)
    rounding = 1e-12 * bound.value  # sums of D squares, compared between two routes
    yield Claim("certificate", "federated", None, logs.size, bound, phi - rounding, assumptions=(measured,))
    yield from _approximation_claims(logs, centres, first, between, phi)


def _means_claim(logs: Logs, centres: FloatArray, second: list[CellStatistics]) -> Claim:
    """Largest difference between the server's means and the means over the union, against its rounding allowance."""
    counts = np.sum([m.counts for m in second], axis=0)
    flat = [m.quality if m.quality.ndim == 2 else m.quality[0] for m in second]
    cells = nearest_centre(logs.embedding, centres)[0]
    place = cells * logs.n_models + logs.model
    direct = np.bincount(place, minlength=counts.size).reshape(counts.shape)
    union = np.bincount(place, logs.quality, counts.size).reshape(counts.shape)
    logged = counts > 0
    difference = np.abs(np.sum(flat, axis=0) - union)[logged] / counts[logged]
    same_counts = bool((direct == counts).all())
    allowance = Bound({"rounding": float(logs.size * np.finfo(float).eps)}, kind="identity")
    gap = float(difference.max()) if same_counts else math.inf
    return Claim("means", "federated", None, logs.size, allowance, gap)


def _approximation_claims(
    logs: Logs, centres: FloatArray, first: list[ClientCentres], between: float, phi: float
) -> Iterable[Claim]:
    k = len(centres)
    sent = np.concatenate([m.centres for m in first])
    if max(k ** (logs.size - 1), k ** (len(sent) - 1)) > ENUMERATION_LIMIT:
        return
    own = [logs.of_client(int(c)).embedding for c in np.unique(logs.client)]
    optima = np.array([optimal_inertia(points, k) for points in own])
    alpha = _factor(np.concatenate([m.inertia for m in first]), optima)
    weights = np.concatenate([m.counts for m in first]).astype(np.float64)
    beta = _factor(np.array([between]), np.array([optimal_inertia(sent, k, weights)]))
    measured = Measurement(
        "approximation factors",
        math.isfinite(alpha) and math.isfinite(beta),
        max(alpha, beta) if math.isfinite(alpha) and math.isfinite(beta) else None,
        how="exact optima by enumeration: alpha, beta the largest ratios",
    )
    if not measured.holds:
        answer = NotApplicable(measured.name, "an optimal inertia is zero and the solver's is not")
        yield Claim("approximation", "federated", None, logs.size, answer, phi, assumptions=(measured,))
        return
    optimum = optimal_inertia(logs.embedding, k)
    bound = approximation(alpha=alpha, beta=beta, optimum=optimum)
    yield Claim("approximation", "federated", None, logs.size, bound, phi, assumptions=(measured,))
    if max(alpha, beta) <= 1.0 + 1e-9 and optimum > 0.0:
        ratio = own_ratio(inertia=float(sum(m.inertia[0] for m in first)), weighted_inertia=between)
        yield Claim("own-ratio", "federated", None, logs.size, ratio, phi / optimum, assumptions=(measured,))


def _factor(reached: FloatArray, optimal: FloatArray) -> float:
    """Largest ratio of reached to optimal inertia, 1 where both vanish."""
    negligible = reached <= 1e-12 * (1.0 + reached.max(initial=0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(negligible, 1.0, reached / optimal)
    return max(1.0, float(ratio.max()))


def extremal() -> list[Extremal]:
    """(a) and (b) are equalities when the server keeps every local centre and cells do not change hands."""
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    centres = np.array([[0.5], [10.5]])
    phi = float((nearest_centre(points, centres)[1] ** 2).sum())
    bound = certificate(inertias=np.array([0.5, 0.5]), weighted_inertia=0.0)
    sides, planes = 6, 4
    kappa = math.cos(math.pi / (2 * sides)) ** 2
    reached, optimum = polygon_family(sides, planes)
    factor = approximation(alpha=1.0, beta=1.0, optimum=optimum)
    return [
        Extremal("global centres equal to the local ones", "certificate", bound.value, phi, 1.0, 1e-12),
        Extremal(
            f"products of {2 * sides}-gons in {planes} planes (tends to 1 with both)",
            "approximation",
            factor.value,
            reached,
            EXACT_SOLVERS_FACTOR / (1.0 + 4.0 * kappa * (1.0 - 1.0 / planes)),
            1e-9,
        ),
    ]


def polygon_family(sides: int, planes: int) -> tuple[float, float]:
    """The worst family known: inertia reached by exact solvers with unlucky ties, and the inertia of good centres.

    Client d holds, for every vertex z of a grid of side midpoints, the two ends of side z_d in plane d. Its optimal
    clustering pairs ends across vertices; the server's optimal clustering then keeps only every other vertex. The grid has
    sides^planes vertices. Proof: proofs/two-pass-kmeans.
    """
    turn = 2.0 * math.pi * np.arange(sides) / sides
    inner, outer = 0.25 / math.tan(math.pi / (2 * sides)), 0.25 / math.sin(math.pi / (2 * sides))

    def at(radius: float, shift: float) -> FloatArray:
        return radius * np.stack([np.cos(turn + shift), np.sin(turn + shift)], axis=1)

    middle, between = at(inner, 0.0), at(inner, math.pi / sides)
    ends = at(outer, math.pi / (2 * sides)), at(outer, -math.pi / (2 * sides))
    vertex = np.indices((sides,) * planes).reshape(planes, -1).T
    base = middle[vertex]  # (K, planes, 2)
    points = []
    for d in range(planes):
        for end in ends:
            moved = base.copy()
            moved[:, d] = end[vertex[:, d]]
            points.append(moved.reshape(len(vertex), -1))
    even = vertex[vertex.sum(axis=1) % 2 == 0]
    centres = [
        (middle[even] + (between[(even - shift) % sides] - middle[even]) / planes).reshape(len(even), -1) for shift in (0, 1)
    ]
    data = np.concatenate(points)
    reached = float((nearest_centre(data, np.concatenate(centres))[1] ** 2).sum())
    return reached, float((nearest_centre(data, base.reshape(len(vertex), -1))[1] ** 2).sum())


def controls() -> list[Control]:
    """Stale labels: the nearest-centre inertia in place of the inertia of the assignment whose means were sent."""
    # Labels {0, 6 | 9}: means 3 and 9; the record at 6 is equally near to both, 5.9 and 6.1 are not.
    points, labels = np.array([[0.0], [7.0], [9.0]]), np.array([0, 0, 1])
    means = np.array([points[labels == k].mean(axis=0) for k in (0, 1)])
    nearest = float((nearest_centre(points, means)[1] ** 2).sum())
    own = float(((points - means[labels]) ** 2).sum())
    weights = np.array([2.0, 1.0])
    server = np.array([[3.5]])
    phi = float((nearest_centre(points, server)[1] ** 2).sum())
    between = float(weights @ nearest_centre(means, server)[1] ** 2)
    worst = approximation(alpha=1.0, beta=1.0).value
    return [
        Control(
            "certificate with nearest-centre inertia and stale labels",
            phi > nearest + between and phi <= own + between + 1e-12,
            f"phi {phi:.2f} above {nearest + between:.2f}; with the inertia of the assignment itself {own + between:.2f}",
            "exact",
        ),
        Control(
            "wrong constant: the between-centres term dropped",
            phi > own,
            f"phi {phi:.2f} above {own:.2f}; the factor of (c) for exact solvers is {worst:.0f}",
            "exact",
        ),
    ]


THEOREM = Theorem(
    slug="two-pass-kmeans",
    title="Two-pass federated K-means",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "every client sends its centres": "(b): a client whose records all coincide sends none",
        "approximation factors": "(c): known only where optima can be enumerated, with at least K local centres",
    },
    source="Huygens' decomposition and the triangle inequality in L2; proofs/two-pass-kmeans",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "every client sends its centres": "a client needs two distinct queries before it can send a centre",
        "approximation factors": "give local solvers at least K centres, and more restarts until none misses its optimum",
    },
)
