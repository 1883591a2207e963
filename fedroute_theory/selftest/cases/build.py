"""Small problems, logs and estimates made by hand, and the comparison of what is claimed with what is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.estimates import CellEstimates, FunctionEstimates, Hypotheses
from fedroute_theory.federation import Federation, Labels, Logs, draw_labels, draw_logs, explicit
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.problems import Tabular
from fedroute_theory.problems.sampled import SampledProblem
from fedroute_theory.theorems import Bound, Case, Claim


def differ(found: Mapping[str, float], known: Mapping[str, float], close: float = 1e-9) -> list[str]:
    """Names on one side only, and numbers that are not equal."""
    lost = [f"'{name}' is missing" for name in known if name not in found]
    extra = [f"'{name}' is not known" for name in found if name not in known]
    apart = [
        f"{name}: {found[name]} is not {known[name]}"
        for name in known
        if name in found and not math.isclose(found[name], known[name], rel_tol=close, abs_tol=1e-12)
    ]
    return lost + extra + apart


def numbers(claims: Iterable[Claim]) -> dict[str, float]:
    """By training, client and form: the value of every bound (by terms and by array), and every gap of a bound."""
    result = {}
    for claim in claims:
        if isinstance(claim.answer, Bound):
            name = f"{claim.training} {claim.client} {claim.form}"
            result[name] = claim.answer.value
            result[f"{name} gap"] = claim.gap
            result[f"{name} trivial"] = claim.answer.trivial
            if claim.bounds.size:
                result[f"{name} array"] = float(claim.bounds[0])
    return result


def table(seed: int, *, queries: int = 6, models: int = 3, lam: float = 0.3, c_max: float = 1.6) -> Tabular:
    """A finite problem on a line."""
    rng = np.random.default_rng(seed)
    shape = queries, models
    quality, cost = rng.random(shape), c_max * rng.random(shape)
    return Tabular(np.sort(rng.random(queries))[:, None], rng.dirichlet(np.ones(queries)), quality, cost, lam, c_max=c_max)


def a_cell_a_query(problem: Tabular, utility: FloatArray, out: tuple[tuple[int, int], ...] = ()) -> CellEstimates:
    """Estimated utilities of any value; the pairs (query, model) in `out` have none and may not be chosen."""
    kept = np.ones(utility.shape, dtype=bool)
    kept[tuple(np.array(out).T)] = not out
    quality = np.where(kept, utility + problem.lam * problem.cost, np.nan)
    cost = np.where(kept, problem.cost, np.nan)
    return CellEstimates(problem.embeddings, quality, cost, kept.astype(np.int64), 0.0 * utility, kept)


def no_logs(problem: Tabular) -> Logs:
    """One record that says nothing."""
    one = np.zeros(1, dtype=np.int64)
    return Logs(one, problem.embeddings[:1], one, one, np.zeros(1), np.zeros(1), 1, problem.n_models)


def laws(problem: Tabular, seed: int, records: tuple[int, ...] = (40, 25), holes: bool = False) -> Federation:
    """Two clients with any joint laws; with `holes` nobody logs model 2 on query 1."""
    rng = np.random.default_rng(seed)
    joint = rng.random((len(records), problem.weights.size, problem.n_models)) + 0.1
    if holes:
        joint[:, 1, 2] = 0.0
    return explicit(joint / joint.sum(axis=(1, 2), keepdims=True), np.array(records))


def cell_means(
    problem: RoutingProblem, logs: Logs, centres: FloatArray, empty: str = "published", fallback: float = 0.5
) -> CellEstimates:
    """A K-means router's estimates for given centres: means over records; `fallback` and half of c_max where there is none."""
    far = np.abs(logs.embedding - centres.T) if centres.shape[1] == 1 else np.linalg.norm(
        logs.embedding[:, None] - centres, axis=2
    )  # fmt: skip
    cell = far.argmin(axis=1)
    shape = len(centres), logs.n_models
    place = cell * logs.n_models + logs.model
    counts = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)

    def mean(values: FloatArray, otherwise: float) -> FloatArray:
        sums = np.bincount(place, values, shape[0] * shape[1]).reshape(shape)
        result: FloatArray = np.divide(sums, counts, out=np.full(shape, otherwise), where=counts > 0)
        return result

    radius = mean(far[np.arange(logs.size), cell], 0.0)
    routable = (counts > 0) | (empty != "exclude")
    quality, cost = mean(logs.quality, fallback), mean(logs.cost, problem.c_max / 2.0)
    quality, cost = (np.where(routable, v, np.nan) for v in (quality, cost))
    return CellEstimates(
        centres, quality, cost, counts, radius, routable, empty=empty, label_free=True
    )  # fmt: skip


