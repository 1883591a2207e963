"""The page of the commands: what each says with `--help`."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from typer.main import get_command

from fedroute_theory.cli import app

WIDTH = 80


def commands_page() -> str:
    """Every command, in the order of `fedroute-theory --help`."""
    root: Any = get_command(app)
    root.rich_markup_mode = None  # no frames of line characters around options
    text = ["# Commands", "", "Exit codes: 0 all is well, 1 a violation, 2 bad input, 130 interrupted.", ""]
    text += [f"```text\n{_help(root, [])}\n```\n"]
    for name, command in root.commands.items():
        command.rich_markup_mode = None
        text += [f"## fedroute-theory {name}", "", f"```text\n{_help(root, [name])}\n```", ""]
    return "\n".join(text)


def _help(root: Any, command: list[str]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        root.main([*command, "--help"], prog_name="fedroute-theory", terminal_width=WIDTH, max_content_width=WIDTH)
    return printed.getvalue().strip()
