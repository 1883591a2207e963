"""report: one HTML page of what the commands found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fedroute_theory.cli.app import EXIT_INTERRUPTED, STOPPED, JsonFile, app, stopped
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
    seed: Annotated[int, typer.Option(help="Seed of every random draw, without --from.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes; the page does not depend on it.")] = min(2, os.cpu_count() or 1),
    json_file: JsonFile = None,
) -> None:
    """Write one self-contained HTML page: what holds, what is loose or vacuous, every theorem, audits, provenance."""
    from fedroute_theory._json import put
    from fedroute_theory._validate import InputError, integer
    from fedroute_theory.report.page import Document, collect, page, read
    from fedroute_theory.report.page.documents import ordered

    integer("workers", workers, 1)
    if out == Path("-"):
        raise InputError("The page goes to a file; got '-'.")
    check_writable(out)
    check_writable(json_file)
    made: list[Document] = []
    end = ""
    try:
        for document in read(given) if given else collect.collect(seed, workers, lambda line: typer.echo(line, err=True)):
            made.append(document)
    except STOPPED as why:
        end = stopped(why)
    documents = ordered(made)
    if end and not documents:
        typer.echo(f"fedroute-theory: {end} before anything was done.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    write_json(json_file, "report", collect.as_json(documents) | ({"interrupted": True} if end else {}))
    size = len(put(out, page(documents)).read_bytes())
    typer.echo(f"wrote {out} ({size / 1e6:.2f} MB, {len(documents)} documents)", err=True)
    if end:
        typer.echo(f"fedroute-theory: {end}; the page holds what was done until then.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
