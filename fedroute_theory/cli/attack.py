"""attack: search for a violation of a theorem."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import EXIT_INTERRUPTED, EXIT_VIOLATION, JsonFile, app
from fedroute_theory.cli.files import check_writable, write_json

if TYPE_CHECKING:
    from fedroute_theory.attack import Search
    from fedroute_theory.theorems import Theorem

DEFAULT_MINUTES = 5.0
SHOWN = 6
"""Forms in a line of progress, those of the largest ratios."""

EVERY = 3.0
"""Seconds between two lines of progress."""


@app.command()
def attack(
    slug: Annotated[str, typer.Argument(help="A theorem of `list`, or MODULE:NAME of your own.")],
    minutes: Annotated[float | None, typer.Option(help="Length of this session; 5 if nothing else is given.")] = None,
    evaluations: Annotated[int | None, typer.Option(help="Stop after so many evaluations, of all sessions together.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed and evaluations: same result.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of states and finds; a search that is there goes on.")] = Path("attack"),
    json_file: JsonFile = None,
) -> None:
    """Search for the largest gap / bound of a theorem. Exit code 1 when a bound is violated."""
    from fedroute_theory import attack as engine
    from fedroute_theory.attack.store import safe_name
    from fedroute_theory.report import attack_tables as tables

    check_writable(json_file)
    entry = _theorem(slug)
    given = DEFAULT_MINUTES if minutes is None and evaluations is None else minutes
    progress, folder = _Progress(), out / safe_name(entry.slug)
    try:
        search = engine.attack(entry, folder, minutes=given, evaluations=evaluations, seed=seed, report=progress.show)
    except KeyboardInterrupt:
        typer.echo(f"fedroute-theory: {progress.interrupted(folder)}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if not search.best:
        raise InputError(_nothing(search))
    known = tables.certified(entry.slug)
    if json_file != Path("-"):
        typer.echo(tables.table(search, known).plain())
    broken = [engine.shrink(i, entry) for i in search.best.values() if i.found.violated]
    rows = tables.rows(search, known)
    write_json(json_file, "attack", {"theorem": entry.slug, "seed": seed, "evaluations": search.evaluations, "forms": rows,
                           "violations": [i.plain() for i in broken]})  # fmt: skip
    for instance in broken:
        ratio = f"ratio {instance.found.ratio:.9g} in the shortest case that shows it"
        typer.echo(f"\nviolated: {entry.slug} {instance.form}, {ratio}", err=True)
        if json_file != Path("-"):
            typer.echo(f"\n{engine.script(instance, slug if ':' in slug else '')}\n{instance.text()}", nl=False)
    if broken:
        raise typer.Exit(EXIT_VIOLATION)


def _nothing(search: Search) -> str:
    """Why nothing was judged, in one sentence: a budget of less than one step says nothing of the theorem."""
    from fedroute_theory.attack import ARENAS
    from fedroute_theory.attack.search import DRAWS

    slug, done = search.theorem.slug, search.evaluations
    if slug in ARENAS or done < DRAWS:
        return f"The budget was used up after {done} evaluations, before a claim of '{slug}' was judged; give it more."
    return (
        f"No claim of '{slug}' was judged in {done} evaluations: a theorem of your own is attacked on cell estimates, by what "
        "it says of the records that there are; the conformance kit tests the rest."
    )


class _Progress:
    """One line on stderr at the first evaluation of a session and every few seconds."""

    def __init__(self) -> None:
        self.last = 0.0
        self.evaluations, self.forms = 0, 0

    def interrupted(self, folder: Path) -> str:
        """What is saved and how to go on, in one sentence."""
        if not self.forms:
            return "interrupted before anything was found; the same command begins anew."
        return (
            f"interrupted after {self.evaluations} evaluations; the best instances of {self.forms} forms are in '{folder}', "
            "and the same command goes on from there."
        )

    def show(self, search: Search) -> None:
        """The line, if it is time."""
        from fedroute_theory.report.text import fixed

        now = time.monotonic()
        self.evaluations, self.forms = search.evaluations, len(search.best)
        if self.last == 0.0 and search.resumed is not None:
            done, again = search.resumed
            repeated = f", of which the last {again} are made again: their step was not done" if again else ""
            typer.echo(f"resumed after {done} evaluations{repeated} ({search.store.folder})", err=True)
            for sentence in search.moved:
                typer.echo(sentence, err=True)
        if now - self.last >= EVERY:
            self.last = now
            best = sorted(((i.found.ratio, i.form) for i in search.best.values()), reverse=True)
            text = "  ".join(f"{form} {fixed(ratio, 4)}" for ratio, form in best[:SHOWN])
            text += f"  and {len(best) - SHOWN} more" if len(best) > SHOWN else ""
            typer.echo(f"{search.phase:<10}  {search.evaluations:>7} evaluations  {text}", err=True)


def _theorem(name: str) -> Theorem:
    from fedroute_theory.theorems import Theorem, theorem

    module, colon, attribute = name.partition(":")
    if not colon:
        return theorem(name)
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise InputError(f"A theorem of your own must be given as MODULE:NAME; got '{name}'.")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        entry = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise InputError(f"The theorem '{name}' cannot be imported: there is no module '{error.name}'.") from None
    except (Exception, SystemExit) as error:  # a module may raise anything while it is imported
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".removesuffix(": ")
        raise InputError(f"The theorem '{name}' cannot be imported: '{module}' raises {said}.") from None
    if entry is None:
        raise InputError(f"The theorem '{name}' cannot be imported: '{module}' has no '{attribute}'.")
    if not isinstance(entry, Theorem):
        raise InputError(f"The name '{name}' must be that of a theorem; got {type(entry).__name__}.")
    return entry
