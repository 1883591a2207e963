"""The command line: parse, call, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedroute_theory import __version__
from fedroute_theory._validate import InputError

if TYPE_CHECKING:
    from fedroute_theory.problems import Table
    from fedroute_theory.theorems import Formula
    from fedroute_theory.verify import Evidence

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Bounds for federated language-model routers, beside exact suboptimality gaps.",
)

EXIT_VIOLATION, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def main() -> None:
    """Entry point: every expected failure is one sentence on stderr and a non-zero exit code."""
    try:
        app()
    except InputError as error:
        typer.echo(f"fedroute-theory: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_VIOLATION)
    except KeyboardInterrupt:
        typer.echo("fedroute-theory: interrupted.", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fedroute-theory {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Bounds for federated language-model routers, beside exact suboptimality gaps."""


JsonFlag = Annotated[bool, typer.Option("--json", help="Write one JSON object to stdout.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write one JSON object to FILE (- for stdout).")]


@app.command("list")
def list_theorems(as_json: JsonFlag = False) -> None:
    """List the theorems."""
    from fedroute_theory.theorems import registry

    entries = [
        {"slug": t.slug, "title": t.title, "kind": t.kind, "forms": list(t.forms), "assumptions": list(t.assumptions)}
        for t in registry().values()
    ]
    if as_json:
        _echo_json({"theorems": entries})
        return
    for entry in entries:
        typer.echo(f"{entry['slug']:22s} {entry['kind']:11s} {', '.join(entry['forms'])}")


@app.command()
def show(slug: str, as_json: JsonFlag = False) -> None:
    """Show a theorem: statement, assumptions, formulas with their parameters and ranges."""
    from fedroute_theory.theorems import theorem

    entry = theorem(slug)
    if as_json:
        head = {name: getattr(entry, name) for name in ("slug", "title", "kind", "statement", "source")}
        forms = {name: _formula_as_json(formula) for name, formula in entry.forms.items()}
        _echo_json(head | {"assumptions": dict(entry.assumptions), "forms": forms})
        return
    typer.echo(f"{entry.title} ({entry.kind})\n\n{entry.statement}\n\nAssumptions")
    for name, meaning in entry.assumptions.items():
        typer.echo(f"  {name}: {meaning}")
    typer.echo(f"\nFormulas: fedroute-theory bound {slug} form=NAME key=value ...")
    for name, formula in entry.forms.items():
        typer.echo(f"  {name}: {formula.describe()}")
        for key, quantity in formula.quantities.items():
            default = f" (default {formula.optional()[key]:g})" if key in formula.optional() else ""
            typer.echo(f"    {key:18s}{quantity.describe()}{default}")
    typer.echo(f"\nSource: {entry.source}")


def _formula_as_json(formula: Formula) -> dict[str, Any]:
    parameters = {
        key: {"meaning": q.meaning, "unit": q.unit, "range": q.range, "dimensions": len(q.shape)}
        for key, q in formula.quantities.items()
    }
    return {"formula": formula.describe(), "parameters": parameters, "defaults": dict(formula.optional())}


