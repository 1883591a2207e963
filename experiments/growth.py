"""What growing a federated router costs and gains: new models, then new clients, for three families of routers.

    python experiments/growth.py [--seeds 5] [--out FILE]

A finite problem whose utilities are constant on well separated cells. Six clients log four models; then they log two new
models on a tenth as many queries; then three clients join. Printed at each stage: the exact gap (mean over seeds, 95% t
interval), the bytes that travelled, and what the theorems say before and after: coverage-transfer, greedy-decomposition (both
with exact errors), and the family's own, kmeans-router (relative form, against the best policy of the cells; kl widths, delta
0.05) or linear-heads (p / (4 n) of the least logged model, a squared error). "afresh" trains on all the records at once.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

KNOWN, NEW, CLIENTS, JOINING, RECORDS, SITES = 4, 2, 6, 3, 400, 6
STAGES = ("before", "new models", "new clients", "afresh")


@dataclass(frozen=True, eq=False)
class Padded:
    """A predictor that has nothing to say of the models it does not know."""

    known: Any
    extra: int

    def __call__(self, embeddings: Any, /) -> Any:
        return tuple(np.pad(v, ((0, 0), (0, self.extra)), constant_values=np.nan) for v in self.known(embeddings))

    def repetition(self, t: int, /) -> Padded:
        return Padded(self.known.repetition(t), self.extra)


def padded(estimates: Any, models: int) -> Any:
    """The same estimates among more models, of which they know nothing."""
    from fedroute_theory.estimates import CellEstimates

    extra = models - estimates.n_models
    if extra == 0:
        return estimates

    def wide(values: Any, fill: Any) -> Any:
        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, extra)], constant_values=fill)

    if isinstance(estimates, CellEstimates):
        return replace(
            estimates, quality=wide(estimates.quality, np.nan), cost=wide(estimates.cost, np.nan),
            counts=wide(estimates.counts, 0), distance=wide(estimates.distance, 0.0), routable=wide(estimates.routable, False),
        )  # fmt: skip
    return replace(
        estimates, predictor=Padded(estimates.predictor, extra), counts=wide(estimates.counts, 0),
        routable=wide(estimates.routable, False),
    )  # fmt: skip


def draw(seed: int) -> tuple[Any, list[tuple[Any, Any]]]:
    """A problem, and for each stage the laws and all the records so far."""
    from fedroute_theory.federation import Federation, Logs, draw_logs
    from fedroute_theory.problems import voronoi

    rng = np.random.default_rng(seed)
    models = KNOWN + NEW
    problem = voronoi(rng, sites=SITES, per_site=20, models=models, lam=0.2)
    new = np.arange(models) >= KNOWN

    def laws(clients: int, records: int, share: np.ndarray[Any, Any]) -> Federation:
        prior = problem.task_law()[1]
        return Federation(
            np.full(clients, records), np.tile(prior, (clients, 1)), np.tile(share / share.sum(), (clients, SITES, 1))
        )

    def together(*parts: Logs) -> Logs:
        columns = ("client", "embedding", "query", "model", "quality", "cost")
        joined = {name: np.concatenate([getattr(p, name) for p in parts]) for name in columns}
        return replace(parts[0], n_clients=CLIENTS + JOINING, **joined)

    first = draw_logs(problem, laws(CLIENTS, RECORDS, 1.0 * ~new), rng)
    more = draw_logs(problem, laws(CLIENTS, RECORDS // 10, 1.0 * new), rng)
    join = draw_logs(problem, laws(JOINING, RECORDS, np.ones(models)), rng)
    join = replace(join, client=join.client + CLIENTS, n_clients=CLIENTS + JOINING)
    grown_law = np.where(new, 0.1 / NEW, 1.0 / KNOWN)
    wider = laws(CLIENTS, RECORDS + RECORDS // 10, grown_law)
    last = laws(JOINING, RECORDS, np.ones(models))
    everyone = Federation(
        np.concatenate([wider.records, last.records]),
        np.concatenate([wider.mixture, last.mixture]),
        np.concatenate([wider.logging, last.logging]),
    )
    logs = [first, together(first, more), together(first, more, join), more, join]
    return problem, list(zip([laws(CLIENTS, RECORDS, 1.0 * ~new), wider, everyone, None, None], logs, strict=True))


def routers() -> dict[str, Any]:
    """The three families, small enough for a demonstration."""
    from fedroute_theory.estimates import RandomFeatures
    from fedroute_theory.routers import KMeansRouter, LinearRouter, MLPRouter

    features = RandomFeatures.draw(np.random.default_rng(0), 2, 24, scale=6.0)
    network = MLPRouter(
        hidden=(32,), dropout=0.0, learning_rates=(1e-2,), rounds=40, batch=64, local_epochs=None, local_steps=20,
        cost_scaling="range",
    )  # fmt: skip
    return {"K-means": KMeansRouter.with_clusters(SITES), "linear heads": LinearRouter(features), "MLP": network}


def federated(router: Any, logs: Any, seed: int) -> Any:
    """Federated estimates and messages only."""
    from fedroute_theory.routers import KMeansRouter, LinearRouter, mlp, train, train_federated
    from fedroute_theory.routers.growth import Grown

    if isinstance(router, LinearRouter):
        trained = train(router, logs, seed)
        estimates, messages = trained.federated, trained.messages
    else:
        only: Callable[..., Any] = train_federated if isinstance(router, KMeansRouter) else mlp.train_federated
        estimates, messages = only(router, logs, seed)
    clients = frozenset(np.unique(logs.client).tolist())
    return Grown(router, estimates, messages, messages, clients, seed)


def said(problem: Any, laws: Any, logs: Any, estimates: Any) -> dict[str, float]:
    """Gap and bounds of one stage; not a number where a theorem is not applicable."""
    from fedroute_theory.theorems import Bound, Case, theorem

    case = Case(problem, laws, logs, [("federated", None, estimates)])
    wanted = {
        ("greedy-decomposition", "top2"): "greedy",
        ("coverage-transfer", "plain"): "coverage",
        ("kmeans-router", "relative/kl"): "own",
    }
    found = {"gap": problem.suboptimality(estimates.policy(problem.lam)).value, "greedy": math.nan, "coverage": math.nan}
    for (slug, form), name in wanted.items():
        for claim in theorem(slug).claims(case):
            if claim.form == form and isinstance(claim.answer, Bound):
                found[name] = claim.answer.value
    if hasattr(estimates, "predictor"):
        found["own"] = linear_price(estimates)
    return found


def linear_price(estimates: Any) -> float:
    """p / (4 n) of the model with the fewest records; not a number for networks and where a model has none."""
    from fedroute_theory.estimates import LinearPredictor
    from fedroute_theory.theorems import theorem

    least = int(estimates.counts.min())
    if not isinstance(estimates.predictor, LinearPredictor) or least == 0:
        return math.nan
    price = theorem("linear-heads").forms["bernoulli"]
    return float(price(p=estimates.predictor.weight.shape[-3], n=least).value)


def run(seeds: int) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Family -> stage -> quantity -> one value a seed."""
    from fedroute_theory.routers.growth import add_clients, add_models

    names = ("gap", "greedy", "coverage", "own", "bytes")
    found = {family: {stage: {q: [] for q in names} for stage in STAGES} for family in routers()}
    for seed in range(seeds):
        problem, stages = draw(seed)
        (_, first), (_, more), (_, join) = stages[0], stages[3], stages[4]
        for family, router in routers().items():
            start = federated(router, replace(first, n_models=KNOWN), seed)
            wider = add_models(start, more, seed=seed)
            joined = add_clients(wider, join, seed=seed)
            afresh = federated(router, stages[2][1], seed)
            for stage, place, state in zip(STAGES, (0, 1, 2, 2), (start, wider, joined, afresh), strict=True):
                laws, logs = stages[place]
                values = said(problem, laws, logs, padded(state.federated, KNOWN + NEW)) | {"bytes": float(state.nbytes)}
                for name in names:
                    found[family][stage][name].append(values.get(name, math.nan))
    return found


def interval(values: list[float]) -> str:
    """Mean and half-width of the 95% t interval; "n/a" where some seed has none."""
    from scipy.stats import t

    if not np.isfinite(values).all():
        return "n/a"
    if len(values) < 2:
        return f"{np.mean(values):.4g}"
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return f"{np.mean(values):.4f} +- {half:.4f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out")
    options = parser.parse_args()
    found = run(options.seeds)
    print(f"{'family':14}{'stage':13}{'gap':>18}{'greedy top2':>19}{'coverage':>19}{'own theorem':>19}{'bytes':>12}")
    for family, stages in found.items():
        for stage, values in stages.items():
            row = [interval(values[q]) for q in ("gap", "greedy", "coverage", "own")]
            print(f"{family:14}{stage:13}{row[0]:>18}{row[1]:>19}{row[2]:>19}{row[3]:>19}{np.mean(values['bytes']):>12,.0f}")
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(json.dumps(found, indent=1).replace("NaN", "null") + "\n")


if __name__ == "__main__":
    main()
