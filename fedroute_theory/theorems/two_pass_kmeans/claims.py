"""What the theorem says of the messages that were sent: means, certificate, and ratios where optima can be enumerated."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import ENUMERATION_LIMIT, optimal_inertia
from fedroute_theory.distances import nearest_centre
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Logs
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.two_pass_kmeans.formulas import approximation, certificate, own_ratio


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