@app.command()
def bound(
    slug: str,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="key=value ...", help="Parameters; form=NAME picks a formula.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Calculate a bound on given numbers (lists in JSON: counts='[10, 4]')."""
    from fedroute_theory.theorems import theorem
    from fedroute_theory.theorems.base import parse_value

    entry = theorem(slug)
    given: dict[str, str] = {}
    for item in values or []:
        key, equals, value = item.partition("=")
        if not equals or key in given:
            raise InputError(f"Every parameter must be given once as key=value; got {item!r}.")
        given[key] = value
    name = given.pop("form", None) or _fitting_form(entry.forms, set(given))
    if name not in entry.forms:
        raise InputError(f"The theorem '{slug}' has no form '{name}'; it has {', '.join(entry.forms)}.")
    parameters = {key: parse_value(key, value) for key, value in given.items()}
    result = entry.forms[name](**parameters)
    if as_json:
        _echo_json(
            {
                "theorem": slug, "form": name, "value": result.value, "terms": dict(result.terms), "kind": result.kind,
                "delta": result.delta, "vacuous": result.vacuous, "parameters": parameters,
            }
        )  # fmt: skip
        return
    vacuous = f"  VACUOUS: at least the utility range {result.trivial:g}" if result.vacuous else ""
    typer.echo(f"{slug} ({name}): {result.value:.6g}{vacuous}")
    for term, share in result.terms.items():
        typer.echo(f"  {term:24s}{share: .6g}")
    if result.delta:
        typer.echo(f"  holds with probability at least {1 - result.delta:g}")


def _fitting_form(forms: Any, given: set[str]) -> str:
    """The first form that these parameters fit, else the theorem's first."""
    for name, formula in forms.items():
        required = set(formula.quantities) - set(formula.optional())
        if required <= given <= set(formula.quantities):
            return str(name)
    return str(next(iter(forms)))


@app.command()
def verify(
    theorem: Annotated[list[str] | None, typer.Option(help="Only this theorem (repeatable).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="One size.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Three sizes, more repetitions.")] = False,
    json_file: JsonFile = None,
    workers: Annotated[int, typer.Option(help="Processes; the results do not depend on it.")] = min(2, os.cpu_count() or 1),
    delta: Annotated[float, typer.Option(help="Failure probability granted to each claim.")] = 0.05,
) -> None:
    """Put every bound beside the gap it promises to cover. Exit code 1 on a violation."""
    from fedroute_theory.report import verification_tables as tables
    from fedroute_theory.verify import Verification
    from fedroute_theory.verify import verify as run

    if quick and full:
        raise InputError("The options --quick and --full exclude each other; got both.")
    mode = "quick" if quick else "full" if full else "default"
    _check_writable(json_file)
    collected: list[Evidence] = []

    def progress(done: int, total: int, cell: str, evidence: Any) -> None:
        collected.extend(evidence)
        typer.echo(f"[{done}/{total}] {cell}", err=True)

    try:
        found = run(theorems=theorem or None, seed=seed, mode=mode, delta=delta, workers=workers, progress=progress)
    except KeyboardInterrupt:
        partial = Verification(seed, mode, delta, tuple(collected), (), ())
        _write_json(json_file, partial.as_json() | {"interrupted": True})
        kept = f" The {len(collected)} results so far are in '{json_file}'." if json_file else ""
        typer.echo(f"fedroute-theory: interrupted after {len(collected)} results.{kept}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if json_file != Path("-"):
        for sheet in tables.tables(found):
            typer.echo(sheet.plain() + "\n")
        typer.echo(tables.summary(found))
    _write_json(json_file, found.as_json())
    if found.failures:
        raise typer.Exit(EXIT_VIOLATION)


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
    router: Annotated[str, typer.Option(help="Router family.")] = "kmeans",
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
    _check_writable(json_file)
    _make_folder(out)
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
    _write_json(json_file, report.as_json())
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


def _echo_json(value: Any) -> None:
    from fedroute_theory import _json

    typer.echo(_json.text(value), nl=False)


def _check_writable(file: Path | None) -> None:
    """Refuse before hours of work rather than after."""
    if file is None or file == Path("-"):
        return
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        reason = "it is a folder" if file.is_dir() else f"no writable folder '{file.parent}'"
        raise InputError(f"The file '{file}' cannot be written: {reason}.")


def _make_folder(folder: Path | None) -> None:
    """The same for an output folder."""
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The folder '{folder}' cannot be made: {error.strerror}.") from None


def _write_json(file: Path | None, value: Any) -> None:
    from fedroute_theory import _json

    if file == Path("-"):
        _echo_json(value)
    elif file is not None:
        _json.put(file, _json.text(value).encode())
