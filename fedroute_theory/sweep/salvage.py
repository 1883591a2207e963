"""Copy what can still be read of a damaged store.

SQLite reads a table from its root page, and stops where a page on the way is damaged. Here every page that may be a leaf of the
table is read by itself: it takes the place of the root page, in a copy whose first page is that of a new store. Row checksums
say which rows are results. Lost is only what stood on a damaged page itself.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fedroute_theory._validate import InputError
from fedroute_theory.sweep.cells import Cell
from fedroute_theory.sweep.store import COLUMNS, Row, Store, intact

PAGE = 4096  # the page size of every store
LEAF = 13  # the first byte of a leaf page of a table


def salvage(path: Path | str, to: Path | str) -> int:
    """Copy every result of the store `path` that reads and passes its checksum into a new store `to`; their number.

    `path` is only read, whatever its state, and must not be in use. InputError when it cannot be read, or `to` exists or
    cannot be written.
    """
    source, target = Path(path), Path(to)
    if target.exists():
        raise InputError(f"The file '{target}' exists already; results are salvaged into a new store.")
    seen: set[bytes] = set()
    try:
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            scratch = Path(folder) / "pages"
            pages = _copied(source, scratch)
            with Store(target) as store:
                for row in _rows(scratch, pages):
                    if row[0] not in seen:
                        seen.add(row[0])
                        store.put(Cell(row[1].decode(), row[2], json.loads(row[3])), json.loads(row[4]), row[5])
    except OSError as error:
        raise InputError(f"The store '{source}' cannot be salvaged into '{target}': {error.strerror}.") from None
    return len(seen)


def _copied(source: Path, scratch: Path) -> int:
    """Lay the pages of the store, newer ones of its log over older ones, behind the first page of a new store; their number."""
    with Store(scratch):
        pass
    first = bytearray(scratch.read_bytes()[:PAGE])
    shutil.copyfile(source, scratch)
    log = source.with_name(source.name + "-wal")
    with scratch.open("r+b") as file:
        if log.exists():
            with log.open("rb") as frames:
                _overlay(file, frames)
        pages = max(2, -(-file.seek(0, os.SEEK_END) // PAGE))
        file.truncate(pages * PAGE)
        first[18:20] = b"\1\1"  # no log
        struct.pack_into(">I", first, 28, pages)
        file.seek(0)
        file.write(first)
    return pages


def _overlay(file: BinaryIO, frames: BinaryIO) -> None:
    """Write the frames of the log over the pages; frames of an earlier log carry other salts. The rows have checksums."""
    salts = frames.read(32)[16:24]
    while len(frame := frames.read(24 + PAGE)) == 24 + PAGE:
        number = struct.unpack_from(">I", frame)[0]
        if frame[8:16] == salts and 0 < number < 2**31:
            file.seek((number - 1) * PAGE)
            file.write(frame[24:])


def _rows(scratch: Path, pages: int) -> Iterator[Row]:
    """The intact rows of every leaf page."""
    with scratch.open("r+b", buffering=0) as file:
        for number in range(2, pages + 1):
            file.seek((number - 1) * PAGE)
            page = file.read(PAGE)
            if page[:1] == bytes([LEAF]):
                file.seek(PAGE)
                file.write(page)
                yield from _read(scratch)


def _read(scratch: Path) -> Iterator[Row]:
    with closing(sqlite3.connect(f"{scratch.absolute().as_uri()}?immutable=1", uri=True)) as base:
        base.text_factory = bytes
        places: set[tuple[int]] = set()
        for order in ("ASC", "DESC"):  # up to what is damaged, then down to it
            try:
                yield from filter(intact, base.execute(f"SELECT {COLUMNS} FROM results ORDER BY id {order}"))
            except sqlite3.DatabaseError:
                with suppress(sqlite3.DatabaseError):
                    places.update(base.execute(f"SELECT id FROM results ORDER BY id {order}"))
            else:
                return
        for place in sorted(places):  # reading ahead has cost the neighbours
            with suppress(sqlite3.DatabaseError):
                yield from filter(intact, base.execute(f"SELECT {COLUMNS} FROM results WHERE id = ?", place))
