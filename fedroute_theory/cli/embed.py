"""embed: vectors for a table that brings none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fedroute_theory.cli.app import app
from fedroute_theory.cli.files import check_writable


@app.command()
def embed(
    table: Annotated[Path, typer.Argument(help="Parquet or CSV with a column of texts.")],
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where to write the vectors.")],
    column: Annotated[str, typer.Option(help="The column that holds the texts.")] = "prompt",
    dimension: Annotated[int, typer.Option(help="Coordinates of a vector.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the decomposition.")] = 0,
) -> None:
    """Make vectors of a table's prompts from their words: a stand-in for a sentence encoder, the same bytes every time."""
    from fedroute_theory import _json
    from fedroute_theory._validate import InputError
    from fedroute_theory.problems.prompts import embed_table

    if out.suffix != ".npz":
        raise InputError(f"The '--out' option must name a .npz file; got '{out}'.")
    check_writable(out)
    _json.put(out, embed_table(table, column=column, dimension=dimension, seed=seed))
    typer.echo(f"wrote {out}", err=True)
