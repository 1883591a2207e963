"""The rational routes, by hand."""

from fractions import Fraction

import numpy as np

from fedroute_theory.certify import coverage_k2, suboptimality
from fedroute_theory.problems import Tabular


def test_a_gap_by_hand():
    problem = Tabular(
        np.array([[0.0], [1.0]]), [1.0, 3.0], np.array([[0.25, 0.75], [1.0, 0.5]]), np.array([[0.0, 0.5], [0.25, 0.0]]), 0.5
    )
    assert suboptimality(problem, np.array([0, 1])) == Fraction(1, 4) * Fraction(1, 4) + Fraction(3, 4) * Fraction(3, 8)
    assert suboptimality(problem, np.array([1, 0])) == 0


def test_coverage_by_hand():
    assert coverage_k2(np.array([[0.5, 0.25, 1.0]]), np.ones(1)) == 6
    assert coverage_k2(np.array([[0.5, 0.0]]), np.ones(1)) is None
    assert coverage_k2(np.array([[0.5, 0.5], [0.0, 0.0]]), np.array([1.0, 0.0])) == 4
