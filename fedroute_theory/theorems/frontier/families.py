"""Families in which the statements for every price are equalities, and statements that look right and are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.curves import deficits, envelope, height, sweep
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Claim, Control, Extremal
from fedroute_theory.theorems.bound import Bound, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.frontier.claims import claims

PRICES = (0.0, 0.01, 1.0, 30.0, 1e7)


def one_query(quality: list[float], cost: list[float], fitted: tuple[list[float], list[float]], lam: float = 0.0) -> Case:
    """A single query with the given true and fitted qualities and costs."""
    m = len(quality)
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([quality]), np.array([cost]), lam, c_max=1.0)
    one = np.ones((1, m))
    estimates = CellEstimates(
        np.zeros((1, 1)), np.array([fitted[0]]), np.array([fitted[1]]), one.astype(np.int64), 0.0 * one, one.astype(bool)
    )
    zero = np.zeros(1, dtype=np.int64)
    logs = Logs(zero, np.zeros((1, 1)), zero, zero, np.zeros(1), np.zeros(1), 1, m)
    return Case(problem, None, logs, [("pooled", None, estimates)])


def tied(lam: float = 0.0) -> Case:
    """Two models that look alike; the first is worse by 0.3 and dearer by 0.4, and the tie goes to it at every price."""
    return one_query([0.35, 0.65], [0.7, 0.3], ([0.5, 0.5], [0.5, 0.5]), lam)


def dear_twin(beta: float = 0.1) -> Case:
    """A cheap poor model, a good one, and its twin dearer by 2 beta; the router holds the two for equal and takes the twin."""
    return one_query([0.8, 0.8, 0.2], [0.5 + 2 * beta, 0.5, 0.0], ([0.8, 0.8, 0.2], [0.5 + beta, 0.5 + beta, 0.0]))


def said(case: Case) -> dict[str, Claim]:
    """The claims about the only training, by form."""
    return {claim.form: claim for claim in claims(case)}


def extremal() -> list[Extremal]:
    """The tie: equality at every price, along the whole envelope and in its area."""
    found = []
    for lam in PRICES:
        for form in ("all-prices", "all-prices-spread"):
            claim = said(tied(lam))[form]
            if isinstance(claim.answer, Bound):
                found.append(
                    Extremal(f"two models that look alike, price {lam:g}", form, claim.answer.value, claim.gap, 1.0, 1e-9)
                )
    for name, case, forms in (
        ("two models that look alike", tied(), ("envelope", "lowest-cost")),
        ("a twin that looks alike and costs more", one_query([0.8] * 2, [0.7, 0.5], ([0.8] * 2, [0.6] * 2)), ("lowest-cost",)),
    ):
        for form in forms:
            claim = said(case)[form]
            if isinstance(claim.answer, Bound):
                found.append(Extremal(name, form, claim.answer.value, claim.gap, 1.0, 1e-9))
    # on a wider axis both curves are flat: the area deficit is a times its length
    case = tied()
    best, own = (envelope(np.array([point])) for point in ([0.3, 0.65], [0.7, 0.35]))
    axis = np.linspace(0.7, 1.0, 2)
    gap = float(np.trapezoid(height(best, axis) - height(own, axis), axis))
    parts = said(case)["envelope"].answer
    if isinstance(parts, Bound):
        found.append(Extremal("two models that look alike, costs 0.7 to 1", "area", parts.value * 0.3, gap, 1.0, 1e-9))
    return found


def controls() -> list[Control]:
    """Widths of one price used for all, own cost spans, one error for two, no shift of cost, a model left out."""
    return [_one_price(), _own_spans(), _one_error(), _no_shift(), _left_out()]


def price_by_price(n: int, delta: float, prices: FloatArray) -> tuple[float, float]:
    """Fair quality and cost labels, n of each: the largest failure probability of one price, and that of any price.

    At each price the half-width of the mean utility label is the smallest with failure probability at most delta: exact
    enumeration of both counts.
    """
    from scipy.stats import binom

    law = binom.pmf(np.arange(n + 1), n, 0.5)
    joint = law[:, None] * law[None, :]
    shift = np.arange(n + 1) / n - 0.5
    anywhere, single = np.zeros_like(joint, dtype=bool), 0.0
    for price in prices:
        size = np.abs(shift[:, None] - price * shift[None, :])
        widths = np.unique(size)
        failing = np.array([joint[size > w + 1e-12].sum() for w in widths])
        width = widths[failing <= delta].min()
        single = max(single, float(failing[failing <= delta].max()))
        anywhere |= size > width + 1e-12
    return single, float(joint[anywhere].sum())


def _one_price() -> Control:
    delta = 0.1
    single, union = price_by_price(20, delta, np.concatenate([[0.0], np.geomspace(0.01, 100.0, 41)]))
    return Control(
        "one event for all prices: widths of a single price used along the sweep",
        single <= delta < union,
        f"20 fair labels of each kind, exact widths: at any one price the failure is at most {single:.4f}, somewhere on the "
        f"sweep {union:.4f}, delta = {delta:g}",
        "exact",
        "one event for all prices",
    )


def _own_spans() -> Control:
    good, poor = np.array([[0.0, 0.2], [1.0, 1.0]]), np.array([[0.9, 0.7], [1.0, 0.7]])
    own = [float(np.trapezoid(c[:, 1], c[:, 0]) / np.ptp(c[:, 0])) for c in (good, poor)]
    above = height(good, poor[:, 0]) >= poor[:, 1]
    return Control(
        "wrong axis: areas over each router's own cost span, compared",
        own[0] < own[1] and bool(above.all()),
        f"the curve that is above wherever both exist scores {own[0]:.2f}, the other one {own[1]:.2f}",
        "exact",
    )


def _one_error() -> Control:
    claim = said(tied(1.0))["all-prices"]
    half = claim.answer.value / 2.0 if isinstance(claim.answer, Bound) else 0.0
    return Control(
        "wrong constant: the largest error of quality and of cost instead of the two largest",
        claim.gap > half > 0.0,
        f"two models that look alike, price 1: gap {claim.gap:.2f} above {half:.2f}",
        "exact",
    )


def _no_shift() -> Control:
    case = dear_twin()
    problem, own = case.problem, case.trained[0][2]
    best = envelope(sweep(problem.quality, problem.cost, problem.quality, problem.cost, problem.weights).points)
    learned = envelope(sweep(*own.predict(problem.embeddings), problem.quality, problem.cost, problem.weights).points)
    wrong, right = float(deficits(best, learned, 0.0).max()), float(deficits(best, learned, 0.2).max())
    return Control(
        "wrong envelope: Env(cost) >= Q*(cost) - a without the shift of the cost by b",
        wrong > 1e-3 and right <= 1e-12,
        f"no error of quality (a = 0), costs of twins wrong by 0.1: Q* - Env reaches {wrong:.3f}, with the shift {right:.3f}",
        "exact",
    )


def _left_out() -> Control:
    case = tied(1.0)
    own = case.cell_estimates()[0][2]
    alone = replace(
        own,
        routable=np.array([[True, False]]),
        quality=np.array([[0.35, np.nan]]),
        cost=np.array([[0.7, np.nan]]),
    )
    found = said(replace(case, trained=[("pooled", None, alone)]))
    refused, kept = found["all-prices-spread"].answer, found["all-prices"].answer
    gap = found["all-prices"].gap
    return Control(
        "an estimate for every model: spreads over the models that have one",
        isinstance(refused, NotApplicable) and isinstance(kept, Bound) and kept.value >= gap > 0.0,
        f"the only estimate has no error and the gap is {gap:.2f}; {refused}",
        "exact",
        "an estimate for every model",
    )
