"""A cell's key is stable, and changes with what the result depends on, and with nothing else."""

import pickle

import numpy as np
import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.sweep import Cell, grid

PARAMS = {"n": 300, "lam": 0.1, "name": "é", "deep": {"b": [1, None, True], "a": 1.0}}
GOLDEN = "a712762db2c34d55c08b4c485ed957b195eb24d3b502932e2e472c31b5ae13d7"


def test_key_never_changes():
    assert Cell("kmeans", 3, PARAMS).key == GOLDEN


@pytest.mark.parametrize(
    "same",
    [
        Cell("kmeans", 3, dict(reversed(PARAMS.items()))),
        Cell("kmeans", 3, PARAMS, {"ab12": "/elsewhere/file"}),
        Cell("kmeans", 3, {**PARAMS, "n": np.int64(300), "lam": np.float64(0.1)}),
        Cell("kmeans", 3, {**PARAMS, "deep": {"a": 1.0, "b": (1, None, True)}}),
        pickle.loads(pickle.dumps(Cell("kmeans", 3, PARAMS))),
    ],
)
def test_what_the_key_does_not_depend_on(same):
    assert same.key == GOLDEN
    assert same == Cell("kmeans", 3, PARAMS)
    assert len({same, Cell("kmeans", 3, PARAMS)}) == 1


@pytest.mark.parametrize(
    "other",
    [
        Cell("kmeans", 4, PARAMS),
        Cell("kmeans2", 3, PARAMS),
        Cell("kmeans", 3, {**PARAMS, "n": 300.0}),
        Cell("kmeans", 3, {**PARAMS, "lam": np.nextafter(0.1, 1.0)}),
        Cell("kmeans", 3, {**PARAMS, "deep": {"b": [1, None, 1], "a": 1.0}}),
        Cell("kmeans", 3, {**PARAMS, "more": None}),
    ],
)
def test_what_the_key_depends_on(other):
    assert other.key != GOLDEN
    assert other != Cell("kmeans", 3, PARAMS)


def test_a_cell_keeps_what_it_was_made_of():
    params = {"sizes": [1, 2]}
    cell = Cell("toy", 1, params)
    params["sizes"].append(3)
    assert cell.key == Cell("toy", 1, {"sizes": [1, 2]}).key


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("", 1, {}), "'experiment' parameter must be a printable name; got ''"),
        (("toy", 0, {}), "'version' parameter must be an integer of at least 1"),
        (("toy", True, {}), "'version' parameter must be an integer"),
        (("toy", 1, [1]), "'params' parameter must be a mapping"),
        (("toy", 1, {"x": [1, {"y": float("nan")}]}), r"'params'\['x'\]\[1\]\['y'\] must be finite .*; got nan"),
        (("toy", 1, {"x": float("-inf")}), "must be finite .*; got -inf"),
        (("toy", 1, {"x": np.zeros(2)}), "must be made of JSON types; got ndarray"),
        (("toy", 1, {"x": {1: 2}}), "keys of 'params'.'x'. must be strings; got 1"),
        (("toy", 1, {}, ["file"]), "'files' parameter must be a mapping"),
    ],
)
def test_what_a_cell_refuses(wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        Cell(*wrong)


def test_grid_varies_the_last_axis_fastest():
    assert grid(n=[1, 2], lam=(0.1, 0.2)) == [
        {"n": 1, "lam": 0.1},
        {"n": 1, "lam": 0.2},
        {"n": 2, "lam": 0.1},
        {"n": 2, "lam": 0.2},
    ]
    assert grid() == [{}]
    assert grid(n=range(2), name=iter("ab"))[3] == {"n": 1, "name": "b"}


@pytest.mark.parametrize("axis", [[], "abc", 3])
def test_grid_refuses(axis):
    with pytest.raises(InputError, match="'n' parameter must"):
        grid(n=axis)
