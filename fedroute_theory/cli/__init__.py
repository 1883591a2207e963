"""The command line: parse, call, print."""

from __future__ import annotations

import os
import sys

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli import (
    assumptions,
    attack,
    audits,
    brackets,
    embed,
    explain,
    report,
    selftest,
    tables,
    theorems,
    verification,
)
from fedroute_theory.cli.app import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_VIOLATION, STOPPED, app, stopped

__all__ = [
    "app",
    "assumptions",
    "attack",
    "audits",
    "brackets",
    "embed",
    "explain",
    "main",
    "report",
    "selftest",
    "tables",
    "theorems",
    "verification",
]


SHOWN = (
    *("verify", "audit", "list", "show", "bound", "explain", "assumptions", "brackets", "attack", "selftest"),
    *("compare", "embed", "tables", "report"),
)
"""The commands in the order in which --help shows them: as a reader meets them, not as their modules are called."""

app.registered_commands.sort(key=lambda command: SHOWN.index(str(command.name or getattr(command.callback, "__name__", ""))))


def main() -> None:
    """Entry point: every expected failure is one sentence on stderr and a non-zero exit code."""
    try:
        app()
    except InputError as error:
        typer.echo(f"fedroute-theory: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_VIOLATION)
    except STOPPED as why:
        typer.echo(f"fedroute-theory: {stopped(why)}.", err=True)
        sys.exit(EXIT_INTERRUPTED)
