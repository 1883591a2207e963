"""Cells on a Dask cluster, through the executor of Dask's own client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from fedroute_theory._validate import InputError, instance, integer
from fedroute_theory.sweep import worker
from fedroute_theory.sweep.executors import NO_START, Executors

PATIENCE = 8.0  # seconds until a scheduler counts as unreachable


def dask(address: str | None = None, *, workers: int = 1) -> Executors:
    """A running cluster by the address of its scheduler, or, without one, a cluster of `workers` processes of its own.

    A running cluster is asked here how many threads it has. A cell that a cluster has begun cannot be stopped from outside:
    after an interruption it runs to its end there, and is not kept. InputError without the `cluster` extra, and when the
    scheduler does not answer within ten seconds or has no worker.
    """
    try:
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise InputError("A Dask cluster needs an extra: pip install 'fedroute-theory[cluster]'.") from None
    instance("address", address, (str, type(None)), "be the address of a scheduler, such as 'tcp://host:8786'")
    width = integer("workers", workers, 1) if address is None else _threads(address)

    @contextmanager
    def opened() -> Iterator[Executor]:
        from distributed import Client

        with ExitStack() as stack:
            stack.enter_context(_quiet())
            target = stack.enter_context(_local(width)) if address is None else address
            try:
                client = stack.enter_context(Client(target, timeout=PATIENCE, set_as_default=False))
            except OSError:  # it answered a moment ago
                raise InputError(f"The Dask scheduler at '{address}' cannot be reached any more.") from None
            executor = client.get_executor(pure=False)
            try:
                yield executor
            except BaseException:
                executor.shutdown(wait=False)  # cancels
                raise

    return Executors(opened, width, worker.computed_on_one_thread, (BrokenExecutor, KilledWorker))


def _threads(address: str) -> int:
    """The threads of a cluster. Asked without a Client: one that cannot connect holds up the interpreter's exit."""
    with ThreadPoolExecutor(1) as thread:  # where no event loop runs yet, as one does in a notebook
        try:
            threads = sum(thread.submit(asyncio.run, _asked(address)).result().values())
        except Exception as error:  # whatever answers there may be no scheduler at all
            reason = (str(error).splitlines() or [f"no answer within {PATIENCE:g} seconds"])[0].rstrip(".")
            raise InputError(f"The Dask scheduler at '{address}' cannot be reached: {reason}.") from None
    if threads == 0:
        raise InputError(f"The Dask cluster at '{address}' has no workers.")
    return threads


async def _asked(address: str) -> dict[str, int]:
    from distributed.core import rpc
    from distributed.security import Security

    async with rpc(address, timeout=PATIENCE, connection_args=Security().get_connection_args("client")) as scheduler:
        answer: dict[str, int] = await asyncio.wait_for(scheduler.ncores(), PATIENCE)
    return answer


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    """Processes of this machine. A worker's death is handed to the sweep at once, which knows what to repeat."""
    import dask
    from distributed import LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                memory_limit=None,
                silence_logs=logging.CRITICAL,
                preload=worker.__name__,
            )
        except RuntimeError:
            raise InputError(NO_START) from None
        with cluster:
            yield cluster


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own log held back: what concerns the sweep reaches it as exceptions."""
    logs = [logging.getLogger(name) for name in ("distributed", "distributed.client", "distributed.gc", "tornado.application")]
    before = [log.level for log in logs]
    try:
        for log in logs:
            log.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
