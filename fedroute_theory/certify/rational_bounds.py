"""Exact bounds of finite problems in rational arithmetic: floats are read as the rationals they are, nothing is rounded.

A second route to the float formulas of the theorems: written from their statements, sharing no code with them. Where a bound is
a square root its square is returned. Distances are those on a line, the only ones that stay rational.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

from fedroute_theory._validate import FloatArray, InputError, IntArray
from fedroute_theory.problem import RoutingProblem

Rows = list[list[Fraction]]


def exact(values: FloatArray) -> Rows:
    """A table of floats as fractions."""
    return [[Fraction(v) for v in row] for row in values.tolist()]


def law_of(problem: RoutingProblem) -> list[Fraction]:
    """The stored weights divided by their exact sum."""
    weights = [Fraction(w) for w in problem.weights.tolist()]
    total = sum(weights, Fraction(0))
    return [w / total for w in weights]


def utilities(problem: RoutingProblem) -> Rows:
    """U = q - lam c of the stored numbers."""
    lam = Fraction(problem.lam)
    both = zip(exact(problem.quality), exact(problem.cost), strict=True)
    return [[a - lam * b for a, b in zip(q, c, strict=True)] for q, c in both]


def greedy_lines(problem: RoutingProblem, estimates: FloatArray) -> dict[str, Fraction]:
    """The lines of greedy-decomposition, and the gap, as fractions; ties to the lowest index.

    estimates: (n, M) estimated utilities.
    """
    nu, truth, guess = law_of(problem), utilities(problem), exact(estimates)
    lines = dict.fromkeys(("gap", "error-difference", "oscillation", "sup", "top2"), Fraction(0))
    for weight, u, h in zip(nu, truth, guess, strict=True):
        e = [a - b for a, b in zip(u, h, strict=True)]
        best, chosen = u.index(max(u)), h.index(max(h))
        sizes = sorted((abs(v) for v in e), reverse=True)
        lines["gap"] += weight * (u[best] - u[chosen])
        lines["error-difference"] += weight * (e[best] - e[chosen])
        lines["oscillation"] += weight * (max(e) - min(e))
        lines["sup"] += weight * 2 * sizes[0]
        lines["top2"] += weight * (sizes[0] + sizes[1])
    return lines


def transfer_squared(problem: RoutingProblem, ratio: FloatArray, estimates: FloatArray) -> Fraction:
    """eps^2 K2, the square of coverage-transfer's plain bound.

    ratio: (n, M) d rho(., m) / d nu, positive, else InputError. estimates: (n, M) estimated utilities.
    """
    error, cover = Fraction(0), Fraction(0)
    for weight, u, h, r in zip(law_of(problem), utilities(problem), exact(estimates), exact(ratio), strict=True):
        if min(r) <= 0:
            raise InputError(f"The 'ratio' parameter must be positive; got {float(min(r)):g}.")
        error += weight * sum((c * (a - b) ** 2 for a, b, c in zip(u, h, r, strict=True)), Fraction(0))
        cover += weight * max(1 / a + 1 / b for a, b in permutations(r, 2))
    return error * cover


def pooling_sides(problem: RoutingProblem, ratios: Sequence[FloatArray], records: Sequence[int]) -> tuple[Fraction, Fraction]:
    """(K2(rho_bar) / D, 1 / sum_i D_i / K2(rho_i)): pooling says that the first never exceeds the second.

    ratios: (n, M) d rho_i(., m) / d nu of each client. records: D_i of each client.
    """
    nu, total = law_of(problem), sum(records)

    def k2(table: Rows) -> Fraction:
        return sum((w * max(1 / a + 1 / b for a, b in permutations(r, 2)) for w, r in zip(nu, table, strict=True)), Fraction(0))

    tables = [exact(ratio) for ratio in ratios]
    shares = [Fraction(n, total) for n in records]
    rows, models = range(len(nu)), range(problem.n_models)
    mixed = [[sum((s * t[x][m] for s, t in zip(shares, tables, strict=True)), Fraction(0)) for m in models] for x in rows]
    sizes = sum((n / k2(table) for n, table in zip(records, tables, strict=True)), Fraction(0))
    return k2(mixed) / total, 1 / sizes


@dataclass(frozen=True)
class LineCells:
    """A K-means router on a line with noise-free labels, exactly.

    means: (K, M) cell means of the records, None for an empty pair. gap: against the oracle, relative_gap: against the best
    policy constant on cells, ties to the lowest index. spread, relative: the bounds of those names.
    """

    means: list[list[Fraction | None]]
    gap: Fraction
    relative_gap: Fraction
    spread: Fraction
    relative: Fraction


def line_cells(
    problem: RoutingProblem, centres: FloatArray, record_query: IntArray, record_model: IntArray, slope: Fraction
) -> LineCells:
    """The router whose records are queries of the problem with labels equal to their means.

    centres: (K, 1). record_query, record_model: (D,) row and model of each record. slope: Lipschitz constant. InputError off
    the line, or where a cell with test mass has an empty pair.
    """
    if problem.embeddings.shape[1] != 1:
        raise InputError(f"The 'problem' parameter must have one-dimensional queries; got {problem.embeddings.shape[1]}.")
    x = [Fraction(v) for v in problem.embeddings[:, 0].tolist()]
    centre = [Fraction(v) for v in centres[:, 0].tolist()]
    nu, truth, span = law_of(problem), utilities(problem), 1 + Fraction(problem.lam) * Fraction(problem.c_max)
    cell = [min(range(len(centre)), key=lambda k, v=v: abs(v - centre[k])) for v in x]  # type: ignore[misc]
    models = range(problem.n_models)
    means: list[list[Fraction | None]] = [[None] * problem.n_models for _ in centre]
    for k in range(len(centre)):
        for m in models:
            own = [
                truth[q][m]
                for q, a in zip(record_query.tolist(), record_model.tolist(), strict=True)
                if a == m and cell[q] == k
            ]
            means[k][m] = sum(own, Fraction(0)) / len(own) if own else None
    gap = relative_gap = spread = relative = Fraction(0)
    for k in sorted({cell[i] for i in range(len(x)) if nu[i] > 0}):
        rows = [i for i in range(len(x)) if cell[i] == k]
        mass = sum((nu[i] for i in rows), Fraction(0))
        fitted = [v for v in means[k] if v is not None]
        if len(fitted) < problem.n_models:
            raise InputError(
                f"The 'record_query' parameter must give every pair of a cell with test mass a record; cell {k} has none."
            )
        chosen = fitted.index(max(fitted))
        average = [sum((nu[i] * truth[i][m] for i in rows), Fraction(0)) / mass for m in models]
        shift = [a - b for a, b in zip(average, fitted, strict=True)]
        pair = max(a - b for a, b in permutations(shift, 2))
        apart = sum((nu[i] * nu[j] * abs(x[i] - x[j]) for i in rows for j in rows), Fraction(0)) / mass**2
        gap += sum((nu[i] * (max(truth[i]) - truth[i][chosen]) for i in rows), Fraction(0))
        relative_gap += mass * (max(average) - average[chosen])
        spread += mass * min(span, slope * apart + pair)
        relative += mass * min(span, pair)
    return LineCells(means, gap, relative_gap, spread, relative)
