"""What the theorem says about trained routers: every form, width, training and client, over repetitions of the labels."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.assumptions import Slope, steepest_slope
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.lines import worst_pair
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable, ranked
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.kmeans_router import forms
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry, PairIntervals
from fedroute_theory.theorems.kmeans_router.events import event_failure
from fedroute_theory.theorems.kmeans_router.expected_claims import expected_claims
from fedroute_theory.theorems.kmeans_router.formulas import three_terms
from fedroute_theory.theorems.kmeans_router.measured import ONE_TRUTH, TIES, constant_ties, measurements, one_truth
from fedroute_theory.theorems.kmeans_router.widths import hoeffding, kl_interval

LIPSCHITZ_FORMS = ("sharp", "policy", "pairwise", "spread", "three-terms")
EVERY_FORM = (*LIPSCHITZ_FORMS, "relative", "least", "event", "expected")


def claims(case: Case, wanted: Collection[str] = EVERY_FORM) -> Iterable[Claim]:
    """Every form, with Hoeffding and kl widths (or none where labels are noise-free), for every training and client.

    wanted: forms to state, since some cost far more than others; "least" is then the least of these.
    """
    slope = steepest_slope(case.problem, case.logs)
    for training, client, estimates in case.cell_estimates():
        yield from training_claims(case, training, client, estimates, slope, wanted)


def training_claims(
    case: Case,
    training: str,
    client: int | None,
    estimates: CellEstimates,
    slope: Slope,
    wanted: Collection[str] = EVERY_FORM,
) -> Iterable[Claim]:
    """The claims about one trained router."""
    problem = case.problem
    geometry = CellGeometry(problem, case.logs_of(client), estimates)
    measured = measurements(geometry, slope, case.labels_of(client))
    measured |= {TIES: constant_ties(geometry), ONE_TRUTH: one_truth(case, client)}
    chosen = estimates.choices(problem.lam)
    chosen = chosen if chosen.ndim == 2 else chosen[None]
    by_cell = geometry.by_cell
    routed = np.take_along_axis(by_cell.pointwise[None], chosen[..., None], -1)[..., 0] @ by_cell.mass
    first = problem.utility[np.arange(problem.weights.size), chosen[0][geometry.cell]]
    error = problem.gap_of(problem.optimum - first).error
    gaps = {
        "oracle": float(problem.weights @ problem.optimum) - routed,
        "cells": by_cell.value - routed,
    }
    for width, pairs in intervals(geometry, case.delta).items():
        answers = _answers(geometry, pairs, slope, width, case.delta, chosen, measured, wanted)
        for form, (answer, bounds) in answers.items():
            target = gaps["cells" if form == "relative" else "oracle"]
            # The best cell policy is the sample's own, so the relative gap is that of the sample: no integration error.
            yield Claim(
                f"{form}/{width}", training, client, estimates.n, answer, float(target[0]),
                0.0 if form == "relative" else error, np.broadcast_to(bounds, target.shape), target, tuple(measured.values()),
            )  # fmt: skip
        failure = event_failure(geometry, case.delta, width) if "event" in wanted else None
        if failure is not None and _refusal(geometry, measured) is None:
            bound = Bound({"delta": case.delta}, kind="upper", trivial=1.0, notes="exact failure probability of the event")
            yield Claim(f"event/{width}", training, client, estimates.n, bound, failure)
    if "expected" not in wanted:
        return
    refused = _refusal(geometry, measured)
    yield from expected_claims(geometry, gaps["cells"], training, client, measured, refused)


def intervals(geometry: CellGeometry, delta: float) -> dict[str, PairIntervals]:
    """Confidence intervals of every pair by kind of width; only "exact" (no width) where labels are noise-free."""
    problem, estimates = geometry.problem, geometry.estimates
    counts = estimates.counts
    if geometry.logs.labels == "exact":
        nothing = np.zeros((1, *counts.shape))
        return {"exact": PairIntervals.around(problem, estimates, nothing, nothing)}
    log_term = math.log(2.0 * max(1, int(estimates.logged.sum())) / delta)
    plain = problem.label_range * hoeffding(counts, log_term)[None]
    utility = estimates.quality - problem.lam * estimates.cost
    unit = ((utility if utility.ndim == 3 else utility[None]) - problem.low) / problem.label_range
    low, high = kl_interval(unit, counts, log_term)
    return {
        "hoeffding": PairIntervals.around(problem, estimates, plain, plain),
        "kl": PairIntervals.around(problem, estimates, problem.label_range * (high - unit), problem.label_range * (unit - low)),
    }


def _answers(
    geometry: CellGeometry,
    pairs: PairIntervals,
    slope: Slope,
    width: str,
    delta: float,
    chosen: IntArray,
    measured: Mapping[str, Measurement],
    wanted: Collection[str],
) -> dict[str, tuple[Answer, FloatArray]]:
    """By form: the answer for the first repetition, and the bounds of all of them."""
    exact_labels = geometry.logs.labels == "exact"
    failed = _refusal(geometry, measured)
    lipschitz = measured["utility Lipschitz"]
    delta = 0.0 if exact_labels else delta
    result: dict[str, tuple[Answer, FloatArray]] = {}
    for form in (f for f in (*LIPSCHITZ_FORMS, "relative") if f in wanted):
        broken = failed or (_refused(lipschitz) if form in LIPSCHITZ_FORMS and not lipschitz.holds else None)
        if broken is not None:
            result[form] = (broken, np.full(1, np.inf))
            continue
        bounds, terms = _form(form, geometry, pairs, slope.value, chosen, exact_labels, width, delta)
        notes = "" if measured["non-adaptive logging"].holds else "if logging was non-adaptive, which logs cannot show"
        result[form] = (Bound(terms, delta, trivial=geometry.problem.label_range, notes=notes), bounds)
    numbers = {f: (a, b) for f, (a, b) in result.items() if isinstance(a, Bound) and f != "relative"}
    if numbers and "least" in wanted:
        winner = min(numbers, key=lambda f: ranked(numbers[f][0].value))
        repetitions = max(b.size for _, b in numbers.values())
        least = np.min([np.broadcast_to(b, repetitions) for _, b in numbers.values()], axis=0)
        result["least"] = (replace(numbers[winner][0], notes=f"the {winner} form"), least)
    return result


def _refusal(geometry: CellGeometry, measured: Mapping[str, Measurement]) -> NotApplicable | None:
    """The first failed assumption that every form needs; noise-free labels need no rule of logging."""
    spared = ("non-adaptive logging", "label-free centres") if geometry.logs.labels == "exact" else ()
    failed = [m for name, m in measured.items() if m.holds is False and name not in (*spared, "utility Lipschitz")]
    return _refused(failed[0]) if failed else None


def _refused(broken: Measurement) -> NotApplicable:
    return NotApplicable(broken.name, "; ".join(t for t in (_amount(broken), broken.how, broken.where) if t))


def _amount(measured: Measurement) -> str:
    if measured.name == "utility Lipschitz":
        return "L is infinite"
    return "" if measured.value is None else f"{measured.value:g}"


def _form(
    form: str,
    geometry: CellGeometry,
    pairs: PairIntervals,
    slope: float,
    chosen: IntArray,
    exact_labels: bool,
    width: str,
    delta: float,
) -> tuple[FloatArray, dict[str, float]]:
    problem, cell, logged = geometry.problem, geometry.cell, pairs.logged
    if form == "three-terms":
        return _three_terms(geometry, pairs, slope, width, delta)
    up, down = pairs.up[0], pairs.down[0]
    nothing = np.zeros_like(up)
    split = {
        "statistical": (np.where(logged, up, 0.0), np.where(logged, down, 0.0)),
        "unlogged": (np.where(logged, 0.0, up), np.where(logged, 0.0, down)),
    }
    if form in ("spread", "relative"):
        shift = forms.shifts(geometry, pairs, exact_labels)
        steep = slope if form == "spread" else None
        parts = {"mismatch": (shift[0], -shift[0])} | split
        if steep is not None:
            spread = np.broadcast_to(steep * geometry.query_spread[:, None], up.shape)
            parts = {"distance": (spread, nothing)} | parts
        terms = forms.pointwise_terms(parts, geometry.by_cell.mass, problem.label_range)
        return forms.by_cells(geometry, pairs, shift, steep), terms
    at_queries = {name: (u[cell], d[cell]) for name, (u, d) in split.items()}
    if form == "pairwise":
        reach = slope * geometry.record_distance
        parts = {"distance": (reach, reach)} | at_queries
        return forms.pairwise(geometry, pairs, slope), forms.pointwise_terms(parts, problem.weights, problem.label_range)
    near = np.where(logged[cell], slope * geometry.distance[:, None], 0.0)
    far = np.where(logged, slope * geometry.estimates.distance, 0.0)[cell]
    parts = {"distance": (near, near), "records": (far, far)} | at_queries
    if form == "sharp":
        return forms.sharp(geometry, pairs, slope), forms.pointwise_terms(parts, problem.weights, problem.label_range)
    return _policy(geometry, pairs, slope, chosen, parts)


def _policy(
    geometry: CellGeometry,
    pairs: PairIntervals,
    slope: float,
    chosen: IntArray,
    parts: Mapping[str, tuple[FloatArray, FloatArray]],
) -> tuple[FloatArray, dict[str, float]]:
    problem = geometry.problem
    rows, picked = np.arange(problem.weights.size), chosen[0][geometry.cell]
    estimate = pairs.estimate[0][geometry.cell]
    above = estimate + np.sum([u for u, _ in parts.values()], axis=0)
    above[rows, picked] = -np.inf
    rival = above.argmax(axis=1)
    terms = {"estimated margin": problem.mean(estimate[rows, rival] - estimate[rows, picked])}
    terms |= {name: problem.mean(u[rows, rival] + d[rows, picked]) for name, (u, d) in parts.items()}
    bounds = forms.policy(geometry, pairs, slope, chosen)
    return bounds, terms | {"range cap": float(bounds[0]) - math.fsum(terms.values())}


def _three_terms(
    geometry: CellGeometry, pairs: PairIntervals, slope: float, width: str, delta: float
) -> tuple[FloatArray, dict[str, float]]:
    problem, mass, counts = geometry.problem, geometry.by_cell.mass, geometry.estimates.counts
    live = mass > 0
    holes = float(mass @ ~pairs.logged.all(axis=1))
    distance, mismatch = float(problem.weights @ geometry.distance), float(mass @ geometry.mismatch)
    logged = pairs.logged & live[:, None]
    if width == "hoeffding" and logged.any():
        bound = three_terms(
            L=slope,
            distance=distance,
            mismatch=mismatch,
            n_min=float(counts[logged].min()),
            N=float(pairs.logged.sum()),
            R=problem.label_range,
            delta=delta,
            hole_mass=holes,
        )
        return np.full(1, bound.value), dict(bound.terms)
    up, down = np.where(logged, pairs.up, -np.inf), np.where(logged, pairs.down, -np.inf)
    statistical = np.maximum(0.0, worst_pair(up, down)) @ mass
    fixed = {
        "distance": 2 * slope * distance,
        "mismatch": 2 * slope * mismatch,
        "unlogged": problem.label_range * holes,
    }
    terms = {"distance": fixed["distance"], "mismatch": fixed["mismatch"], "statistical": float(statistical[0])}
    return statistical + math.fsum(fixed.values()), terms | {"unlogged": fixed["unlogged"]}
