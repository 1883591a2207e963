"""What the commands wrote with --json: read, recognised by its command, and checked before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedroute_theory._validate import InputError
from fedroute_theory.report.page.shapes import CASE, SHAPES, Json, misfit

ORDER = tuple(SHAPES)
COMMANDS = tuple(command for command in ORDER if command != "sizes")
"""Those that write a file of their own."""


@dataclass(frozen=True)
class Document:
    """One JSON object of one command. name: of its file, or of the command where there is no file."""

    command: str
    name: str
    value: Json

    @property
    def version(self) -> str:
        """Of the package that wrote it."""
        return str(self.value.get("version", "unknown"))

    @property
    def interrupted(self) -> bool:
        """Whether the command was interrupted, and holds what was done until then."""
        return bool(self.value.get("interrupted", False))


def read(files: Sequence[Path]) -> tuple[Document, ...]:
    """The documents of all files, in the order of SHAPES. InputError for a file that is unreadable, damaged or foreign."""
    return ordered(document for file in files for document in parse(_text(file), str(file)))


def ordered(documents: Iterable[Document]) -> tuple[Document, ...]:
    """By command; those of one command in the order given."""
    return tuple(sorted(documents, key=lambda document: ORDER.index(document.command)))


def parse(text: str, name: str) -> list[Document]:
    """The documents in one text: one, or all that `report --json` wrote. InputError that names the text otherwise."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"The file '{name}' holds no JSON: it cannot be read from line {error.lineno} on.") from None
    except RecursionError:
        raise InputError(f"The file '{name}' holds no JSON that this package wrote: it is nested too deeply.") from None
    command = value.get("command") if isinstance(value, dict) else None
    if command == "report":
        parts = value.get("documents")
        if not isinstance(parts, list):
            raise InputError(f"The file '{name}' is damaged: the entry 'documents' is missing or no list.")
        return [_document(part, name) for part in parts]
    return [_document(value, name)]


def _document(value: Any, name: str) -> Document:
    command = value.get("command") if isinstance(value, dict) else None
    if not isinstance(command, str) or command not in SHAPES:
        found = f"its command is {command!r}" if command is not None else "it names no command"
        raise InputError(f"The file '{name}' is none that {', '.join(COMMANDS)} or report write with --json: {found}.")
    if command == "assumptions" and "cases" not in value:
        value = value | {"cases": [{key: value.get(key) for key in CASE}]}
    wrong = misfit(value, SHAPES[command], "")
    if wrong:
        raise InputError(f"The file '{name}' of the command '{command}' is damaged: {wrong}.")
    return Document(command, name, value)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"The file '{file}' cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The file '{file}' holds no JSON: byte {error.start} is no UTF-8 text.") from None
