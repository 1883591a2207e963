"""verify: every bound beside the gap it promises to cover."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import EXIT_INTERRUPTED, EXIT_VIOLATION, STOPPED, JsonFile, app, stopped
from fedroute_theory.cli.files import check_writable, write_json

if TYPE_CHECKING:
    from fedroute_theory.verify import Evidence


@app.command()
def verify(
    theorem: Annotated[list[str] | None, typer.Option(help="Only this theorem of `list` (repeatable).")] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="Only this scenario of `list` (repeatable).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="The least size only, fewer repetitions.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Three sizes, more repetitions.")] = False,
    json_file: JsonFile = None,
    workers: Annotated[int, typer.Option(help="Processes; the results do not depend on it.")] = min(2, os.cpu_count() or 1),
    delta: Annotated[float, typer.Option(help="Failure probability granted to each claim.")] = 0.05,
    false_alarm: Annotated[float, typer.Option(help="Chance that the whole run calls a true claim violated.")] = 1e-6,
) -> None:
    """Put every bound beside the gap it promises to cover. Exit code 1 on a violation."""
    from fedroute_theory.report import verification_tables as tables
    from fedroute_theory.verify import interrupted
    from fedroute_theory.verify import verify as run

    if quick and full:
        raise InputError("The options --quick and --full exclude each other; got both.")
    mode = "quick" if quick else "full" if full else "default"
    check_writable(json_file)
    collected: list[Evidence] = []

    def progress(done: int, total: int, cell: str, evidence: Any) -> None:
        collected.extend(evidence)
        typer.echo(f"[{done}/{total}] {cell}", err=True)

    try:
        found = run(
            theorems=theorem or None,
            scenarios=scenario or None,
            seed=seed,
            mode=mode,
            delta=delta,
            false_alarm=false_alarm,
            workers=workers,
            progress=progress,
        )
    except STOPPED as why:
        partial = interrupted(collected, seed=seed, mode=mode, delta=delta, false_alarm=false_alarm)
        write_json(json_file, "verify", partial)
        kept = f" The {len(collected)} results so far are in '{json_file}'." if json_file else ""
        typer.echo(f"fedroute-theory: {stopped(why)} after {len(collected)} results.{kept}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if json_file != Path("-"):
        for sheet in tables.tables(found):
            typer.echo(sheet.plain() + "\n")
        typer.echo(tables.summary(found))
    write_json(json_file, "verify", found.as_json())
    if found.failures:
        raise typer.Exit(EXIT_VIOLATION)
