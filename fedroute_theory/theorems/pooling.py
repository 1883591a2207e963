"""pooling: coverage per record of all clients together is never worse than any one client's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.assumptions import coverage
from fedroute_theory.theorems.base import Claim, Control, Extremal, Theorem
from fedroute_theory.theorems.bound import Bound, Measurement, NotApplicable
from fedroute_theory.theorems.broken import refused, table_cases
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.formula import LEAST_K2, ROUNDING, Formula, Quantity
from fedroute_theory.theorems.pooling_steps import steps

STATEMENT = """\
rho_bar = sum_i (D_i / D) rho_i, w_bar = d nu / d rho_bar.  Then 1 / w_bar = sum_i (D_i / D) / w_i pointwise, hence
  D / K2(rho_bar) >= sum_i D_i / K2(rho_i):  effective sample sizes add up, at least. In particular
  K2(rho_bar) / D <= min_i K2(rho_i) / D_i.
So a bound that grows with K2(rho) / n, at the same total excess empirical risk S, is for the federation at most every
client's own. It does NOT follow at the same excess risk per record, nor in every realised draw."""


def per_record(*, K2: FloatArray, records: FloatArray) -> Bound:
    """min_i K2(rho_i) / D_i, which K2(rho_bar) / D never exceeds."""
    if K2.size != records.size:
        raise InputError(f"The 'records' parameter must have one entry a client ({K2.size}); got {records.size}.")
    return Bound({"best client": float((K2 / records).min())}, kind="comparison")


def effective_size(*, K2: FloatArray, records: FloatArray) -> Bound:
    """1 / sum_i D_i / K2(rho_i), which K2(rho_bar) / D never exceeds; clients without coverage count as zero."""
    if K2.size != records.size:
        raise InputError(f"The 'records' parameter must have one entry a client ({K2.size}); got {records.size}.")
    return Bound({"1 / sum of effective sizes": float(1.0 / (records / K2).sum())}, kind="comparison")


def pooled_ratio(*, w: FloatArray, records: FloatArray) -> Bound:
    """w_bar = 1 / sum_i (D_i / D) / w_i at one query and model."""
    if w.size != records.size:
        raise InputError(f"The 'records' parameter must have one entry a client ({w.size}); got {records.size}.")
    return Bound({"w_bar": float(1.0 / (records / records.sum() / w).sum())}, kind="identity")


_RECORDS = Quantity("records of each client", "records", 1.0, whole=True, shape=(None,))
_K2 = Quantity("K2 of each client", "", LEAST_K2, slack=ROUNDING, shape=(None,))
FORMS = {
    "per-record": Formula(per_record, {"K2": _K2, "records": _RECORDS}),
    "effective-size": Formula(effective_size, {"K2": _K2, "records": _RECORDS}),
    "w-bar": Formula(pooled_ratio, {"w": Quantity("w of each client", "", 1e-300, shape=(None,)), "records": _RECORDS}),
}


def claims(case: Case) -> Iterable[Claim]:
    """K2(rho_bar) / D beside min_i K2(rho_i) / D_i, exact at the test queries."""
    if case.federation is None:
        return
    problem, records = case.problem, case.federation.records
    clients = [coverage(ratio, problem.weights) for ratio in case.federation.coverage(problem)]
    pooled = coverage(case.federation.pooled_coverage(problem), problem.weights)
    total = int(records.sum())
    measured = Measurement(
        "a client that covers the test law",
        any(math.isfinite(c.k2) for c in clients),
        float(sum(not math.isfinite(c.k2) for c in clients)),
        how=f"number of clients of {len(clients)} with infinite K2",
        where="" if math.isfinite(pooled.k2) else pooled.where(problem.models),
        limit=len(clients) - 1.0,
    )
    if not measured.holds:
        answer = NotApplicable(measured.name, f"K2 is infinite for all {len(clients)} clients")
        yield Claim("per-record", "federated", None, total, answer, math.nan, assumptions=(measured,))
        return
    finite = [i for i, c in enumerate(clients) if math.isfinite(c.k2)]
    k2, own = np.array([clients[i].k2 for i in finite]), records[finite].astype(np.float64)
    for form, formula in {"per-record": per_record, "effective-size": effective_size}.items():
        bound = formula(K2=k2, records=own)
        yield Claim(form, "federated", None, total, bound, pooled.k2 / total, assumptions=(measured,))


def extremal() -> list[Extremal]:
    """The others log only where the client's least covered pair has no mass: equality."""
    weights = np.array([1.0, 0.0])
    own = np.array([[0.5, 0.5], [0.0, 0.0]])  # d rho / d nu on the query with mass
    elsewhere = np.zeros((2, 2))
    records = np.array([100, 900])
    pooled = np.tensordot(records / records.sum(), np.stack([own, elsewhere]), axes=1)
    k2 = coverage(own, weights).k2
    value = per_record(K2=np.array([k2]), records=np.array([100.0])).value
    gap = coverage(pooled, weights).k2 / float(records.sum())
    alike = coverage(np.array([[0.5, 0.5]]), np.ones(1)).k2
    together = effective_size(K2=np.array([alike, alike]), records=np.array([100.0, 300.0])).value
    return [
        Extremal("all other records where the test law has no mass", "per-record", value, gap, 1.0, 1e-12),
        Extremal("clients with the same law", "effective-size", together, alike / 400.0, 1.0, 1e-12),
    ]


def least_squares_level(k2: float, excess: float, n: int, classes: float, delta: float) -> float:
    """sqrt(K2 (S + log(2 |F| / delta)) / (c n)) with c = 1 - e^{-1/2}: the level that the trap below misuses."""
    return math.sqrt(k2 * (excess + math.log(2.0 * classes / delta)) / ((1.0 - math.exp(-0.5)) * n))


def controls() -> list[Control]:
    """Equal excess risk per record does not order the bounds; K2 itself is not ordered either."""
    eps_opt, delta, classes = 0.01, 0.05, 1024.0
    local = least_squares_level(4.0, 100 * eps_opt, 100, classes, delta)
    federated = least_squares_level(400.0, 10_000 * eps_opt, 10_000, classes, delta)
    return [
        Control(
            "at equal excess risk per record the federated bound is never larger",
            federated > local,
            f"100 covering records, 9,900 elsewhere, eps_opt = {eps_opt}: local {local:.2f}, federated {federated:.2f}",
            "exact",
        ),
        Control(
            "wrong form: K2(rho_bar) <= min_i K2(rho_i) without the record counts",
            coverage(np.full((1, 2), 0.005), np.ones(1)).k2 > coverage(np.full((1, 2), 0.5), np.ones(1)).k2,
            "the same laws: K2 is 4 for the covering client and 400 for the pool",
            "exact",
        ),
        refused("a client that covers the test law", claims(table_cases()["coverage"])),
    ]


THEOREM = Theorem(
    slug="pooling",
    title="Pooling",
    kind="comparison",
    statement=STATEMENT,
    assumptions={"a client that covers the test law": "otherwise every K2(rho_i) is infinite and nothing is compared"},
    source="linearity of rho_bar; proofs/pooling",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={"a client that covers the test law": "some client must log every model wherever the test law has mass"},
    steps=partial(steps, claims),
)
