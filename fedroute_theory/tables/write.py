"""An experiment's artefacts as files: Markdown, CSV and LaTeX of tables, PDF and PNG of figures, provenance beside each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fedroute_theory import __version__, _json
from fedroute_theory._processes import in_order
from fedroute_theory._validate import InputError
from fedroute_theory.report.drawing import render
from fedroute_theory.report.plots import Plot
from fedroute_theory.sweep.worker import told
from fedroute_theory.tables.experiment import Artefact, Done, Experiment

DOCUMENT = "tables.tex"
"""The LaTeX document of everything made into the folder, now or before."""

_PROVENANCE = "provenance.json"

_PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage{rotating}
\begin{document}
"""


@dataclass(frozen=True)
class Drawing:
    """A figure as files: kind -> bytes; error: why there are none. values: digest of all that it shows, and what drew it."""

    values: str
    files: Mapping[str, bytes]
    error: str | None = None


def drawings(plots: Sequence[Plot], folder: Path, workers: int = 1) -> list[Drawing]:
    """Every figure, in order: as it lies in `folder`, where its values are those of before, else drawn.

    workers: processes that draw; the bytes do not depend on it.
    """
    values = [_digest(f"{__version__} {version('matplotlib')} {plot!r}".encode()) for plot in plots]
    kept = [_kept(folder, plot.name, digest) for plot, digest in zip(plots, values, strict=True)]
    due = [plot for plot, files in zip(plots, kept, strict=True) if files is None]
    drawn = iter(in_order(_drawn, due, min(workers, len(due) // 2) or 1, None))
    found = ((files, None) if files is not None else next(drawn) for files in kept)
    return [Drawing(digest, files, error) for digest, (files, error) in zip(values, found, strict=True)]


def contents(
    name: str,
    experiment: Experiment,
    done: Sequence[Done],
    artefacts: Sequence[Artefact],
    drawn: Mapping[str, Drawing],
) -> dict[str, bytes]:
    """File name -> bytes of all artefacts of one experiment. drawn: its figures by name."""
    files: dict[str, bytes] = {}
    for artefact in artefacts:
        stem = artefact.name
        about = {"artefact": stem} | provenance(name, experiment, done)
        if isinstance(artefact, Plot):
            own = dict(drawn[stem].files)
            digests = {kind: _digest(data) for kind, data in own.items()}
            about |= {"drawn_sha256": drawn[stem].values, "files_sha256": digests}
            own["tex"] = artefact.latex().encode()
        else:
            own = {
                "md": artefact.markdown().encode(),
                "csv": artefact.csv().encode(),
                "tex": artefact.latex().encode(),
            }
        own[_PROVENANCE] = _json.text(about).encode()
        files |= {f"{stem}.{kind}": data for kind, data in own.items()}
    return files


def _drawn(plot: Plot) -> tuple[dict[str, bytes], str | None]:
    """The figure as files; its layout is found once. What goes wrong is said: the other figures are drawn all the same."""
    try:
        figure = plot.figure()
        files = {"png": render(figure, "png")}
        figure.set_layout_engine("none")
        return files | {"pdf": render(figure, "pdf")}, None
    except Exception as error:  # of a user's figure matplotlib may raise anything
        return {}, told(error)


def _kept(folder: Path, stem: str, drawn: str) -> dict[str, bytes] | None:
    """The files of a figure drawn before of the very same values by the same versions, if they are what was written then."""
    try:
        about = json.loads((folder / f"{stem}.{_PROVENANCE}").read_text(encoding="utf-8"))
        files = {kind: (folder / f"{stem}.{kind}").read_bytes() for kind in ("png", "pdf")}
        same = about["drawn_sha256"] == drawn and about["files_sha256"] == {kind: _digest(d) for kind, d in files.items()}
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return files if same else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def provenance(name: str, experiment: Experiment, done: Sequence[Done]) -> dict[str, Any]:
    """Where an artefact's numbers come from: versions, every value of every parameter, a digest of all results."""
    results = json.dumps([[cell.params, cell.result] for cell in done], sort_keys=True, allow_nan=False)
    return {
        "experiment": name,
        "title": experiment.title,
        "package": f"fedroute-theory {__version__}",
        "algorithm": experiment.version,
        "cells": len(done),
        "parameters": axes(cell.params for cell in done),
        "results_sha256": _digest(results.encode()),
    }


def axes(cells: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Parameter -> its distinct values, in the order met."""
    found: dict[str, dict[str, Any]] = {}
    for params in cells:
        for name, value in params.items():
            found.setdefault(name, {}).setdefault(json.dumps(value, sort_keys=True), value)
    return {name: list(values.values()) for name, values in found.items()}


def check_owner(folder: Path, stem: str, experiment: str) -> None:
    """InputError when the artefact of that name in the folder is another experiment's."""
    try:
        owner = json.loads((folder / f"{stem}.{_PROVENANCE}").read_text(encoding="utf-8"))["experiment"]
    except (OSError, ValueError, LookupError, TypeError):
        return  # none, or none that can be read: it is written anew
    if owner != experiment:
        raise InputError(f"The artefact '{stem}' belongs to the experiment '{owner}' already; it needs another name.")


def document(folder: Path) -> bytes:
    """A LaTeX document of all artefacts in the folder, by name."""
    stems = sorted(file.name.removesuffix(f".{_PROVENANCE}") for file in folder.glob(f"*.{_PROVENANCE}"))
    parts = [rf"\input{{{stem}.tex}}" + "\n" + r"\clearpage" for stem in stems if (folder / f"{stem}.tex").is_file()]
    return (_PREAMBLE + "\n".join([*parts, r"\end{document}", ""])).encode()


def put_all(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into the folder, all or none; those that are there with the same bytes are left alone. Raises InputError."""
    paths = {folder / name: data for name, data in files.items()}
    _json.put_all({path: data for path, data in paths.items() if not (path.is_file() and path.read_bytes() == data)})
    return list(paths)
