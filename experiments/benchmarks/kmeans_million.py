"""Federated K-means and its bounds on a million records, beside scikit-learn's K-means alone on the same data.

    python experiments/benchmarks/kmeans_million.py [--records 1000000] [--out FILE]

Each part runs in its own process on the same generated data, so peak memory is that part's own. Prints JSON: seconds and
peak memory of each part, and ratios to scikit-learn in the same run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CLIENTS, MODELS, DIMENSION, CLUSTERS, TASKS, QUERIES = 10, 11, 64, 20, 40, 5000


def make(records: int, file: str) -> None:
    """Write a topics problem and the logs of a heterogeneous federation on it."""
    from fedroute_theory.federation import dirichlet, draw_logs
    from fedroute_theory.problems import Topics

    rng = np.random.default_rng(0)
    problem = Topics.generate(rng, tasks=TASKS, dimension=DIMENSION, models=MODELS, scale=0.1, sample=QUERIES)
    laws = dirichlet(problem, rng, clients=CLIENTS, records=records // CLIENTS)
    with open(file, "wb") as handle:
        pickle.dump((problem, draw_logs(problem, laws, rng, "bernoulli-quality")), handle, protocol=5)


def scikit_learn(_: Any, logs: Any) -> dict[str, float]:
    """K-means alone on the pooled queries, same number of centres, restarts and iterations."""
    from sklearn.cluster import KMeans

    start = time.perf_counter()
    KMeans(CLUSTERS, n_init=3, max_iter=100, random_state=0).fit(logs.embedding)
    return {"clustering": time.perf_counter() - start}


def federated(problem: Any, logs: Any) -> dict[str, float]:
    """Both passes of the federated router, then every form of its bound."""
    from fedroute_theory.assumptions import steepest_slope
    from fedroute_theory.routers import KMeansRouter, train_federated
    from fedroute_theory.theorems import Case
    from fedroute_theory.theorems.kmeans_router.claims import training_claims

    start = time.perf_counter()
    estimates, _ = train_federated(KMeansRouter.with_clusters(CLUSTERS), logs, 0)
    trained = time.perf_counter()
    case = Case(problem, None, logs, [("federated", None, estimates)])
    claims = list(training_claims(case, "federated", None, estimates, steepest_slope(problem, logs)))
    assert all(c.gap <= c.bounds[0] for c in claims if c.gaps.size)
    return {"training": trained - start, "bounds": time.perf_counter() - trained}


def measured(part: Callable[[Any, Any], dict[str, float]], file: str) -> dict[str, float]:
    """Run one part in this process: seconds by stage, peak memory with the data alone and in all (MiB)."""
    with open(file, "rb") as handle:
        problem, logs = pickle.load(handle)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = part(problem, logs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds | {"total": sum(seconds.values()), "peak_mib_with_data_alone": before, "peak_mib": peak}


def main() -> None:
    """Measure both parts, one process each, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--out")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/data.pickle"
        with context.Pool(1) as pool:  # a child starts with its parent's peak memory, so the parent stays small
            pool.apply(make, (options.records, file))
        for part in (scikit_learn, federated):
            with context.Pool(1) as pool:
                found[part.__name__] = pool.apply(measured, (part, file))
    found["ratio"] = {
        "training / scikit-learn": found["federated"]["training"] / found["scikit_learn"]["total"],
        "training and bounds / scikit-learn": found["federated"]["total"] / found["scikit_learn"]["total"],
        "peak memory": found["federated"]["peak_mib"] / found["scikit_learn"]["peak_mib"],
    }
    found["size"] = {"records": options.records, "models": MODELS, "dimension": DIMENSION, "clusters": CLUSTERS}
    text = json.dumps(found, indent=1)
    print(text)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
