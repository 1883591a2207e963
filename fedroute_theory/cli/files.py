"""Writing what a command found: checked before the work, whole files after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from fedroute_theory._validate import InputError


def echo_json(value: Any) -> None:
    """One JSON object to stdout."""
    from fedroute_theory import _json

    typer.echo(_json.text(value), nl=False)


def check_writable(file: Path | None) -> None:
    """Refuse before hours of work rather than after."""
    if file is None or file == Path("-"):
        return
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        reason = "it is a folder" if file.is_dir() else f"no writable folder '{file.parent}'"
        raise InputError(f"The file '{file}' cannot be written: {reason}.")


def make_folder(folder: Path | None) -> None:
    """The same for an output folder."""
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The folder '{folder}' cannot be made: {error.strerror}.") from None


def write_json(file: Path | None, value: Any) -> None:
    """One JSON object to `file`, whole or not at all; `-` is stdout, None nowhere."""
    from fedroute_theory import _json

    if file == Path("-"):
        echo_json(value)
    elif file is not None:
        _json.put(file, _json.text(value).encode())
