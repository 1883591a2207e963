"""The store of a sweep: one SQLite file, one writer, one transaction a result."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fedroute_theory._validate import InputError, number
from fedroute_theory.sweep.cells import JSON, Cell, canonical, plain

MARK = 0x46525448  # the application_id that says a database is a store
SCHEMA = 1
TABLE = """CREATE TABLE results (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL, version INTEGER NOT NULL,
  params TEXT NOT NULL, result TEXT NOT NULL, seconds REAL NOT NULL, checksum TEXT NOT NULL)"""
COLUMNS = "key, experiment, version, params, result, seconds, checksum"
CHUNK = 500  # keys in one query; SQLite's own limit is 999 or more

Row = Sequence[Any]


def checksum(row: Row) -> str:
    """The digest of a row's first six columns, texts given as str or as the bytes read."""
    parts = [part.encode() if isinstance(part, str) else part for part in row[:6]]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def intact(row: Row) -> bool:
    """Whether a row as read (texts as bytes) is the row that was written."""
    return bool(row[6] == checksum(row).encode())


def _kind(params: Mapping[str, JSON]) -> str:
    """What cells that differ by their seed only have in common."""
    return canonical({name: value for name, value in params.items() if name != "seed"})


class Store:
    """Results of cells in one SQLite file; a context manager.

    The file is locked for as long as the store is open: a second process (or a second Store) is refused. The lock is the
    operating system's, so that a killed process leaves none. Results are written ahead in a log: after kill -9 everything put
    is there; after a power cut the last results may be missing, and are computed again.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the store, or make it when the file is not there.

        InputError, in one sentence, for a file that is in use, no store, damaged, of a newer schema, or out of reach.
        """
        self.path = Path(path)
        self._seconds: dict[tuple[str, int], dict[str, list[float]]] = {}  # by kind; "" is all
        self._broken: set[bytes] = set()
        try:
            self._base = sqlite3.connect(self.path, timeout=0.0, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._base.close()
                raise
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def _open(self) -> None:
        base = self._base
        base.text_factory = bytes  # damaged text need not be UTF-8; it is decoded once its checksum is right
        base.execute("PRAGMA locking_mode = EXCLUSIVE")
        base.execute("BEGIN EXCLUSIVE")  # refuses a second writer before anything is read or changed
        mark, schema = (base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        new = mark == 0 and not base.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        base.execute("ROLLBACK")
        if mark != MARK and not new:
            raise self._foreign()
        if schema > SCHEMA:
            raise InputError(
                f"The store '{self.path}' was written by a newer version of this package (schema {schema}, known: {SCHEMA})."
            )
        if new:
            base.execute("PRAGMA page_size = 4096")
        else:
            found = base.execute("PRAGMA integrity_check(1)").fetchone()[0].decode(errors="replace")
            if found != "ok":
                raise self._damaged(found.splitlines()[-1])
            if base.execute("SELECT sql FROM sqlite_master WHERE name = 'results'").fetchone() != (TABLE.encode(),):
                raise self._damaged("its table is described otherwise")
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        if new:
            base.execute("BEGIN EXCLUSIVE")
            base.execute(TABLE)
            base.execute(f"PRAGMA application_id = {MARK}")
            base.execute(f"PRAGMA user_version = {SCHEMA}")
            base.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; a closed store answers nothing any more."""
        self._base.close()

    @property
    def broken(self) -> int:
        """How many of the rows read so far fail their checksum; these are not results, and are computed again."""
        return len(self._broken)

    def results(self, cells: Iterable[Cell]) -> dict[str, JSON]:
        """Key -> result of those cells that have one, in the order of the cells."""
        keys = list(dict.fromkeys(cell.key for cell in cells))
        found = {row[0].decode(): json.loads(row[4]) for row in self._rows(keys)}
        return {key: found[key] for key in keys if key in found}

    def done(self, cells: Iterable[Cell]) -> set[str]:
        """The keys of those cells that have a result; as `results`, without holding them all."""
        return {row[0].decode() for row in self._rows(list({cell.key for cell in cells}))}

    def put(self, cell: Cell, result: JSON, seconds: float) -> None:
        """Keep a result, and the seconds it took, in one transaction; what was there under the cell's key is replaced.

        Numbers are read back exactly as they are, dictionaries with their keys sorted, tuples as lists.
        InputError naming the cell for a result that is not made of JSON types (NaN and infinities are none: use None); in
        one sentence when the disk is full or the file damaged: all results put before are kept.
        """
        text = canonical(plain(result, f"the result of {cell}"))
        row = (cell.key, cell.experiment, cell.version, canonical(cell.params), text, number("seconds", seconds, 0.0))
        changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[1:])
        try:
            self._base.execute(
                f"INSERT INTO results ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET {changes}",
                (*row, checksum(row)),
            )
        except sqlite3.Error as error:
            raise self._explained(error) from None
        if (times := self._seconds.get((cell.experiment, cell.version))) is not None:
            for kind in ("", _kind(cell.params)):
                insort(times.setdefault(kind, []), row[5])

    def expected_seconds(self, cell: Cell, default: float) -> float:
        """The median of the seconds that cells took which differ from this one by the parameter 'seed' only; when there are
        none, of all cells of the same experiment and version; when there are none of these either, `default`."""
        group = (cell.experiment, cell.version)
        if group not in self._seconds:
            times = self._seconds.setdefault(group, {})
            query = f"SELECT {COLUMNS} FROM results WHERE experiment = ? AND version = ?"
            for row in filter(intact, self._query(query, group)):
                for kind in ("", _kind(json.loads(row[3]))):
                    insort(times.setdefault(kind, []), row[5])
        known = self._seconds[group].get(_kind(cell.params)) or self._seconds[group].get("")
        return float(known[len(known) // 2]) if known else default

    def _rows(self, keys: Sequence[str]) -> Iterator[Row]:
        for first in range(0, len(keys), CHUNK):
            some = keys[first : first + CHUNK]
            marks = ", ".join("?" * len(some))
            for row in self._query(f"SELECT {COLUMNS} FROM results WHERE key IN ({marks})", some):
                if intact(row):
                    yield row
                else:
                    self._broken.add(row[0])

    def _query(self, query: str, values: Sequence[Any]) -> Iterator[Row]:
        try:
            yield from self._base.execute(query, values)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def _foreign(self) -> InputError:
        return InputError(
            f"The file '{self.path}' is no store of results, and is left as it is; if it was one, '--salvage NEWFILE' copies "
            "every result that can still be read into a new store."
        )

    def _damaged(self, detail: str) -> InputError:
        return InputError(
            f"The store '{self.path}' is damaged ({detail}) and is left as it is; '--salvage NEWFILE' copies every result that "
            "can still be read into a new store."
        )

    def _explained(self, error: sqlite3.Error) -> InputError:
        code = getattr(error, "sqlite_errorcode", -1) & 0xFF  # the primary code; none where Python itself objects
        if code == sqlite3.SQLITE_NOTADB:
            return self._foreign()
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}:  # the statements are right, the file is not
            return self._damaged(str(error))
        if code == sqlite3.SQLITE_BUSY:
            return InputError(f"The store '{self.path}' is in use by another process; it takes one at a time.")
        if code == sqlite3.SQLITE_FULL:
            return InputError(f"The disk of the store '{self.path}' is full; all results up to here are kept.")
        return InputError(f"The store '{self.path}' cannot be used: {error}.")
