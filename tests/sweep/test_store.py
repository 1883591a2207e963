"""A store keeps every result, for one writer, and says in one sentence what is wrong with its file."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest
from sweep import toys

from fedroute_theory._validate import InputError
from fedroute_theory.sweep import Cell, Store

HOLD = """
import sys, time
from fedroute_theory.sweep import Cell, Store
store = Store(sys.argv[1])
store.put(Cell("toy", 1, {"seed": 5}), "kept", 1.0)
print("open", flush=True)
time.sleep(600)
"""
FULL = """
import sys
from fedroute_theory.sweep import Cell, Store
from fedroute_theory._validate import InputError
cells = [Cell("toy", 1, {"seed": seed}) for seed in range(400)]
kept = 0
try:
    with Store(sys.argv[1]) as store:
        for cell in cells:
            store.put(cell, "x" * 3000, 1.0)
            kept += 1
except InputError as error:
    print(error)
with Store(sys.argv[1]) as store:
    print(kept > 10, len(store.results(cells)) == kept)
"""


def test_what_is_put_is_read(tmp_path):
    cells = toys.cells(4)
    results = [0.1 + 0.2, {"a": "é\0\ud800", "b": [1, 1.0, -0.0, None, True]}, 5e-324, [10**30, {}]]
    with Store(tmp_path / "s") as store:
        for cell, result in zip(cells, results, strict=True):
            store.put(cell, result, 1)
    with Store(tmp_path / "s") as store:
        found = store.results(iter([cells[2], *cells, Cell("toy", 2, cells[0].params)]))
        assert list(found) == [cells[i].key for i in (2, 0, 1, 3)]
        assert repr([found[cell.key] for cell in cells]) == repr(results)
        assert store.done(cells[1:]) == {cell.key for cell in cells[1:]}
        store.put(cells[0], "new", 2.0)
        assert store.results(cells[:1]) == {cells[0].key: "new"}
        assert store.broken == 0
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_many_results_are_read(tmp_path):
    cells = toys.cells(1203)
    with Store(tmp_path / "s") as store:
        for cell in cells:
            store.put(cell, cell.params["seed"], 0.0)
        assert list(store.results(cells).values()) == list(range(1203))


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            {"gap": [1.0, float("nan")]},
            r"The value of the result of toy \{\"seed\":0,\"size\":10\}\['gap'\]\[1\] must be finite",
        ),
        ({1: 2}, "keys of the result of toy .* must be strings; got 1"),
        (object(), "must be made of JSON types; got object"),
    ],
)
def test_what_is_no_result(tmp_path, result, sentence):
    with Store(tmp_path / "s") as store:
        with pytest.raises(InputError, match=sentence):
            store.put(toys.cells(1)[0], result, 1.0)
        assert store.results(toys.cells(1)) == {}


def test_expected_seconds(tmp_path):
    with Store(tmp_path / "s") as store:
        assert store.expected_seconds(Cell("toy", 1, {"n": 1}), 7.0) == 7.0
        for seed, (size, seconds) in enumerate([(1, 1.0), (1, 9.0), (1, 2.0), (2, 30.0), (2, 40.0)]):
            store.put(Cell("toy", 1, {"n": size, "seed": seed}), None, seconds)
        store.put(Cell("other", 1, {"n": 1, "seed": 0}), None, 500.0)

        def expected(**params):
            return store.expected_seconds(Cell("toy", 1, params), 7.0)

        for _ in range(2):  # as put, and as read
            assert (expected(n=1, seed=9), expected(n=2, seed=9), expected(n=3, seed=9)) == (2.0, 40.0, 9.0)
            assert store.expected_seconds(Cell("toy", 2, {"n": 1}), 7.0) == 7.0
            store.close()
            store = Store(tmp_path / "s")  # noqa: PLW2901 - the same file, opened anew
        store.close()


def test_one_writer_and_no_lock_left_by_the_dead(tmp_path):
    path = tmp_path / "s"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "open\n"
            with pytest.raises(InputError, match=r"s' is in use by another process; it takes one at a time\.$"):
                Store(path)
        finally:
            other.send_signal(signal.SIGKILL)
    with Store(path) as store:
        assert list(store.results([Cell("toy", 1, {"seed": 5})]).values()) == ["kept"]
        with pytest.raises(InputError, match="in use"):
            Store(path)


def put_all(store, cells):
    for cell in cells:
        store.put(cell, "x" * 3000, 1.0)


def test_a_full_database(tmp_path):
    cells = toys.cells(200)
    with Store(tmp_path / "s") as store:
        store._base.execute("PRAGMA max_page_count = 20")
        with pytest.raises(InputError, match=r"The disk of the store '.*s' is full; all results up to here are kept\."):
            put_all(store, cells)
        kept = len(store.results(cells))
    with Store(tmp_path / "s") as store:
        assert len(store.results(cells)) == kept > 3
        store.put(cells[150], "room again", 1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made by Linux namespaces")
def test_a_full_disk(tmp_path):
    small = f"mount -t tmpfs -o size=400k none {tmp_path}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", small], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let its users mount")
    command = f"{small} && exec {sys.executable} -c '{FULL}' {tmp_path}/s"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"The disk of the store '{tmp_path}/s' is full; all results up to here are kept.",
        "True True",
    ]


def filled(path):
    """The cells of a store with results of all sizes, some on pages of their own."""
    cells = toys.cells(60)
    with Store(path) as store:
        for i, cell in enumerate(cells):
            store.put(cell, "x" * (i * 37 if i % 6 else i * 200), 1.0)
    return cells


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"some text, and no database " * 50, "is no store of results"),
        (b"short", "is no store of results"),
        ("CREATE TABLE mine (a)", "is no store of results, and is left as it is"),
        ("PRAGMA user_version = 2", r"written by a newer version of this package \(schema 2, known: 1\)"),
    ],
)
def test_files_that_are_no_stores(tmp_path, content, sentence):
    path = tmp_path / "s"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        if "version" in content:
            filled(path)
        base = sqlite3.connect(path)
        base.execute(content)
        base.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=sentence):
        Store(path)
    assert path.read_bytes() == before


def test_paths_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match=r"The store '.*' cannot be used: unable to open database file"):
        Store(tmp_path / "no" / "folder")
    with pytest.raises(InputError, match="cannot be used"):
        Store(tmp_path)


def test_a_closed_store_answers_nothing(tmp_path):
    with Store(tmp_path / "s") as store:
        pass
    for use in (lambda: store.done(toys.cells(1)), lambda: store.put(toys.cells(1)[0], 1, 1.0)):
        with pytest.raises(InputError, match="cannot be used: Cannot operate on a closed database"):
            use()


def test_an_empty_file_becomes_a_store(tmp_path):
    (tmp_path / "s").touch()
    assert len(filled(tmp_path / "s")) == 60


def test_a_truncated_store_is_refused(tmp_path):
    path = tmp_path / "s"
    filled(path)
    os.truncate(path, path.stat().st_size // 2)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"damaged \(.*\) and is left as it is; '--salvage NEWFILE' copies every result"):
        Store(path)
    assert path.read_bytes() == before


def test_a_row_that_was_changed_is_no_result(tmp_path):
    cells = filled(tmp_path / "s")
    base = sqlite3.connect(tmp_path / "s")
    base.execute("UPDATE results SET result = replace(result, 'xxx', 'xyx') WHERE id = 8")
    base.execute("UPDATE results SET seconds = 2.0 WHERE id = 9")
    base.execute("UPDATE results SET result = CAST(x'ff' AS TEXT) WHERE id = 10")
    base.commit()
    base.close()
    with Store(tmp_path / "s") as store:
        assert set(store.results(cells)) == {cell.key for cell in cells[:7] + cells[10:]} == store.done(cells)
        assert store.broken == 3
        assert store.expected_seconds(cells[8], 7.0) == 1.0
        store.put(cells[8], "again", 1.0)
        assert store.results(cells[8:9]) == {cells[8].key: "again"}


def outcome(path, cells):
    """The results of a store, or the sentence it is refused with."""
    try:
        with Store(path) as store:
            return store.results(cells)
    except InputError as error:
        return str(error)


def test_no_damage_makes_a_wrong_result(tmp_path):
    """Wherever bytes are changed, the store is refused in a sentence that helps, or every result it gives is right."""
    path, other = tmp_path / "s", tmp_path / "t"
    cells = filled(path)
    right = outcome(path, cells)
    whole = path.read_bytes()
    places = [*range(4, 4096, 37), *range(4096, len(whole), 1009)]
    outcomes = []
    for place in places:
        other.write_bytes(whole[:place] + bytes(byte ^ 0x5A for byte in whole[place : place + 8]) + whole[place + 8 :])
        outcomes.append(outcome(other, cells))
    refused = [found for found in outcomes if isinstance(found, str)]
    assert [found for found in refused if "salvage" not in found and "newer" not in found] == []
    assert len(refused) > 20
    opened = [found for found in outcomes if isinstance(found, dict)]
    assert all(found.items() <= right.items() for found in opened)
    assert len(opened) > 20
    assert any(len(found) < 60 for found in opened)
