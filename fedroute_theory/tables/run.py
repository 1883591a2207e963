"""Make tables: plan the cells, compute what the store does not have, present what is complete."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fedroute_theory import sweep
from fedroute_theory._validate import InputError
from fedroute_theory.report.plots import Plot
from fedroute_theory.sweep import Cell, Failure, Store
from fedroute_theory.sweep.worker import told
from fedroute_theory.tables import write
from fedroute_theory.tables.catalogue import Compute, load, names, shipped
from fedroute_theory.tables.experiment import Artefact, Done, Experiment, Params, Request


@dataclass(frozen=True)
class Plan:
    """One experiment and its cells, in its own order, then those of the experiments it reads."""

    name: str
    experiment: Experiment
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Due:
    """What a plan would compute. missing: cells without a result; seconds: expected for them on one core."""

    name: str
    title: str
    cells: int
    missing: int
    seconds: float


@dataclass(frozen=True)
class Made:
    """One experiment's outcome: its artefacts and files; or the cells that failed; or what went wrong in presenting them."""

    name: str
    artefacts: tuple[Artefact, ...] = ()
    files: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()
    error: str | None = None


def plan(chosen: Sequence[str], request: Request, folder: Path | None = None) -> list[Plan]:
    """Plans of the experiments named; of all default ones when none is. Raises InputError for an unknown name."""
    place = folder or shipped()
    wanted = list(dict.fromkeys(chosen)) or [name for name in names(place) if load(place, name).default]
    files = {digest: path for table in request.tables for digest, path in table.files().items()}
    for table in request.tables:
        table.check()
    plans = []
    for name in wanted:
        experiment = load(place, name)
        owners = [(owner, load(place, owner)) for owner in (name, *experiment.reads)]
        cells = [
            Cell(owner, its.version, params, files if "table" in params else {})
            for owner, its in owners
            for params in _grid(owner, its, request)
        ]
        if not cells:
            raise InputError(f"The experiment '{name}' has no cells.")
        plans.append(Plan(name, experiment, tuple(cells)))
    if request.tables and not any("table" in cell.params for own in plans for cell in own.cells):
        raise InputError(f"None of the experiments reads an evaluation table ({', '.join(wanted)}).")
    return plans


def _grid(name: str, experiment: Experiment, request: Request) -> Sequence[Params]:
    try:
        return list(experiment.cells(request))
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        raise InputError(f"The cells of the experiment '{name}' cannot be listed: {told(error)}.") from error


def due(plans: Sequence[Plan], store: Store) -> list[Due]:
    """What would run, and the time expected for it."""
    found = []
    planned: set[str] = set()
    for own in plans:
        have = store.results(own.cells)
        missing = [cell for cell in own.cells if cell.key not in have and cell.key not in planned]
        planned |= {cell.key for cell in missing}
        seconds = sum(store.expected_seconds(cell, own.experiment.seconds) for cell in missing)
        found.append(Due(own.name, own.experiment.title, len(own.cells), len(missing), seconds))
    return found


def make(
    plans: Sequence[Plan],
    out: Path,
    *,
    store: Store,
    executors: sweep.Executors,
    folder: Path | None = None,
    progress: Callable[[sweep.Progress], None] | None = None,
    drawers: int = 1,
) -> list[Made]:
    """Compute the missing cells, slowest first, then write the artefacts of every experiment that is complete.

    drawers: processes that draw figures. The bytes depend on the plans alone: not on executor or drawers, nor on what the store
    had. InputError when the disk is full.
    """
    have = store.results([cell for own in plans for cell in own.cells])
    expected = {
        cell.key: (store.expected_seconds(cell, own.experiment.seconds), cell)
        for own in plans
        for cell in own.cells
        if cell.key not in have
    }
    missing = [cell for _, cell in sorted(expected.values(), key=lambda pair: -pair[0])]
    failures: Sequence[Failure] = ()
    if missing:
        seconds = {key: wait for key, (wait, _) in expected.items()}
        compute = Compute(None if folder is None else str(folder.resolve()))
        failures = sweep.run(compute, missing, store=store, executors=executors, expected=seconds, progress=progress)
        have = store.results([cell for own in plans for cell in own.cells])
    presented = [_presented(own, have, failures) for own in plans]
    plots = [(made.name, artefact) for made in presented for artefact in made.artefacts if isinstance(artefact, Plot)]
    drawn: dict[str, dict[str, write.Drawing]] = {own.name: {} for own in plans}
    for (name, plot), drawing in zip(plots, write.drawings([plot for _, plot in plots], out, drawers), strict=True):
        drawn[name][plot.name] = drawing
    return [_written(own, made, have, drawn[own.name], out) for own, made in zip(plans, presented, strict=True)]


def _presented(own: Plan, have: Mapping[str, object], failures: Sequence[Failure]) -> Made:
    """The artefacts, not yet written."""
    failed = tuple(failure for failure in failures if failure.cell in own.cells)
    if failed:
        return Made(own.name, failures=failed)
    try:
        artefacts = tuple(own.experiment.present(_done(own, have)))
        pickle.dumps(artefacts)  # they go to the processes that draw
    except Exception as error:  # a user's function may raise anything; the other experiments are made all the same
        return Made(own.name, error=told(error))
    return Made(own.name, artefacts)


def _written(own: Plan, made: Made, have: Mapping[str, object], figures: Mapping[str, write.Drawing], out: Path) -> Made:
    """The same with its files, none of them unless all can be made."""
    wrong = made.error or next((drawing.error for drawing in figures.values() if drawing.error), None)
    if wrong or made.failures:
        return replace(made, artefacts=(), error=wrong)
    try:
        for artefact in made.artefacts:
            write.check_owner(out, artefact.name, own.name)
        files = write.contents(own.name, own.experiment, _done(own, have), made.artefacts, figures)
    except Exception as error:  # an artefact is a user's too
        return Made(own.name, error=told(error))
    return replace(made, files=tuple(write.put_all(out, files)))


def _done(own: Plan, have: Mapping[str, object]) -> list[Done]:
    return [Done(cell.params, have[cell.key]) for cell in own.cells]
