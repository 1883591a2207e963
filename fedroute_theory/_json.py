"""JSON without NaN or infinity, written so that an interruption leaves no half file."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError


def plain(value: Any) -> Any:
    """`value` in plain Python types; None for NaN and infinities."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def text(value: Any) -> str:
    """One JSON object, keys in the order given, ending in a newline."""
    return json.dumps(plain(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def put(path: Path, data: bytes) -> Path:
    """Write the whole file or leave what was there; InputError with one sentence when the disk refuses."""
    return put_all({path: data})[0]


def put_all(files: Mapping[Path, bytes]) -> list[Path]:
    """Write files that belong together: no name changes its file before all of them are on the disk. Raises InputError."""
    beside = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in files}
    try:
        for path, data in files.items():
            with _said(path):
                if path.is_dir():  # what a move would find out too late
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                with beside[path].open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
        for path, new in beside.items():
            with _said(path):
                os.replace(new, path)
    finally:
        for new in beside.values():
            _forget(new)
    return list(files)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"The file '{path}' cannot be written: {error.strerror}.") from None


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the folder itself is out of reach; there is nothing to tidy
