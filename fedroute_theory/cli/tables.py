"""tables: the tables and figures of experiments."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import EXIT_INTERRUPTED, EXIT_VIOLATION, STOPPED, app, stopped
from fedroute_theory.cli.files import make_folder

if TYPE_CHECKING:
    from fedroute_theory.sweep import Executors, Progress
    from fedroute_theory.tables.data import EvaluationTable
    from fedroute_theory.tables.run import Due, Made

EXECUTORS = ("processes", "dask")


@app.command()
def tables(
    name: Annotated[list[str] | None, typer.Argument(help="Experiments to make (default: all of the default set).")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the experiments and stop.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("tables"),
    full: Annotated[bool, typer.Option("--full", help="The larger grids.")] = False,
    executor: Annotated[str, typer.Option(help="processes, or dask (needs the extra 'cluster').")] = "processes",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler (default: a local cluster).")] = None,
    workers: Annotated[int, typer.Option(help="Processes; the files do not depend on it.")] = min(2, os.cpu_count() or 1),
    store: Annotated[Path | None, typer.Option(metavar="FILE", help="Store of results (default: DIR/cells.sqlite).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run and the time expected, and stop.")] = False,
    salvage: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Copy what a damaged store still holds, and stop.")
    ] = None,
    table: Annotated[list[str] | None, typer.Option(metavar="[NAME=]FILE", help="Evaluation table (repeatable).")] = None,
    embeddings: Annotated[list[str] | None, typer.Option(metavar="NAME=FILE", help="Its embeddings (repeatable).")] = None,
    models: Annotated[list[str] | None, typer.Option(metavar="NAME=A,B,...", help="Its models to keep (repeatable).")] = None,
    experiments: Annotated[Path | None, typer.Option(metavar="DIR", help="Your own folder of experiments.")] = None,
) -> None:
    """Make tables and figures from experiments; results are kept, so a second run only presents them."""
    from fedroute_theory.sweep import Store
    from fedroute_theory.sweep import salvage as rescue
    from fedroute_theory.tables.catalogue import load, names, shipped
    from fedroute_theory.tables.experiment import Request
    from fedroute_theory.tables.run import due, make, plan

    folder = experiments or shipped()
    if listed:
        for each in names(folder):
            found = load(folder, each)
            typer.echo(f"{each:24}{found.title}" + ("" if found.default else " (only by name)"))
        return
    if scheduler is not None and executor != "dask":
        raise InputError(f"The '--scheduler' option goes with '--executor dask'; got '--executor {executor}'.")
    place = store or out / "cells.sqlite"
    if salvage is not None:
        typer.echo(f"{rescue(place, salvage)} results copied from '{place}' to '{salvage}'.")
        return
    plans = plan(name or [], Request(full, _evaluation_tables(table, embeddings, models)), experiments)
    if dry_run:
        with Store(place if place.exists() else ":memory:") as results:
            _show(due(plans, results), workers)
        return
    make_folder(out)
    with Store(place) as results:
        report = _Reporter()
        try:
            pool = _executors(executor, workers, scheduler)
            made = make(plans, out, store=results, executors=pool, folder=experiments, progress=report, drawers=workers)
        except STOPPED as why:
            typer.echo(
                f"fedroute-theory: {stopped(why)}; what was computed is kept in '{place}', start again to go on.", err=True
            )
            raise typer.Exit(EXIT_INTERRUPTED) from None
        if results.broken:
            typer.echo(f"{results.broken} damaged results of '{place}' were computed again.", err=True)
    _finish(made, out)


def _executors(executor: str, workers: int, scheduler: str | None) -> Executors:
    from fedroute_theory import sweep
    from fedroute_theory._validate import choice

    choice("executor", executor, EXECUTORS)
    return sweep.processes(workers) if executor == "processes" else sweep.dask(scheduler, workers=workers)


def _show(waiting: Sequence[Due], workers: int) -> None:
    from fedroute_theory.report.text import TextTable

    rows = [(d.name, f"{d.cells}", f"{d.missing}", f"{d.seconds:.0f}", d.title) for d in waiting]
    total = sum(d.seconds for d in waiting)
    note = (
        f"{sum(d.missing for d in waiting)} of {sum(d.cells for d in waiting)} cells to compute: {total:.0f} s on one core, "
        f"about {total / workers / 60:.1f} min with {workers} workers. The others are kept, or counted with an "
        "experiment above that shares them. Nothing was run."
    )
    header = ("experiment", "cells", "to compute", "seconds", "title")
    typer.echo(TextTable("What would run", header, tuple(rows), note).plain())


class _Reporter:
    """Progress on stderr: at most one line a percent."""

    def __init__(self) -> None:
        self._percent = -1

    def __call__(self, progress: Progress) -> None:
        percent = 100 * progress.done // max(1, progress.total)
        if percent == self._percent and progress.done < progress.total:
            return
        self._percent = percent
        left = "" if progress.seconds_left is None else f", {progress.seconds_left / 60:.1f} min left"
        failed = f", {progress.failed} failed" if progress.failed else ""
        typer.echo(f"[{progress.done}/{progress.total}] {progress.cell.experiment}{failed}{left}", err=True)


def _finish(made: Sequence[Made], out: Path) -> None:
    """Print the tables, write the document of all, and say what failed."""
    from fedroute_theory.report.result_tables import ResultTable
    from fedroute_theory.tables import write

    for own in made:
        for artefact in own.artefacts:
            if isinstance(artefact, ResultTable):
                typer.echo(artefact.markdown())
    write.put_all(out, {write.DOCUMENT: write.document(out)})
    typer.echo(f"wrote {sum(len(own.files) for own in made)} files and {write.DOCUMENT} to '{out}'", err=True)
    failures = [failure for own in made for failure in own.failures]
    for failure in failures[:5]:
        typer.echo(f"fedroute-theory: {failure.cell}: {failure.message}", err=True)
    for own in made:
        if own.error is not None:
            typer.echo(f"fedroute-theory: the results of '{own.name}' cannot be presented: {own.error}", err=True)
    lost = ", ".join(own.name for own in made if not own.files)
    if lost:
        typer.echo(f"fedroute-theory: {len(failures)} cells failed; not made: {lost}.", err=True)
        raise typer.Exit(EXIT_VIOLATION)


def _evaluation_tables(
    table: Sequence[str] | None, embeddings: Sequence[str] | None, models: Sequence[str] | None
) -> tuple[EvaluationTable, ...]:
    from fedroute_theory.tables.data import EvaluationTable

    named = dict(_named(text, "table") if "=" in text else (Path(text).stem, text) for text in table or ())
    if len(named) < len(table or ()):
        raise InputError(f"Two tables have one name; give them names (NAME=FILE); got {', '.join(table or ())}.")
    vectors = dict(_named(text, "embeddings") for text in embeddings or ())
    kept = dict(_named(text, "models") for text in models or ())
    for option, given in (("embeddings", vectors), ("models", kept)):
        unknown = next((n for n in given if n not in named), None)
        if unknown is not None:
            raise InputError(f"The '--{option}' option names no table '{unknown}'; there are {', '.join(named) or 'none'}.")
    return tuple(
        EvaluationTable(
            name,
            Path(file),
            Path(vectors[name]) if name in vectors else None,
            tuple(model.strip() for model in kept[name].split(",")) if name in kept else None,
        )
        for name, file in named.items()
    )


def _named(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise InputError(f"The '--{option}' option must be NAME=VALUE; got '{text}'.")
    return name, value
