"""Benchmarks: ratios of time and of memory, each measured within one run; one table, one JSON file.

    python experiments/benchmarks/run.py [NAME ...] [--list] [--quick] [--json FILE]

Every benchmark runs in a process of its own, one after the other. A benchmark is a file beside this one with a function
measure(quick) -> list of rows; the first line of its docstring is its title. Exit code 1: one failed (the others are kept);
2: bad input.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness import Row, fresh

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_VIOLATION
from fedroute_theory.cli.files import check_writable, write_json
from fedroute_theory.intervals import Interval
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep.worker import told

HERE = Path(__file__).resolve().parent
SUPPORT = ("run", "harness")
COLUMNS = (Column("benchmark"), Column("case"), Column("ratio [least, largest]", 3), Column("unit"), Column("what"),
           Column("against"), Column("measured"))  # fmt: skip


def titles(folder: Path) -> dict[str, str]:
    """Title of every benchmark of the folder, by name; none is imported."""
    files = sorted(file for file in folder.glob("*.py") if file.stem not in SUPPORT)
    texts = {file.stem: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "" for file in files}
    return {name: text.partition("\n")[0] for name, text in texts.items()}


def measured(folder: str, name: str, quick: bool) -> tuple[list[Row], float]:
    """Rows and seconds of one benchmark, in the process that calls this; RuntimeError with one line for whatever fails."""
    sys.path.insert(0, folder)
    begun = time.perf_counter()
    try:
        rows = importlib.import_module(name).measure(quick)
    except Exception as error:  # told here, where its place is known
        raise RuntimeError(told(error)) from None
    return rows, time.perf_counter() - begun


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code; `load` says whether the machine was quiet."""
    libraries = {name: version(name) for name in ("numpy", "scikit-learn", "jax")}
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0],
        "architecture": platform.machine(),
        "python": platform.python_version(),
    } | libraries


def table(found: Mapping[str, Mapping[str, Any]], quick: bool) -> ResultTable:
    """All rows of all benchmarks."""
    rows = [
        (
            name, row.name, Interval(row.ratio, row.low, row.high), row.unit, row.what, row.against,
            "; ".join(f"{what} {value:.4g}" for what, value in row.context.items()),
        )
        for name, result in found.items()
        for row in result["rows"]
    ]  # fmt: skip
    size = "reduced sizes (--quick)" if quick else "full sizes"
    note = f"Median of the repetitions of one run with the least and the largest; {size}."
    return ResultTable("benchmarks", "Benchmarks", COLUMNS, tuple(rows), note)


def as_json(found: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str], quick: bool, where: Mapping[str, Any]) -> Any:
    """Plain values for one JSON object."""
    return {
        "quick": quick,
        "machine": where,
        "benchmarks": {name: {**result, "rows": [asdict(row) for row in result["rows"]]} for name, result in found.items()},
        "failed": failed,
    }


def run(names: Sequence[str], quick: bool, file: Path | None, folder: Path = HERE) -> int:
    """Measure the named benchmarks (none: all); after each, all results so far are in the file. Returns the exit code.

    An interruption ends the measuring, and what was measured is printed. Raises InputError for an unknown name or a file that
    cannot be written, before anything is measured.
    """
    known = titles(folder)
    for name in names:
        if name not in known:
            raise InputError(f"There is no benchmark '{name}'; there are {', '.join(known)}.")
    check_writable(file)
    chosen, where = list(dict.fromkeys(names)) or list(known), machine()
    found: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    interrupted = False
    try:
        for done, name in enumerate(chosen, start=1):
            print(f"[{done}/{len(chosen)}] {name}", file=sys.stderr, flush=True)
            try:
                rows, seconds = fresh(measured, str(folder), name, quick)
                found[name] = {"title": known[name], "seconds": seconds, "rows": rows}
            except BrokenProcessPool:
                failed[name] = "Its process died (out of memory?)."
            except RuntimeError as error:
                failed[name] = str(error)
            if file != Path("-"):
                write_json(file, "benchmarks", as_json(found, failed, quick, where))
    except KeyboardInterrupt:
        interrupted = True
    finally:  # also when the disk refuses the file
        if file == Path("-"):
            write_json(file, "benchmarks", as_json(found, failed, quick, where))
        else:
            print(table(found, quick).markdown())
    for name, why in failed.items():
        print(f"The benchmark '{name}' failed: {why}", file=sys.stderr)
    if interrupted:
        print(f"benchmarks: interrupted after {len(found) + len(failed)} of {len(chosen)}.", file=sys.stderr)
    return EXIT_INTERRUPTED if interrupted else EXIT_VIOLATION if failed else 0


def main(arguments: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and stop")
    parser.add_argument("--quick", action="store_true", help="small sizes and few repetitions, to see that all works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one JSON object to FILE (- for stdout)")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(f"{name:16}{title}" for name, title in titles(folder).items()))
        return 0
    try:
        return run(options.names, options.quick, options.json, folder)
    except InputError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
