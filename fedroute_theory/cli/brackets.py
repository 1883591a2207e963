"""brackets: how far each theorem is from its certified worst case."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import EXIT_VIOLATION, JsonFile, app
from fedroute_theory.cli.files import check_writable, write_json


@app.command()
def brackets(
    slug: Annotated[str | None, typer.Argument(help="Only this theorem.")] = None,
    json_file: JsonFile = None,
) -> None:
    """Lower bound <= certified worst case <= theorem, on small instances. Exit code 1 when a row is out of order."""
    from fedroute_theory.certify.brackets import brackets as run
    from fedroute_theory.report.bracket_tables import text

    check_writable(json_file)
    found = run(slug, lambda name: typer.echo(f"{name} ...", err=True))
    if json_file != Path("-") and found.rows:
        typer.echo(text(found.rows))
    rows = [asdict(row) | {"upper/exact": row.ratio, "upper/lower": row.spread} for row in found.rows]
    write_json(json_file, "brackets", {"brackets": rows, "unsolved": found.unsolved})
    wrong = [f"{row.theorem} {row.form} on {row.instance}" for row in found.rows if not row.ordered]
    for name in wrong:
        typer.echo(f"out of order: {name}", err=True)
    if wrong:
        raise typer.Exit(EXIT_VIOLATION)
    if found.unsolved:
        raise InputError(" ".join(found.unsolved))
