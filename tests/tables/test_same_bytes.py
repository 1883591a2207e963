"""The same files from one and from four processes and from a Dask cluster, for experiments of several kinds."""

import pytest

from fedroute_theory.sweep import Store, dask, processes
from fedroute_theory.tables import write
from fedroute_theory.tables.experiment import Request
from fedroute_theory.tables.run import make, plan

FEW = '''
"""A few cells of an experiment of the package."""
from dataclasses import replace
from fedroute_theory.tables.catalogue import load, shipped

EXPERIMENT = replace(load(shipped(), "{name}"), cells=lambda request: {cells})
'''

CELLS = {
    "brackets": [{"theorem": "pooling"}],
    "clusters": [{"clusters": 4, "records": 100, "seed": 0}],
    "new_models": [{"family": "linear heads", "seed": seed, "shares": [0.05]} for seed in (0, 1)],
}

NETWORKS = '''
"""A network that is trained by federated averaging, in very few steps."""
import numpy as np
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables import Experiment

def cells(request):
    return [{"seed": 0}]

def compute(cell):
    from fedroute_theory.routers import MLPRouter, mlp
    from fedroute_theory.tables.studies.sending import drawn

    problem, logs = drawn(np.random.default_rng(cell.params["seed"]), 4, 3, 40, 2, 5.0)
    router = MLPRouter(
        hidden=(3,), layer_norm=False, dropout=0.0, learning_rates=(1e-2,), rounds=2, local_epochs=None, local_steps=2,
        optimiser="sgd", clip=None,
    )
    estimates, _ = mlp.train_federated(router, logs, 0)
    return estimates.utility_at(problem.embeddings[:20], 0.2).tolist()

def present(done):
    return [ResultTable("networks", "Networks", (Column("utility"),), tuple((row[0],) for row in done[0].result))]

EXPERIMENT = Experiment("Networks", 1, cells, compute, present, seconds=9.0)
'''


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "experiments"
    place.mkdir()
    for name, cells in CELLS.items():
        (place / f"{name}.py").write_text(FEW.format(name=name, cells=cells))
    (place / "networks.py").write_text(NETWORKS)
    return place


def test_the_files_do_not_depend_on_where_the_cells_were_computed(folder, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(write, "_drawn", lambda plot: ({"png": repr(plot).encode(), "pdf": b""}, None))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "compiled"))  # the same program need not be compiled again
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    plans = plan([], Request(), folder)
    assert [own.name for own in plans] == sorted([*CELLS, "networks"])
    files = {}
    for name, executors in {"one": processes(1), "four": processes(4), "Dask": dask(workers=2)}.items():
        out = tmp_path / name
        out.mkdir()
        with Store(out / "cells.sqlite") as store:
            made = make(plans, out, store=store, executors=executors, folder=folder)
        assert [own.error or own.failures for own in made] == [()] * len(plans)
        files[name] = {file.name: file.read_bytes() for own in made for file in own.files}
    first, *others = files.values()
    assert len(first) > 30
    for other in others:
        assert other == first
