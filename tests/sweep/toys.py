"""Cells whose computation is at hand, slow, wrong or deadly, as the tests want it."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from fedroute_theory.sweep import Cell


def cells(count, **more):
    return [Cell("toy", 1, {"size": 10 + i % 3, "seed": i, **more}) for i in range(count)]


def spectrum(cell):
    """Some arithmetic whose last bits would tell other settings apart."""
    rng = np.random.default_rng(cell.params["seed"])
    matrix = rng.normal(size=(cell.params["size"], 40))
    time.sleep(cell.params.get("sleep", 0.0))
    return {"sum": float((matrix @ matrix.T).sum()), "seed": cell.params["seed"], "none": None, "list": [0.1, 1, 1.0]}


def first_time(cell, name):
    """True once for a name in the folder of the cell, over all processes."""
    try:
        (Path(cell.params["folder"]) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def dies_once(cell):
    if cell.params["seed"] % 5 == 2 and first_time(cell, str(cell.params["seed"])):
        os.kill(os.getpid(), signal.SIGKILL)
    return spectrum(cell)


def marks_its_worker(cell):
    """Leaves the worker's process id in the folder of the cell; sleeps for long from cell 'stuck' on."""
    (Path(cell.params["folder"]) / f"pid-{os.getpid()}").touch()
    if cell.params["seed"] >= cell.params.get("stuck", 10**9):
        time.sleep(600)
    return spectrum(cell)


def poison(cell):
    if cell.params["seed"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return spectrum(cell)


class Awkward(Exception):
    """It can be pickled, and not be read back."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


def wrong(cell):
    match cell.params["seed"]:
        case 1:
            raise ValueError("no\nnumber 1")
        case 2:
            return {"value": float("nan")}
        case 3:
            raise Awkward(1, 2)
        case 4:
            raise SystemExit(3)
        case 5:
            return {"value": object()}
        case _:
            return spectrum(cell)


def setting(cell):
    """What a worker is held to."""
    from threadpoolctl import threadpool_info

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "XLA_FLAGS")
    return {
        "threads": sorted({pool["num_threads"] for pool in threadpool_info()}),
        "environment": [os.environ.get(name) for name in names],
        "interrupted": signal.getsignal(signal.SIGINT) != signal.SIG_IGN,
        "pid": os.getpid(),
        "seed": cell.params["seed"],
    }


def deadly_setting(cell):
    return poison(cell) if cell.params["seed"] == 2 else setting(cell)
