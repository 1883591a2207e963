"""Federated K-means and its bounds on a million records, against scikit-learn's K-means alone on the pooled records."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Row, alternate, compared

MODELS, DIMENSION, CLUSTERS, CLIENTS, TASKS, QUERIES = 11, 64, 20, 10, 40, 5000


def data(records: int) -> tuple[Any, Any, Any]:
    """A topics problem, a heterogeneous federation on it, and its logs: `records` in all."""
    from fedroute_theory.federation import dirichlet, draw_logs
    from fedroute_theory.problems import Topics

    rng = np.random.default_rng(0)
    problem = Topics.generate(rng, tasks=TASKS, dimension=DIMENSION, models=MODELS, scale=0.1, sample=QUERIES)
    laws = dirichlet(problem, rng, clients=CLIENTS, records=records // CLIENTS)
    return problem, laws, draw_logs(problem, laws, rng, "bernoulli-quality")


def scikit_learn(logs: Any) -> None:
    """K-means alone on the pooled queries, with the router's number of centres, restarts and iterations."""
    from sklearn.cluster import KMeans

    KMeans(CLUSTERS, n_init=3, max_iter=100, random_state=0).fit(logs.embedding)


def training(logs: Any) -> Any:
    """Both passes of the federated router, and its estimates."""
    from fedroute_theory.routers import KMeansRouter, train_federated

    return train_federated(KMeansRouter.with_clusters(CLUSTERS), logs, 0)[0]


def bounds(problem: Any, laws: Any, logs: Any, estimates: Any) -> None:
    """Every form of the bound on the federated router, each above its gap."""
    from fedroute_theory.theorems import Bound, Case, theorem

    case = Case(problem, laws, logs, [("federated", None, estimates)])
    answered = [c for c in theorem("kmeans-router").claims(case) if isinstance(c.answer, Bound)]
    if not answered or any(c.gap > c.answer.value for c in answered):
        raise ArithmeticError("a bound is missing or lies below its gap")


def measure(quick: bool) -> list[Row]:
    problem, laws, logs = data(20_000 if quick else 1_000_000)
    estimates = training(logs)
    seconds = alternate(
        {
            "scikit-learn": lambda: scikit_learn(logs),
            "federated training": lambda: training(logs),
            "all its bounds": lambda: bounds(problem, laws, logs, estimates),
        },
        2 if quick else 3,
    )
    both = [a + b for a, b in zip(seconds["federated training"], seconds["all its bounds"], strict=True)]
    case = f"{logs.size:,} records"
    return [
        compared(case, "federated training", "scikit-learn", seconds),
        compared(case, "training and all bounds", "scikit-learn", seconds | {"training and all bounds": both}),
    ]
