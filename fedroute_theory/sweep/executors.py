"""Where cells are computed: processes of this machine, a Dask cluster, or any executor handed in."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from fedroute_theory._processes import spawned
from fedroute_theory._validate import InputError, instance, integer
from fedroute_theory.sweep import worker

STARTS = 3  # of a worker, one after the other, until it counts as impossible
NO_START = "The worker processes do not start; a script that starts them must do so under 'if __name__ == \"__main__\":'."


@dataclass(frozen=True)
class Executors:
    """A way to get an executor for the length of a sweep.

    open: gives the executor; leaving its context with an exception stops what is running. width: cells computed at the same
    time. call: what is submitted, with compute and cell. deaths: the exceptions that say a worker died over a cell.
    """

    open: Callable[[], AbstractContextManager[Executor]]
    width: int
    call: Callable[[worker.Compute, Any], worker.Outcome] = worker.computed
    deaths: tuple[type[BaseException], ...] = (BrokenExecutor,)


def processes(workers: int) -> Executors:
    """New processes, each with one thread; also a single worker is a process of its own, so that results are the same.
    InputError for fewer than one of `workers`.
    """
    integer("workers", workers, 1)

    @contextmanager
    def opened() -> Iterator[Executor]:
        crew = Crew(workers)
        try:
            yield crew
        except BaseException:
            crew.kill()
            raise
        finally:
            crew.shutdown()

    return Executors(opened, workers)


def borrowed(executor: Executor, width: int) -> Executors:
    """An executor that belongs to the caller, and stays open; its threads and settings are the caller's as well.

    width: the number of its workers. InputError for what is no executor, and a width below 1.
    """
    instance("executor", executor, Executor, "be a concurrent.futures.Executor")

    @contextmanager
    def opened() -> Iterator[Executor]:
        yield executor

    return Executors(opened, integer("width", width, 1))


class Crew(Executor):
    """Worker processes, each a pool of one: when one dies, the cell it held is known, and only that worker is replaced."""

    def __init__(self, workers: int) -> None:
        """workers: their number; each starts with its first task."""
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None] = SimpleQueue()
        self._pids: dict[int, int] = {}
        self._killed = threading.Event()
        self._threads = [threading.Thread(target=self._serve, args=(place,), daemon=True) for place in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put((future, fn, args, kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            self.kill()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def kill(self) -> None:
        """Stop every worker now; what it held is broken, what waits is cancelled."""
        self._killed.set()
        for pid in list(self._pids.values()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _serve(self, place: int) -> None:
        pool: ProcessPoolExecutor | None = None
        while (task := self._tasks.get()) is not None:
            future, function, args, kwargs = task
            if self._killed.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if pool is None:
                    pool = self._pool(place)
                future.set_result(pool.submit(function, *args, **kwargs).result())
            except BrokenExecutor as error:
                self._pids.pop(place, None)
                if pool is not None:
                    pool.shutdown()
                pool = None
                future.set_exception(error)
            except BaseException as error:
                future.set_exception(error)
        if pool is not None:
            pool.shutdown()

    def _pool(self, place: int) -> ProcessPoolExecutor:
        for _ in range(STARTS):
            pool = spawned(1, worker.start)
            try:
                self._pids[place] = pool.submit(os.getpid).result()
            except BrokenExecutor:
                pool.shutdown()
                continue
            if self._killed.is_set():
                self.kill()
            return pool
        raise InputError(NO_START)
