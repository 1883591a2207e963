"""realizability: the squared distance of the truth to a class, by a loop over its functions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.assumptions import realizability


@given(st.integers(0, 10**6))
def test_the_distance_is_that_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    functions, truth, rho = rng.random((6, 4, 3)), rng.random((4, 3)), rng.random((4, 3))
    rho *= rng.random((4, 3)) < 0.8
    rho[0, 0] = 0.5
    distances = []
    for f in functions:
        distances.append(sum(rho[x, m] / rho.sum() * (f[x, m] - truth[x, m]) ** 2 for x in range(4) for m in range(3)))
    found = realizability(functions, truth, rho, exhaustive=True)
    assert found.squared_distance == pytest.approx(min(distances))
    assert found.member == distances.index(min(distances))
    assert found.exact
    doubled = realizability(functions, truth, 2 * rho, exhaustive=True)
    assert doubled.squared_distance == pytest.approx(found.squared_distance)


def test_a_class_that_holds_the_truth_has_distance_zero_where_records_come():
    truth = np.array([[0.2, 0.8], [0.5, 0.5]])
    elsewhere = truth.copy()
    elsewhere[1, 1] = 0.0  # no record of model 1 at query 1
    found = realizability(np.stack([1 - truth, elsewhere]), truth, np.array([[0.5, 0.25], [0.25, 0.0]]), exhaustive=True)
    assert (found.squared_distance, found.member) == (0.0, 1)


def test_the_best_of_some_members_is_an_upper_estimate_and_says_so():
    rng = np.random.default_rng(3)
    functions, truth, rho = rng.random((9, 4, 2)), rng.random((4, 2)), np.full((4, 2), 0.125)
    whole = realizability(functions, truth, rho, exhaustive=True)
    some = realizability(np.delete(functions, whole.member, axis=0), truth, rho, exhaustive=False)
    assert some.squared_distance >= whole.squared_distance
    assert (whole.how, some.how) == (
        "exact distance by enumeration of the class",
        "upper estimate of the class's squared distance by the best member found",
    )


def test_bad_arguments_are_named():
    functions, truth, rho = np.full((2, 3, 2), 0.5), np.full((3, 2), 0.5), np.full((3, 2), 1 / 6)
    one_sentence(lambda: realizability(functions[0], truth, rho, exhaustive=True), "'predictions'")
    one_sentence(lambda: realizability(functions[:0], truth, rho, exhaustive=True), "'predictions'")
    one_sentence(lambda: realizability(functions, truth[:2], rho, exhaustive=True), "'truth'")
    one_sentence(lambda: realizability(functions, truth, rho[:, :1], exhaustive=True), "'rho'")
    one_sentence(lambda: realizability(functions, truth, -rho, exhaustive=True), "'rho'")
    one_sentence(lambda: realizability(functions, truth, 0 * rho, exhaustive=True), "'rho'", "0")
    one_sentence(lambda: realizability(functions * np.nan, truth, rho, exhaustive=True), "'predictions'")
