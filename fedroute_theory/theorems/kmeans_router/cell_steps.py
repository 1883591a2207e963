"""Steps of the forms that bound mean errors cell by cell: spread, three-terms, relative, expected."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray
from fedroute_theory.lines import pick, worst_pair
from fedroute_theory.theorems.greedy_steps import DIFFERENCE, OSCILLATION
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.expected import HOEFFDING_EXPONENT
from fedroute_theory.theorems.kmeans_router.expected_claims import expected_bound
from fedroute_theory.theorems.kmeans_router.query_steps import CAP, EMPTY, UNION, WIDTH, Setting
from fedroute_theory.theorems.waterfall import Stage

_THREE = "(kmeans-router, proof, Three terms)"
_SPREAD = "the best constant is at least the cell mean of pi*(x), query by query (kmeans-router, proof, Spread)"
_SLOPE = "|U(x, m) - U(x', m)| <= L |x - x'| for two test queries of the cell (kmeans-router, proof, Spread)"
_MEANS = "for the mean utilities of the cells (kmeans-router, proof, Relative)"


def _losses(setting: Setting) -> tuple[FloatArray, FloatArray]:
    """(K,) of the oracle over the cell means of its own choices, and of the best model of the cell over the chosen one."""
    geometry, problem = setting.geometry, setting.geometry.problem
    means, best = geometry.by_cell.pointwise, problem.utility.argmax(axis=1)
    lost = problem.optimum - means[geometry.cell, best]
    sums = np.bincount(geometry.cell, problem.weights * lost, geometry.estimates.n_cells)
    mass = geometry.by_cell.mass
    return np.divide(sums, mass, out=np.zeros_like(sums), where=mass > 0), means.max(axis=1) - pick(means, setting.chosen)


def _mean_errors(setting: Setting) -> tuple[FloatArray, FloatArray]:
    """(K, M) mean utility of the cell less that of the records, and mean utility of the records less the estimate."""
    apart = setting.geometry.by_cell.pointwise - setting.realised
    return apart, setting.realised - setting.estimate


def _pair(up: FloatArray, down: FloatArray) -> FloatArray:
    value: FloatArray = np.maximum(0.0, worst_pair(up, down))
    return value


def by_cell(setting: Setting, spread: bool) -> list[Stage]:
    """sum_k nu_k min(R, ...): spread, or relative (against the best policy constant on cells)."""
    geometry, top = setting.geometry, setting.geometry.problem.label_range
    pairs, mass = setting.pairs, geometry.by_cell.mass
    above, estimation = _losses(setting)
    apart, label = _mean_errors(setting)
    error = apart + label
    near = setting.slope * geometry.query_spread if spread else np.zeros_like(mass)

    def value(per_cell: FloatArray) -> float:
        return float(mass @ np.minimum(top, per_cell))

    stages = []
    if spread:
        stages = [
            Stage("best constant of the cell", value(above + estimation), _SPREAD),
            Stage("Lipschitz", value(near + estimation), _SLOPE),
        ]
    best = geometry.by_cell.models
    stages += [
        Stage("greedy choice", value(near + pick(error, best) - pick(error, setting.chosen)), f"{DIFFERENCE}, {_MEANS}; {CAP}"),
        Stage(
            "worst pair of models",
            value(near + _pair(error, setting.never(-error, setting.kept))),
            f"{OSCILLATION}, {_MEANS}",
        ),
    ]
    logged = pairs.logged
    if not logged[mass > 0].all():
        up, down = np.where(logged, error, pairs.up[0]), np.where(logged, -error, pairs.down[0])
        stages.append(Stage("pairs without a record", value(near + _pair(up, down)), EMPTY))
    shift = np.where(logged, apart, 0.0)
    if setting.noisy:
        for name, held, why in (("width of one pair", setting.alone, WIDTH), ("union over pairs", pairs, UNION)):
            stages.append(Stage(name, value(near + worst_pair(held.up[0] + shift, held.down[0] - shift)), why))
    return stages


def three_terms(setting: Setting, hoeffding: bool) -> list[Stage]:
    """From the gap to 2L distance + 2L mismatch + width + R x (cells with an empty pair); no cap at the range."""
    geometry, pairs = setting.geometry, setting.pairs
    mass, top, slope = geometry.by_cell.mass, geometry.problem.label_range, setting.slope
    above, estimation = _losses(setting)
    apart, label = _mean_errors(setting)
    logged = pairs.logged & (mass > 0)[:, None]
    holed: BoolArray = np.logical_not(pairs.logged.all(axis=1))
    error = apart + label
    distance = 2.0 * slope * float(geometry.problem.weights @ geometry.distance)
    base = distance + top * float(mass @ holed)
    full = np.where(holed, 0.0, mass)
    up, down = np.where(logged, label, -np.inf), np.where(logged, -label, -np.inf)
    shifted = 2.0 * np.where(logged, np.abs(apart), 0.0).max(axis=1)
    stages = [
        Stage("best constant of the cell", float(mass @ (above + estimation)), _SPREAD),
        Stage("Lipschitz", float(mass @ (slope * geometry.query_spread + estimation)), _SLOPE),
        Stage("through the centre", distance + float(mass @ estimation), f"E|x - x'| <= 2 E|x - c| {_THREE}"),
    ]
    if holed[mass > 0].any():
        holes = base + float(full @ estimation)
        stages.append(Stage("pairs without a record", holes, f"a cell with an empty pair may cost R {_THREE}"))
    best = geometry.by_cell.models
    apart_pair = base + float(full @ (pick(error, best) - pick(error, setting.chosen)))
    stages += [
        Stage("greedy choice", apart_pair, f"{DIFFERENCE}, {_MEANS}"),
        Stage("worst pair of models", base + float(full @ _pair(error, -error)), f"{OSCILLATION}, {_MEANS}"),
        Stage(
            "mismatch twice",
            base + float(mass @ (shifted + _pair(up, down))),
            f"the pair of sums is at most twice the largest mismatch and the pair of label errors {_THREE}",
        ),
        Stage(
            "transport",
            base + float(mass @ (2.0 * slope * geometry.mismatch + _pair(up, down))),
            "a mismatch is at most L times the cost of a coupling of test queries and records (kmeans-router, proof, Mismatch)",
        ),
    ]
    if not setting.noisy:
        return stages
    base += 2.0 * slope * float(mass @ geometry.mismatch)
    for name, held, why in (("width of one pair", setting.alone, WIDTH), ("union over pairs", pairs, UNION)):
        up, down = np.where(logged, held.up[0], -np.inf), np.where(logged, held.down[0], -np.inf)
        stages.append(Stage(name, base + float(mass @ _pair(up, down)), why))
    if hoeffding and logged.any():
        largest = 2.0 * float(pairs.up[0][logged].max())
        stages.append(Stage("least count", base + largest, f"every width is at most that of the least count n_min {_THREE}"))
    return stages


def event(failures: FloatArray, delta: float) -> list[Stage]:
    """From the exact failure probability of the event to delta. failures: those of the pairs."""
    return [
        Stage("union over pairs", float(failures.sum()), "P(union) is at most the sum (kmeans-router, The event)"),
        Stage("tail inequality", delta, "Hoeffding's or Chernoff's inequality, delta/(2N) a side (kmeans-router, The event)"),
    ]


def expected(geometry: CellGeometry) -> list[Stage]:
    """From the expected gap to the best on cells to the expected form."""
    problem, estimates, by_cell = geometry.problem, geometry.estimates.repetition(0), geometry.by_cell
    logged, top, mean = estimates.logged, problem.label_range, by_cell.pointwise
    fallback = estimates.quality - problem.lam * estimates.cost
    shift = mean - np.where(logged, geometry.realised_mean, np.where(np.isfinite(fallback), fallback, mean))
    noise = 0.0 if geometry.logs.labels == "exact" else 1.0
    variance = np.divide(noise, estimates.counts, out=np.zeros(mean.shape), where=logged)
    if estimates.empty != "mid-range":
        variance = np.where(logged, variance, np.inf)
    losses = [_true_loss(mean[k], shift[k], variance[k], estimates.routable[k], top) for k in range(len(mean))]
    return [
        Stage(
            "Hoeffding, rival by rival",
            float(by_cell.mass @ np.array(losses)),
            "P(a rival is chosen) <= exp(-2 (D - s)^2 / (R^2 h)) at its true loss D (kmeans-router, proof, Expected)",
        ),
        Stage("worst loss of a rival", expected_bound(geometry).value, "sup over D in [c, R] (kmeans-router, proof, Expected)"),
    ]


def _true_loss(mean: FloatArray, shift: FloatArray, variance: FloatArray, eligible: BoolArray, top: float) -> float:
    """min over c of c + sum_m (D_m - c)_+ P(m chosen), the probabilities by Hoeffding: convex and linear between the D_m."""
    best = int(mean.argmax())
    if not eligible[best]:
        return top
    loss = mean[best] - mean
    lead = loss - (shift[best] - shift)
    h = variance[best] + variance
    chance = np.zeros(loss.size)
    for m in np.flatnonzero(eligible):
        if m == best:
            continue
        if h[m] == 0.0 or not math.isfinite(h[m]):
            chance[m] = 1.0 if lead[m] <= 0.0 or h[m] > 0.0 else 0.0
        else:
            chance[m] = math.exp(-HOEFFDING_EXPONENT * max(0.0, lead[m]) ** 2 / (top**2 * h[m]))
    return min(float(c + np.maximum(0.0, loss - c) @ chance) for c in (0.0, *loss))
