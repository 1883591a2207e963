"""assumptions: what theorems assume, measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import JsonFile, app
from fedroute_theory.cli.files import check_writable, write_json

if TYPE_CHECKING:
    from fedroute_theory.theorems import Case


@app.command()
def assumptions(
    slug: Annotated[str | None, typer.Argument(help="Only this theorem.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Generated scenario (as in verify; default: every one).")] = None,
    records: Annotated[int | None, typer.Option(help="Records a client in a scenario (default: 300).")] = None,
    table: Annotated[Path | None, typer.Option(help="An evaluation table instead of scenarios, as for audit.")] = None,
    embeddings: Annotated[Path | None, typer.Option(help=".npz or .npy (default: beside the table, or its column).")] = None,
    models: Annotated[str | None, typer.Option(help="Names of the models to keep, separated by commas.")] = None,
    router: Annotated[str | None, typer.Option(help="Router family trained on the table (default: kmeans).")] = None,
    lam: Annotated[float | None, typer.Option(help="Price for the table (default: 0).")] = None,
    clients: Annotated[int | None, typer.Option(help="Number of clients for the table (default: 10).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    json_file: JsonFile = None,
) -> None:
    """List each assumption: holds, fails, unknowable or not measured, with value, margin, uncertainty, how, what would help."""
    from fedroute_theory.report.assumption_tables import nothing_measured, text
    from fedroute_theory.theorems import theorem
    from fedroute_theory.verify import SCENARIOS, scenario_case
    from fedroute_theory.verify.assumed import as_json, assumed

    if table is not None and scenario is not None:
        raise InputError("Assumptions are measured on a scenario or on a table; got both.")
    of_table = {"embeddings": embeddings, "models": models, "router": router, "lam": lam, "clients": clients}
    idle = [f"--{key}" for key, value in (of_table if table is None else {"records": records}).items() if value is not None]
    if idle:
        needed = "needs --table" if table is None else "speaks of scenarios, not of a table"
        raise InputError(f"{idle[0]} {needed}; got {', '.join(idle)}.")
    if slug is not None:
        theorem(slug)
    check_writable(json_file)
    names = [table.stem] if table is not None else list(SCENARIOS) if scenario is None else [scenario]
    documents = []
    silent: dict[str, list[str]] = {}
    for place, name in enumerate(names):
        if table is not None:
            typer.echo(f"{name}: reading the table and training the router", err=True)
            case = _table_case(
                table,
                embeddings,
                models,
                router if router is not None else "kmeans",
                lam or 0.0,
                10 if clients is None else clients,
                seed,
            )
        else:
            case = scenario_case(name, 300 if records is None else records, seed)

        def progress(done: int, total: int, theorem: str, name: str = name, place: int = place) -> None:
            typer.echo(f"[{place * total + done}/{len(names) * total}] {name}, {theorem}", err=True)

        lines = assumed(case, None if slug is None else [slug], progress)
        documents.append(as_json(name, seed, lines))
        if len(names) > 1 and (why := nothing_measured(lines)):
            silent.setdefault(why, []).append(name)
        elif json_file != Path("-"):
            typer.echo(text(name, lines) + "\n")
    if json_file != Path("-"):
        for why, places in silent.items():
            typer.echo(f"Nothing is measured on {', '.join(places)} ({why}).")
    write_json(json_file, "assumptions", documents[0] if len(documents) == 1 else {"cases": documents})


def _table_case(
    file: Path, embeddings: Path | None, models: str | None, router: str, lam: float, clients: int, seed: int
) -> Case:
    from fedroute_theory.audit import table_case
    from fedroute_theory.problems import read_table

    names = None if models is None else [name.strip() for name in models.split(",")]
    source = read_table(file, embeddings, names)
    return table_case(source.replace(lam=lam), router=router, clients=clients, seed=seed)
