"""JSON without NaN or infinity, written so that an interruption leaves no half file."""

from __future__ import annotations

import json
import math
import os
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
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise InputError(f"The file '{path}' cannot be written: {error.strerror}.") from None
    finally:
        _forget(beside)
    return path


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the folder itself is out of reach; there is nothing to tidy
