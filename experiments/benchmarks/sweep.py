"""Cells per second of a sweep against its workers, and the sweep's own time a cell."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from itertools import count
from multiprocessing import get_context
from typing import Any

import numpy as np
from harness import Row, alternate, compared

from fedroute_theory.sweep import Cell, Store, borrowed, processes, run
from fedroute_theory.sweep.worker import one_thread

WORKERS = (1, 2, 4)


def trivial(cell: Cell) -> int:
    """Nothing to compute: what is left is the sweep's own."""
    return int(cell.params["seed"])


def trained(cell: Cell) -> list[float]:
    """Exact gaps of small K-means routers: a cell of the usual kind."""
    from fedroute_theory import federation, problems, routers

    rng = np.random.default_rng(cell.params["seed"])
    problem = problems.Lipschitz.generate(rng, dimension=1, models=3, lam=0.1)
    laws = federation.dirichlet(problem, rng, clients=5, records=500, model_alpha=1.0)
    found = routers.train(routers.KMeansRouter.with_clusters(12), federation.draw_logs(problem, laws, rng), seed=0)
    return [problem.suboptimality(e.policy(problem.lam)).value for e in (found.federated, found.pooled)]


def measure(quick: bool) -> list[Row]:
    one_thread()  # as the workers are, for the loop that they are compared with
    cells, trivia = ([Cell("benchmark", 1, {"seed": seed}) for seed in range(n)] for n in ((24, 200) if quick else (100, 5000)))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        crews = {width: stack.enter_context(processes(width).open()) for width in WORKERS}
        bare = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        for width, crew in crews.items():  # each worker takes one, so that all are there and have everything loaded
            for future in [crew.submit(trained, cells[0]) for _ in range(width)]:
                future.result()
        files = (f"{folder}/{i}.sqlite" for i in count())

        def swept(compute: Callable[[Cell], Any], todo: list[Cell], width: int) -> None:
            with Store(next(files)) as store:
                if failures := run(compute, todo, store=store, executors=borrowed(crews[width], width)):
                    raise RuntimeError(failures[0].message)

        repetitions = 2 if quick else 5
        crew_works = {_workers(width): lambda width=width: swept(trained, cells, width) for width in WORKERS}
        loop = {"plain loop": lambda: [trained(cell) for cell in cells]}
        rates = {n: [len(cells) / s for s in each] for n, each in alternate(loop | crew_works, repetitions).items()}
        works = {"sweep": lambda: swept(trivial, trivia, 1), "bare process pool": lambda: _mapped(bare, trivia)}
        own = {n: [1e3 * s / len(trivia) for s in each] for n, each in alternate(works, repetitions).items()}
    case = f"{len(cells)} K-means cells"
    return [
        compared(case, _workers(1), "plain loop", rates, each="cells/s"),
        *(compared(case, _workers(width), _workers(1), rates, each="cells/s") for width in WORKERS[1:]),
        compared(f"{len(trivia)} trivial cells", "sweep", "bare process pool", own, each="ms a cell"),
    ]


def _workers(width: int) -> str:
    return f"{width} worker{'s' if width > 1 else ''}"


def _mapped(pool: Executor, cells: list[Cell]) -> None:
    for future in [pool.submit(trivial, cell) for cell in cells]:
        future.result()
