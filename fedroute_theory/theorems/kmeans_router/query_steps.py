"""Steps of the forms that bound the errors query by query: sharp, pairwise, policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray, IntArray
from fedroute_theory.lines import policy_line, worst_pair
from fedroute_theory.theorems.greedy_steps import Greedy
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry, PairIntervals
from fedroute_theory.theorems.waterfall import EVENT, Stage

_PROOF = "kmeans-router, proof, Sharp"
CAP = "no loss exceeds the range R, here and below"
EMPTY = "a pair without a record may be worth either end of the range (kmeans-router, Empty pairs)"
SIGN = f"U(x, m) = mean of U(x_j, m) -+ its distance: the sign is lost ({_PROOF})"
LIPSCHITZ = f"|U(x, m) - U(x_j, m)| <= L |x - x_j|, record by record ({_PROOF})"
CENTRE = f"|x - x_j| <= |x - c| + |x_j - c| ({_PROOF})"
WIDTH = f"mean label and mean truth differ by a width with log(2/delta); {EVENT}, each pair alone (kmeans-router, The event)"
UNION = f"log(2N/delta): all N pairs at once, {EVENT} (kmeans-router, The event)"

Part = tuple[str, FloatArray, FloatArray, str]


@dataclass(frozen=True, eq=False)
class Setting:
    """One trained router, first repetition. alone: intervals of each pair by itself; pairs: of all at once. slope: L.

    chosen: (K,) model of each cell. noisy: whether labels have noise, so that there are widths.
    """

    geometry: CellGeometry
    alone: PairIntervals
    pairs: PairIntervals
    slope: float
    chosen: IntArray
    noisy: bool

    @property
    def estimate(self) -> FloatArray:
        """(K, M)."""
        value: FloatArray = self.pairs.estimate[0]
        return value

    @property
    def realised(self) -> FloatArray:
        """(K, M) mean of U(x_j, m) over the records; the estimate itself where labels have no noise or there are none."""
        known = self.pairs.logged if self.noisy else np.zeros_like(self.pairs.logged)
        value: FloatArray = np.where(known, self.geometry.realised_mean, self.estimate)
        return value

    @property
    def kept(self) -> BoolArray:
        """(K, M) whether the model can be the one chosen."""
        value: BoolArray = self.pairs.logged | np.isfinite(self.pairs.down[0])
        return value

    def never(self, down: FloatArray, kept: BoolArray) -> FloatArray:
        """A lower side, minus infinity for models that are never chosen."""
        value: FloatArray = np.where(kept, down, -np.inf)
        return value


def parts(setting: Setting, centre: bool) -> Iterator[Part]:
    """(name, up, down, why): how far U may lie above and below the estimate, (n, M) each, weaker at every step.

    centre: whether the last distances are those through the centre.
    """
    geometry = setting.geometry
    cell, utility = geometry.cell, geometry.problem.utility
    logged, kept = setting.pairs.logged[cell], setting.kept[cell]
    label = (setting.realised - setting.estimate)[cell]
    away = utility - setting.realised[cell]
    up_empty, down_empty = setting.pairs.up[0][cell], setting.pairs.down[0][cell]

    def of(name: str, up: FloatArray, down: FloatArray, why: str) -> Part:
        return name, np.where(logged, up, up_empty), np.where(logged, down, down_empty), why

    yield "worst pair of models", away + label, setting.never(-away - label, kept), "e(pi*) <= max e, e(pi_hat) >= min e"
    if not logged.all():
        yield of("pairs without a record", away + label, -away - label, EMPTY)
    yield of("sign of the distance", np.abs(away) + label, np.abs(away) - label, SIGN)
    reach = setting.slope * geometry.record_distance
    yield of("Lipschitz", reach + label, reach - label, LIPSCHITZ)
    if centre:
        reach = setting.slope * (geometry.distance[:, None] + geometry.estimates.distance[cell])
        yield of("through the centre", reach + label, reach - label, CENTRE)
    if setting.noisy:
        for name, pairs, why in (("width of one pair", setting.alone, WIDTH), ("union over pairs", setting.pairs, UNION)):
            yield of(name, reach + pairs.up[0][cell], reach + pairs.down[0][cell], why)


def by_query(setting: Setting, centre: bool) -> list[Stage]:
    """E min(R, worst pair) at every step: sharp (through the centre) or pairwise."""
    problem, cell = setting.geometry.problem, setting.geometry.cell
    chosen = setting.chosen[cell]
    choice = Greedy(
        problem.weights, problem.utility - setting.estimate[cell], setting.kept[cell], problem.utility.argmax(axis=1), chosen
    )
    top = problem.label_range
    first = choice.mean(np.minimum(choice.difference, top))
    stages = [Stage("greedy choice", first, f"{choice.to_difference()[0].why}; {CAP}")]
    for name, up, down, why in parts(setting, centre):
        value = np.minimum(top, np.maximum(0.0, worst_pair(up, down)))
        stages.append(Stage(name, choice.mean(value), why))
    return stages


def by_policy(setting: Setting) -> list[Stage]:
    """E max(0, best rival's upper end - lower end of the chosen model) at every step; with the truth itself it is the gap."""
    problem, cell = setting.geometry.problem, setting.geometry.cell
    chosen, estimate = setting.chosen[cell], setting.estimate[cell]
    stages = []
    for name, up, down, why in parts(setting, centre=True):
        high = np.minimum(estimate + up, problem.high)
        low = np.maximum(estimate - down, problem.low)
        stages.append(Stage(name, problem.mean(policy_line(high, low, chosen)), why))
    return stages[1:]
