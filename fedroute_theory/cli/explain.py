"""explain: which inequality of a proof loses how much."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import JsonFile, app
from fedroute_theory.cli.files import check_writable, write_json

KINDS = ("png", "pdf", "svg")
"""Kinds of figure, by the end of the file's name."""


@app.command()
def explain(
    slug: Annotated[str, typer.Argument(help="The theorem.")],
    scenario: Annotated[str | None, typer.Option(help="Generated scenario (default: the first it applies to).")] = None,
    records: Annotated[int | None, typer.Option(help="Records a client (default: the scenario's least).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    training: Annotated[str | None, typer.Option(help="local, federated, pooled or mixture (default: federated).")] = None,
    client: Annotated[int | None, typer.Option(help="Client, where there is one (default: the first).")] = None,
    form: Annotated[str | None, typer.Option(help="Form of the theorem (default: the least bound).")] = None,
    all_forms: Annotated[bool, typer.Option("--all-forms", help="One line a form: which step loses most.")] = False,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the waterfall: .png, .pdf or .svg.")] = None,
    json_file: JsonFile = None,
) -> None:
    """From the exact gap through every step of the proof to the bound: which inequality loses how much."""
    from fedroute_theory.report.waterfall_tables import overview, refusals, table, vacuous
    from fedroute_theory.verify.explained import as_json
    from fedroute_theory.verify.explained import explain as run

    _check_figure(figure, all_forms)
    check_writable(json_file)
    found = run(slug, scenario, records, seed, training, client, form)
    printed = json_file != Path("-")
    if not found.waterfalls and not found.refused:
        lines = [f"{slug} says nothing of {found.place}: no claim is made there."]
    elif all_forms:
        lines = [overview(found)]
    elif found.chosen is None:
        lines = refusals(found, form)
    else:
        lines = [table(found, found.chosen)]
    if printed:
        typer.echo("\n".join(lines))
    write_json(json_file, "explain", as_json(found))
    if figure is not None and found.chosen is None:
        typer.echo(f"fedroute-theory: there is no waterfall to draw, so '{figure}' is not written.", err=True)
    elif figure is not None and found.chosen is not None:
        from fedroute_theory._json import put
        from fedroute_theory.report.drawing import render
        from fedroute_theory.report.waterfall_figure import waterfall_figure

        title = "; ".join(filter(None, (f"{slug} ({found.chosen.form}): {found.place}", vacuous(found.chosen))))
        put(figure, render(waterfall_figure(found.chosen, title), figure.suffix[1:]))
        typer.echo(f"wrote {figure}", err=True)


def _check_figure(file: Path | None, all_forms: bool) -> None:
    if file is None:
        return
    if all_forms:
        raise InputError("A figure shows one form; got --figure with --all-forms.")
    if file.suffix[1:] not in KINDS:
        raise InputError(f"The figure's name must end in {', '.join('.' + kind for kind in KINDS)}; got '{file}'.")
    check_writable(file)
