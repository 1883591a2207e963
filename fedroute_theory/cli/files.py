"""Writing what a command found: checked before the work, whole files after it."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        reason = "it is a folder" if file.is_dir() else f"no writable folder '{file.parent}'"
        raise InputError(f"The file '{file}' cannot be written: {reason}.")


def make_folder(folder: Path | None) -> None:
    """The same for an output folder."""
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The folder '{folder}' cannot be made: {error.strerror}.") from None


def write_json(file: Path | None, command: str, value: Mapping[str, Any]) -> None:
    """One JSON object to `file`, whole or not at all; `-` is stdout, None nowhere. It begins with what `report` knows it by."""
    from fedroute_theory import __version__, _json

    if file is None:
        return
    document = {"package": "fedroute_theory", "version": __version__, "command": command, **value}
    if file == Path("-"):
        echo_json(document)
    else:
        _json.put(file, _json.text(document).encode())
