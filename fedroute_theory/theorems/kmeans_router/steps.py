"""What every inequality of the K-means proof loses, form by form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fedroute_theory.assumptions import Slope, steepest_slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router import cell_steps, query_steps
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.claims import intervals, training_claims
from fedroute_theory.theorems.kmeans_router.events import pair_failures
from fedroute_theory.theorems.kmeans_router.query_steps import Setting
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form and width, training by training, at the first repetition of the labels."""
    slope = steepest_slope(case.problem, case.logs)
    for training, client, estimates in case.cell_estimates():
        yield from _of_training(case, training, client, estimates, slope)


def _of_training(case: Case, training: str, client: int | None, estimates: CellEstimates, slope: Slope) -> Iterable[Waterfall]:
    geometry = CellGeometry(case.problem, case.logs_of(client), estimates.repetition(0))
    settings = _settings(case, geometry, slope)
    found: dict[str, Waterfall] = {}
    for claim, answer in judged(training_claims(case, training, client, estimates, slope)):
        form, _, width = claim.form.partition("/")
        if form == "least":
            winner = found[f"{answer.notes.removeprefix('the ').removesuffix(' form')}/{width}"]
            yield replace(winner, form=claim.form, note=answer.notes)
            continue
        found[claim.form] = Waterfall.of(claim, _stages(case, geometry, settings, form, width, answer))
        yield found[claim.form]


def _settings(case: Case, geometry: CellGeometry, slope: Slope) -> dict[str, Setting]:
    union = max(1, int(geometry.estimates.logged.sum()))
    noisy = geometry.logs.labels != "exact"
    chosen = geometry.estimates.choices(case.problem.lam)
    alone = intervals(geometry, case.delta * union)  # log(2N / (N delta)): each pair by itself
    return {
        width: Setting(geometry, alone[width], pairs, slope.value, chosen, noisy)
        for width, pairs in intervals(geometry, case.delta).items()
    }


def _stages(
    case: Case, geometry: CellGeometry, settings: dict[str, Setting], form: str, width: str, answer: Bound
) -> list[Stage]:
    if form == "expected":
        return cell_steps.expected(geometry)
    if form == "event":
        failures = pair_failures(geometry, case.delta, width)
        assert failures is not None
        return cell_steps.event(failures, answer.value)
    setting = settings[width]
    if form == "policy":
        return query_steps.by_policy(setting)
    if form == "three-terms":
        return cell_steps.three_terms(setting, width == "hoeffding")
    if form in ("sharp", "pairwise"):
        return query_steps.by_query(setting, form == "sharp")
    return cell_steps.by_cell(setting, form == "spread")
