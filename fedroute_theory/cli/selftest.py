"""selftest: break every constant and every assumption on purpose, and see some check fail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fedroute_theory.cli.app import EXIT_VIOLATION, JsonFile, app
from fedroute_theory.cli.files import check_writable, write_json


@app.command()
def selftest(
    slug: Annotated[str | None, typer.Argument(help="Only this theorem.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; the results do not depend on it.")] = min(2, os.cpu_count() or 1),
    json_file: JsonFile = None,
    all_checks: Annotated[
        bool,
        typer.Option(
            "--all-checks",
            help="Every check on every mutant, also dead ones; and the worst cases found and the brackets (test extra; slow).",
        ),
    ] = False,
) -> None:
    """Break every formula and assumption on purpose: some check must notice. Exit code 1 when something survives."""
    from fedroute_theory.report import selftest_tables as tables
    from fedroute_theory.selftest.run import SURVIVED, run

    check_writable(json_file)
    found = run([slug] if slug else [], workers=workers, every=all_checks, progress=lambda line: typer.echo(line, err=True))
    if json_file != Path("-"):
        for result in found:
            typer.echo(tables.matrix(result).plain() + "\n")
        typer.echo(tables.operators(found).plain() + "\n")
        typer.echo(tables.assumptions(found).plain() + "\n")
        typer.echo(tables.summary(found))
    write_json(json_file, "selftest", tables.as_json(found))
    for result in found:
        for outcome in result.outcomes:
            if outcome.state == SURVIVED:
                typer.echo(f"survived: {outcome.mutant.name}", err=True)
        for line in result.wrong:
            typer.echo(f"wrong: {line}", err=True)
        for broken in result.assumptions:
            if not broken.caught:
                typer.echo(f"not caught: {result.slug}, '{broken.assumption}' broken: {broken.evidence}", err=True)
    if not all(result.proven for result in found):
        raise typer.Exit(EXIT_VIOLATION)
