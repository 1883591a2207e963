"""Failure probabilities, exactly: of the event by every outcome of every label, of the conclusions by retraining on each."""

import importlib
import math
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import SlowRouter, binary_divergence, divergence_interval, one_sentence
from scipy.stats import binom

from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.certify import conclusion_failure
from fedroute_theory.federation import Logs, draw_logs, uniform_logging
from fedroute_theory.problems import Tabular
from fedroute_theory.routers import EMPTY_CHOICES, KMeansRouter, train
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Case
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.events import event_failure, poisson_binomial
from fedroute_theory.theorems.kmeans_router.families import adaptive_failure
from fedroute_theory.theorems.kmeans_router.one_cell import one_cell
from fedroute_theory.theorems.kmeans_router.widths import hoeffding, kl_interval

# --- intervals ------------------------------------------------------------------------------------------------------------


@given(mean=st.integers(0, 20).map(lambda k: k / 20), n=st.sampled_from((1, 2, 7, 100, 10**6)), log_term=st.floats(0.01, 30.0))
def test_kl_ends_are_the_roots_of_the_divergence(mean, n, log_term):
    low, high = kl_interval(np.array(mean), np.array(n), log_term)
    expected = divergence_interval(mean, log_term / n)
    assert float(low) == pytest.approx(expected[0], abs=1e-9)
    assert float(high) == pytest.approx(expected[1], abs=1e-9)
    assert low <= mean <= high


@given(mean=st.floats(0.0, 1.0), n=st.sampled_from((1, 3, 40, 5000)), log_term=st.floats(0.01, 30.0))
def test_kl_ends_are_rounded_outwards_and_inside_hoeffdings(mean, n, log_term):
    low, high = (float(v) for v in kl_interval(np.array(mean), np.array(n), log_term))
    width = float(hoeffding(np.array(n), log_term))
    assert max(0.0, mean - width) - 1e-12 <= low <= mean <= high <= min(1.0, mean + width) + 1e-12
    for end in (low, high):
        if 0.0 < end < 1.0:
            assert exact_divergence(mean, end) >= Decimal(log_term / n)


def exact_divergence(mean, end):
    """kl(mean, end) to 60 digits."""
    with localcontext(prec=60):
        pairs = [(Decimal(mean), Decimal(end)), (1 - Decimal(mean), 1 - Decimal(end))]
        return sum(p * (p / q).ln() for p, q in pairs if p)


@given(n=st.sampled_from((1, 5, 80)), log_term=st.sampled_from((0.5, 3.0, 9.0)))
def test_kl_ends_rise_with_the_mean_and_close_in_with_records_and_confidence(n, log_term):
    means = np.linspace(0.0, 1.0, 41)
    low, high = kl_interval(means, np.full(41, n), log_term)
    assert (np.diff(low) >= -1e-12).all()
    assert (np.diff(high) >= -1e-12).all()
    for closer in (kl_interval(means, np.full(41, 2 * n), log_term), kl_interval(means, np.full(41, n), log_term / 2)):
        assert (closer[0] >= low - 1e-12).all()
        assert (closer[1] <= high + 1e-12).all()
    mirrored = kl_interval(1.0 - means, np.full(41, n), log_term)
    assert mirrored[0] == pytest.approx(1.0 - high, abs=1e-12)


def test_without_records_everything_is_possible():
    low, high = kl_interval(np.array([0.3, np.nan]), np.array([0, 0]), 2.0)
    assert low.tolist() == [0.0, 0.0]
    assert high.tolist() == [1.0, 1.0]
    assert np.isinf(hoeffding(np.array([0]), 2.0)).all()


def test_hoeffdings_width_by_hand():
    assert float(hoeffding(np.array(8), 4.0)) == 0.5


# --- the event ------------------------------------------------------------------------------------------------------------


