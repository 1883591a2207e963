"""Trainings that went astray: weights that are no numbers are refused; of a loss far above that of the start is warned."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.networks import Architecture, Weights
from fedroute_theory.routers.network.scaling import Scale

LOOKED_AT = 256
"""Records, evenly among a party's own, on which the losses before and after are compared, at most."""

NUMBERS = 4_000_000
"""Numbers that one layer holds at once for that; with many repetitions fewer records are looked at."""

TIMES, ABOVE = 2.0, 1.0
"""A training went astray when its loss ends above TIMES that of the start and by more than ABOVE: all the range of quality, or
one and a half standard deviations of cost, further off than a network that learnt nothing."""


@dataclass(frozen=True, eq=False)
class Descended:
    """One party's training. who: its name. rates: (R,) learning rates, one a repetition. start: weights, with leading axis (R,)
    or none. weights: with leading axis (R,). rows: its records."""

    who: str
    rates: FloatArray
    start: Weights
    weights: Weights
    rows: IntArray

    def check(self, architecture: Architecture, scale: Scale, logs: Logs, labels: Labels) -> None:
        """InputError for weights that are no numbers, RuntimeWarning for a loss that exploded. labels: (R, D).

        The estimates stay what they are, and so do all bounds on them: only a comparison with them says little.
        """
        finite = np.all([np.isfinite(value).reshape(len(value), -1).all(axis=1) for value in self.weights.values()], axis=0)
        if not finite.all():
            rate = self.rates[int(finite.argmin())]
            raise InputError(f"The training of {self.who} diverged with a learning rate of {rate:g}: weights are no numbers.")
        widest = max((*architecture.hidden, 2 * architecture.models)) * len(self.rates)
        size = min(self.rows.size, LOOKED_AT, max(1, NUMBERS // widest))
        part = self.rows[np.linspace(0, self.rows.size - 1, size).astype(np.int64)]
        before, after = (_losses(architecture, w, scale, logs, labels, part) for w in (self.start, self.weights))
        worst = int((after - before).argmax())
        if after[worst] > max(TIMES * before[worst], before[worst] + ABOVE):
            warnings.warn(
                f"The training of {self.who} went astray with a learning rate of {self.rates[worst]:g}: its loss rose from "
                f"{before[worst]:.3g} to {after[worst]:.3g}.",
                RuntimeWarning,
                stacklevel=2,
            )


def _losses(
    architecture: Architecture, weights: Weights, scale: Scale, logs: Logs, labels: Labels, rows: IntArray
) -> FloatArray:
    """(R,) mean loss without dropout: squared error of quality plus Huber loss of the cost z-score."""
    from scipy.special import expit

    with np.errstate(over="ignore", invalid="ignore"):  # an infinite loss is one of those looked for
        raw = architecture.outputs(weights, logs.embedding[rows])[..., np.arange(rows.size), logs.model[rows], :]
        z_score = (labels.cost[:, rows] - scale.centre[:, None]) / scale.spread[:, None]
        error = np.abs(raw[..., 1] - z_score)
        each = (expit(raw[..., 0]) - labels.quality[:, rows]) ** 2 + np.where(error <= 1.0, 0.5 * error**2, error - 0.5)
        return np.asarray(np.nan_to_num(each.mean(axis=-1), nan=np.inf, posinf=np.inf))
