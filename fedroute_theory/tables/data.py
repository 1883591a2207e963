"""Evaluation tables that experiments read: named by what they hold, found by where they lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedroute_theory._validate import InputError

if TYPE_CHECKING:
    from fedroute_theory.problems import Table
    from fedroute_theory.sweep import Cell

EXAMPLE = {"name": "example", "seed": 42}
"""Parameters of the table that the package makes itself."""


@dataclass(frozen=True)
class EvaluationTable:
    """A file in RouterBench's column convention. embeddings: None for the file beside it or its column; models: None for all.

    A cell's key holds the digests of both files and never a path.
    """

    name: str
    path: Path
    embeddings: Path | None = None
    models: tuple[str, ...] | None = None

    @property
    def vectors(self) -> Path | None:
        """The embeddings file: the one given, else the only one beside the table whose name starts with the table's."""
        if self.embeddings is not None:
            return self.embeddings
        beside = [p for p in self.path.parent.glob(f"{self.path.stem}*") if p.suffix in {".npz", ".npy"}]
        return beside[0] if len(beside) == 1 else None

    def check(self) -> None:
        """InputError when the files or the models named are not what they should be: before anything is computed."""
        _read(self.path, self.vectors, self.models)

    def params(self) -> dict[str, Any]:
        """What fixes a result, for a cell's parameters under "table". Raises InputError for a file that cannot be read."""
        return {
            "name": self.name,
            "digest": digest(self.path),
            "embeddings": None if self.vectors is None else digest(self.vectors),
            "models": None if self.models is None else list(self.models),
        }

    def files(self) -> dict[str, str]:
        """Digest -> path on this machine."""
        return {digest(path): str(path.resolve()) for path in (self.path, self.vectors) if path is not None}


def tables_of(tables: tuple[EvaluationTable, ...]) -> list[dict[str, Any]]:
    """Parameters of the tables asked for; of the made one when there is none."""
    return [table.params() for table in tables] or [dict(EXAMPLE)]


def read(cell: Cell) -> Table:
    """The table a cell's parameters name. Raises InputError when its file is gone or has changed."""
    import numpy as np

    from fedroute_theory.problems import example_table

    table = cell.params["table"]
    if "digest" not in table:
        return example_table(np.random.default_rng(table["seed"]))
    vectors = None if table["embeddings"] is None else _located(cell, table["embeddings"])
    models = None if table["models"] is None else tuple(table["models"])
    return _read(_located(cell, table["digest"]), vectors, models)


def _located(cell: Cell, wanted: str) -> Path:
    path = Path(cell.files.get(wanted, ""))
    if digest(path) != wanted:
        raise InputError(f"The file '{path}' has changed since the run began; start it again.")
    return path


@lru_cache(maxsize=16)
def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises InputError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"The file '{path}' cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=2)
def _read(path: Path, embeddings: Path | None, models: tuple[str, ...] | None) -> Table:
    from fedroute_theory.problems import read_table

    return read_table(path, embeddings, None if models is None else list(models))
