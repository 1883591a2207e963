"""Families in which the margin rates are attained, and statements that look right and are wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import largest_scale, margin_law, margins
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.problems import Margin, Tabular
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.margin_rate import formulas
from fedroute_theory.theorems.margin_rate.broken import broken
from fedroute_theory.theorems.margin_rate.lines import kappa, worst_loss


@dataclass(frozen=True, eq=False)
class Worst:
    """A problem and a greedy router with chosen losses: gap, margins and spreads are read off the problem itself."""

    problem: Tabular
    estimates: CellEstimates

    @property
    def gap(self) -> float:
        """Exact suboptimality of the router."""
        return self.problem.suboptimality(self.estimates.policy(0.0)).value

    @property
    def error(self) -> FloatArray:
        """(n, M) U - U_hat."""
        return self.problem.utility - self.estimates.utility_at(self.problem.embeddings, 0.0)

    @property
    def osc(self) -> FloatArray:
        """(n,) spread of the errors."""
        spread: FloatArray = np.ptp(self.error, axis=1)
        return spread

    @property
    def s(self) -> float:
        """Root of E osc^2."""
        return math.sqrt(self.problem.mean(self.osc**2))

    @property
    def margin(self) -> FloatArray:
        """(n,) margin of each query."""
        return margins(self.problem.utility)


def worst_router(margin: FloatArray, loss: FloatArray, weights: FloatArray, share: FloatArray | None = None) -> Worst:
    """Queries with the given margins (n,), routed by tied estimates to a model that loses `loss` (n,), 0 or at least D.

    Models: the one that is taken (utility best - loss, or best - D where nothing is lost), the best, the runner-up. Where
    loss exceeds D the runner-up's error is that of the best, so the spread of the errors is the loss. share: (n,) part of
    the loss that is the best model's error (default one half); the rest is, with the other sign, that of the one taken.
    """
    part = np.full(margin.shape, 0.5) if share is None else share
    wrong = loss > 0.0
    quality = 1.0 - np.stack([np.where(wrong, loss, margin), np.zeros_like(margin), margin], axis=1)
    up, down = np.where(wrong, part * loss, 0.0), np.where(wrong, (1.0 - part) * loss, 0.0)
    third = np.where(margin >= up, 0.0, up)
    fitted = quality - np.stack([-down, up, third], axis=1)
    fitted[wrong, 0] = fitted[wrong].max(axis=1)  # the tie, exactly
    n = margin.size
    one = np.ones((n, 3))
    places = np.arange(n, dtype=np.float64)[:, None]
    problem = Tabular(places, weights, quality, np.zeros_like(quality))
    return Worst(problem, CellEstimates(places, fitted, 0.0 * one, one.astype(np.int64), 0.0 * one, one.astype(bool)))


def staircase(a: float, t0: float, n: int) -> FloatArray:
    """(n,) margins with P(D <= t) <= (t / t0)^a, with equality at every one of them: t0 (i / n)^(1/a)."""
    steps: FloatArray = t0 * (np.arange(1, n + 1) / n) ** (1.0 / a)
    return steps


def extremal() -> list[Extremal]:
    """Every form with the router that attains it."""
    n, t0 = 1000, 0.8
    flat = np.full(n, 1.0 / n)
    found = []
    for a in (0.5, 1.0, 4.0):
        d = staircase(a, t0, n)
        law = f"exponent {a:g}"
        t = d[n // 2 - 1]
        worst = worst_router(d, np.where(d <= t, t, 0.0), flat)
        value = formulas.sup_rate(eps=float(worst.osc.max()) / 2.0, a=a, t0=t0).value
        found.append(Extremal(f"{law}: a third model at the sup error", "sup", value, worst.gap, 1.0, 1e-9))
        worst = worst_router(d, worst_loss(d, np.asarray(t)), flat)
        value = formulas.l2_law(s=worst.s, margin=worst.margin, mass=flat, R=1.0).value
        found.append(Extremal(f"{law}: a third model at t/2", "law", value, worst.gap, 1.0, 1e-9))
        value = formulas.l2_rate(s=worst.s, a=a, t0=t0).value
        found.append(Extremal(f"{law}: a third model at t/2, {n} margins", "l2", value, worst.gap, 1.0, 5e-3))
        lifted = np.maximum(d, t / 2.0)
        worst = worst_router(lifted, np.where(d <= t, lifted, 0.0), flat)
        value = formulas.l2_rate(s=worst.s, a=a, t0=t0).value
        found.append(Extremal(f"{law}: two models, no margin below t/2", "l2", value, worst.gap, 1.0, 5e-3))
        worst = worst_router(d, np.where(d <= t, d, 0.0), flat)
        value = formulas.two_model_law(s=worst.s, margin=worst.margin, mass=flat).value
        found.append(Extremal(f"{law}: tied estimates up to u", "two-model-law", value, worst.gap, 1.0, 1e-9))
        value = formulas.two_model(s=worst.s, a=a, t0=t0).value
        found.append(Extremal(f"{law}: tied estimates up to u, {n} margins", "two-model", value, worst.gap, 1.0, 5e-3))
        value = formulas.margin_line(osc=worst.osc, margin=worst.margin, mass=flat).value
        found.append(Extremal(f"{law}: tied estimates up to u", "margin", value, worst.gap, 1.0, 1e-9))
    return [*found, *_with_coverage()]


def covered_family(constant: bool) -> tuple[Worst, FloatArray, float, FloatArray]:
    """A worst router under a logging law d rho / d nu = `ratio` (n, 3): the router, k2, eps and the weights."""
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    margin = np.array([0.1, 0.05, 0.2, 0.3])
    w = np.array([[8.0, 8.0, 1.0]] * 4) if constant else np.array([[4.0, 8, 1], [3, 3, 2], [30, 10, 9], [40, 40, 1]])
    k2 = np.sort(w, axis=1)[:, -2:].sum(axis=1)
    theta = 0.18 / float(k2[0])
    loss = worst_loss(margin, theta * k2)
    share = w[:, 1] / (w[:, 0] + w[:, 1])
    worst = worst_router(margin, loss, weights, share)
    eps = math.sqrt(float(weights @ (worst.error**2 / w).sum(axis=1)))
    return worst, k2, eps, weights


def _with_coverage() -> list[Extremal]:
    worst, k2, eps, weights = covered_family(constant=False)
    value = formulas.joint(eps=eps, margin=worst.margin, k2=k2, mass=weights, R=1.0).value
    joint = Extremal("errors in the proportion of w, runner-up without error", "joint", value, worst.gap, 1.0, 1e-9)
    d = np.array([0.3, 0.6])
    half = np.full(2, 0.5)
    worst = worst_router(d, np.array([0.3, 0.0]), half)
    eps = math.sqrt(float(half @ (worst.error**2 / 4.0).sum(axis=1)))  # w = 4 everywhere: k2 = 8
    s = eps * math.sqrt(8.0)
    value = formulas.l2_law(s=s, margin=worst.margin, mass=half, R=1.0).value
    return [joint, Extremal("equal coverage, two models", "chained", value, worst.gap, 1.0, 1e-9)]


def controls() -> list[Control]:
    """Ties, the wrong coverage constant, wrong exponents and constants, a scale that the law does not have."""
    return [_ties(), _wrong_k2(), *_wrong_rates(), _wrong_scale(), *broken()]


def _ties() -> Control:
    problem = Margin.make(exponent=1.0, copies=1, strata=50)
    # estimates: 1/2 for all: the router takes model 0, which loses on the right side
    loss = problem.optimum - problem.utility[:, 0]
    ordered = np.sort(problem.utility, axis=1)
    plain = ordered[:, -1] - ordered[:, -2]
    osc = np.ptp(problem.utility - 0.5, axis=1)
    said = problem.mean(np.where((plain > 0.0) & (plain <= osc), osc, 0.0))
    right = problem.mean(np.where(margins(problem.utility) <= osc, osc, 0.0))
    gap = problem.mean(loss)
    return Control(
        "wrong margin: best minus second best, not the largest STRICTLY smaller utility",
        said < gap <= right,
        f"a copy of the best model: the wrong line gives {said:.3f}, the gap is {gap:.3f}, the right line {right:.3f}",
        "exact",
    )


def _wrong_k2() -> Control:
    half, d = np.full(2, 0.5), np.array([0.5, 0.5])
    worst = worst_router(d, np.array([0.5, 0.0]), half)
    ratio = np.array([[0.1, 0.1], [0.9, 0.9]])
    eps = math.sqrt(float(half @ (ratio * worst.error[:, :2] ** 2).sum(axis=1)))
    k2 = 2.0 / ratio[:, 0]
    wrong = formulas.l2_law(s=eps * math.sqrt(float(half @ k2)), margin=d, mass=half, R=1.0).value
    right = formulas.chained(eps=eps, k2_sup=float(k2.max()), a=1e6, t0=0.5).value
    return Control(
        "E osc^2 <= eps^2 K2 (the mean of k2 in place of its sup)",
        wrong < worst.gap <= right * (1.0 + 1e-5),
        f"errors where coverage is least: the wrong chain gives {wrong:.3f}, the gap is {worst.gap:.3f}, sup k2 {right:.3f}",
        "exact",
    )


def _wrong_rates() -> list[Control]:
    a, t0, n = 1.0, 0.8, 4000
    d, flat = staircase(a, t0, n), np.full(n, 1.0 / n)
    t = 0.02 * t0
    worst = worst_router(d, worst_loss(d, np.asarray(t)), flat)
    sup_like = formulas.sup_rate(eps=worst.s / 2.0, a=a, t0=t0).value
    right = formulas.l2_rate(s=worst.s, a=a, t0=t0).value
    wrong = right * 2.0 ** (-1.0 / (a + 2.0))
    return [
        Control(
            "wrong exponent: 1 + a, that of a sup error, for a root mean square",
            sup_like < worst.gap <= right,
            f"s = {worst.s:.2e}: s (s/t0)^a = {sup_like:.2e}, the gap is {worst.gap:.2e}, the l2 rate {right:.2e}",
            "exact",
        ),
        Control(
            f"wrong constant: kappa_1 = {kappa(a) / 2.0:.4f} instead of {kappa(a):.4f}",
            wrong < worst.gap,
            f"gap {worst.gap:.3e} above {wrong:.3e}",
            "exact",
        ),
    ]


def _wrong_scale() -> Control:
    n, t0 = 1000, 0.4
    d, flat = staircase(1.0, t0, n), np.full(n, 1.0 / n)
    worst = worst_router(d, worst_loss(d, np.asarray(0.1)), flat)
    measured = largest_scale(margin_law(worst.margin, flat), 1.0)
    claimed = 2.0 * t0
    said = formulas.l2_rate(s=worst.s, a=1.0, t0=claimed).value
    return Control(
        "margin condition claimed with a scale that the law does not have",
        said < worst.gap and measured < claimed,
        f"t0 = {claimed:g} claimed, {measured:.4g} measured: the rate says {said:.4f}, the gap is {worst.gap:.4f}",
        "exact",
        "margin condition",
    )
