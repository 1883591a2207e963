"""Verdicts follow from intervals, and every one of them can come out."""

import math

import pytest

from fedroute_theory.intervals import Interval
from fedroute_theory.tables import published
from fedroute_theory.tables.retold import sizes
from fedroute_theory.tables.verdicts import exact, near_zero, positive, verdict

ABOVE, BELOW, ACROSS, ONE = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0.5, -1, 2), Interval(2, -math.inf, math.inf)


@pytest.mark.parametrize(("found", "said"), [(ABOVE, "for"), (BELOW, "against"), (ACROSS, "open"), (ONE, "open"), (None, None)])
def test_directions(found, said):
    assert positive(found) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.009, 0.01, "for"), (-0.011, 0.0, "open"), (0.011, 0.02, "against"), (-0.5, -0.02, "against"), (0.009, 0.02, "open")],
)
def test_equality_needs_a_narrow_interval(low, high, said):
    assert near_zero(Interval((low + high) / 2, low, high), 0.01) == said
    assert near_zero(None, 0.01) is None


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("for", "for"), "reproduced"),
        (("for", "open"), "reproduced only under the published protocol"),
        (("for", "against"), "reproduced only under the published protocol"),
        (("open", "for"), "reproduced only under the sound protocol"),
        (("for", None), "reproduced (published protocol, the only one tested)"),
        ((None, "for"), "reproduced (sound protocol, the only one tested)"),
        (("open", "open"), "not reproduced (open)"),
        (("open", "against"), "not reproduced (against)"),
        (("open", None), "not reproduced (open)"),
        ((None, None), "cannot be tested here"),
    ],
)
def test_verdicts(pair, said):
    assert verdict(*pair) == said


def test_the_published_partition_follows_from_the_task_sizes():
    assert len(published.TASK_SIZES) == 86
    assert sum(published.TASK_SIZES.values()) == 36497
    found = published.partition(None)
    assert (tuple(found["train"]), found["test"], found["empty"]) == (published.TRAIN, published.TEST, published.EMPTY)
    assert tuple(found["by_model"]) == published.BY_MODEL
    assert published.is_routerbench(found)
    assert not published.is_routerbench(found | {"train": [*found["train"][:-1], 2500]})
    assert exact(found["test"], 9128) == "not reproduced"


def test_sizes_count_pairs_without_a_record():
    from fedroute_theory.federation import published_partition

    split = published_partition(["a"] * 40, 3, clients=2)
    found = sizes(split, 3)
    assert sum(found["train"]) + found["test"] == 40
    assert sum(found["by_model"]) == sum(found["train"])
    assert found["empty"] == sum(len({0, 1, 2} - set(own.tolist())) for own in split.logged_model)


def test_numbers_are_shown_with_the_decimals_that_are_printed():
    assert published.shown(0.74961, "0.75") == "0.75"
    assert published.shown(0.74961, "0.7502") == "0.7496"
