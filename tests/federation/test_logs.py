"""Logs are typed columns; bad columns are named."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from reference import one_sentence

from fedroute_theory.federation import Logs
from fedroute_theory.testing import cases


def columns(**changes):
    fields = {
        "client": np.array([0, 1]),
        "embedding": np.zeros((2, 1)),
        "query": np.array([0, 1]),
        "model": np.array([0, 1]),
        "quality": np.array([0.0, 1.0]),
        "cost": np.zeros(2),
        "n_clients": 2,
        "n_models": 2,
    }
    return fields | changes


@given(case=cases())
def test_clients_parts_make_up_the_logs(case):
    parts = [case.logs.of_client(i) for i in range(case.federation.n_clients)]
    assert sum(p.size for p in parts) == case.logs.size
    assert np.array_equal(np.concatenate([p.quality for p in parts]), case.logs.quality)
    assert all((p.client == i).all() for i, p in enumerate(parts))


@given(case=cases())
def test_the_frame_holds_every_column(case):
    frame = case.logs.frame()
    for name in ("client", "query", "model", "quality", "cost"):
        assert np.array_equal(frame[name].to_numpy(), getattr(case.logs, name))
    assert np.array_equal(np.array(frame["embedding"].to_list()), case.logs.embedding)
    assert frame.schema["embedding"] == pl.Array(pl.Float64, case.logs.embedding.shape[1])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"client": np.array([0, 2])}, ("client", "2")),
        ({"client": np.array([], dtype=int)}, ("no record",)),
        ({"model": np.array([0, 5])}, ("model", "5")),
        ({"model": np.array([0.0, 1.0])}, ("model", "float64")),
        ({"quality": np.array([0.0, 1.1])}, ("quality", "1.1")),
        ({"quality": np.array([0.0, np.nan])}, ("quality", "nan")),
        ({"quality": np.array([0.0])}, ("quality", "(1,)")),
        ({"cost": np.array([0.0, -1.0])}, ("cost", "-1")),
        ({"cost": np.array([0.0, np.inf])}, ("cost", "inf")),
        ({"embedding": np.zeros((3, 1))}, ("embedding", "(3, 1)")),
        ({"embedding": np.full((2, 1), np.nan)}, ("embedding", "nan")),
        ({"query": np.array([0, 1, 2])}, ("query", "(3,)")),
        ({"labels": "gaussian"}, ("labels", "gaussian")),
        ({"adaptivity": "sometimes"}, ("adaptivity", "sometimes")),
    ],
)
def test_a_bad_column_is_named(changes, named):
    one_sentence(lambda: Logs(**columns(**changes)), *named)


def test_a_client_without_records_is_named():
    one_sentence(lambda: Logs(**columns(n_clients=3)).of_client(2), "2")
