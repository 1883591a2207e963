"""Slow second routes, written query by query from the proofs: they share no formula with the package."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType

from fedroute_theory._validate import InputError
from fedroute_theory.selftest.slow_router import SlowRouter, best_rival, binary_divergence, divergence_interval, pair

__all__ = ["SlowRouter", "best_rival", "binary_divergence", "divergence_interval", "pair"]

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
THEOREMS = tuple(sorted(folder.parent.name for folder in (REPOSITORY / "proofs").glob("*/proof.md")))


def one_sentence(call: Callable[[], object], *names: str) -> str:
    """The message of the InputError that the call must raise: one line that ends in a full stop and names the values."""
    try:
        call()
    except InputError as error:
        message = str(error)
        assert "\n" not in message
        assert message.endswith(".")
        for name in names:
            assert name in message, message
        return message
    raise AssertionError(f"accepted, although it should name {names}")


def proof_module(slug: str) -> ModuleType:
    path = REPOSITORY / "proofs" / slug / "check.py"
    spec = importlib.util.spec_from_file_location(f"proof_{slug.replace('-', '_')}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- merging equal embeddings -------------------------------------------------------------------------------------------------


def merged_utility(problem) -> list[list[Fraction]]:
    """Exact utility of every row, rows with one embedding sharing the mean over their weights."""
    lam = Fraction(problem.lam)
    rows = [tuple((row + 0.0).tolist()) for row in problem.embeddings]
    result = []
    for here in rows:
        group = [x for x, there in enumerate(rows) if there == here]
        share = [Fraction(float(problem.weights[x])) for x in group]
        if sum(share) == 0:
            share = [Fraction(1)] * len(group)
        result.append(
            [
                sum(
                    s * (Fraction(float(problem.quality[x, m])) - lam * Fraction(float(problem.cost[x, m])))
                    for s, x in zip(share, group, strict=True)
                )
                / sum(share)
                for m in range(problem.n_models)
            ]
        )
    return result


def exact_gap(problem, chosen) -> Fraction:
    """Gap of a policy's choices (one a row) against the best policy of embeddings, in rational arithmetic."""
    weights = [Fraction(float(w)) for w in problem.weights]
    utility = merged_utility(problem)
    lost = sum(w * (max(u) - u[int(c)]) for w, u, c in zip(weights, utility, chosen, strict=True))
    return lost / sum(weights)


# --- clustering --------------------------------------------------------------------------------------------------------------

Point = tuple[Fraction, ...]


def assignments(n: int, clusters: int) -> Iterator[tuple[int, ...]]:
    """Every way of putting n things into at most `clusters` unnamed groups, once."""

    def extend(prefix: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(prefix) == n:
            yield prefix
            return
        for label in range(min(clusters, max(prefix, default=-1) + 2)):
            yield from extend((*prefix, label))

    yield from extend(())


def group_means(points: list[Point], weights: list[Fraction], labels: tuple[int, ...]) -> list[tuple[Point, Fraction]]:
    groups = []
    for label in sorted(set(labels)):
        own = [i for i, value in enumerate(labels) if value == label]
        total = sum(weights[i] for i in own)
        if total > 0:
            groups.append((tuple(sum(weights[i] * points[i][d] for i in own) / total for d in range(len(points[0]))), total))
    return groups


def squared(a: Point, b: Point) -> Fraction:
    return sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), Fraction(0))


def inertia(points: list[Point], weights: list[Fraction], centres: list[Point]) -> Fraction:
    return sum((w * min(squared(p, c) for c in centres) for p, w in zip(points, weights, strict=True)), Fraction(0))


def optimal_clusterings(
    points: list[Point], weights: list[Fraction], clusters: int
) -> tuple[Fraction, list[list[tuple[Point, Fraction]]]]:
    """The least inertia over all assignments, in rational arithmetic, and the groups of every assignment that reaches it."""
    best, found = None, []
    for labels in assignments(len(points), clusters):
        groups = group_means(points, weights, labels)
        own = {label: groups[i][0] for i, label in enumerate(sorted(set(labels)))} if len(groups) == len(set(labels)) else None
        value = (
            inertia(points, weights, [mean for mean, _ in groups])
            if own is None
            else sum((w * squared(p, own[label]) for p, w, label in zip(points, weights, labels, strict=True)), Fraction(0))
        )
        if best is None or value < best:
            best, found = value, []
        if value == best:
            found.append(groups)
    return best, found
