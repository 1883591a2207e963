"""Claims about mixtures of K-means routers from certified levels: delta / 2 a side, or one event for the mixture itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.estimates import CellEstimates, Estimates, MixtureEstimates
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.measured import measurements
from fedroute_theory.theorems.mixture_router import formulas
from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight
from fedroute_theory.theorems.mixture_router.levels import Range, cell_level, one_event_level
from fedroute_theory.theorems.mixture_router.mixed import BOTH_SIDES, CONSTANT, Mixed, gaps

LEVELS, ONE_TRUTH, LABEL_FREE = "certified levels", "one truth for all clients", "label-free weights"


def certified_claims(case: Case, mixed: Mixed, training: str, client: int) -> Iterable[Claim]:
    """Four forms: `certified` at the mixture's own constant weight; `harmonic` and `smaller`, whose gaps are those of the
    mixture at the harmonic weight and of the side with the smaller level; `one-event` for label-free weights."""
    estimates, problem = mixed.estimates, mixed.problem
    measured = _measurements(case, mixed, client)
    failed = next((m for m in measured if m.holds is False), None)
    noisy = case.logs.labels != "exact"
    delta = case.delta if noisy else 0.0
    answers: dict[str, tuple[Answer, Estimates]] = {}
    if failed is not None:
        refusal = NotApplicable(failed.name, f"{failed.how}{f': {failed.where}' if failed.where else ''}")
        answers = dict.fromkeys(("certified", "harmonic", "smaller", "one-event"), (refusal, estimates))
    else:
        sides = sides_of(case, mixed)
        local, federated, b_loc, b_fed = estimates.local, estimates.federated, sides.local, sides.federated
        unbounded = None if math.isfinite(b_loc + b_fed) else mixed.refused(BOTH_SIDES)
        nothing = unbounded if math.isinf(min(b_loc, b_fed)) else None
        answers = {
            "certified": (unbounded or _at_own_weight(mixed, b_loc, b_fed), estimates),
            "harmonic": (unbounded or formulas.harmonic(B_loc=b_loc, B_fed=b_fed, delta=case.delta), sides.harmonic),
            "smaller": (
                nothing or formulas.smaller(B_loc=b_loc, B_fed=b_fed, delta=case.delta),
                local if b_loc < b_fed else federated,
            ),
            "one-event": (_one_event(case, mixed, client, sides.declared), estimates),
        }
    for form, (answer, policy) in answers.items():
        if isinstance(answer, NotApplicable):
            yield Claim(form, training, client, estimates.n, answer, math.nan, assumptions=measured)
            continue
        bound = replace(answer, delta=delta, trivial=problem.label_range)
        found = gaps(problem, policy)
        chosen = policy.repetition(0).utility_at(problem.embeddings, problem.lam).argmax(axis=1)
        error = problem.gap_of(problem.optimum - problem.utility[np.arange(chosen.size), chosen]).error
        yield Claim(
            form, training, client, estimates.n, bound, float(found[0]), error,
            np.full(found.shape, bound.value), found, measured,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sides:
    """Certified levels of both sides, the harmonic weight of the local one, and the mixture at that weight."""

    declared: Range
    local: float
    federated: float
    weight: float
    harmonic: MixtureEstimates


def sides_of(case: Case, mixed: Mixed) -> Sides:
    """Levels at delta / 2 a side (labels without noise: certain)."""
    estimates, problem = mixed.estimates, mixed.problem
    delta = None if case.logs.labels == "exact" else case.delta / 2.0
    declared = Range(steepest_slope(problem, case.logs).value, problem.lam, problem.c_max)
    assert isinstance(estimates.local, CellEstimates)
    assert isinstance(estimates.federated, CellEstimates)
    at = (problem.embeddings, problem.weights, declared, delta)
    local, federated = (cell_level(side, *at) for side in (estimates.local, estimates.federated))
    u = float(harmonic_weight(np.asarray(local), np.asarray(federated)))
    harmonic = replace(estimates, quality_weight=_all(u, estimates), cost_weight=_all(u, estimates), empty="mixed")
    return Sides(declared, local, federated, u, harmonic)


def _all(u: float, estimates: Estimates) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.full(estimates.n_models, u)


def _measurements(case: Case, mixed: Mixed, client: int) -> tuple[Measurement, ...]:
    """The assumptions of the levels, for both sides."""
    sides = {"local": mixed.estimates.local, "federated": mixed.estimates.federated}
    cells = all(isinstance(side, CellEstimates) for side in sides.values())
    kinds = " and ".join(type(side).__name__ for side in sides.values())
    found = [
        Measurement(LEVELS, cells, how=f"levels are known for K-means estimates; here {kinds}"),
        Measurement(ONE_TRUTH, not case.truths, how="clients disagree" if case.truths else "one problem for all clients"),
    ]
    if not cells:
        return tuple(found)
    slope = steepest_slope(mixed.problem, case.logs)
    needless = ("non-adaptive logging", "label-free centres") if case.logs.labels == "exact" else ()
    for name, side in sides.items():
        assert isinstance(side, CellEstimates)
        logs = case.logs_of(client if name == "local" else None)
        of_side = measurements(CellGeometry(mixed.problem, logs, side), slope)
        found += [replace(m, where=f"{name} side {m.where}".strip()) for m in of_side.values() if m.name not in needless]
    return tuple(found)


def _at_own_weight(mixed: Mixed, b_loc: float, b_fed: float) -> Answer:
    """u B_loc + (1 - u) B_fed where the share of the local side is one number u, everywhere and in every repetition."""
    share = np.concatenate(mixed.shares, axis=1)[mixed.live]
    if np.ptp(share) > 0.0 or mixed.estimates.quality_weight.ndim == 2:
        return mixed.refused(CONSTANT) or NotApplicable(CONSTANT, "it differs between queries or repetitions")
    return formulas.constant(u=float(share[0, 0]), B_loc=b_loc, B_fed=b_fed)


def _one_event(case: Case, mixed: Mixed, client: int, declared: Range) -> Answer:
    """The sharp K-means form for the mixed means themselves."""
    estimates, problem = mixed.estimates, mixed.problem
    noisy = case.logs.labels != "exact"
    if noisy and not (estimates.label_free and estimates.quality_weight.ndim == 1):
        return NotApplicable(LABEL_FREE, "the weights were chosen from the same labels, or the estimates do not say")
    if (mixed.shares[0] != mixed.shares[1])[mixed.live].any():
        return NotApplicable(CONSTANT, "it differs between quality and cost")
    at = (problem.embeddings, problem.weights, declared)
    level = one_event_level(estimates, case.logs_of(client), *at, case.delta if noisy else None)
    return Bound({"mixed error bounds": level})
