"""Vectors of prompts: what they are close to, that their bytes stay, and what is refused."""

import numpy as np
import polars as pl
import pytest
from reference import one_sentence
from typer.testing import CliRunner

from fedroute_theory._validate import InputError
from fedroute_theory.cli import app
from fedroute_theory.problems.prompts import embed, embed_table

TOPICS = (
    "add the two numbers and divide the sum",
    "which river flows through the old city",
    "sort the list of strings in code",
)


def texts(n=60):
    return [f"{TOPICS[i % 3]} {'please' if i % 2 else 'now'} case{i % 7}" for i in range(n)]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"sample_id": [f"q.{i}" for i in range(60)], "prompt": texts(), "m|total_cost": [0.1] * 60}).write_parquet(
        path
    )
    return path


def test_texts_of_one_kind_are_near_each_other():
    found = embed(texts(), dimension=5)
    assert found.shape == (60, 5)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-6)
    alike = (found @ found.T)[0]
    kind = np.arange(60) % 3
    assert alike[kind == 0].min() > alike[kind != 0].max() + 0.2


def test_a_text_without_words_is_the_zero_vector():
    found = embed([*texts(), ""], dimension=5)
    assert np.abs(found[-1]).max() == 0.0


def test_the_command_writes_the_same_bytes_with_the_key(table, tmp_path):
    out = tmp_path / "v.npz"
    result = CliRunner().invoke(app, ["embed", str(table), "--dimension", "4", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == embed_table(table, dimension=4)
    with np.load(out) as arrays:
        assert arrays["sample_id"].tolist() == [f"q.{i}" for i in range(60)]
        assert arrays["embedding"].dtype == np.float32
    assert embed_table(table, dimension=4, seed=1) != embed_table(table, dimension=4)


def test_a_key_that_occurs_twice_is_left_out(tmp_path):
    path = tmp_path / "twice.csv"
    pl.DataFrame({"sample_id": ["a"] * 60, "prompt": texts()}).write_csv(path)
    (tmp_path / "v.npz").write_bytes(embed_table(path, dimension=3))
    with np.load(tmp_path / "v.npz") as arrays:
        assert arrays.files == ["embedding"]


@pytest.mark.parametrize("options", [{"dimension": 0}, {"dimension": 60}, {"seed": -1}, {"column": "query"}])
def test_bad_parameters_are_one_sentence(table, options):
    one_sentence(lambda: embed_table(table, **options), *(str(value) for value in options.values()))


def test_texts_without_words_are_refused():
    with pytest.raises(InputError, match="no word"):
        embed(["", "?"], dimension=1)
