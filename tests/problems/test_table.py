"""Tables from files: what is written is read back, and everything that is wrong with a file is said in one sentence."""

import json

import numpy as np
import polars as pl
import pytest
from reference import SHARED, one_sentence

from fedroute_theory.problems import example_table, read_table

SHARED_TABLES = [
    path for path in sorted((SHARED / "data").glob("*/*.parquet")) if list(path.parent.glob(f"{path.stem}*.npz"))
]  # the package's own table is always there; these are read where they exist


def own_table(queries=40):
    return example_table(np.random.default_rng(7), queries=queries, models=3, tasks=4, dimension=3)


@pytest.fixture
def folder(tmp_path):
    """A table as RouterBench would have it, with its embeddings beside it."""
    own_table().write(tmp_path / "t.parquet", tmp_path / "t_embeddings.npz")
    return tmp_path


def frame_of(folder):
    return pl.read_parquet(folder / "t.parquet")


def rewritten(folder, frame):
    frame.write_parquet(folder / "t.parquet")
    return folder / "t.parquet"


def assert_same(read, written):
    assert np.array_equal(read.quality, written.quality)
    assert np.array_equal(read.cost, written.cost)
    assert np.array_equal(read.embeddings, written.embeddings)
    assert read.models == written.models
    names = [written.task_names[t] for t in written.task]
    assert [read.task_names[t] for t in read.task] == names


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_written_table_is_read_back_exactly(tmp_path, suffix):
    table = own_table()
    table.write(tmp_path / f"t{suffix}", tmp_path / "t.npz")
    assert_same(read_table(tmp_path / f"t{suffix}"), table)


def test_embeddings_are_joined_on_the_query_id_whatever_their_order(folder):
    order = np.random.default_rng(0).permutation(40)
    np.savez(folder / "t_embeddings.npz", query_id=np.arange(40)[order], embedding=own_table().embeddings[order])
    assert_same(read_table(folder / "t.parquet"), own_table())


def test_embeddings_of_more_queries_than_the_table_are_joined_too(folder):
    extra = np.concatenate([own_table().embeddings, np.ones((2, 3))])
    np.savez(folder / "t_embeddings.npz", query_id=np.arange(42), embedding=extra)
    assert_same(read_table(folder / "t.parquet"), own_table())


def test_npy_embeddings_are_taken_row_by_row(folder):
    np.save(folder / "other.npy", own_table().embeddings)
    assert_same(read_table(folder / "t.parquet", folder / "other.npy"), own_table())


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_an_embedding_column_needs_no_second_file(folder, suffix):
    rows = own_table().embeddings.tolist()
    column = [json.dumps(row) for row in rows] if suffix == ".csv" else rows
    frame = frame_of(folder).with_columns(pl.Series("embedding", column))
    path = folder / f"with_column{suffix}"
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    assert_same(read_table(path), own_table())


def test_an_embeddings_file_that_is_named_wins_over_the_column(folder):
    frame = frame_of(folder).with_columns(pl.Series("embedding", np.zeros((40, 2)).tolist()))
    assert_same(read_table(rewritten(folder, frame), folder / "t_embeddings.npz"), own_table())


def test_routerbench_names_of_key_and_task_are_understood(folder):
    renamed = frame_of(folder).rename({"query_id": "sample_id", "task": "eval_name"})
    keys = [f"q.{i}" for i in range(40)]
    path = rewritten(folder, renamed.with_columns(pl.Series("sample_id", keys)))
    order = np.arange(40)[::-1]
    np.savez(folder / "t_embeddings.npz", sample_id=np.array(keys)[order], embedding=own_table().embeddings[order])
    assert_same(read_table(path), own_table())


def test_models_can_be_picked_in_any_order(folder):
    picked = read_table(folder / "t.parquet", models=["model-c", "model-a"], lam=2.0)
    assert picked.models == ("model-c", "model-a")
    assert np.array_equal(picked.quality, own_table().quality[:, [2, 0]])
    assert picked.lam == 2.0


def test_tasks_are_numbered_in_byte_order_of_their_names(folder):
    names = ["ä", "b", "Zebra", "a"] * 10
    table = read_table(rewritten(folder, frame_of(folder).with_columns(pl.Series("task", names))))
    assert table.task_names == ("Zebra", "a", "b", "ä")
    assert [table.task_names[t] for t in table.task] == names


def test_a_table_without_tasks_has_one(folder):
    assert read_table(rewritten(folder, frame_of(folder).drop("task"))).task_names == ("all",)


