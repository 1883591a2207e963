"""The sweep of a greedy router over all prices, exactly, and concave envelopes of accuracy against cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Sweep:
    """All decisions of a greedy router as the price falls from infinity to zero, ties at the breaks left out.

    price: (S,) falling; points[j] is reached at prices between price[j - 1] (infinity for j = 0) and price[j] (0 at the end).
    points: (S + 1, 2) true mean cost and true mean quality.
    """

    price: FloatArray
    points: FloatArray

    def at(self, price: FloatArray) -> FloatArray:
        """(L, 2) the point reached just below each price (L,)."""
        reached: FloatArray = self.points[np.searchsorted(-self.price, -price, side="right")]
        return reached

    def value(self, price: FloatArray) -> FloatArray:
        """(L,) quality - price x cost of the points reached: for the sweep of the truth, the optimal utility."""
        reached = self.at(price)
        return reached[:, 1] - price * reached[:, 0]


def sweep(
    fitted_quality: FloatArray, fitted_cost: FloatArray, quality: FloatArray, cost: FloatArray, weights: FloatArray
) -> Sweep:
    """Follow argmax of fitted_quality - price x fitted_cost (n, M) in every row; NaN where the router must not go.

    In a row the decision moves along the upper concave hull of the fitted points, from the cheapest on; a row without any
    fitted value keeps model 0. The true values (n, M) of the decisions are averaged by `weights` (n,).
    """
    rows = np.arange(weights.size)
    closed = ~np.isfinite(fitted_quality) | ~np.isfinite(fitted_cost)
    q, c = np.where(closed, -np.inf, fitted_quality), np.where(closed, np.inf, fitted_cost)
    at: IntArray = np.lexsort((-q, c), axis=1)[:, 0]
    at = np.where(closed.all(axis=1), 0, at)
    start = np.array([weights @ cost[rows, at], weights @ quality[rows, at]])
    breaks = []
    for _ in range(q.shape[1] - 1):
        with np.errstate(invalid="ignore", divide="ignore"):
            dearer, better = c - c[rows, at][:, None], q - q[rows, at][:, None]
            slope = np.where((dearer > 0.0) & (better > 0.0) & ~closed, better / dearer, -np.inf)
        steepest = slope.max(axis=1)
        farthest = np.where(slope >= steepest[:, None], dearer, -np.inf)  # of points on one line only the end is ever chosen
        to = farthest.argmax(axis=1)
        moved = np.isfinite(steepest)
        step = np.stack(
            [steepest, weights * (cost[rows, to] - cost[rows, at]), weights * (quality[rows, to] - quality[rows, at])]
        )
        breaks.append(step[:, moved])
        at = np.where(moved, to, at)
    moves = np.concatenate(breaks, axis=1)
    moves = moves[:, np.argsort(-moves[0], kind="stable")]
    last = np.append(np.diff(moves[0]) != 0.0, True)[: moves.shape[1]]  # rows that move at one price move together
    totals = start + np.cumsum(moves[1:], axis=1).T
    return Sweep(moves[0][last], np.vstack([start, totals[last]]))


def envelope(points: FloatArray) -> FloatArray:
    """Vertices (V, 2) of the least concave non-decreasing curve above points (S, 2) of cost and quality, cheapest first."""
    kept: list[FloatArray] = []
    for point in points[np.lexsort((-points[:, 1], points[:, 0]))]:
        if kept and point[1] <= kept[-1][1]:
            continue
        while len(kept) > 1 and _above_chord(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return np.array(kept)


def _above_chord(a: FloatArray, b: FloatArray, c: FloatArray) -> bool:
    return bool((b[0] - a[0]) * (c[1] - a[1]) >= (b[1] - a[1]) * (c[0] - a[0]))


def height(vertices: FloatArray, cost: FloatArray) -> FloatArray:
    """(n,) the envelope at costs not below its first vertex: chords, flat to the right of the last."""
    at: FloatArray = np.interp(cost, vertices[:, 0], vertices[:, 1])
    return at


def deficits(optimal: FloatArray, learned: FloatArray, shift: float) -> FloatArray:
    """Q*(cost - shift) - Env(cost) at every cost where either curve bends, from the lowest optimal cost + shift on.

    optimal, learned: vertices. Between these costs the difference is linear and from the last on it is constant, so its
    maximum is among them.
    """
    first = optimal[0, 0] + shift
    bends = np.concatenate([optimal[:, 0] + shift, learned[:, 0]])
    bends = np.unique(bends[bends >= first])
    result: FloatArray = height(optimal, bends - shift) - height(learned, bends)
    return result


def area_between(optimal: FloatArray, learned: FloatArray, low: float, high: float) -> float:
    """Integral of Q* - Env over [low, high], exact: both curves are piecewise linear."""
    inside = np.concatenate([optimal[:, 0], learned[:, 0]])
    knots = np.unique(np.concatenate([[low, high], inside[(inside > low) & (inside < high)]]))
    return float(np.trapezoid(height(optimal, knots) - height(learned, knots), knots))