@given(chances=st.lists(st.integers(0, 10).map(lambda k: k / 10), min_size=1, max_size=7))
def test_the_law_of_a_sum_of_unequal_coins_is_the_exact_one(chances):
    exact = [Fraction(0)] * (len(chances) + 1)
    for outcome in product((0, 1), repeat=len(chances)):
        exact[sum(outcome)] += math.prod(
            Fraction(p) if hit else 1 - Fraction(p) for p, hit in zip(chances, outcome, strict=True)
        )
    assert poisson_binomial(np.array([chances]))[0] == pytest.approx([float(p) for p in exact], abs=1e-14)


def test_the_law_of_equal_coins_is_binomial():
    assert poisson_binomial(np.full((1, 50), 0.3))[0] == pytest.approx(binom.pmf(np.arange(51), 50, 0.3), abs=1e-13)


def brute_force_event(case, width, scale=1.0):
    """1 - the product over pairs of P(inside), every outcome of every label with a rational chance."""
    problem, logs = case.problem, case.logs
    slow = SlowRouter(problem, logs, case.trained[0][2], case.delta, 0.0)
    quality, cost = problem.truth(logs.embedding)
    noisy = logs.labels == "bernoulli" and problem.c_max > 0
    held = Fraction(1)
    for (_, m), rows in slow.pairs.items():
        if not rows:
            continue
        n, log_term = len(rows), math.log(2 * slow.N / case.delta)
        mean = sum(slow.truth[j, m] for j in rows) / n
        inside = Fraction(0)
        for outcome in product((0, 1), repeat=(2 if noisy else 1) * n):
            chance, label = Fraction(1), 0.0
            for i, j in enumerate(rows):
                p = Fraction(float(quality[j, m]))
                chance *= p if outcome[i] else 1 - p
                label += outcome[i]
                if noisy:
                    c = Fraction(float(cost[j, m])) / Fraction(float(problem.c_max))
                    chance *= c if outcome[n + i] else 1 - c
                    label -= problem.lam * problem.c_max * outcome[n + i]
                else:
                    label -= problem.lam * cost[j, m]
            label /= n
            if width == "hoeffding":
                ok = abs(label - mean) <= scale * slow.R * math.sqrt(log_term / (2 * n)) + 1e-12
            else:
                unit = min(1.0, max(0.0, (label - slow.lo) / slow.R))
                ok = binary_divergence(unit, min(1.0, max(0.0, (mean - slow.lo) / slow.R))) <= scale**2 * log_term / n + 1e-11
            inside += chance if ok else 0
        held *= inside
    return float(1 - held)


@settings(max_examples=30)
@given(
    case=cases(max_records=2, duplicates=False),
    width=st.sampled_from(("hoeffding", "kl")),
    scale=st.sampled_from((0.25, 0.5, 1.0)),
)
def test_event_failure_is_the_sum_over_all_label_outcomes(case, width, scale):
    geometry = CellGeometry(case.problem, case.logs, case.trained[0][2])
    found = event_failure(geometry, case.delta, width, scale)
    if case.logs.labels == "exact":
        assert found is None
        return
    assert found == pytest.approx(brute_force_event(case, width, scale), abs=1e-9)


@pytest.mark.parametrize("labels", ["bernoulli", "bernoulli-quality"])
@pytest.mark.parametrize("width", ["hoeffding", "kl"])
def test_event_failure_counts_the_noise_of_costs(width, labels):
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.5, 0.8]]), np.array([[0.5, 0.25]]), 1.0)
    logs, estimates = one_cell(problem, np.zeros((6, 1)), [0, 0, 0, 0, 0, 1], 0.0)
    case = Case(problem, None, replace(logs, labels=labels), [("pooled", None, estimates)], 0.5)
    found = event_failure(CellGeometry(problem, case.logs, estimates), case.delta, width, 0.6)
    assert found == pytest.approx(brute_force_event(case, width, 0.6), abs=1e-9)
    assert found > 0.01 or labels == "bernoulli-quality"


@settings(max_examples=60)
@given(case=cases(duplicates=False, max_records=40), width=st.sampled_from(("hoeffding", "kl")))
def test_the_event_fails_with_at_most_the_stated_probability(case, width):
    found = event_failure(CellGeometry(case.problem, case.logs, case.trained[0][2]), case.delta, width)
    assert found is None or 0.0 <= found <= case.delta


