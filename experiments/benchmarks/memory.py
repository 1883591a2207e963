"""Peak memory against the number of records, of K-means training and of its bounds.

Peaks are those of whole processes, above what such a process needs with everything loaded and run once on few records. "logs
alone" is a process that only loads the logs: what the others are compared with.
"""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from harness import Row, compared, fresh, peak_mib, summary
from kmeans import bounds, data, scikit_learn, training

FEW = 1000
PARTS = ("logs alone", "scikit-learn", "training", "bounds")


def prepare(file: str, records: int) -> None:
    """Write problem, laws and logs, and the estimates trained on them."""
    problem, laws, logs = data(records)
    for name, value in (("data", (problem, laws, logs)), ("estimates", training(logs))):
        Path(f"{file}.{name}").write_bytes(pickle.dumps(value, protocol=5))


def part_of(part: str, file: str) -> None:
    """Load what the part needs, and do it."""
    problem, laws, logs = loaded(f"{file}.data")
    if part == "scikit-learn":
        scikit_learn(logs)
    elif part == "training":
        training(logs)
    elif part == "bounds":
        bounds(problem, laws, logs, loaded(f"{file}.estimates"))


def loaded(file: str) -> Any:
    with open(file, "rb") as handle:
        return pickle.load(handle)


def peak(part: str, file: str, few: str) -> float:
    """MiB of one part above those of the same part on few records, which loads every library."""
    part_of(part, few)
    before = peak_mib()
    part_of(part, file)
    return peak_mib() - before


def measure(quick: bool) -> list[Row]:
    sizes = (50_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        files = {size: f"{folder}/{size}" for size in (FEW, *sizes)}
        for size, file in files.items():
            fresh(prepare, file, size)
        found = {
            size: {part: [fresh(peak, part, files[size], files[FEW]) for _ in range(1 if quick else 3)] for part in PARTS}
            for size in sizes
        }
    last = sizes[-1]
    case = f"{last:,} records"
    rows = [compared(case, part, "logs alone", found[last], each="MiB") for part in PARTS[1:]]
    rows.append(compared(case, "training", "scikit-learn", found[last], each="MiB"))
    for part in PARTS:
        peaks = np.array([found[size][part] for size in sizes])  # (sizes, repetitions)
        slopes = np.polyfit(np.log(sizes), np.log(peaks), 1)[0]
        context = {f"{size:,} records [MiB]": median(found[size][part]) for size in sizes}
        rows.append(summary("growth", f"log memory of {part}", "log records", list(slopes), unit="exponent", context=context))
    return rows
