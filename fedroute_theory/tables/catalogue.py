"""Finding experiments: one file each, by name."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fedroute_theory
from fedroute_theory._validate import InputError
from fedroute_theory.tables.experiment import Experiment

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell


def shipped() -> Path:
    """The folder of the package's own experiments: inside an installed package, beside it in a checkout."""
    package = Path(fedroute_theory.__file__).parent
    inside = package / "experiments"
    return inside if inside.is_dir() else package.parent / "experiments"


def names(folder: Path) -> list[str]:
    """Names of the experiments in a folder, in order. Raises InputError when there is no such folder or it has none."""
    found = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))
    if not found:
        raise InputError(f"The folder '{folder}' has no experiment (a file NAME.py that defines EXPERIMENT).")
    return found


@lru_cache(maxsize=64)
def load(folder: Path, name: str) -> Experiment:
    """The experiment of FOLDER/NAME.py. Raises InputError when it is unknown or defines none."""
    known = names(folder)
    if name not in known:
        raise InputError(f"There is no experiment '{name}' in '{folder}'; there are {', '.join(known)}.")
    file = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"fedroute_theory_experiment_{name}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"The file '{file}' cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise InputError(f"The file '{file}' cannot be imported: {type(error).__name__}: {error}.") from error
    experiment = getattr(module, "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        raise InputError(f"The file '{file}' defines no EXPERIMENT of type fedroute_theory.tables.Experiment.")
    return experiment


@dataclass(frozen=True)
class Compute:
    """What computes any cell, in this process or another: the cell names its experiment. folder: None for the package's own."""

    folder: str | None = None

    def __call__(self, cell: Cell) -> Any:
        """The cell's result."""
        return load(shipped() if self.folder is None else Path(self.folder), cell.experiment).compute(cell)
