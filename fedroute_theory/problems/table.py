"""A full query x model evaluation table from a file: the finite population is the truth, query by query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.problems.tabular import Tabular

if TYPE_CHECKING:
    import polars as pl

COST_SUFFIX = "|total_cost"
TASK_COLUMNS = ("task", "eval_name", "task_name", "dataset")
KEY_COLUMNS = ("query_id", "sample_id")


@dataclass(frozen=True, eq=False)
class Table(Tabular):
    """Every model scored on every query. Rows are the queries: the optimum is the best model row by row.

    That oracle is the hindsight maximum over realised outcomes, out of reach of any router; `best_on_cells` gives the
    best policy on a partition, and `split_gap` the two parts of the gap. task_names: one name a task index.
    """

    task_names: tuple[str, ...] = ()

    @property
    def n_tasks(self) -> int:
        return max(len(self.task_names), int(self.task.max()) + 1)

    @property
    def optimum(self) -> FloatArray:
        best: FloatArray = self.utility.max(axis=1)
        return best

    def write(self, table: Path, embeddings: Path) -> None:
        """Write the table in RouterBench's column convention (Parquet or CSV) and its embeddings (.npz).

        Raises OSError when the disk refuses.
        """
        import polars as pl

        names = self.task_names or tuple(f"task-{t}" for t in range(self.n_tasks))
        columns: dict[str, Any] = {"query_id": np.arange(self.weights.size), "task": [names[t] for t in self.task]}
        columns |= {name: self.quality[:, m] for m, name in enumerate(self.models)}
        columns |= {name + COST_SUFFIX: self.cost[:, m] for m, name in enumerate(self.models)}
        frame = pl.DataFrame(columns)
        if table.suffix == ".csv":
            frame.write_csv(table)
        else:
            frame.write_parquet(table)
        with embeddings.open("wb") as file:
            np.savez_compressed(file, query_id=np.arange(self.weights.size), embedding=self.embeddings)


def read_table(
    path: str | Path,
    embeddings: str | Path | None = None,
    models: Sequence[str] | None = None,
    lam: float = 0.0,
) -> Table:
    """Read a table in RouterBench's convention: `<model>` in [0, 1], `<model>|total_cost` >= 0, a task column.

    Parameters
    ----------
    path : Parquet or CSV file.
    embeddings : .npz (array `embedding` (n, d), optionally `query_id` or `sample_id` to join on) or .npy (n, d). Default: a
        column `embedding` of the table (a list, or in CSV a JSON list), else the only .npz or .npy file beside the
        table whose name starts with the table's.
    models : names of the models to keep, in this order (default: all, in the table's order).
    lam : price of one unit of cost.

    Raises InputError for a file that is missing or damaged, a missing column, an unknown model, NaN, quality outside
    [0, 1], negative cost.
    """
    source = Path(path)
    frame = read_frame(source)
    names = _pick_models(frame, models, source)
    label = next((c for c in TASK_COLUMNS if c in frame.columns), None)
    labels = frame[label].cast(str).fill_null("").to_list() if label else ["all"] * frame.height
    task_names = tuple(sorted(set(labels), key=str.encode))
    index = {name: t for t, name in enumerate(task_names)}
    return Table(
        _read_embeddings(frame, source, None if embeddings is None else Path(embeddings)),
        np.ones(frame.height),
        np.stack([_column(frame, name, 1.0, source) for name in names], axis=1),
        np.stack([_column(frame, name + COST_SUFFIX, np.inf, source) for name in names], axis=1),
        lam,
        task=np.array([index[name] for name in labels], dtype=np.int64),
        models=tuple(names),
        task_names=task_names,
    )


def read_frame(source: Path) -> pl.DataFrame:
    """All columns of a Parquet or CSV file. Raises InputError for one that is missing, damaged, empty or of another kind."""
    import polars as pl

    if not source.is_file():
        raise InputError(f"The table '{source}' does not exist.")
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {".csv": pl.read_csv, ".parquet": pl.read_parquet}
    if source.suffix not in readers:
        raise InputError(f"The table '{source}' must be a .parquet or .csv file; got suffix '{source.suffix}'.")
    try:
        frame = readers[source.suffix](source)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().splitlines()
        raise InputError(f"The table '{source}' cannot be read: {reason[0] if reason else type(error).__name__}.") from None
    if frame.height == 0:
        raise InputError(f"The table '{source}' has no rows.")
    return frame


def _pick_models(frame: pl.DataFrame, models: Sequence[str] | None, source: Path) -> list[str]:
    priced = [c.removesuffix(COST_SUFFIX) for c in frame.columns if c.endswith(COST_SUFFIX)]
    if not priced:
        raise InputError(f"The table '{source}' has no column '<model>{COST_SUFFIX}'; its columns are {frame.columns[:8]}.")
    wanted = list(models) if models is not None else priced
    unknown = [name for name in wanted if name not in priced]
    if unknown:
        raise InputError(f"The table '{source}' has no model '{unknown[0]}'; it has {', '.join(priced)}.")
    if models is None and len(priced) < 2:
        raise InputError(
            f"The table '{source}' must have two models at least, each with columns '<model>' and '<model>{COST_SUFFIX}'; "
            f"it has {priced[0]}."
        )
    if len(set(wanted)) != len(wanted) or len(wanted) < 2:
        raise InputError(f"The 'models' parameter must be at least two distinct names; got {', '.join(wanted)}.")
    return wanted


def _column(frame: pl.DataFrame, name: str, top: float, source: Path) -> FloatArray:
    import polars as pl

    if name not in frame.columns:
        raise InputError(f"The table '{source}' has no column '{name}'.")
    try:
        values = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    except pl.exceptions.PolarsError:
        raise InputError(f"The column '{name}' of '{source}' must hold numbers; got {frame[name].dtype}.") from None
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0.0) | (values > top))
    if bad.size:
        raise InputError(
            f"The column '{name}' of '{source}' must hold numbers {'of at least 0' if top == np.inf else f'in [0, {top:g}]'}; "
            f"got {values[bad[0]]:g} in row {bad[0]} (the first is 0)."
        )
    result: FloatArray = values
    return result


def _read_embeddings(frame: pl.DataFrame, source: Path, given: Path | None) -> FloatArray:
    if given is None and "embedding" in frame.columns:
        return _embedding_column(frame, source)
    file = given if given is not None else _beside(source)
    if not file.is_file():
        raise InputError(f"The embeddings file '{file}' does not exist.")
    try:
        with file.open("rb") as handle:
            content = np.load(handle, allow_pickle=False)
            arrays = {"embedding": content} if isinstance(content, np.ndarray) else {k: content[k] for k in content.files}
    except Exception as error:  # numpy and zipfile raise several kinds for a damaged file
        raise InputError(f"The embeddings file '{file}' cannot be read: {error}.") from None
    if "embedding" not in arrays:
        raise InputError(f"The embeddings file '{file}' has no array 'embedding'; it has {', '.join(arrays)}.")
    values = arrays["embedding"]
    if not (np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)):
        raise InputError(f"The embeddings in '{file}' must be real numbers; got {values.dtype}.")
    key = next((k for k in KEY_COLUMNS if k in arrays and k in frame.columns), None)
    if key is not None:
        if values.ndim == 0 or arrays[key].shape != (values.shape[0],):
            raise InputError(f"The '{key}' in '{file}' must have one entry an embedding; got shape {arrays[key].shape}.")
        values = values[_join(frame[key].to_list(), arrays[key].tolist(), key, file)]
    if values.ndim != 2 or values.shape[0] != frame.height:
        raise InputError(
            f"The embeddings in '{file}' must have one row for each of the {frame.height} rows of the table; "
            f"got shape {values.shape}."
        )
    return np.asarray(values, dtype=np.float64)


def _join(wanted: list[Any], have: list[Any], key: str, file: Path) -> IntArray:
    place = {value: i for i, value in enumerate(have)}
    if len(place) < len(have) or len(set(wanted)) < len(wanted):
        raise InputError(f"The '{key}' of the table and of '{file}' must be unique to join on it; some value occurs twice.")
    missing = next((value for value in wanted if value not in place), None)
    if missing is not None:
        raise InputError(f"The embeddings file '{file}' has no row with {key} {missing!r}.")
    return np.array([place[value] for value in wanted], dtype=np.int64)


def _embedding_column(frame: pl.DataFrame, source: Path) -> FloatArray:
    import json

    column = frame["embedding"].to_list()
    try:
        return np.array([json.loads(v) if isinstance(v, str) else v for v in column], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"The column 'embedding' of '{source}' must hold number lists of one length.") from None


def _beside(source: Path) -> Path:
    found = sorted(p for p in source.parent.glob(f"{source.stem}*") if p.suffix in {".npz", ".npy"})
    if len(found) != 1:
        beside = f"{len(found)} embeddings files" if found else "no embeddings file"
        remedy = "" if found else ", or make one with 'fedroute-theory embed'"
        raise InputError(
            f"The table '{source}' has no column 'embedding' and {beside} beside it; name one with --embeddings{remedy}."
        )
    return found[0]
