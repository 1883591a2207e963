"""Accuracy-cost curves: upper concave envelopes, exact optimal frontiers, and areas on a common or on an own cost range.

A curve is an array (S, 2) of points (mean cost, mean quality), cost in the table's unit, quality in [0, 1].
"""

from __future__ import annotations

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.curves import envelope, height, sweep

_SAME = 1e-12
"""Costs that differ by less than this share of the larger one count as equal."""


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
    """Points (S + 1, 2) of the best total quality for each total cost, one option taken in every row (mixing allowed).

    quality, cost: (n, M), already weighted, so that totals are means. Rows are queries (the oracle), cells (the best cell
    policy) or one row (the best single model). Exact: the sweep of the optimal choices over all prices.
    """
    return sweep(quality, cost, quality, cost, np.ones(len(quality))).points
