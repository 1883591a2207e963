"""Two models that cross at the origin, with the margin exponent of the query law set by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, integer, number, reject
from fedroute_theory.problem import Gap, RoutingProblem


@dataclass(frozen=True, eq=False)
class Margin(RoutingProblem):
    """P(0 < D <= t) = min(1, (t / scale)^exponent), D the best utility minus the largest strictly smaller one.

    A query is a number x in [-1, 1] with P(|x| <= r) = r^exponent and a fair sign. q(x, 0) = (1 - scale x) / 2 and
    q(x, 1) = (1 + scale x) / 2, so D = scale |x|; exponent inf puts |x| at 1 (separated). Further models: `copies` of the
    best one, q = (1 + scale |x|) / 2, tied with it everywhere, which leaves D as it is; then `others` with a constant
    quality of at most (1 - scale) / 2, which never come second. Costs are zero. Tasks: the sides x < 0 and x > 0.

    exponent : in (0, inf]. Exponent 0 would mean P(0 < D <= t) = 1 for every t > 0, which no law has; its rate is that of
    separated problems whose scale shrinks with the error.
    scale : in (0, 1].

    The queries of the table are means over strata of equal probability. Every utility is linear on a side, so gaps of
    policies that are constant on strata are exact; `Gap.error` bounds what is lost where a policy switches. order: the place
    of each model in the list above.
    """

    exponent: float = 1.0
    scale: float = 1.0
    copies: int = 0
    others: FloatArray = None  # type: ignore[assignment]
    order: IntArray = None  # type: ignore[assignment]

    @property
    def lipschitz(self) -> float:
        """The exact Lipschitz constant of the utilities, scale / 2, attained by the first two models everywhere."""
        return self.scale / 2.0

    @property
    def n_tasks(self) -> int:
        return 2

    def margin_law(self, t: FloatArray) -> FloatArray:
        """P(0 < D <= t) of the continuous law, closed form."""
        unit = np.clip(np.asarray(t, dtype=np.float64) / self.scale, 0.0, 1.0)
        result: FloatArray = unit**self.exponent if np.isfinite(self.exponent) else (unit >= 1.0).astype(np.float64)
        return result

    def threshold_gap(self, threshold: float) -> float:
        """Exact gap, under the continuous law, of choosing model 1 where x > threshold and model 0 elsewhere.

        E[D; 0 < sign(threshold) x <= |threshold|] = (scale / 2) a / (a + 1) |threshold|^(a + 1).

        InputError for a threshold that is no finite number.
        """
        size = min(1.0, abs(number("threshold", threshold)))
        if not np.isfinite(self.exponent):
            return self.scale / 2.0 if size >= 1.0 else 0.0
        return float(0.5 * self.scale * self.exponent / (self.exponent + 1.0) * size ** (self.exponent + 1.0))

    def gap_of(self, pointwise: FloatArray) -> Gap:
        """The gap, with an error for the strata beside every switch that the values show.

        Between neighbours on one side whose losses differ as one model's loss does (slope 0, scale / 2 or scale) no switch is
        assumed; the strata beside the origin, where a switch may cost nothing at the queries, always count. pointwise: (n,)
        losses at the queries, in utility units.
        """
        if np.ptp(self.weights) > 1e-12 / self.weights.size:  # other weights than the strata's: nothing is known
            return Gap(self.mean(pointwise), self.label_range)
        if np.isinf(self.exponent):
            return Gap(self.mean(pointwise))
        order = np.argsort(self.embeddings[:, 0], kind="stable")
        x, values = self.embeddings[order, 0], pointwise[order]
        rise, away = np.diff(values), np.diff(np.abs(x))
        steady = np.any([np.abs(rise - slope * self.scale * away) <= 1e-12 for slope in (0.0, 0.5, 1.0)], axis=0)
        steady &= ((values[1:] > 0.0) == (values[:-1] > 0.0)) & (x[1:] * x[:-1] > 0.0)
        padded = np.concatenate([[-1.0], x, [1.0]])
        beside = np.abs(rise) + 2.0 * self.scale * (padded[3:] - padded[:-3])
        return Gap(self.mean(pointwise), min(float(2.0 * self.weights[0] * beside[~steady].sum()), self.label_range))

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        points = np.asarray(embeddings, dtype=np.float64)
        if points.size and np.abs(points).max() > 1.0:
            raise InputError(f"The 'embeddings' entries must lie in [-1, 1]; got {points.min():g} to {points.max():g}.")
        quality = _qualities(points[:, 0], self.scale, self.copies, self.others)[:, self.order]
        return quality, np.zeros_like(quality)

    def draw(self, rng: np.random.Generator, component: IntArray, by: str) -> tuple[FloatArray, IntArray]:
        if by != "task":
            raise InputError(f"The 'by' parameter must be 'task' for a continuous law; got {by!r}.")
        size = rng.uniform(size=len(component)) ** (1.0 / self.exponent)
        side = np.where(np.asarray(component) == 0, -1.0, 1.0)
        return (side * size)[:, None], np.full(len(component), -1, dtype=np.int64)

    @classmethod
    def make(
        cls,
        *,
        exponent: float = 1.0,
        scale: float = 1.0,
        copies: int = 0,
        others: int = 0,
        strata: int = 2048,
        lam: float = 0.0,
    ) -> Self:
        """The problem with `strata` queries a side (one a side where the exponent is infinite). Nothing is random.

        lam: price, at least 0; costs are zero. Raises InputError for a value out of range.
        """
        if exponent != np.inf:
            number("exponent", exponent, 0.0, open_low=True)
        t0 = number("scale", scale, 0.0, 1.0, open_low=True)
        count = integer("strata", strata, 1) if exponent != np.inf else 1
        beside, below = integer("copies", copies, 0), integer("others", others, 0)
        if exponent != np.inf and count ** (-1.0 / exponent) < 1e-12:
            raise reject("exponent", "leave margins above 1e-12 at this number of strata", exponent)
        power = 1.0 + 1.0 / exponent
        edges = (np.arange(count + 1) / count) ** power
        size = count * np.diff(edges) / power if np.isfinite(exponent) else np.ones(1)
        x = np.concatenate([-size[::-1], size])
        constant = 0.5 * (1.0 - t0) * np.arange(below, 0, -1) / max(below, 1)
        quality = _qualities(x, t0, beside, constant)
        return cls(
            x[:, None],
            np.ones(x.size),
            quality,
            np.zeros_like(quality),
            lam,
            task=(x > 0).astype(np.int64),
            exponent=float(exponent),
            scale=t0,
            copies=beside,
            others=array("others", constant, (below,), 0.0, 1.0) if below else np.empty(0),
            order=np.arange(2 + beside + below),
        )

    def relabelled(self, order: IntArray) -> Self:
        return super().relabelled(order).replace(order=self.order[order])


def _qualities(x: FloatArray, scale: float, copies: int, others: FloatArray) -> FloatArray:
    best = np.tile((0.5 + 0.5 * scale * np.abs(x))[:, None], (1, copies))
    flat = np.tile(others, (x.size, 1))
    return np.concatenate([0.5 - 0.5 * scale * x[:, None], 0.5 + 0.5 * scale * x[:, None], best, flat], axis=1)
