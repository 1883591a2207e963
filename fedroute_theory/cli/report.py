"""report: one HTML page of what the commands found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fedroute_theory.cli.app import JsonFile, app
from fedroute_theory.cli.files import check_writable, write_json


@app.command()
def report(
    given: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="JSON", help="File that a command wrote with --json (repeatable; default: run what is needed)."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("report.html"),
    seed: Annotated[int, typer.Option(help="Seed of every random draw, without --from.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Processes; the page does not depend on it.")] = min(2, os.cpu_count() or 1),
    json_file: JsonFile = None,
) -> None:
    """Write one self-contained HTML page: what holds, what is loose or vacuous, every theorem, audits, provenance."""
    from fedroute_theory._json import put
    from fedroute_theory._validate import InputError, integer
    from fedroute_theory.report.page import collect, page, read

    integer("workers", workers, 1)
    if out == Path("-"):
        raise InputError("The page goes to a file; got '-'.")
    check_writable(out)
    check_writable(json_file)
    documents = read(given) if given else collect.collect(seed, workers, lambda line: typer.echo(line, err=True))
    write_json(json_file, "report", collect.as_json(documents))
    size = len(put(out, page(documents)).read_bytes())
    typer.echo(f"wrote {out} ({size / 1e6:.2f} MB, {len(documents)} documents)", err=True)
