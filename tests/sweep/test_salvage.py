"""What stands on pages that are whole is saved, whatever happened to the others."""

import json
import shutil
import struct

import pytest
from sweep import toys

from fedroute_theory._validate import InputError
from fedroute_theory.sweep import Store, salvage

PAGE = 4096
SIZES = [11, 400, 0, 5000, 1200, 90, 13000, 700]


def filled(path):
    """The right results of a store whose rows are of all sizes, some with pages of their own."""
    cells = toys.cells(24)
    with Store(path) as store:
        for i, cell in enumerate(cells):
            store.put(cell, chr(97 + i % 26) * SIZES[i % 8], float(i))
        return cells, store.results(cells)


def saved(path, to, cells):
    count = salvage(path, to)
    with Store(to) as store:
        found = store.results(cells)
        assert len(found) == count
        assert store.broken == 0
        return found


def test_a_whole_store_is_copied(tmp_path):
    cells, right = filled(tmp_path / "s")
    before = (tmp_path / "s").read_bytes()
    assert saved(tmp_path / "s", tmp_path / "t", cells) == right
    with Store(tmp_path / "t") as store:
        assert store.expected_seconds(cells[0], 0.0) == 12.0
    assert (tmp_path / "s").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "t"]


def test_lost_is_only_what_stood_on_the_page(tmp_path):
    """Each page in turn is wiped: a row is lost once with the page it is on, and once with each page it goes on to."""
    cells, right = filled(tmp_path / "s")
    whole = (tmp_path / "s").read_bytes()
    pages = len(whole) // PAGE
    lost = 0
    for page in range(pages):
        (tmp_path / "d").write_bytes(whole[: page * PAGE] + b"\xff" * PAGE + whole[(page + 1) * PAGE :])
        found = saved(tmp_path / "d", tmp_path / f"t{page}", cells)
        assert found.items() <= right.items()
        lost += 24 - len(found)
    further = sum(whole[page * PAGE] == 0 for page in range(1, pages))  # all other kinds of page start with their kind
    assert further > 8
    assert lost == 24 + further


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_a_truncated_store(tmp_path, keep):
    cells, right = filled(tmp_path / "s")
    whole = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(whole[: int(keep * len(whole))])
    found = saved(tmp_path / "s", tmp_path / "t", cells)
    assert found.items() <= right.items()
    assert len(found) >= int(keep * 24) - 8
    assert (len(found) > 0) == (keep > 0)


def test_what_is_still_in_the_log(tmp_path):
    cells = toys.cells(30)
    with Store(tmp_path / "s") as store:
        for cell in cells:
            store.put(cell, "x" * 500, 1.0)
        for name in ("s", "s-wal"):  # as a killed process leaves them
            shutil.copy(tmp_path / name, tmp_path / name.replace("s", "k", 1))
    assert len(saved(tmp_path / "k", tmp_path / "t", cells)) == 30
    log = bytearray((tmp_path / "k-wal").read_bytes())
    frame = 32 + (len(log) - 32) // (24 + PAGE) // 2 * (24 + PAGE)
    log[frame + 3000] ^= 0xFF  # SQLite reads a log up to here
    (tmp_path / "k-wal").write_bytes(log)
    assert len(saved(tmp_path / "k", tmp_path / "u", cells)) >= 29


def test_rows_of_an_earlier_log_are_not_taken_for_newer(tmp_path):
    cells = toys.cells(1)
    with Store(tmp_path / "s") as store:
        store.put(cells[0], "new", 1.0)
        shutil.copy(tmp_path / "s-wal", tmp_path / "old")
    log = bytearray((tmp_path / "old").read_bytes())
    log = log.replace(b'"new"', b'"old"')
    struct.pack_into(">I", log, 16, struct.unpack_from(">I", log, 16)[0] ^ 1)  # the salt of another log
    (tmp_path / "s-wal").write_bytes(log)
    assert json.dumps(list(saved(tmp_path / "s", tmp_path / "t", cells).values())) == '["new"]'


def test_what_cannot_be_salvaged(tmp_path):
    filled(tmp_path / "s")
    with pytest.raises(InputError, match=r"The file '.*s' exists already; results are salvaged into a new store\."):
        salvage(tmp_path / "s", tmp_path / "s")
    with pytest.raises(InputError, match=r"The store '.*none' cannot be salvaged into '.*t': No such file"):
        salvage(tmp_path / "none", tmp_path / "t")
    with pytest.raises(InputError, match="cannot be salvaged into"):
        salvage(tmp_path / "s", tmp_path / "no" / "t")
    (tmp_path / "text").write_bytes(b"no database" * 1000)
    assert salvage(tmp_path / "text", tmp_path / "t") == 0


def test_a_damaged_row_leaves_its_neighbours(tmp_path):
    """Bytes of one page are changed one after the other, where it says where its rows are: most of its rows are saved."""
    cells = toys.cells(8)
    with Store(tmp_path / "s") as store:
        for cell in cells:
            store.put(cell, "x" * 100, 1.0)
    whole = (tmp_path / "s").read_bytes()
    assert whole[PAGE] == 13
    counts = []
    for place in range(PAGE + 8, PAGE + 8 + 16, 2):
        (tmp_path / "d").write_bytes(whole[:place] + b"\xff\xff" + whole[place + 2 :])
        counts.append(len(saved(tmp_path / "d", tmp_path / f"t{place}", cells)))
    assert min(counts) >= 5
