"""A trained network moved to a grid of weights fixed before the data: one of finitely many, priced by their number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, integer, number, tuple_of
from fedroute_theory.estimates import FunctionEstimates, Hypotheses
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.networks import Architecture, Grid, Weights, rest_point
from fedroute_theory.routers.certified.members import Average, Members
from fedroute_theory.routers.certified.records import Records, gather, refined

MOST_WEIGHTS = 4000
"""Above this many weights a matrix of all pairs is not formed: polish 0, or diagonal covariance."""


@dataclass(frozen=True)
class Quantised:
    """Certificate by a finite class: the quantised network routes, and log |F| = P bits log 2.

    bits: of every weight, one number or several; the best of several is chosen by the data, which costs the log of their
    number. reach: half-width of the grid; None takes the largest trained weight, which is known only after the data, so the
    class is flagged as not fixed before it. steps: Gauss-Newton steps on the squared error on the records before rounding, at
    most. polish: rounds of lowering it within the grid; 0 rounds every trained weight to the nearest value, without steps.
    cost_share: weight of the cost's squared error in that.

    What is chosen within the class is free, since the bound holds for all its members at once: the trained weights (learning
    rate, seed, rounds, which training), the rounding, the polish. What changes the class is not: bits, reach, architecture.
    InputError for values of another type or out of range (bits: 1 to 32).
    """

    bits: int | tuple[int, ...] = (3, 4, 5, 6, 8)
    reach: float | None = 4.0
    steps: int = 20
    polish: int = 2
    cost_share: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.bits, tuple):
            tuple_of("bits", self.bits, "number")
        for bits in self.candidates:
            integer("bits", bits, 1, 32)
        if self.reach is not None:
            number("reach", self.reach, 0.0, open_low=True)
        integer("steps", self.steps, 0)
        integer("polish", self.polish, 0)
        number("cost_share", self.cost_share, 0.0, 1.0)

    @property
    def candidates(self) -> tuple[int, ...]:
        """The numbers of bits, in order."""
        return self.bits if isinstance(self.bits, tuple) else (self.bits,)

    def __call__(
        self, architecture: Architecture, weights: Weights, logs: Logs, labels: Labels, rng: np.random.Generator
    ) -> FunctionEstimates:
        """Quantise trained weights (arrays as in `architecture.shapes`, leading axes as those of the labels (..., D)).

        logs: the records of the training. rng: of the part of very many records on which steps are made.
        """
        lead, flat, records = gather(architecture, weights, logs, labels, self.cost_share)
        if self.polish and flat.shape[-1] > MOST_WEIGHTS:
            raise InputError(f"The 'polish' parameter must be 0 above {MOST_WEIGHTS} weights; got {self.polish}.")
        reach = float(np.abs(flat - rest_point(architecture)).max()) if self.reach is None else self.reach
        best, bits = self._on_the_grid(records, flat, reach, rng)
        price = np.asarray(architecture.n_parameters * bits * math.log(2.0) + math.log(len(self.candidates)), dtype=np.float64)
        members = Members(architecture, best.reshape(*lead, 1, -1))
        size = architecture.n_parameters
        described = f"{size} weights of {' or '.join(map(str, self.candidates))} bits on [-{reach:g}, {reach:g}]"
        claimed = Hypotheses("finite-class", members, price.reshape(lead), self.reach is not None, described)
        return FunctionEstimates(Average(members), records.counts, records.routable, claimed)

    def _on_the_grid(
        self, records: Records, flat: FloatArray, reach: float, rng: np.random.Generator
    ) -> tuple[FloatArray, IntArray]:
        """(T, P) the best network found on any candidate grid, and (T,) its number of bits."""
        architecture = records.architecture
        grids = {bits: Grid(bits, reach) for bits in self.candidates}
        found = {bits: grid.nearest(architecture, flat) for bits, grid in grids.items()}
        if self.polish:
            pull = np.full(flat.shape[-1], 1.0 / reach**2)  # weak: keeps directions the records do not see near the centre
            start = refined(records, flat, rest_point(architecture), pull, self.steps, rng)
            gradient, curvature = records.quadratic(start)
            for bits, grid in grids.items():
                moved = rounded_with_feedback(architecture, start, curvature + 0.5 * np.diag(pull), grid)
                slope = gradient + np.matmul(curvature, (moved - start)[..., None])[..., 0]
                found[bits] = records.better(found[bits], coordinate_sweeps(architecture, moved, slope, curvature, grid))
        paid = [records.loss(found[bits][:, None])[:, 0] + architecture.n_parameters * bits * math.log(2.0) for bits in grids]
        chosen: IntArray = np.asarray(self.candidates)[np.argmin(paid, axis=0)]
        best = np.take_along_axis(np.stack(list(found.values())), np.argmin(paid, axis=0)[None, :, None], axis=0)[0]
        for bits in np.unique(chosen) if self.polish else ():
            own = chosen == bits
            part = records.repetitions(own)
            for _ in range(self.polish):
                again = coordinate_sweeps(architecture, best[own], *part.quadratic(best[own]), grids[int(bits)])
                best[own] = part.better(best[own], again)
        return best, chosen


def rounded_with_feedback(architecture: Architecture, flat: FloatArray, curvature: FloatArray, grid: Grid) -> FloatArray:
    """(T, P) each weight in turn goes to the grid, and the weights after it move to make up for its error.

    They move to the minimum of the quadratic form of `curvature` (T, P, P), positive definite, given the weights already on
    the grid: v = -(A^-1)[:, i] e / (A^-1)[i, i] for an error e in weight i.
    """
    factor = np.linalg.cholesky(np.linalg.inv(curvature))
    present, centre = flat.copy(), rest_point(architecture)
    for i in range(flat.shape[-1]):
        place = np.clip(np.rint((present[:, i] - centre[i] + grid.reach) / grid.step), 0, 2**grid.bits - 1)
        error = (present[:, i] - centre[i] - (place * grid.step - grid.reach)) / factor[:, i, i]
        present[:, i:] -= error[:, None] * factor[:, i:, i]
    return grid.nearest(architecture, present)


def coordinate_sweeps(
    architecture: Architecture, flat: FloatArray, gradient: FloatArray, curvature: FloatArray, grid: Grid
) -> FloatArray:
    """Two sweeps over all weights; each goes to the grid value that is best by the quadratic model, the others held."""
    place, slope, top = grid.place(architecture, flat), gradient.copy(), 2.0**grid.bits - 1.0
    diagonal = np.diagonal(curvature, axis1=1, axis2=2)
    curved, steep = diagonal > 0.0, np.maximum(diagonal, 1e-300)
    for _ in range(2):
        for i in range(flat.shape[-1]):
            wanted = np.where(curved[:, i], place[:, i] - slope[:, i] / steep[:, i] / grid.step, place[:, i])
            moved = np.minimum(np.maximum(np.rint(wanted), 0.0), top) - place[:, i]
            if moved.any():
                place[:, i] += moved
                slope += curvature[:, i] * (moved * grid.step)[:, None]
    return grid.value(architecture, place)
