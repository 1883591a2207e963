"""Means, shares and exponents with their intervals."""

import math

import numpy as np
import pytest

from fedroute_theory import intervals
from fedroute_theory._validate import InputError


def test_student_interval_of_known_numbers():
    # mean 2, standard deviation 1, n = 3: t(0.975, 2) = 4.302653
    found = intervals.mean([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert found.half == pytest.approx(4.302653 / math.sqrt(3.0), rel=1e-6)


def test_one_value_has_no_spread_and_none_no_mean():
    assert intervals.mean([0.3]) == intervals.Interval(0.3, -math.inf, math.inf)
    with pytest.raises(InputError, match="at least one value"):
        intervals.mean([])


def test_pairing_removes_what_is_shared():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=20)
    noise = 0.01 * rng.normal(size=20)
    found = intervals.paired((shared + 0.1 + noise).tolist(), shared.tolist())
    assert found.low < 0.1 < found.high
    assert found.half < 0.02 < intervals.mean((shared + 0.1).tolist()).half


def test_share_at_the_ends():
    found = intervals.share([True] * 10)
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 10))


def test_exponent_of_a_power_law_with_a_constant_a_group():
    x = [10.0, 100.0, 1000.0] * 2
    y = [3.0 * v**-0.5 for v in x[:3]] + [7.0 * v**-0.5 for v in x[3:]]
    found = intervals.exponent(x, y, [0, 0, 0, 1, 1, 1])
    assert found is not None
    assert found.value == pytest.approx(-0.5)
    assert found.half < 1e-12
    pooled = intervals.exponent(x, y)
    assert pooled is not None
    assert pooled.half > 0.1  # without groups the two constants are noise


def test_exponent_says_nothing_without_freedom():
    assert intervals.exponent([1.0, 2.0], [1.0, 2.0]) is None
    assert intervals.exponent([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]) is None
    assert intervals.exponent([1.0, 2.0, 3.0], [0.0, 0.0, 1.0]) is None


def test_coverage_of_the_exponent_is_as_stated():
    rng = np.random.default_rng(1)
    x = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    hits = 0
    for _ in range(400):
        found = intervals.exponent(x.tolist(), (x**-1.0 * np.exp(0.2 * rng.normal(size=5))).tolist())
        assert found is not None
        hits += found.low <= -1.0 <= found.high
    assert 0.91 <= hits / 400 <= 0.985  # 0.95 within about four standard deviations


def test_the_jackknife_of_a_mean_is_its_student_interval():
    values = [0.1, 0.5, 0.3, 0.2]
    found = intervals.jackknife(lambda kept: math.fsum(values[i] for i in kept) / len(kept), range(4))
    known = intervals.mean(values)
    assert (found.value, found.low, found.high) == pytest.approx((known.value, known.low, known.high))


def test_the_jackknife_of_what_has_no_value_says_so():
    assert intervals.jackknife(lambda _: None, range(4)) is None
    for open_ended in (
        intervals.jackknife(lambda kept: None if len(kept) < 4 else 1.0, range(4)),
        intervals.jackknife(lambda _: 1.0, [0]),
    ):
        assert (open_ended.value, open_ended.low, open_ended.high) == (1.0, -math.inf, math.inf)


def test_limits_end_where_values_cannot_go():
    found = intervals.mean([0.0, 0.0, 0.3], least=0.0)
    free = intervals.mean([0.0, 0.0, 0.3])
    assert free.low < 0.0 == found.low
    assert (found.value, found.high) == (free.value, free.high)
    assert intervals.mean([1.0, 1.0, 0.7], least=0.0, most=1.0).high == 1.0
    below = intervals.mean([-1e-17, -1e-17], least=0.0)
    assert below.low <= below.value <= below.high
    assert intervals.mean([0.3], least=0.0, most=1.0) == intervals.mean([0.3])


def test_zeros_count_in_the_exponent_of_means():
    # a share 1/x of the seeds loses 1 and the others nothing: the mean falls as 1/x, positive values do not fall at all
    x, y, seeds = [], [], []
    for size in (2, 4, 8):
        for seed in range(8):
            x.append(float(size))
            y.append(float(seed % size == 0))
            seeds.append(seed)
    assert intervals.exponent(x, y, seeds).value == pytest.approx(0.0)
    found = intervals.exponent_of_means(x, y, seeds)
    assert found.value == pytest.approx(-1.0)
    assert math.isinf(found.low)  # seed 0 alone loses at the largest size


def test_the_exponent_of_means_has_a_jackknife_interval():
    rng = np.random.default_rng(2)
    x = [float(v) for v in (1, 10, 100) for _ in range(10)]
    y = [float(rng.exponential()) / v for v in x]
    found = intervals.exponent_of_means(x, y, list(range(10)) * 3)
    assert found.low < -1.0 < found.high
    assert found.half < 0.5
    assert intervals.exponent_of_means([1.0, 2.0], [0.0, 1.0], [0, 0]) is None
    assert intervals.exponent_of_means([1.0, 1.0], [1.0, 1.0], [0, 1]) is None
