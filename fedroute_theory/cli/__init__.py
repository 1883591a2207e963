"""The command line: parse, call, print."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from itertools import pairwise
from typing import Any

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

_MISUSE: Any = typer.BadParameter.__base__
"""What Typer raises for options and arguments that it does not understand."""

SHOWN = (
    *("verify", "audit", "list", "show", "bound", "explain", "assumptions", "brackets", "attack", "selftest"),
    *("compare", "embed", "tables", "report"),
)
"""The commands in the order in which --help shows them: as a reader meets them, not as their modules are called."""

app.registered_commands.sort(key=lambda command: SHOWN.index(str(command.name or getattr(command.callback, "__name__", ""))))


def main() -> None:
    """Entry point: every expected failure is one sentence on stderr and a non-zero exit code."""
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        typer.echo(f"fedroute-theory: {error}", err=True)
        code = EXIT_BAD_INPUT
    except _MISUSE as error:
        said = error.format_message()
        typer.echo(f"fedroute-theory: {said.rstrip('.')}{_value_of(error)}." if said else error.ctx.get_help(), err=True)
        code = EXIT_BAD_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_VIOLATION
    except STOPPED as why:
        typer.echo(f"fedroute-theory: {stopped(why)}.", err=True)
        code = EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(code)


def _value_of(error: Any) -> str:
    """What was given for the option that is not understood, which Typer leaves out."""
    words = [part for word in sys.argv for part in (word.split("=", 1) if word.startswith("--") else [word])]
    options = getattr(getattr(error, "param", None), "opts", ())
    return next((f"; got '{value}'" for option, value in pairwise(words) if option in options), "")


def _terminated(*_: object) -> None:
    """A request to end is an interruption, which the workers do not hear of by themselves."""
    for child in multiprocessing.active_children():
        child.terminate()
    raise KeyboardInterrupt
