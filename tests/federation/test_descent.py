"""What a descent says of itself, and what it refuses."""

import math

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.federation import Descent, Dissimilarity, Measured

BASE = {"shares": [0.5, 0.25, 0.25], "local_steps": 2, "rounds": 3, "step_size": 0.1, "squared_gradient": Measured(1.0)}


def test_concentration_is_one_for_equal_shares_and_n_for_a_single_client():
    assert Descent(**BASE).concentration == pytest.approx(3 * (0.25 + 0.125))
    assert Descent(**(BASE | {"shares": [0.25] * 4})).concentration == pytest.approx(1.0)
    assert Descent(**(BASE | {"shares": [1.0, 0.0]})).concentration == pytest.approx(2.0)
    assert Descent(**BASE).participants == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"shares": [0.5, 0.6]}, "'shares'"),
        ({"local_steps": 0}, "'local_steps'"),
        ({"rounds": 0}, "'rounds'"),
        ({"step_size": 0.0}, "'step_size'"),
        ({"clipping": 0.0}, "'clipping'"),
        ({"participants": 4}, "'participants'"),
    ],
)
def test_impossible_protocols_are_named(change, named):
    one_sentence(lambda: Descent(**(BASE | change)), named)


def test_measured_numbers_and_curves_are_checked():
    one_sentence(lambda: Measured(math.nan))
    one_sentence(lambda: Measured(1.0, -1.0))
    one_sentence(lambda: Dissimilarity(np.array([0.5]), np.array([1.0])), "'beta'")
    one_sentence(lambda: Dissimilarity(np.array([1.5, 2.0]), np.array([1.0])), "'kappa2'")
    assert Measured(1.0, 0.5).upper == 1.5


@pytest.mark.parametrize("value", [None, "1.0", True, [1.0]])
def test_measured_takes_numbers_only(value):
    one_sentence(lambda: Measured(value), "'value'")
    one_sentence(lambda: Measured(1.0, value), "'error'")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smoothness", Measured(0.0)),
        ("smoothness", Measured(-1.0)),
        ("smoothness", 1.0),
        ("noise", Measured(-0.1)),
        ("noise", "1"),
        ("initial_gap", Measured(-2.0, 0.5)),
        ("initial_gap", 3.0),
        ("squared_gradient", Measured(-1.0)),
        ("squared_gradient", None),
        ("squared_gradient", 1.0),
        ("dissimilarity", 1.0),
    ],
)
def test_impossible_constants_are_named(name, value):
    one_sentence(lambda: Descent(**(BASE | {name: value})), f"'{name}'")


def test_unknown_and_infinite_constants_and_estimates_about_zero_are_allowed():
    found = Descent(**(BASE | {"noise": Measured(math.inf), "smoothness": None, "squared_gradient": Measured(-0.1, 0.2)}))
    assert found.noise.value == math.inf
