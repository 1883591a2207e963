"""Every cell is computed once, whatever dies on the way, and the results are the same bytes everywhere."""

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from sweep import toys
from sweep.here import Here

from fedroute_theory._validate import InputError
from fedroute_theory.sweep import Cell, Store, borrowed, processes, run, waiting
from fedroute_theory.sweep.worker import Outcome


def swept(path, compute, cells, executors, **more):
    with Store(path) as store:
        failures = run(compute, cells, store=store, executors=executors, **more)
        return json.dumps(store.results(cells)), {failure.cell.params["seed"]: failure.message for failure in failures}


def test_same_bytes_for_every_executor(tmp_path):
    cells = toys.cells(30)
    first, failures = swept(tmp_path / "0", toys.spectrum, cells, borrowed(Here(), 1))
    assert failures == {}
    assert json.loads(first)[cells[7].key] == toys.spectrum(cells[7])
    for workers in (1, 3):
        assert swept(tmp_path / f"p{workers}", toys.spectrum, cells, processes(workers)) == (first, {})
    with ThreadPoolExecutor(3) as threads:
        assert swept(tmp_path / "t", toys.spectrum, cells, borrowed(threads, 3)) == (first, {})


def test_workers_are_processes_of_one_thread(tmp_path):
    cells = toys.cells(3)
    with Store(tmp_path / "s") as store:
        run(toys.setting, cells, store=store, executors=processes(1))
        found = list(store.results(cells).values())
    assert {result["pid"] for result in found} != {os.getpid()}
    for result in found:
        assert result["threads"] == [1]
        assert not result["interrupted"]
        assert result["environment"][:4] == ["1"] * 4
        assert "--xla_cpu_multi_thread_eigen=false" in result["environment"][4]


def test_what_is_there_is_not_computed_again(tmp_path):
    cells = toys.cells(10)
    here = Here()
    with Store(tmp_path / "s") as store:
        run(toys.spectrum, cells[:4] + cells[:4], store=store, executors=borrowed(here, 1))
        assert here.count == 4
        assert waiting(cells + cells, store) == tuple(cells[4:])
        run(toys.spectrum, iter(cells), store=store, executors=borrowed(here, 1))
        assert here.count == 10
        assert run(toys.wrong, cells, store=store, executors=borrowed(here, 1)) == ()
    assert here.count == 10


def test_the_window_is_bounded(tmp_path):
    here = Here()
    flying = []
    with Store(tmp_path / "s") as store:
        run(
            toys.spectrum,
            toys.cells(24),
            store=store,
            executors=borrowed(here, 3),
            progress=lambda told: flying.append(here.count - told.done),
        )
    assert max(flying) == 5  # twice the width, less the one that has landed


def test_a_worker_that_dies_costs_nothing(tmp_path):
    cells = toys.cells(12, folder=str(tmp_path))
    found, failures = swept(tmp_path / "s", toys.dies_once, cells, processes(2))
    assert failures == {}
    assert {path.name for path in tmp_path.iterdir()} == {"s", "2", "7"}
    assert [result["seed"] for result in json.loads(found).values()] == list(range(12))


def test_a_deadly_cell_fails_alone(tmp_path):
    found, failures = swept(tmp_path / "s", toys.poison, toys.cells(8), processes(2))
    assert failures == {2: "Its worker died every time, also with nothing else running (out of memory?)."}
    assert [result["seed"] for result in json.loads(found).values()] == [0, 1, 3, 4, 5, 6, 7]


def test_a_cell_that_is_wrong_fails_alone(tmp_path):
    found, failures = swept(tmp_path / "s", toys.wrong, toys.cells(8), processes(2))
    assert [result["seed"] for result in json.loads(found).values()] == [0, 6, 7]
    assert list(failures) == [1, 2, 3, 4, 5]
    assert failures[1].startswith("ValueError: no number 1 (toys.py:")
    assert failures[2] == "The value of the result['value'] must be finite (use None where there is no number); got nan."
    assert failures[3].startswith("Awkward: 1 2 (")
    assert failures[4].startswith("SystemExit: 3 (")
    assert failures[5].endswith("must be made of JSON types; got object.")


def test_what_cannot_be_sent_fails(tmp_path):
    failures = swept(tmp_path / "s", lambda cell: cell, toys.cells(2), processes(1))[1]
    assert list(failures) == [0, 1]
    assert "ickl" in failures[0]


def test_a_broken_executor_is_said(tmp_path):
    cells = toys.cells(6)
    with Store(tmp_path / "s") as store, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(InputError, match=r"The executor takes no more cells \(.*\); \d of 6 results are kept\."):
            run(toys.poison, cells, store=store, executors=borrowed(pool, 1))
        assert cells[0].key in store.results(cells)


def test_an_executor_that_was_shut_down_is_said(tmp_path):
    with ThreadPoolExecutor(1) as threads:
        pass
    with Store(tmp_path / "s") as store, pytest.raises(InputError, match=r"takes no more cells \(cannot schedule new futures"):
        run(toys.spectrum, toys.cells(3), store=store, executors=borrowed(threads, 1))


def test_a_cell_cancelled_by_others_is_said(tmp_path):
    class Gone(Here):
        def submit(self, *_):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with Store(tmp_path / "s") as store, pytest.raises(InputError, match=r"nobody cancelled .*; 0 of 3 results are kept"):
        run(toys.spectrum, toys.cells(3), store=store, executors=borrowed(Gone(), 1))


