"""Cells over processes: what starts first, what comes back, what an interruption costs."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fedroute_theory._processes import as_done


def test_cells_start_in_the_order_given_and_are_told_apart_by_place():
    started = []

    def squared(cell):
        started.append(cell)
        return cell**2

    with ThreadPoolExecutor(1) as pool:
        found = dict(as_done(squared, [3, 4, 5], 1, pool, order=[2, 0, 1]))
    assert started == [5, 3, 4]
    assert found == {0: 9, 1: 16, 2: 25}
    assert list(as_done(squared, [3, 4, 5], 1, None, order=[2, 0, 1])) == [(2, 25), (0, 9), (1, 16)]
    assert dict(as_done(abs, [-3, 4], 2, None, order=[1, 0])) == {0: 3, 1: 4}


def test_a_cell_that_is_done_does_not_wait_for_one_before_it():
    later = threading.Event()

    def cell(name):
        if name == "first":
            assert later.wait(10.0)
        return name

    with ThreadPoolExecutor(2) as pool:
        done = as_done(cell, ["first", "second"], 2, pool, order=[0, 1])
        assert next(iter(done)) == (1, "second")
        later.set()
        assert list(done) == [(0, "first")]


def test_after_an_interruption_nothing_new_starts():
    started = []
    free = threading.Event()

    def cell(number):
        started.append(number)
        if number == 1:
            assert free.wait(10.0)
        return number

    with ThreadPoolExecutor(1) as pool:
        done = as_done(cell, list(range(5)), 1, pool, order=range(5))
        assert next(done) == (0, 0)
        done.close()
        free.set()
    assert len(started) <= 2


def test_an_error_of_a_cell_is_raised():
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        list(as_done(lambda cell: 1 // cell, [1, 0], 1, pool, order=[0, 1]))


BUSY = """
import sys, time
from fedroute_theory._processes import in_order
if __name__ == "__main__":
    print("started", flush=True)
    list(in_order(time.sleep, [600.0, 600.0], 2, None))
"""


def test_workers_end_with_the_process_that_started_them(tmp_path):
    """They hold the pipes of a job in CI, which would wait for them."""
    program = tmp_path / "busy.py"
    program.write_text(BUSY)
    run = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "started\n"
    time.sleep(2.0)
    run.kill()
    run.communicate(timeout=60)  # the end of the pipe: nobody holds it any more
