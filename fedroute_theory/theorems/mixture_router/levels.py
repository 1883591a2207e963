"""Levels on E osc(U - U_hat) that the K-means theorem certifies for one side, and for both sides by one event."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.distances import nearest_centre
from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.lines import worst_pair
from fedroute_theory.theorems.kmeans_router.widths import hoeffding
from fedroute_theory.theorems.mixture_router.formulas import mixed_widths


@dataclass(frozen=True)
class Range:
    """What is declared of the utilities: Lipschitz constant, price and largest cost; utilities lie in [-lam c_max, 1]."""

    slope: float
    lam: float
    c_max: float

    @property
    def width(self) -> float:
        """R = 1 + lam c_max."""
        return 1.0 + self.lam * self.c_max


def error_parts(estimates: CellEstimates, points: FloatArray, declared: Range) -> tuple[FloatArray, IntArray]:
    """Label-free part (n, M) of a bound on |U - U_hat| at points (n, d), and the records (n, M) behind each mean.

    Logged pairs: L (distance to the centre + mean distance of the records). Others: the most the fallback can be wrong by
    within the utility range, in any repetition; infinite where there is no estimate.
    """
    cell, distance = nearest_centre(points, estimates.centres)
    fallback = estimates.quality - declared.lam * estimates.cost
    wrong = np.maximum(1.0 - fallback, fallback + declared.lam * declared.c_max)
    wrong = np.where(np.isnan(wrong) | ~estimates.routable, np.inf, wrong)
    wrong = wrong.max(axis=0) if wrong.ndim == 3 else wrong
    near = declared.slope * (distance[:, None] + estimates.distance[cell])
    counts: IntArray = estimates.counts[cell]
    return np.where(counts > 0, near, wrong[cell]), counts


def cell_level(estimates: CellEstimates, points: FloatArray, mass: FloatArray, declared: Range, delta: float | None) -> float:
    """Mean over points (n, d) of weights `mass` (n,) of top2(b), b a bound on |U - U_hat|: a level on E osc(U - U_hat).

    Not cut off at the range: a level on the suboptimality alone must not be mixed. Holds with probability 1 - delta over the
    labels; delta None: labels without noise. Infinite where some model has no estimate.
    """
    fixed, counts = error_parts(estimates, points, declared)
    b = fixed
    if delta is not None:
        log_term = math.log(2.0 * max(1, int(estimates.logged.sum())) / delta)
        b = fixed + np.where(counts > 0, declared.width * hoeffding(counts, log_term), 0.0)
    return float(np.dot(mass, np.where(mass > 0.0, worst_pair(b, b), 0.0)))


def one_event_level(
    mixture: MixtureEstimates, own: Logs, points: FloatArray, mass: FloatArray, declared: Range, delta: float | None
) -> float:
    """Mean of min(R, top2(b)), b a bound on the mixture's own |U - U_hat| by one union over mixed means.

    Both sides are K-means estimates, the local one of the records `own`, which are among those of the federated one; weights
    are chosen without labels and are the same for quality and cost. `points` with positive mass decide which mixed means there
    are.
    """
    live = mass > 0.0
    points, mass = points[live], mass[live]
    found = mixed_parts(mixture, own, points, declared)
    b = found.fixed
    if delta is not None:
        b = b + found.widths(math.log(2.0 * max(1, found.means) / delta), declared.width)
    return float(np.dot(mass, np.minimum(declared.width, worst_pair(b, b))))


@dataclass(frozen=True, eq=False)
class MixedParts:
    """Bounds on a mixture's |U - U_hat| at points, (n, M) each: the label-free part, and the records behind both means.

    means: number of mixed means with a record.
    """

    fixed: FloatArray
    share: FloatArray
    n_loc: IntArray
    n_fed: IntArray
    shared: IntArray
    means: int

    def widths(self, log_term: float, label_range: float) -> FloatArray:
        """(n, M) what label noise adds."""
        return mixed_widths(self.share, self.n_loc, self.n_fed, self.shared, log_term, label_range)


def mixed_parts(mixture: MixtureEstimates, own: Logs, points: FloatArray, declared: Range) -> MixedParts:
    """The parts of `one_event_level` at points (n, d)."""
    local, federated = mixture.local, mixture.federated
    assert isinstance(local, CellEstimates)
    assert isinstance(federated, CellEstimates)
    share = mixture.repetition(0).shares(points)[0]
    (near, n_loc), (far, n_fed) = (error_parts(side, points, declared) for side in (local, federated))
    b = _weighed(share, near) + _weighed(1.0 - share, far)
    pairs, place = np.unique(_joint(local, federated, points), return_inverse=True)
    shape = (local.n_cells * federated.n_cells, local.n_models)
    both = np.bincount(_joint(local, federated, own.embedding) * shape[1] + own.model, minlength=shape[0] * shape[1])
    shared = both.reshape(shape)[pairs][place]
    used = ((share > 0.0) & (n_loc > 0)) | ((share < 1.0) & (n_fed > 0))
    means = len(np.unique((place[:, None] * shape[1] + np.arange(shape[1]))[used]))
    return MixedParts(b, share, n_loc, n_fed, shared, means)


def _weighed(share: FloatArray, level: FloatArray) -> FloatArray:
    """(n, M) share times level, 0 without a share even where the level is infinite: nothing is known and nothing is used."""
    found: FloatArray = np.multiply(share, level, out=np.zeros_like(level), where=share > 0.0)
    return found


def _joint(local: CellEstimates, federated: CellEstimates, points: FloatArray) -> IntArray:
    """(n,) index of the pair (local cell, federated cell) of each point."""
    joint: IntArray = local.cells(points) * federated.n_cells + federated.cells(points)
    return joint