def test_progress(tmp_path):
    told = []
    cells = toys.cells(6)
    with Store(tmp_path / "s") as store:
        store.put(cells[5], None, 1.0)
        run(toys.wrong, cells, store=store, executors=borrowed(Here(), 2), progress=told.append)
    assert [(p.done, p.failed, p.total, p.cell.params["seed"]) for p in told] == [
        (2, 0, 6, 0),
        (2, 1, 6, 1),
        (2, 2, 6, 2),
        (2, 3, 6, 3),
        (2, 4, 6, 4),
    ]
    assert told[-1].seconds_left == 0.0


def test_time_left_is_weighted_by_what_is_expected(tmp_path):
    class Slow(Here):
        """Says that every cell took two seconds for each unit of its size."""

        def submit(self, _call, _compute, cell):
            future = Future()
            future.set_result(Outcome(None, 2.0 * cell.params["size"]))
            return future

    cells = [Cell("toy", 1, {"size": size, "seed": seed}) for seed in range(2) for size in (1, 9)]
    told = []
    with Store(tmp_path / "s") as store:
        run(toys.spectrum, cells, store=store, executors=borrowed(Slow(), 1), progress=told.append)
        assert [p.seconds_left for p in told] == pytest.approx([6.0, 20.0, 22.0 / 3, 0.0])  # nothing known: all alike
        later = [Cell("toy", 1, {"size": size, "seed": 7}) for size in (9, 1)]
        told.clear()
        run(toys.spectrum, later, store=store, executors=borrowed(Slow(), 1), progress=told.append)
        assert [round(p.seconds_left, 6) for p in told] == [2.0, 0.0]
        told.clear()
        others = [Cell("other", 1, {"size": size}) for size in (10, 1, 2, 3)]
        seconds = {cell.key: 10.0 for cell in others}
        run(toys.spectrum, others, store=store, executors=borrowed(Slow(), 1), expected=seconds, progress=told.append)
        # 40 s expected, trusted like 4 s of work, then 10 foreseen and 20 taken: one slow cell is not taken for all
        assert told[0].seconds_left == pytest.approx(30.0 * 24.0 / 14.0)
        assert told[-1].seconds_left == pytest.approx(0.0, abs=1e-9)


def test_no_time_left_is_told_before_anything_is_known(tmp_path):
    told = []
    with Store(tmp_path / "s") as store:
        run(toys.wrong, toys.cells(3)[1:], store=store, executors=borrowed(Here(), 1), progress=told.append)
    assert [p.seconds_left for p in told] == [None, None]


def test_an_interruption_keeps_what_is_finished(tmp_path):
    class Interrupted(Exception):
        pass

    def stop(progress):
        if progress.done == 3:
            raise Interrupted

    here = Here()
    with Store(tmp_path / "s") as store:
        with pytest.raises(Interrupted):
            run(toys.spectrum, toys.cells(20), store=store, executors=borrowed(here, 4), progress=stop)
        assert len(store.results(toys.cells(20))) == here.count == 10  # two windows of eight less what was not begun


def scripted(folder, first, last):
    """A script that sweeps with toys, run in a folder: what stands before the imports, and its last line."""
    tests = str(Path(__file__).parents[1])
    imports = (
        f"sys.path.insert(0, {tests!r})\nfrom sweep import toys\nfrom fedroute_theory.sweep import Store, dask, processes, run"
    )
    (folder / "script.py").write_text(f"import os, sys\n{first}\n{imports}\n{last}\n")
    return subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize("executors", ["processes(1)", "dask(workers=1)"])
def test_a_script_without_a_guard_is_said(tmp_path, executors):
    """A new process runs the script it comes from, up to the guard that the script should have."""
    done = scripted(tmp_path, "", f"run(toys.spectrum, toys.cells(3), store=Store('s'), executors={executors})")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "The worker processes do not start; a script that starts them must do so under 'if __name__ == \"__main__\":'."
    )


def test_a_worker_that_dies_while_it_starts_is_started_again(tmp_path):
    done = scripted(
        tmp_path,
        "if __name__ != '__main__' and not os.path.exists('died'): os.mkdir('died'), os.abort()",
        "if __name__ == '__main__': print(run(toys.spectrum, toys.cells(3), store=Store('s'), executors=processes(1)))",
    )
    assert (done.stdout, (tmp_path / "died").exists()) == ("()\n", True)
    with Store(tmp_path / "s") as store:
        assert len(store.done(toys.cells(3))) == 3


def test_the_import_is_light():
    code = "import sys, fedroute_theory.sweep; print(*{'distributed', 'dask', 'jax', 'scipy', 'polars'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_full_disk_stops_the_sweep_and_loses_nothing(tmp_path):
    cells = toys.cells(300, text="x" * 2000)
    with Store(tmp_path / "s") as store:
        store._base.execute("PRAGMA max_page_count = 40")
        with pytest.raises(InputError, match=r"The disk of the store '.*' is full; all results up to here are kept\."):
            run(toys.spectrum, cells, store=store, executors=borrowed(Here(), 2))
        kept = len(store.results(cells))
    assert 10 < kept < 100
    here = Here()
    assert swept(tmp_path / "s", toys.spectrum, cells, borrowed(here, 2)) == swept(
        tmp_path / "undisturbed", toys.spectrum, cells, borrowed(Here(), 2)
    )
    assert here.count == 300 - kept