@dataclass(frozen=True)
class Tabulated:
    """Functions given by their values (..., n, M) at queries whose one coordinate is their row."""

    quality: FloatArray
    cost: FloatArray
    single: int

    def __call__(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Quality and cost at the rows."""
        rows = np.asarray(embeddings)[:, 0].astype(int)
        return self.quality[..., rows, :], self.cost[..., rows, :]

    def repetition(self, t: int) -> Tabulated:
        """One of several."""
        return self if self.quality.ndim == self.single else Tabulated(self.quality[t], self.cost[t], self.single)


def class_of_functions(
    kind: str = "finite-class", *, holes: bool = False, truths: bool = False, seed: int = 5, records: tuple[int, ...] = (40, 25)
) -> tuple[Case, FloatArray, FloatArray]:
    """A case with members of a class for every training, and the members' quality and cost (k, n, M), k = 1 or 3."""
    rng = np.random.default_rng(seed)
    base = table(seed, queries=5)
    problem = Tabular(np.arange(5.0)[:, None], base.weights, base.quality, base.cost, base.lam, c_max=base.c_max)
    federation = laws(problem, seed + 1, records, holes=holes)
    others = tuple(
        problem.replace(quality=rng.random(problem.quality.shape), cost=problem.c_max * rng.random(problem.cost.shape))
        for _ in range(federation.n_clients)
    ) if truths else ()  # fmt: skip
    logs = draw_logs(problem, federation, rng, "bernoulli")
    members = 1 if kind == "finite-class" else 3
    shape = (members, *problem.quality.shape)
    quality, cost = rng.random(shape), problem.c_max * rng.random(shape)
    labels = two_draws(problem, logs, rng)
    trained = []
    for training, client in (("federated", None), *(("local", i) for i in range(federation.n_clients))):
        own = logs if client is None else logs.of_client(client)
        both = Tabulated(np.stack([quality, quality[::-1]]), np.stack([cost, cost[::-1]]), 3)
        mean = Tabulated(both.quality.mean(axis=1), both.cost.mean(axis=1), 2)
        hypotheses = Hypotheses(kind, both, np.full(2, 3.5), True, "by hand")
        counts = np.bincount(own.model, minlength=problem.n_models)
        trained.append((training, client, FunctionEstimates(mean, counts, np.ones(problem.n_models, bool), hypotheses)))
    case = Case(problem, federation, logs, trained, 0.05, labels=labels, truths=others)
    return case, quality, cost


class Sample(SampledProblem):
    """A sample of queries whose one coordinate is their row."""

    def truth(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        rows = embeddings[:, 0].astype(int)
        return self.quality[rows], self.cost[rows]


def two_draws(problem: RoutingProblem, logs: Logs, rng: np.random.Generator) -> Labels:
    """The logs' own labels and one redrawing."""
    rows: IntArray = np.arange(logs.size)
    quality, cost = (value[rows, logs.model] for value in problem.truth(logs.embedding))
    fresh = draw_labels(quality, cost, problem.c_max, rng, logs.labels, 1)
    return Labels(np.concatenate([logs.quality[None], fresh.quality]), np.concatenate([logs.cost[None], fresh.cost]))
