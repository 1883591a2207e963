"""An experiment's artefacts as files: Markdown, CSV and LaTeX of tables, PDF and PNG of figures, provenance beside each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fedroute_theory import __version__, _json
from fedroute_theory.report.drawing import render
from fedroute_theory.report.plots import Plot
from fedroute_theory.tables.experiment import Artefact, Done, Experiment

DOCUMENT = "tables.tex"
"""The LaTeX document that holds everything made into the folder."""

_PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
"""


def contents(name: str, experiment: Experiment, done: Sequence[Done], artefacts: Sequence[Artefact]) -> dict[str, bytes]:
    """File name -> bytes of all artefacts of one experiment."""
    files: dict[str, bytes] = {}
    for artefact in artefacts:
        stem = artefact.name
        if isinstance(artefact, Plot):
            figure = artefact.figure()
            own = {kind: render(figure, kind) for kind in ("pdf", "png")} | {"tex": artefact.latex().encode()}
        else:
            own = {
                "md": artefact.markdown().encode(),
                "csv": artefact.csv().encode(),
                "tex": artefact.latex().encode(),
            }
        own["provenance.json"] = _json.text({"artefact": stem} | provenance(name, experiment, done)).encode()
        files |= {f"{stem}.{kind}": data for kind, data in own.items()}
    return files


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
        "results_sha256": hashlib.sha256(results.encode()).hexdigest(),
    }


def axes(cells: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Parameter -> its distinct values, in the order met."""
    found: dict[str, dict[str, Any]] = {}
    for params in cells:
        for name, value in params.items():
            found.setdefault(name, {}).setdefault(json.dumps(value, sort_keys=True), value)
    return {name: list(values.values()) for name, values in found.items()}


def document(artefacts: Sequence[Artefact]) -> bytes:
    """A LaTeX document of all of them, in order."""
    parts = [rf"\input{{{artefact.name}.tex}}" + "\n" + r"\clearpage" for artefact in artefacts]
    return (_PREAMBLE + "\n".join([*parts, r"\end{document}", ""])).encode()


def put_all(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write whole files into the folder; one that is there with the same bytes is left alone. Raises InputError."""
    written = []
    for name, data in files.items():
        path = folder / name
        if not (path.is_file() and path.read_bytes() == data):
            _json.put(path, data)
        written.append(path)
    return written
