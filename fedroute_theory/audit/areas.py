"""Accuracy-cost curves: upper concave envelopes, exact optimal frontiers, and areas on a common or on an own cost range.

A curve is an array (S, 2) of points (mean cost, mean quality), cost in the table's unit, quality in [0, 1].
"""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray

_SAME = 1e-12
"""Costs that differ by less than this share of the larger one count as equal."""


def envelope(points: FloatArray) -> FloatArray:
    """Vertices (V, 2) of the least concave non-decreasing curve above the points (S, 2), cheapest first.

    What a client reaches by choosing among the points at random within a budget, leaving money unspent where more money
    buys no quality.
    """
    kept: list[FloatArray] = []
    for point in points[np.lexsort((-points[:, 1], points[:, 0]))]:
        if kept and point[1] <= kept[-1][1]:
            continue
        while len(kept) > 1 and _cross(kept[-2], kept[-1], point) >= 0.0:
            kept.pop()
        kept.append(point)
    return np.array(kept)


def _cross(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    """Positive where b lies below the chord from a to c."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def height(vertices: FloatArray, cost: FloatArray) -> FloatArray:
    """Quality (n,) of an envelope at the given costs (n,): chords between vertices, flat to the right of the last.

    Costs below the first vertex get its quality: callers add a point everybody can afford (`area`).
    """
    result: FloatArray = np.interp(cost, vertices[:, 0], vertices[:, 1])
    return result


def area(points: FloatArray, anchor: FloatArray, low: float, high: float) -> float:
    """Normalised area under the envelope of the points (S, 2) and the anchor (2,) between two costs: in [0, 1].

    anchor: the cheapest single model, which every client can always call, so that every envelope reaches down to `low`.
    Where all models cost the same (`high` equals `low`) the area is the envelope's quality at that one cost.
    """
    vertices = envelope(np.vstack([points, anchor]))
    if high - low <= _SAME * abs(high):
        return float(height(vertices, np.array([low]))[0])
    inside = vertices[(vertices[:, 0] > low) & (vertices[:, 0] < high), 0]
    knots = np.concatenate([[low], inside, [high]])
    return float(np.trapezoid(height(vertices, knots), knots) / (high - low))


def area_published(points: FloatArray) -> float:
    """The released experiments' area: trapezoids between the points in order of cost, over the curve's own cost span.

    No envelope and no common support, so routers are compared on different ranges; a router with one cost scores 0.
    """
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]
    span = float(ordered[-1, 0] - ordered[0, 0])
    if span <= _SAME * abs(float(ordered[-1, 0])):
        return 0.0
    return float(np.trapezoid(ordered[:, 1], ordered[:, 0]) / span)


def optimal_frontier(quality: FloatArray, cost: FloatArray) -> FloatArray:
    """Vertices (V, 2) of the best total quality for each total cost, one option taken in every row (mixing allowed).

    quality, cost: (n, M), already weighted, so that totals are means. Rows are queries (the oracle), cells (the best cell
    policy) or one row (the best single model). Exact, by linear-programming duality: the rows' own envelopes, cut into
    segments and put in order of quality gained per unit of cost.
    """
    rows = np.arange(quality.shape[0])
    at = np.lexsort((-quality, cost), axis=1)[:, 0]
    start = np.array([cost[rows, at].sum(), quality[rows, at].sum()])
    steps = []
    for _ in range(quality.shape[1] - 1):
        dearer, better = cost - cost[rows, at][:, None], quality - quality[rows, at][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where((better > 0.0) & (dearer > 0.0), better / dearer, -np.inf)
        to = slope.argmax(axis=1)
        moved = np.isfinite(slope[rows, to])
        steps.append(np.stack([slope[rows, to], dearer[rows, to], better[rows, to]], axis=1)[moved])
        at = np.where(moved, to, at)
    segments = np.concatenate(steps)
    segments = segments[np.argsort(-segments[:, 0], kind="stable")]
    return np.vstack([start, start + np.cumsum(segments[:, 1:], axis=0)])
