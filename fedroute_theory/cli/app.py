"""The command line: the application, its exit codes and its options."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fedroute_theory import __version__

EXIT_VIOLATION, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130

STOPPED = (KeyboardInterrupt, BrokenExecutor)
"""What ends a command before its time: the user, or a worker process that ended without an answer."""


class Commands(TyperGroup):
    """All commands; one that is stopped says so in a sentence, where Typer says nothing."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except STOPPED as why:
            typer.echo(f"fedroute-theory: {stopped(why)}.", err=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Bounds for federated language-model routers, beside exact suboptimality gaps.",
)


def stopped(why: BaseException) -> str:
    """Why it ended, for a sentence."""
    return "interrupted" if isinstance(why, KeyboardInterrupt) else "a worker process was killed (out of memory?): stopped"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fedroute-theory {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Bounds for federated language-model routers, beside exact suboptimality gaps."""


JsonFlag = Annotated[bool, typer.Option("--json", help="Write one JSON object to stdout.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write one JSON object to FILE (- for stdout).")]
