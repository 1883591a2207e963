"""audit, compare: evaluation tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import EXIT_INTERRUPTED, STOPPED, JsonFile, app, stopped
from fedroute_theory.cli.files import check_writable, make_folder, write_json

if TYPE_CHECKING:
    from fedroute_theory.problems import Table


@app.command()
def audit(
    table: Annotated[Path | None, typer.Argument(help="Parquet or CSV in RouterBench's column convention.")] = None,
    embeddings: Annotated[Path | None, typer.Option(help=".npz or .npy (default: beside the table, or its column).")] = None,
    models: Annotated[str | None, typer.Option(help="Names of the models to keep, separated by commas.")] = None,
    clients: Annotated[int, typer.Option(help="Number of clients.")] = 10,
    task_alpha: Annotated[float, typer.Option(help="Dirichlet concentration of tasks over clients.")] = 0.6,
    model_alpha: Annotated[float, typer.Option(help="Dirichlet concentration of a client's logged models.")] = 0.45,
    seed: Annotated[int, typer.Option(help="Seed of the partition and of the training.")] = 42,
    lam: Annotated[list[float] | None, typer.Option(help="Price to report (repeatable; default: where choices move).")] = None,
    router: Annotated[str, typer.Option(help="kmeans, linear, mlp, mixture, mixture-linear or mixture-mlp.")] = "kmeans",
    protocol: Annotated[str, typer.Option(help="sound, or published: the paper's own choices.")] = "sound",
    example: Annotated[bool, typer.Option("--example", help="Make and audit a RouterBench-like table.")] = False,
    json_file: JsonFile = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for tables, figures and the report.")] = None,
) -> None:
    """Which clients of an evaluation table gain from federating their routers, by how much, and why."""
    from fedroute_theory.audit import audit as run
    from fedroute_theory.problems import read_table
    from fedroute_theory.report import text_tables, write_report

    if (table is None) != example:
        raise InputError("Audit takes either a table or --example; got " + ("both." if example else "neither."))
    check_writable(json_file)
    make_folder(out)
    if table is None:
        source, name = _example(out, seed), "example"
    else:
        source, name = read_table(table, embeddings, _names(models)), table.stem
    report = run(
        source,
        clients=clients,
        task_alpha=task_alpha,
        model_alpha=model_alpha,
        seed=seed,
        lams=lam or None,
        router=router,
        protocol=protocol,
        name=name,
        progress=lambda line: typer.echo(line, err=True),
    )
    if json_file != Path("-"):
        typer.echo(text_tables(report))
    write_json(json_file, "audit", report.as_json())
    if out is not None:
        for file in write_report(report, out):
            typer.echo(f"wrote {file}", err=True)


def _names(models: str | None) -> list[str] | None:
    return None if models is None else [name.strip() for name in models.split(",")]


def _example(out: Path | None, seed: int) -> Table:
    """A made table; kept in the output folder, in the convention that `audit` reads."""
    import numpy as np

    from fedroute_theory.problems import example_table

    table = example_table(np.random.default_rng(seed))
    if out is not None:
        try:
            table.write(out / "example.parquet", out / "example.npz")
        except OSError as error:
            raise InputError(f"The folder '{out}' cannot be written: {error.strerror}.") from None
    return table


@app.command()
def compare(
    table: Annotated[Path, typer.Argument(help="Parquet or CSV in RouterBench's column convention.")],
    embeddings: Annotated[Path | None, typer.Option(help=".npz or .npy (default: beside the table, or its column).")] = None,
    models: Annotated[str | None, typer.Option(help="Names of the models to keep, separated by commas.")] = None,
    router: Annotated[list[str] | None, typer.Option(help="Router family (repeatable; default: kmeans and mlp).")] = None,
    protocol: Annotated[list[str] | None, typer.Option(help="Protocol (repeatable; default: both).")] = None,
    seeds: Annotated[int, typer.Option(help="Number of partitions and trainings.")] = 10,
    seed: Annotated[int, typer.Option(help="The first seed; the others follow it.")] = 42,
    clients: Annotated[int, typer.Option(help="Number of clients.")] = 10,
    task_alpha: Annotated[float, typer.Option(help="Dirichlet concentration of tasks over clients.")] = 0.6,
    model_alpha: Annotated[float, typer.Option(help="Dirichlet concentration of a client's logged models.")] = 0.45,
    workers: Annotated[int, typer.Option(help="Processes; the results do not depend on it.")] = min(2, os.cpu_count() or 1),
    json_file: JsonFile = None,
) -> None:
    """Router families and protocols side by side on one table, over several seeds, with intervals."""
    from fedroute_theory.audit import PROTOCOLS, Comparison
    from fedroute_theory.audit import compare as run
    from fedroute_theory.audit.compare import Draw
    from fedroute_theory.problems import read_table
    from fedroute_theory.report import comparison_tables

    check_writable(json_file)
    numbers = tuple(range(seed, seed + seeds))
    collected: list[Draw] = []

    def progress(done: int, total: int, draw: Draw) -> None:
        collected.append(draw)
        typer.echo(f"[{done}/{total}] {draw.router}, {draw.protocol}, seed {draw.seed}", err=True)

    try:
        found = run(
            read_table(table, embeddings, _names(models)),
            routers=router or ("kmeans", "mlp"),
            protocols=protocol or tuple(PROTOCOLS),
            seeds=numbers,
            clients=clients,
            task_alpha=task_alpha,
            model_alpha=model_alpha,
            name=table.stem,
            workers=workers,
            progress=progress,
        )
    except STOPPED as why:
        partial = Comparison(table.stem, clients, numbers, tuple(collected))
        write_json(json_file, "compare", partial.as_json() | {"interrupted": True})
        kept = f" The {len(collected)} audits so far are in '{json_file}'." if json_file else ""
        typer.echo(f"fedroute-theory: {stopped(why)} after {len(collected)} audits.{kept}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if json_file != Path("-"):
        typer.echo(comparison_tables.text(found))
    write_json(json_file, "compare", found.as_json())
