"""Verdicts follow from numbers, one a seed, and every one of them can come out."""

import pytest

from fedroute_theory.intervals import mean
from fedroute_theory.tables.studies import published
from fedroute_theory.tables.studies.retold import sizes
from fedroute_theory.tables.studies.verdicts import ALWAYS, EQUAL, POSITIVE, Measured, counted, exact, verdict

ABOVE, BELOW, ACROSS, ONE = (1.9, 2.0, 2.1), (-1.9, -2.0, -2.1), (-1.0, 0.5, 2.0), (2.0,)
MOSTLY = (*[0.1] * 9, -0.01)


@pytest.mark.parametrize(
    ("values", "direction", "always"),
    [
        (ABOVE, "for", "for"),
        (BELOW, "against", "against"),
        (ACROSS, "open", "open"),
        (ONE, "open", "open"),
        (MOSTLY, "for", "open"),  # the mean is clear of 0, and yet one seed in ten is a counterexample to "every"
    ],
)
def test_directions(values, direction, always):
    assert (POSITIVE.answer(values), ALWAYS.answer(values)) == (direction, always)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.009, 0.0099, "for"), (-0.011, 0.0, "open"), (0.011, 0.02, "against"), (-0.5, -0.02, "against"), (0.009, 0.02, "open")],
)
def test_equality_needs_a_narrow_interval(low, high, said):
    spread = (high - low) / mean((0.0, 1.0, 2.0)).half / 2  # three values with that interval
    values = [(low + high) / 2 + spread * step for step in (-1.0, 0.0, 1.0)]
    assert (mean(values).low, mean(values).high) == pytest.approx((low, high))
    assert EQUAL.answer(values) == said


def test_what_was_not_run_is_not_what_cannot_be_measured():
    assert Measured.of([]).answer(POSITIVE) == "not run"
    assert Measured.of([None]).answer(POSITIVE) == Measured.of([1.0, None]).answer(POSITIVE) == "impossible"
    assert (Measured.of([]).printed(POSITIVE), Measured.of([None]).printed(POSITIVE)) == (("not run", None), (None, None))


def test_seeds_in_which_a_claim_is_true_are_counted():
    assert Measured(MOSTLY).printed(ALWAYS) == (mean(MOSTLY), "9/10")
    assert Measured((0.0, 0.01, -0.01, 0.02)).printed(EQUAL)[1] == "3/4"
    assert Measured((0.0, 1.0)).printed(POSITIVE)[1] == "1/2"


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("for", "for"), "reproduced"),
        (("for", "open"), "reproduced only under the published protocol"),
        (("for", "against"), "reproduced only under the published protocol"),
        (("open", "for"), "reproduced only under the sound protocol"),
        (("for", "not run"), "reproduced under the published protocol; sound not run"),
        (("impossible", "for"), "reproduced under the sound protocol; published not possible here"),
        (("open", "open"), "not reproduced (open)"),
        (("open", "against"), "not reproduced (against)"),
        (("open", "not run"), "not reproduced (open)"),
        (("impossible", "impossible"), "cannot be tested here"),
        (("impossible", "not run"), "cannot be tested here"),
        (("not run", "not run"), "not run at default size (--full)"),
    ],
)
def test_verdicts(pair, said):
    assert verdict(*pair) == said


def test_verdicts_are_counted_the_most_frequent_first():
    assert counted(["a", "b", "b"]) == "2 b, 1 a"


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
