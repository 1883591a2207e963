"""What runs where a cell is computed: one thread, and an outcome that always travels back."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from fedroute_theory._processes import follow_parent
from fedroute_theory._validate import InputError
from fedroute_theory.sweep.cells import JSON, Cell, plain

SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # NPROC is read by jax's processor client
XLA = "--xla_cpu_multi_thread_eigen=false"

Compute = Callable[[Cell], JSON]


@dataclass(frozen=True)
class Outcome:
    """What became of one computation: a plain result and the seconds it took, or one sentence of error."""

    result: JSON = None
    seconds: float = 0.0
    error: str | None = None


def computed(compute: Compute, cell: Cell) -> Outcome:
    """compute(cell), timed; whatever it raises is told in text, since not every exception can be pickled."""
    start = time.perf_counter()
    try:
        result = plain(compute(cell), "the result")
    except (Exception, SystemExit) as error:
        return Outcome(error=told(error))
    return Outcome(result, time.perf_counter() - start)


def computed_on_one_thread(compute: Compute, cell: Cell) -> Outcome:
    """As `computed`, in a process that is held to one thread from now on."""
    one_thread()
    return computed(compute, cell)


@cache
def one_thread() -> None:
    """Hold this process to one thread, so that sums are taken in one order whatever the machine and the number of workers.

    Libraries that are loaded already are told; those to come read the environment (jax does so at its first computation).
    """
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(SINGLE, "1"))
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA}".strip()
    threadpool_limits(limits=1)


def start() -> None:
    """Prepare a worker process: one thread, interrupts left to the parent, and never outliving it."""
    one_thread()
    dask_setup(None)


def dask_setup(_: object) -> None:
    """What Dask calls in each worker of a cluster of our own: interrupts are left to the parent, which is never outlived."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()


def told(error: BaseException) -> str:
    """The error, and the place it came from, on one line."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 500 else text[:497] + "..."
    if isinstance(error, InputError):  # a sentence that needs no more
        return text
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}"