def test_rows_with_one_embedding_stay_apart_in_the_optimum(folder):
    np.save(folder / "same.npy", np.zeros((40, 1)))
    table = read_table(folder / "t.parquet", folder / "same.npy")
    assert np.array_equal(table.optimum, table.quality.max(axis=1))


@pytest.mark.parametrize("path", [None, *SHARED_TABLES], ids=lambda p: "own" if p is None else p.stem)
def test_every_table_at_hand_is_complete_and_ordered(tmp_path, path):
    if path is None:
        path = tmp_path / "t.parquet"
        own_table().write(path, tmp_path / "t.npz")
    table = read_table(path, lam=10.0)
    frame = pl.read_parquet(path)
    assert table.weights == pytest.approx(np.full(frame.height, 1 / frame.height))
    for m in (0, table.n_models - 1):
        assert np.array_equal(table.quality[:, m], frame[table.models[m]].cast(pl.Float64).to_numpy())
        assert np.array_equal(table.cost[:, m], frame[table.models[m] + "|total_cost"].cast(pl.Float64).to_numpy())
    oracle = table.mean(table.optimum)
    by_task = table.best_on_cells(table.task).value
    single = table.best_on_cells(np.zeros(table.weights.size, int)).value
    assert oracle >= by_task >= single - 1e-12
    assert single == pytest.approx(max(table.weights @ table.utility))


# --- what can be wrong --------------------------------------------------------------------------------------------------


def test_a_missing_table_is_named(tmp_path):
    one_sentence(lambda: read_table(tmp_path / "nowhere.parquet"), "nowhere.parquet", "does not exist")


@pytest.mark.parametrize("name", ["t.txt", "t", "t.json"])
def test_an_unknown_suffix_is_named(tmp_path, name):
    (tmp_path / name).write_text("a,b\n")
    one_sentence(lambda: read_table(tmp_path / name), name, "suffix")


def test_a_damaged_parquet_file_is_named(folder):
    whole = (folder / "t.parquet").read_bytes()
    (folder / "t.parquet").write_bytes(whole[: len(whole) // 2])
    one_sentence(lambda: read_table(folder / "t.parquet"), "t.parquet", "cannot be read")


def test_an_empty_csv_file_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("")
    one_sentence(lambda: read_table(tmp_path / "t.csv"), "t.csv")


def test_a_table_without_rows_is_named(folder):
    one_sentence(lambda: read_table(rewritten(folder, frame_of(folder).head(0))), "t.parquet", "no rows")


def test_a_table_without_costs_is_named(folder):
    frame = frame_of(folder).select("query_id", "task", "model-a")
    one_sentence(lambda: read_table(rewritten(folder, frame)), "total_cost")


def test_a_cost_without_its_quality_is_named(folder):
    one_sentence(lambda: read_table(rewritten(folder, frame_of(folder).drop("model-b"))), "model-b")


def test_an_unknown_model_is_named(folder):
    one_sentence(lambda: read_table(folder / "t.parquet", models=["model-a", "gpt"]), "gpt", "model-c")


@pytest.mark.parametrize("models", [["model-a"], ["model-a", "model-a"], []])
def test_fewer_than_two_models_are_refused(folder, models):
    one_sentence(lambda: read_table(folder / "t.parquet", models=models), "models")


def test_a_table_with_one_priced_model_is_named_with_the_model(folder):
    one = rewritten(folder, frame_of(folder).select("query_id", "model-a", "model-b", "model-b|total_cost"))
    one_sentence(lambda: read_table(one), str(one), "two models", "model-b")


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("model-b", np.nan, "nan"),
        ("model-b", None, "nan"),
        ("model-b", 1.5, "1.5"),
        ("model-b", -0.1, "-0.1"),
        ("model-b", np.inf, "inf"),
        ("model-b|total_cost", -2e-3, "-0.002"),
        ("model-b|total_cost", np.nan, "nan"),
        ("model-b|total_cost", None, "nan"),
        ("model-b|total_cost", np.inf, "inf"),
    ],
)
def test_a_number_out_of_range_is_named_with_its_column_and_row(folder, column, value, named):
    frame = frame_of(folder)
    values = frame[column].to_list()
    values[17] = value
    path = rewritten(folder, frame.with_columns(pl.Series(column, values, dtype=pl.Float64)))
    one_sentence(
        lambda: read_table(path), f"'{column}'", named, "row 17 ", "in [0, 1]" if column == "model-b" else "of at least 0"
    )


