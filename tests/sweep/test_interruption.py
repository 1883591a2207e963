"""Killed or interrupted at any moment, a sweep loses nothing, leaves nobody behind, and ends with the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

import pytest
from sweep import toys

from fedroute_theory.sweep import Store, processes, run

PROGRAM = Path(__file__).with_name("longrun.py")

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")


@contextmanager
def started(*arguments):
    with subprocess.Popen(
        [sys.executable, PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers(folder):
    return [int(path.name.partition("-")[2]) for path in folder.glob("pid-*")]


def soon_gone(folder):
    until = time.monotonic() + 60.0
    while any(map(alive, workers(folder))):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_killed_at_several_moments_it_ends_with_the_same_bytes(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    done = 0
    for lines in (1, 9):  # lines read before it is killed
        with started(tmp_path / "s", folder) as program:
            for _ in range(lines):
                done = int(program.stdout.readline().replace("begin", str(done)).split()[0])
            program.send_signal(signal.SIGKILL)
        assert soon_gone(folder)
    with started(tmp_path / "s", folder) as program:
        first, *told, last = program.communicate()[0].splitlines()
    assert first == "begin"
    assert 8 <= done < int(told[0].split()[0])
    assert told == [f"{i} 24" for i in range(25 - len(told), 25)]
    assert last == json.dumps([toys.spectrum(cell) for cell in toys.cells(24)], sort_keys=True)


def test_control_c_keeps_what_is_finished_and_ends_the_workers(tmp_path):
    with started(tmp_path / "s", tmp_path, "5") as program:
        while program.stdout.readline() != "5 24\n":
            pass
        program.send_signal(signal.SIGINT)
        error = program.communicate(timeout=60)[1]
    assert error.splitlines()[-1] == "KeyboardInterrupt"
    assert workers(tmp_path)
    assert soon_gone(tmp_path)
    cells = toys.cells(24, folder=str(tmp_path), sleep=0.02, stuck=5)
    with Store(tmp_path / "s") as store:
        assert store.done(cells) == {cell.key for cell in cells[:5]}


def test_a_worker_killed_from_outside(tmp_path):
    before = set(active_children())
    killed = []

    def kill(progress):
        if progress.done == 3:
            killed.append(workers(tmp_path)[0])
            os.kill(killed[0], signal.SIGKILL)

    cells = toys.cells(12, folder=str(tmp_path), sleep=0.02)
    with Store(tmp_path / "s") as store:
        assert run(toys.marks_its_worker, cells, store=store, executors=processes(2), progress=kill) == ()
        assert list(store.results(cells).values()) == list(map(toys.spectrum, cells))
    assert len(killed) == 1
    assert set(active_children()) == before
