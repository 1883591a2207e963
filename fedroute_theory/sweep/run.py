"""Run the cells of a sweep that have no result yet, and keep every result at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue

from fedroute_theory._validate import InputError
from fedroute_theory.sweep.cells import Cell
from fedroute_theory.sweep.executors import Executors
from fedroute_theory.sweep.store import Store
from fedroute_theory.sweep.worker import Compute, Outcome, told

DEATHS = 2  # of its worker, with nothing else running, until a cell is given up
AHEAD = 2  # cells in flight for each that is computed, so that no worker waits for the store


@dataclass(frozen=True)
class Failure:
    """A cell without a result, and in `message` why, in one line."""

    cell: Cell
    message: str


@dataclass(frozen=True)
class Progress:
    """Where a sweep stands.

    done: cells with a result. total: all cells. failed: failures. seconds_left: None: unknown. cell: the latest.
    """

    done: int
    total: int
    failed: int
    seconds_left: float | None
    cell: Cell


def waiting(cells: Iterable[Cell], store: Store) -> tuple[Cell, ...]:
    """The cells that have no result yet, in order, each key once."""
    unique = list({cell.key: cell for cell in cells}.values())
    done = store.done(unique)
    return tuple(cell for cell in unique if cell.key not in done)


def run(
    compute: Compute,
    cells: Iterable[Cell],
    *,
    store: Store,
    executors: Executors,
    expected: Mapping[str, float] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Failure, ...]:
    """compute(cell) for every cell without a result, begun in the order given; each result goes to the store as it comes.

    compute: a function that can be pickled; what it returns is made of JSON types and depends on the cell alone. A cell that
    raises becomes a Failure, and the others go on. A cell whose worker dies is repeated after the others, with nothing else
    running, and becomes a Failure when it dies twice more. expected: seconds by key, for the time left (default: what the store
    knows). progress: called after every cell. An interruption (or any other exception) keeps what is finished, cancels the rest
    and is raised again. InputError when the store or the executor gives up.
    """
    unique = {cell.key: cell for cell in cells}
    todo = waiting(unique.values(), store)
    if not todo:
        return ()
    sweep = _Sweep(todo, len(unique), store, executors, _Clock.of(todo, store, expected), progress)
    with executors.open() as executor:
        try:
            while sweep.failed + sweep.done < sweep.total:
                for cell in sweep.next():
                    try:
                        future = executor.submit(executors.call, compute, cell)
                    except RuntimeError as error:  # broken, or shut down
                        raise InputError(f"The executor takes no more cells ({error}); {sweep.kept} are kept.") from None
                    sweep.follow(future, cell)
                sweep.land(sweep.landed.get())
        finally:
            sweep.keep_finished()
    return tuple(sweep.failures[cell.key] for cell in todo if cell.key in sweep.failures)


class _Sweep:
    """The books of one run: what waits, what is in flight, what was suspected, what failed."""

    def __init__(
        self,
        todo: tuple[Cell, ...],
        total: int,
        store: Store,
        executors: Executors,
        clock: _Clock,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.total = total
        self.done = total - len(todo)
        self.failures: dict[str, Failure] = {}
        self.landed: SimpleQueue[Future[Outcome]] = SimpleQueue()
        self._store, self._executors, self._progress = store, executors, progress
        self._queue = deque(todo)
        self._suspects: deque[Cell] = deque()
        self._deaths: Counter[str] = Counter()
        self._flying: dict[Future[Outcome], Cell] = {}
        self._alone = False
        self._clock = clock

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def kept(self) -> str:
        return f"{self.done} of {self.total} results"

    def next(self) -> list[Cell]:
        """The cells to submit now: as many as are useful in flight; suspects one at a time when nothing else is left."""
        self._alone = not self._queue and not self._flying
        if self._alone:
            return [self._suspects.popleft()]
        room = max(0, AHEAD * self._executors.width - len(self._flying))
        return [self._queue.popleft() for _ in range(min(room, len(self._queue)))]

    def follow(self, future: Future[Outcome], cell: Cell) -> None:
        self._flying[future] = cell
        future.add_done_callback(self.landed.put)

    def land(self, future: Future[Outcome]) -> None:
        """Take what became of a cell into the books, results into the store first."""
        cell = self._flying[future]
        try:
            outcome = future.result()
        except self._executors.deaths:
            del self._flying[future]
            self._deaths[cell.key] += self._alone
            if self._deaths[cell.key] < DEATHS:
                self._suspects.append(cell)
                return
            outcome = Outcome(error="Its worker died every time, also with nothing else running (out of memory?).")
        except CancelledError:
            del self._flying[future]
            raise InputError(
                f"The executor gave up a cell that nobody cancelled (has the cluster gone?); {self.kept} are kept."
            ) from None
        except InputError:  # from the executor: what a cell raises comes as text
            raise
        except Exception as error:  # the cell or its function cannot be sent
            outcome = Outcome(error=told(error))
        if outcome.error is None:
            self._store.put(cell, outcome.result, outcome.seconds)
            self.done += 1
        else:
            self.failures[cell.key] = Failure(cell, outcome.error)
        self._flying.pop(future, None)
        self._clock.passed(cell, None if outcome.error else outcome.seconds)
        if self._progress is not None:
            remaining = self.total - self.done - self.failed
            left = self._clock.left(min(self._executors.width, max(1, remaining)))
            self._progress(Progress(self.done, self.total, self.failed, left, cell))

    def keep_finished(self) -> None:
        """After an interruption: store what is finished, cancel what has not begun."""
        for future, cell in self._flying.items():
            if not future.cancel() and future.done() and future.exception() is None:
                outcome = future.result()
                if outcome.error is None:
                    with suppress(InputError):  # the disk may be what gave up
                        self._store.put(cell, outcome.result, outcome.seconds)


class _Clock:
    """The time left, from the seconds that cells are expected to take and, by and by, those that they took."""

    def __init__(self, expected: Mapping[str, float], trust: float) -> None:
        """expected: seconds by key. trust: seconds of work that must have been done until what was measured weighs as much."""
        self._expected = expected
        self._left = sum(expected.values())
        self._foreseen = self._taken = trust

    @classmethod
    def of(cls, todo: tuple[Cell, ...], store: Store, given: Mapping[str, float] | None) -> _Clock:
        """given: what the caller expects, trusted like a tenth of it all; else what the store knows, like one cell."""
        if given is not None:
            expected = {cell.key: given[cell.key] for cell in todo}
            return cls(expected, 0.1 * sum(expected.values()))
        measured = {cell.key: store.expected_seconds(cell, -1.0) for cell in todo}
        known = [seconds for seconds in measured.values() if seconds >= 0.0]
        usual = sum(known) / len(known) if known else 1.0
        return cls({key: seconds if seconds >= 0.0 else usual for key, seconds in measured.items()}, usual if known else 0.0)

    def passed(self, cell: Cell, seconds: float | None) -> None:
        """A cell is off the list; seconds: that it took, None when it failed."""
        self._left -= self._expected[cell.key]
        if seconds is not None:
            self._foreseen += self._expected[cell.key]
            self._taken += seconds

    def left(self, width: int) -> float | None:
        if self._foreseen <= 0.0:
            return None
        return max(0.0, self._left) * self._taken / self._foreseen / width