@pytest.mark.parametrize("column", ["model-a", "model-a|total_cost"])
def test_text_among_numbers_is_named(folder, column):
    text = pl.Series(column, ["0.5"] * 39 + ["about half"])
    one_sentence(lambda: read_table(rewritten(folder, frame_of(folder).with_columns(text))), f"'{column}'", "numbers")


@pytest.mark.parametrize(("files", "count"), [((), "'fedroute-theory embed'"), (("t_1.npz", "t_2.npy"), "2")])
def test_embeddings_that_cannot_be_guessed_must_be_named(folder, files, count):
    (folder / "t_embeddings.npz").unlink()
    for name in files:
        (folder / name).write_bytes(b"")
    one_sentence(lambda: read_table(folder / "t.parquet"), "embedding", count)


def test_a_missing_embeddings_file_is_named(folder):
    one_sentence(lambda: read_table(folder / "t.parquet", folder / "no.npz"), "no.npz", "does not exist")


@pytest.mark.parametrize("name", ["broken.npz", "broken.npy"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"nonsense"])
def test_a_damaged_embeddings_file_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    one_sentence(lambda: read_table(folder / "t.parquet", folder / name), name, "cannot be read")


def test_a_truncated_embeddings_file_is_named(folder):
    whole = (folder / "t_embeddings.npz").read_bytes()
    (folder / "t_embeddings.npz").write_bytes(whole[:-40])
    one_sentence(lambda: read_table(folder / "t.parquet"), "t_embeddings.npz", "cannot be read")


def test_pickled_embeddings_are_refused(folder):
    np.save(folder / "p.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    one_sentence(lambda: read_table(folder / "t.parquet", folder / "p.npy"), "p.npy")


def test_an_embeddings_file_without_the_array_is_named(folder):
    np.savez(folder / "t_embeddings.npz", vectors=own_table().embeddings)
    one_sentence(lambda: read_table(folder / "t.parquet"), "embedding", "vectors")


@pytest.mark.parametrize("values", [np.zeros((39, 3)), np.zeros((41, 3)), np.zeros(40), np.zeros(())])
def test_another_number_of_embeddings_than_rows_is_named(folder, values):
    np.save(folder / "o.npy", values)
    one_sentence(lambda: read_table(folder / "t.parquet", folder / "o.npy"), "o.npy", str(values.shape))


def test_a_query_without_embedding_is_named(folder):
    np.savez(folder / "t_embeddings.npz", query_id=np.arange(1, 41), embedding=own_table().embeddings)
    one_sentence(lambda: read_table(folder / "t.parquet"), "query_id", "0")


def test_more_keys_than_embeddings_is_refused(folder):
    np.savez(folder / "t_embeddings.npz", query_id=np.arange(40), embedding=own_table().embeddings[:30])
    one_sentence(lambda: read_table(folder / "t.parquet"), "t_embeddings.npz")


def test_a_key_that_occurs_twice_is_refused(folder):
    np.savez(folder / "t_embeddings.npz", query_id=np.arange(40) // 2, embedding=own_table().embeddings)
    frame = frame_of(folder).with_columns(pl.Series("query_id", (np.arange(40) // 2).tolist()))
    one_sentence(lambda: read_table(rewritten(folder, frame)), "query_id")


@pytest.mark.parametrize("dtype", ["U3", "S3", "complex"])
def test_embeddings_that_are_no_real_numbers_are_refused(folder, dtype):
    np.save(folder / "o.npy", np.zeros((40, 3)).astype(dtype))
    one_sentence(lambda: read_table(folder / "t.parquet", folder / "o.npy"), "o.npy")


def test_embeddings_that_are_not_finite_are_named(folder):
    values = own_table().embeddings.copy()
    values[5, 1] = np.nan
    np.save(folder / "o.npy", values)
    one_sentence(lambda: read_table(folder / "t.parquet", folder / "o.npy"), "embeddings", "nan", "(5, 1)")


@pytest.mark.parametrize("column", [["[1, 2"] * 40, ["[1, 2]"] * 39 + ["[1]"], ["[1, 2]"] * 39 + [None], ["x"] * 40])
def test_an_embedding_column_that_is_no_matrix_is_refused(folder, column):
    frame = frame_of(folder).with_columns(pl.Series("embedding", column))
    one_sentence(lambda: read_table(rewritten(folder, frame)), "embedding")
