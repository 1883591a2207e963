"""Arenas of federated K-means: any assignments and centres; exact solvers with the worst ties, in fractions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from fedroute_theory._validate import InputError
from fedroute_theory.attack.arena import Arena, Attempt, Part, Values, attempt, from_claims
from fedroute_theory.certify.optimal_kmeans import federated_inertia, groups, least_inertia, optimal_kmeans, sent
from fedroute_theory.distances import nearest_centre
from fedroute_theory.federation import Broadcast, CellStatistics, ClientCentres, Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Case, Theorem

STEPS = 8
"""Coordinates of the exact arena are integers up to it."""

LINE_SIZES = {"records": (1, 7), "clients": (1, 3), "dimension": (1, 2), "clusters": (1, 3)}
OWNER = Part("owner", ("records",), 0, "clients", whole=True)


def _messages(values: Values, logs: Logs) -> tuple[ClientCentres | Broadcast | CellStatistics, ...]:
    """What any local assignment and any global centres send."""
    first: list[ClientCentres | Broadcast | CellStatistics] = []
    second: list[ClientCentres | Broadcast | CellStatistics] = []
    points, centres = logs.embedding, values["centres"]
    for client in np.unique(logs.client).tolist():
        own = np.flatnonzero(logs.client == client)
        label = values["label"][own]
        kinds = np.unique(label)
        means = np.stack([points[own[label == k]].mean(axis=0) for k in kinds])
        inertia = sum(float(((points[own[label == k]] - m) ** 2).sum()) for k, m in zip(kinds, means, strict=True))
        counts = np.array([(label == k).sum() for k in kinds])
        first.append(ClientCentres(f"client {client}", means, counts, np.array([inertia])))
        cell, distance = nearest_centre(points[own], centres)
        size, shape = len(centres) * logs.n_models, (len(centres), logs.n_models)
        place = cell * logs.n_models + logs.model[own]
        sums = [
            np.bincount(place, v, size).reshape(shape).astype(np.float64)
            for v in (np.ones(own.size), logs.quality[own], logs.cost[own], distance)
        ]
        second.append(CellStatistics(f"client {client}", sums[0].astype(np.int64), *sums[1:]))
    return (*first, Broadcast("server", centres), *second)


def _any(theorem: Theorem, values: Values) -> list[Attempt]:
    n = values["records"]
    _, owner = np.unique(values["owner"], return_inverse=True)
    problem = Tabular(values["points"], np.ones(n), np.full((n, 2), 0.5), np.zeros((n, 2)))
    logs = Logs(
        owner, values["points"], np.arange(n), np.arange(n) % 2, values["quality"], np.zeros(n), int(owner.max()) + 1, 2,
        "unknown", "fixed",
    )  # fmt: skip
    case = Case(problem, None, logs, [], messages=_messages(values, logs))
    return from_claims(theorem, case, {"means": "upper"})


def _exact(theorem: Theorem, values: Values) -> list[Attempt]:
    points, clusters = values["points"], int(values["clusters"])
    clients = [points[values["owner"] == i].tolist() for i in np.unique(values["owner"])]
    if sum(len(np.unique(np.array(c), axis=0)) for c in clients) > 8:
        raise InputError("The instance has too many points for the enumeration.")
    found = optimal_kmeans(clients, clusters)
    own = [[tuple(Fraction(v) for v in point) for point in part] for part in clients]
    everything = [x for part in own for x in part]
    optimum = float(least_inertia(everything, [1] * len(everything), clusters))
    local = [tuple(labels) for labels in found.witness["local"]]
    inertia = sum(float(groups(part, [1] * len(part), labels)[2]) for part, labels in zip(own, local, strict=True))
    means, mass = sent(own, local)
    server = tuple(found.witness["server"])
    between = float(groups(means, mass, server)[2])
    reached = float(federated_inertia(own, local, server))
    factor = theorem.forms["approximation"](alpha=1.0, beta=1.0, optimum=optimum)
    ratio = theorem.forms["own-ratio"](inertia=inertia, weighted_inertia=between)
    seen = theorem.forms["certificate"](inertias=np.array([inertia]), weighted_inertia=between)
    return [
        attempt("approximation", reached, factor.value, terms=factor.terms),
        attempt("own-ratio", found.primal, ratio.value, terms=ratio.terms),
        attempt("certificate", reached, seen.value, terms=seen.terms),
    ]


def _witnesses() -> Iterator[Values]:
    """Clients {0, 1, 2} and {1, 2, 3}; two clients whose tied pairs meet in the middle."""
    line = np.array([0, 1, 2, 1, 2, 3])[:, None]
    yield {"records": 6, "clients": 2, "dimension": 1, "clusters": 2, "points": line, "owner": np.array([0, 0, 0, 1, 1, 1])}
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2], [1, 1], [1, 1]])
    yield {"records": 6, "clients": 2, "dimension": 2, "clusters": 2, "points": square, "owner": np.array([0, 0, 0, 0, 1, 1])}


ANY = Arena(
    "any-assignment",
    LINE_SIZES,
    (
        Part("points", ("records", "dimension")), Part("quality", ("records",)), OWNER,
        Part("label", ("records",), 0, "clusters", whole=True), Part("centres", ("clusters", "dimension")),
    ),
    _any,
)  # fmt: skip
EXACT = Arena(
    "exact-solvers",
    LINE_SIZES,
    (Part("points", ("records", "dimension"), 0, STEPS, whole=True), OWNER),
    _exact,
    witnesses=_witnesses,
)
