"""K-means traps: each counterexample by hand or by brute force, and each control is silent about code that has the mistake."""

import importlib
import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.theorems import Measurement
from fedroute_theory.theorems.kmeans_router import families, traps
from fedroute_theory.theorems.kmeans_router.cells import PairIntervals
from fedroute_theory.theorems.kmeans_router.one_cell import claims_by_form

CLAIMS = importlib.import_module("fedroute_theory.theorems.kmeans_router.claims")


def control(words):
    found = [c for c in families.controls() if words in c.name]
    assert len(found) == 1
    return found[0]


def test_switching_by_brute_force():
    records, level = 11, math.log(4.0 / 0.9)
    failed = 0
    for labels in product((0, 1), repeat=records - 1):  # the first record went to model 1
        first = next((n for n in range(1, records) if abs(sum(labels[:n]) / n - 0.5) > math.sqrt(level / (2 * n))), None)
        failed += first is not None
    assert 0 < failed < 2 ** (records - 1)
    assert traps.exit_probability(records - 1, level) == pytest.approx(failed / 2 ** (records - 1), abs=1e-12)


def test_centres_found_with_the_labels_fail_as_soon_as_a_cell_is_large_enough():
    needed = math.log(4.0 / 0.05) / (2.0 * 0.25)  # records of one cell for |1 - 1/2| to leave its interval
    for ones in range(1, 12):
        assert traps.separated_means(ones, 12, 0.05) == (max(ones, 12 - ones) > needed)


def test_the_triangle_by_hand():
    problem, logs, estimates = traps.triangle()
    worst = traps.WorstTies(**vars(estimates), problem=problem)
    assert problem.suboptimality(worst.policy(0.0)).value == pytest.approx(0.75 - 0.25)
    assert problem.suboptimality(estimates.policy(0.0)).value == pytest.approx(0.25)
    slope = steepest_slope(problem, logs)
    assert slope.value == pytest.approx(0.375 / math.sqrt(3.0))
    values = {form: c.answer.value for form, c in claims_by_form(problem, logs, estimates, slope).items() if form != "event"}
    assert values["spread"] == pytest.approx(slope.value * math.sqrt(3.0) * 2.0 / 3.0)
    assert values["three-terms"] == pytest.approx(2.0 * slope.value)
    assert values["relative"] == pytest.approx(0.0, abs=1e-12)
    tied = estimates.utility(0.0)
    assert np.ptp(tied) < 1e-12


def test_a_router_that_breaks_ties_query_by_query_is_measured():
    problem, logs, estimates = traps.triangle()
    worst = traps.WorstTies(**vars(estimates), problem=problem)
    said = claims_by_form(problem, logs, worst, steepest_slope(problem, logs))["relative"]
    measured = {m.name: m for m in said.assumptions}[traps.TIES]
    assert (measured.holds, measured.value, measured.margin) == (False, 1.0, -1.0)


def unchecked(_):
    return Measurement(traps.TIES, True)


def without_empty_pairs(cls, problem, estimates, *_):
    """Widths of 0 for pairs without records."""
    utility = estimates.utility(problem.lam)[None]
    nothing = np.zeros_like(utility)
    return cls(utility, nothing, nothing, estimates.logged)


MISTAKES = {
    "switch model": lambda patch: patch.setattr(CLAIMS, "_refusal", lambda *_: None),
    "stop after seeing": lambda patch: patch.setattr(CLAIMS, "_refusal", lambda *_: None),
    "centres chosen after": lambda patch: patch.setattr(CLAIMS, "_refusal", lambda *_: None),
    "ties broken": lambda patch: patch.setattr(CLAIMS, "constant_ties", unchecked),
    "silent zero": lambda patch: patch.setattr(PairIntervals, "around", classmethod(without_empty_pairs)),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_control_does_not_pass_when_the_package_makes_the_mistake(words, monkeypatch):
    assert control(words).caught
    MISTAKES[words](monkeypatch)
    assert not control(words).caught


def test_the_package_reads_an_empty_pair_as_the_top_of_the_range_whatever_its_fallback():
    problem, logs, estimates = traps.triangle()
    kept = logs.take(np.flatnonzero(logs.model != 0))
    counts = estimates.counts.copy()
    counts[:, 0] = 0
    zero = np.where(counts > 0, estimates.quality, 0.0)
    empty = replace(estimates, counts=counts, quality=zero, distance=np.where(counts > 0, estimates.distance, 0.0))
    claim = claims_by_form(problem, kept, empty, steepest_slope(problem, kept))["relative"]
    assert claim.answer.value == pytest.approx(1.0 - 0.5)