def fair_coins(records, models=2):
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.full((1, models), 0.5), np.zeros((1, models)))
    logs, estimates = one_cell(problem, np.zeros((records, 1)), list(range(models)) * (records // models), 0.0)
    return CellGeometry(problem, replace(logs, labels="bernoulli-quality"), estimates)


@pytest.mark.parametrize("scale", [0.3, 0.5])
@pytest.mark.parametrize("width", ["hoeffding", "kl"])
def test_a_narrower_interval_fails_too_often(scale, width):
    assert event_failure(fair_coins(400), 0.3, width, scale) > 0.3
    assert event_failure(fair_coins(400), 0.3, width) <= 0.3


@pytest.mark.parametrize("delta", [0.05, 0.5])
@pytest.mark.parametrize("models", [2, 4, 8])
def test_event_failure_of_fair_coins_is_binomial(models, delta):
    records, scale = 30, 0.6
    width = scale * math.sqrt(math.log(2 * models / delta) / (2 * records))
    outside = sum(binom.pmf(k, records, 0.5) for k in range(records + 1) if abs(k / records - 0.5) > width)
    found = event_failure(fair_coins(models * records, models), delta, "hoeffding", scale)
    assert found == pytest.approx(1 - (1 - outside) ** models, rel=1e-9)
    assert found > 0


def test_the_union_over_pairs_is_needed():
    """Forty pairs with the width of a single pair: log(2/delta) in place of log(2 N / delta) fails too often."""
    delta, pairs = 0.05, 40
    narrow = math.sqrt(math.log(2 / delta) / math.log(2 * pairs / delta))
    assert event_failure(fair_coins(40 * 100, pairs), delta, "hoeffding", narrow) > delta


def test_two_coins_by_hand():
    """One pair, two fair coins: the mean leaves 1/2 +- w with chance 1/2 when w < 1/2, never when w >= 1/2."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.full((1, 2), 0.5), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((2, 1)), [0, 0], 0.0)
    geometry = CellGeometry(problem, replace(logs, labels="bernoulli-quality"), estimates)
    assert event_failure(geometry, 0.2, "hoeffding", 1.0) == pytest.approx(0.0, abs=1e-15)
    assert event_failure(geometry, 0.2, "hoeffding", 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(("records", "delta"), [(1, 0.5), (3, 0.9), (9, 0.7)])
def test_stopping_at_the_first_exit_is_followed_path_by_path(records, delta):
    failed = 0
    for path in product((0, 1), repeat=records):
        exits = any(abs(sum(path[:n]) / n - 0.5) > math.sqrt(math.log(2 / delta) / (2 * n)) for n in range(1, records + 1))
        failed += exits
    assert adaptive_failure(records, delta) == pytest.approx(failed / 2**records, abs=1e-12)


def test_stopping_on_labels_fails_more_often_than_allowed():
    assert adaptive_failure(400, 0.05) > 0.05


# --- the conclusion -------------------------------------------------------------------------------------------------------


def small_logs(seed, records=5, models=2):
    rng = np.random.default_rng(seed)
    problem = Tabular.generate(rng, queries=4, dimension=1, models=models, tasks=2, lam=0.3)
    return problem, draw_logs(problem, uniform_logging(problem, clients=1, records=records), rng, "bernoulli-quality")


def retrained_failure(problem, logs, router, delta):
    """P(gap > bound) by form: train on every label vector, bound it the slow way, add up the chances."""
    slope = steepest_slope(problem, logs).value
    chances = problem.truth(logs.embedding)[0][np.arange(logs.size), logs.model]
    failed, worst = {}, {}
    for outcome in product((0.0, 1.0), repeat=logs.size):
        chance = float(np.prod([p if hit else 1 - p for p, hit in zip(chances, outcome, strict=True)]))
        relabelled = replace(logs, quality=np.array(outcome))
        slow = SlowRouter(problem, relabelled, train(router, relabelled, 0).pooled, delta, slope)
        for width in ("hoeffding", "kl"):
            bounds = {
                form: slow.bound(form, width) for form in ("sharp", "policy", "pairwise", "spread", "three-terms", "relative")
            }
            bounds["least"] = min(v for form, v in bounds.items() if form != "relative")
            for form, bound in bounds.items():
                gap = slow.gap("cells" if form == "relative" else "oracle")
                name = f"{form}/{width}"
                failed[name] = failed.get(name, 0.0) + chance * (gap > bound + 1e-9)
                worst[name] = max(worst.get(name, 0.0), gap)
    return {name: (worst[name], failed[name]) for name in failed}


@pytest.mark.parametrize("empty", ["exclude", "mid-range", "published", "pooled-mean"])
@pytest.mark.parametrize(("seed", "delta"), [(0, 0.05), (3, 0.999)])
def test_conclusion_failure_is_that_of_retraining_on_every_label_vector(seed, empty, delta):
    assert empty in EMPTY_CHOICES
    problem, logs = small_logs(seed)
    router = KMeansRouter.with_clusters(3, empty=empty, c_max=problem.c_max)
    found = conclusion_failure(problem, logs, train(router, logs, 0).pooled, delta)
    expected = retrained_failure(problem, logs, router, delta)
    assert set(found) == set(expected)
    for form, (gap, chance) in found.items():
        assert gap == pytest.approx(expected[form][0], abs=1e-9), form
        assert chance == pytest.approx(expected[form][1], abs=1e-9), form
        assert chance <= delta


def test_a_bound_below_the_gap_of_some_outcome_has_that_outcomes_chance(monkeypatch):
    """The enumeration sees failures when there are some: labels that mislead with a known chance and no width at all."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.9, 0.4]]), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((2, 1)), [0, 1], 0.0)
    logs = replace(logs, labels="bernoulli-quality", quality=np.array([1.0, 0.0]))
    module = importlib.import_module("fedroute_theory.theorems.kmeans_router.claims")
    monkeypatch.setattr(module, "hoeffding", lambda counts, log_term: 0.0 * counts * log_term)
    found = conclusion_failure(problem, logs, estimates, 0.05)
    assert found["sharp/hoeffding"] == pytest.approx((0.5, 0.1 * 0.4))


def test_too_many_outcomes_or_other_labels_are_refused():
    problem, logs = small_logs(0)
    estimates = train(KMeansRouter.with_clusters(1), logs, 0).pooled
    one_sentence(lambda: conclusion_failure(problem, replace(logs, labels="exact"), estimates, 0.05), "exact")
    many = Logs(
        np.zeros(4000, int),
        np.tile(problem.embeddings, (1000, 1)),
        np.tile(np.arange(4), 1000),
        np.arange(4000) % 2,
        np.zeros(4000),
        np.zeros(4000),
        1,
        2,
        "bernoulli-quality",
        "fixed",
    )
    wide = train(KMeansRouter.with_clusters(2), many, 0).pooled
    one_sentence(lambda: conclusion_failure(problem, many, wide, 0.05), "outcomes")


def test_the_event_is_that_of_the_intervals_in_use(monkeypatch):
    """Intervals that are too narrow fail more often than delta, and the exact probability says so."""
    from fedroute_theory.theorems.kmeans_router import widths

    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.5, 0.8]]), np.zeros((1, 2)))
    logs, estimates = one_cell(problem, np.zeros((40, 1)), [0] * 20 + [1] * 20, 0.0)
    geometry = CellGeometry(problem, replace(logs, labels="bernoulli-quality"), estimates)
    honest = {width: event_failure(geometry, 0.05, width) for width in ("hoeffding", "kl")}
    assert max(honest.values()) <= 0.05
    upper = widths._kl_upper
    monkeypatch.setattr(widths, "HOEFFDING_FACTOR", 0.05)
    monkeypatch.setattr(widths, "_kl_upper", lambda mean, level: upper(mean, level / 10.0))
    assert event_failure(geometry, 0.05, "hoeffding") > 0.05
    assert event_failure(geometry, 0.05, "kl") > 0.05
