"""Which client gains from federating, and why: coverage, counts, distance, and the terms of the bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory.assumptions import coverage
from fedroute_theory.audit.laws import QueryLaw
from fedroute_theory.audit.rows import ByLam, Placed, RouterRow
from fedroute_theory.federation import Logs

CAUSES = {
    "unlogged": "pairs without a record",
    "mismatch": "records few or unlike the test queries",
    "approximation": "cells too coarse",
}
"""Terms that a client and its federation can differ in, in plain words."""


@dataclass(frozen=True)
class CellCoverage:
    """How some records cover the global test law on the federated cells (on the tasks, for routers without cells).

    k2: K2, infinite where a (cell, model) pair with test mass has no record. where: the place, in words. pairs_empty: share
    of (cell, model) pairs without a record, cells weighted by test mass. models_never_logged: names.
    """

    k2: float
    where: str
    pairs_empty: float
    models_never_logged: tuple[str, ...]


def cell_coverage(logs: Logs, law: QueryLaw, federated: Placed) -> CellCoverage:
    """Coverage by the given records on the federated router's places."""
    places = int(federated.place.max()) + 1 if federated.cells is None else federated.cells.n_cells
    counts = np.zeros((places, logs.n_models), dtype=np.int64)
    np.add.at(counts, (federated.place[logs.query], logs.model), 1)
    mass = np.bincount(federated.place[law.rows], minlength=places) / law.size
    share = counts / counts.sum()
    ratio = np.divide(share, mass[:, None], out=np.ones_like(share), where=mass[:, None] > 0)
    measured = coverage(ratio, mass)
    names = law.problem.models
    where = ""
    if measured.hole_mass > 0:
        worst = int(measured.holes.argmax())
        where = (
            f"no record of some model in {federated.places} holding {measured.hole_mass:.0%} of the test mass; "
            f"most of all {names[worst]}, without a record on {measured.holes[worst]:.0%}"
        )
    never = tuple(names[m] for m in np.flatnonzero(counts.sum(axis=0) == 0))
    return CellCoverage(measured.k2, where, float(mass @ (counts == 0).mean(axis=1)), never)


@dataclass(frozen=True)
class ClientRow:
    """One client, alone and federated. Gains are local minus federated suboptimality (area: federated minus local), so
    positive means that federating helps.

    coverage: of the client's records on the federated cells (tasks). distance_local, distance_federated: mean distance of its
    own test queries to the nearest centre of either router, None without centres. terms_local, terms_federated: own test, at
    the headline price: the terms of the bound on the estimation gap, the approximation gap, and the bound. why: one sentence.
    """

    client: int
    records: int
    test_records: int
    coverage: CellCoverage
    distance_local: float | None
    distance_federated: float | None
    gain_own: ByLam
    gain_global: ByLam
    auc_gain_own: float
    auc_gain_global: float
    auc_published_gain_own: float
    auc_published_gain_global: float
    terms_local: dict[str, float]
    terms_federated: dict[str, float]
    why: str


@dataclass(frozen=True, eq=False)
class Compared:
    """The four evaluations a client is judged by."""

    local_own: RouterRow
    federated_own: RouterRow
    local_global: RouterRow
    federated_global: RouterRow


def client_row(
    local: Placed, federated: Placed, own: QueryLaw, everywhere: QueryLaw, rows: Compared, headline: str
) -> ClientRow:
    """Judge one client. own, everywhere: its own and the global test law; headline: the price of the terms and the reason."""
    client = int(local.client or 0)
    records = federated.logs.of_client(client)
    gain_own = _difference(rows.local_own.suboptimality, rows.federated_own.suboptimality)
    alone, together = _terms(rows.local_own, headline), _terms(rows.federated_own, headline)
    return ClientRow(
        client,
        records.size,
        own.size,
        cell_coverage(records, everywhere, federated),
        _mean_distance(local, own),
        _mean_distance(federated, own),
        gain_own,
        _difference(rows.local_global.suboptimality, rows.federated_global.suboptimality),
        rows.federated_own.auc - rows.local_own.auc,
        rows.federated_global.auc - rows.local_global.auc,
        rows.federated_own.auc_published - rows.local_own.auc_published,
        rows.federated_global.auc_published - rows.local_global.auc_published,
        alone,
        together,
        _why(headline, gain_own[headline], alone, together, str(local.failed.assumption) + " fails" if local.failed else ""),
    )


def _mean_distance(router: Placed, law: QueryLaw) -> float | None:
    return None if router.distance is None else float(router.distance[law.rows].mean())


def _difference(first: ByLam, second: ByLam) -> ByLam:
    return {lam: first[lam] - second[lam] for lam in first}


def _terms(row: RouterRow, headline: str) -> dict[str, float]:
    bound = {"bound": row.bound[headline]} if row.bound else {}
    approximation = {"approximation": row.approximation[headline]} if row.approximation else {}
    return approximation | row.terms.get(headline, {}) | bound


def _why(headline: str, gain: float, alone: dict[str, float], together: dict[str, float], not_applicable: str) -> str:
    verdict = f"gains {gain:.3g}" if gain > 1e-12 else f"loses {-gain:.3g}" if gain < -1e-12 else "no change"
    verdict += f" at lam = {headline}"
    shared = [name for name in CAUSES if name in alone and name in together]
    if "bound" not in alone or "bound" not in together:
        return f"{verdict}; no bound to compare: {not_applicable or 'none for the federated router'}"
    term = max(shared, key=lambda name: abs(alone[name] - together[name]))
    against = (gain > 0) != (alone[term] > together[term])
    return (
        f"{verdict}; {'although ' if against else ''}{CAUSES[term]} ({term}): "
        f"{alone[term]:.3g} alone, {together[term]:.3g} federated"
    )
