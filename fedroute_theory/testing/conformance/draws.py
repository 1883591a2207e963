"""What is drawn from a problem beside what it states: gaps, queries given a task, labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.federation import LABEL_MODELS, draw_logs, uniform_logging
from fedroute_theory.problem import Policy, RoutingProblem
from fedroute_theory.testing.conformance.report import first

ROUNDING = 1e-9


def policies(problem: RoutingProblem, seed: int = 0) -> Iterator[tuple[str, Policy]]:
    """Named policies: each model alone, and three that cut the space by random planes."""
    for m, name in enumerate(problem.models):
        yield f"always {name}", partial(_constant, m)
    rng = np.random.default_rng(seed)
    for k in range(3):
        planes = rng.normal(size=(problem.embeddings.shape[1], problem.n_models))
        yield f"random planes {k}", partial(_by_planes, planes)


def _constant(model: int, embeddings: FloatArray) -> IntArray:
    return np.full(len(embeddings), model)


def _by_planes(planes: FloatArray, embeddings: FloatArray) -> IntArray:
    chosen: IntArray = np.argmax(embeddings @ planes, axis=1)
    return chosen


def utility_at(problem: RoutingProblem, embeddings: FloatArray) -> FloatArray:
    """(n, M) true utility at the problem's price."""
    quality, cost = problem.truth(embeddings)
    return quality - problem.lam * cost


def bernstein(values: FloatArray, spread: float, alpha: float) -> float:
    """Half-width of the empirical Bernstein interval of a mean of independent values in a range of length `spread`."""
    log = math.log(4.0 / alpha)
    return math.sqrt(2.0 * float(np.var(values, ddof=1)) * log / values.size) + 7.0 * spread * log / (3.0 * (values.size - 1))


def _components(problem: RoutingProblem, rng: np.random.Generator, draws: int) -> IntArray:
    prior = problem.task_law()[1]
    return rng.choice(prior.size, size=draws, p=prior / prior.sum())


def drawn_gaps(problem: RoutingProblem, *, seed: int, draws: int, alpha: float) -> str:
    """Gaps of named policies beside their mean loss on queries drawn from the law."""
    rng = np.random.default_rng(seed)
    embeddings, _ = problem.draw(rng, _components(problem, rng, draws), "task")
    utility = utility_at(problem, embeddings)
    tested, wrong = list(policies(problem, seed)), []
    for name, policy in tested:
        loss = utility.max(axis=1) - utility[np.arange(draws), policy(embeddings)]
        gap = problem.suboptimality(policy)
        width = bernstein(loss, problem.label_range, alpha / len(tested)) + gap.error
        if abs(float(loss.mean()) - gap.value) > width:
            wrong.append(
                f"the gap of '{name}' is {gap.value:.6g}, but {loss.mean():.6g} +- {width:.2g} over {draws} queries drawn "
                f"from the problem"
            )
    return first(wrong)


def unbiased_labels(problem: RoutingProblem, *, seed: int, draws: int, alpha: float) -> str:
    """Mean labels of drawn records beside the truth at their queries, for every kind of labels."""
    laws = uniform_logging(problem, clients=1, records=draws)
    wrong = []
    for kind in LABEL_MODELS:
        logs = draw_logs(problem, laws, np.random.default_rng(seed), kind)
        quality, cost = (truth[np.arange(logs.size), logs.model] for truth in problem.truth(logs.embedding))
        for name, label, mean, top in (("quality", logs.quality, quality, 1.0), ("cost", logs.cost, cost, problem.c_max)):
            for m in range(problem.n_models):
                error = (label - mean)[logs.model == m]
                width = bernstein(error, 2.0 * top, alpha / (6 * problem.n_models)) + ROUNDING * (1.0 + top)
                if error.size > 1 and abs(float(error.mean())) > width:
                    wrong.append(
                        f"'{kind}' labels of the {name} of {problem.models[m]} are off by {error.mean():.3g} on average, more "
                        f"than {width:.2g}"
                    )
    return first(wrong)


def task_draws(problem: RoutingProblem, *, seed: int, draws: int, alpha: float) -> str:
    """Queries drawn given a task beside the test law given that task; rows of a finite problem beside themselves."""
    posterior, prior = problem.task_law()
    live = np.flatnonzero(prior > 0)
    each, rng, wrong = max(2, draws // live.size), np.random.default_rng(seed), []
    tested = _shares(problem)
    for task in live.tolist():
        embeddings, row = problem.draw(rng, np.full(each, task), "task")
        listed = row[row >= 0]
        if not np.array_equal(problem.embeddings[listed], embeddings[row >= 0]):
            wrong.append(f"task {task}: a drawn query is not the embedding of its row")
        elif not (posterior[listed, task] > 0).all():
            wrong.append(f"task {task}: row {listed[posterior[listed, task] <= 0][0]} was drawn, which is none of its queries")
        mass = problem.gap_of(posterior[:, task])
        for name, share in tested:
            stated = float(problem.weights @ (posterior[:, task] * share(problem.embeddings))) / mass.value
            off = problem.gap_of(posterior[:, task] * (share(problem.embeddings) - stated)).error  # of a mean that is 0
            drawn = share(embeddings)
            width = bernstein(drawn, 1.0, alpha / (live.size * len(tested))) + off / max(mass.value - mass.error, 1e-12)
            if abs(float(drawn.mean()) - stated) > width:
                wrong.append(
                    f"given task {task}, {name} is {stated:.6g} on average, but {drawn.mean():.6g} +- {width:.2g} over {each} "
                    f"queries drawn"
                )
    return first(wrong or _rows(problem, rng))


def _shares(problem: RoutingProblem) -> list[tuple[str, Callable[[FloatArray], FloatArray]]]:
    """Functions of the query with values in [0, 1]: each model's utility between its ends in the table."""

    def share(model: int, embeddings: FloatArray) -> FloatArray:
        low, high = problem.utility[:, model].min(), problem.utility[:, model].max()
        between = (utility_at(problem, embeddings)[:, model] - low) / max(high - low, ROUNDING)
        return np.asarray(np.clip(between, 0.0, 1.0), dtype=np.float64)

    return [(f"the utility of {name} (0 to 1 in the table)", partial(share, m)) for m, name in enumerate(problem.models)]


def _rows(problem: RoutingProblem, rng: np.random.Generator) -> list[str]:
    """A continuous law has no rows to draw, and says so."""
    every = np.arange(problem.weights.size)
    try:
        embeddings, row = problem.draw(rng, every, "query")
    except InputError:
        return []
    same = np.array_equal(row, every) and np.array_equal(embeddings, problem.embeddings)
    return [] if same else ["drawn by query, a row is not itself"]
