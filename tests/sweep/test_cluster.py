"""The same results come from a real cluster of several processes, also when one of them is killed."""

import os
import signal
import socket
import sys

import pytest
from sweep import toys

from fedroute_theory._validate import InputError
from fedroute_theory.sweep import Store, cluster, dask, run

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def running():
    """A cluster of two worker processes that belongs to somebody else."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=None
    ) as cluster:
        yield cluster


def test_a_worker_killed_in_the_middle(tmp_path, running):
    """One cell kills its worker once, and another worker is killed from outside: nothing lost, nothing doubled."""
    told = []

    def kill(progress):
        told.append(progress.cell.key)
        if progress.done == 5:
            os.kill(next(worker.pid for worker in running.workers.values() if worker.pid), signal.SIGKILL)

    executors = dask(running.scheduler_address)
    assert executors.width == 2
    cells = toys.cells(10, folder=str(tmp_path), sleep=0.02)
    with Store(tmp_path / "s") as store:
        assert run(toys.dies_once, cells, store=store, executors=executors, progress=kill) == ()
        assert list(store.results(cells).values()) == list(map(toys.spectrum, cells))
    assert sorted(told) == sorted({cell.key for cell in cells})


def test_settings_and_failures_on_a_cluster(tmp_path, running):
    cells = toys.cells(6)
    with Store(tmp_path / "s") as store:
        run(toys.setting, cells, store=store, executors=dask(running.scheduler_address))
        for result in store.results(cells).values():
            assert result["threads"] == [1]
            assert result["environment"][:4] == ["1"] * 4
            assert result["pid"] != os.getpid()
    with Store(tmp_path / "t") as store:
        failures = run(toys.wrong, cells, store=store, executors=dask(running.scheduler_address))
        assert [failure.cell.params["seed"] for failure in failures] == [1, 2, 3, 4, 5]
        assert list(store.results(cells).values()) == [toys.spectrum(cells[0])]


def test_a_deadly_cell_fails_alone_on_a_cluster_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["fedroute_theory.sweep.run"], "DEATHS", 1)  # each takes a new process
    cells = toys.cells(4)
    with Store(tmp_path / "s") as store:
        failures = run(toys.deadly_setting, cells, store=store, executors=dask(workers=1))
        assert [(failure.cell.params["seed"], failure.message[:27]) for failure in failures] == [
            (2, "Its worker died every time,")
        ]
        results = list(store.results(cells).values())
    assert [result["seed"] for result in results] == [0, 1, 3]
    assert {result["interrupted"] for result in results} == {False}


def test_an_interruption_on_a_cluster_keeps_what_is_finished(tmp_path, running):
    class Interrupted(Exception):
        pass

    def stop(progress):
        if progress.done == 4:
            raise Interrupted

    cells = toys.cells(40, sleep=0.05)
    with Store(tmp_path / "s") as store:
        with pytest.raises(Interrupted):
            run(toys.spectrum, cells, store=store, executors=dask(running.scheduler_address), progress=stop)
        assert 4 <= len(store.done(cells)) <= 10


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense", r"The Dask scheduler at 'nonsense' cannot be reached: missing port number"),
        ("foo://bar:1", r"unknown address scheme 'foo'"),
        (8786, r"'address' parameter must be the address of a scheduler, such as 'tcp://host:8786'; got 8786"),
    ],
)
def test_no_address(address, sentence):
    with pytest.raises(InputError, match=sentence):
        dask(address)


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"'{address}' cannot be reached: no answer within 0\.3 seconds"):
            dask(address)
    with pytest.raises(InputError, match=rf"'{address}' cannot be reached: "):
        dask(address)


def test_a_cluster_without_workers():
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(InputError, match=r"The Dask cluster at 'tcp.*' has no workers\."),
    ):
        dask(empty.scheduler_address)


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed.scheduler", None)
    with pytest.raises(InputError, match=r"A Dask cluster needs an extra: pip install 'fedroute-theory\[cluster\]'\."):
        dask()
