"""What the theorem says about fitted functions: squared error at the records and under their law, beside the exact one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.assumed import FIXED_DESIGN, RANDOM_DESIGN, caveat, refusal
from fedroute_theory.theorems.least_squares.certified import Certified, functions_with_class, of_training
from fedroute_theory.theorems.least_squares.constants import PAC_ETAS
from fedroute_theory.theorems.least_squares.excess import blocks
from fedroute_theory.theorems.least_squares.formulas import blame, fixed_level, random_level
from fedroute_theory.theorems.least_squares.laws import laws_of, truth_of

LABELS = ("quality", "cost")


def claims(case: Case) -> Iterable[Claim]:
    """Fixed and random design, for quality and cost (in units of c_max) apart, each at the case's delta."""
    for training, client, estimates, hypotheses in functions_with_class(case):
        found = of_training(case, training, client, estimates, hypotheses)
        errors = None if refusal(found.measured, RANDOM_DESIGN) is not None else law_errors(case, found)
        for label in LABELS:
            yield _fixed(case, found, label)
            error, half_width = (np.full(1, np.nan), 0.0) if errors is None else errors[label]
            yield _claim(case, found, "random-design", label, RANDOM_DESIGN, error, half_width)


def _fixed(case: Case, found: Certified, label: str) -> Claim:
    error: FloatArray = getattr(found.excess, f"{label}_error") / found.n
    return _claim(case, found, "fixed-design", label, FIXED_DESIGN, error, 0.0)


def _claim(
    case: Case, found: Certified, form: str, label: str, needs: tuple[str, ...], error: FloatArray, half_width: float
) -> Claim:
    excess: FloatArray = getattr(found.excess, label)
    random = form == "random-design"
    answer: Answer | None = refusal(found.measured, needs)
    levels = np.full(error.shape, np.inf)
    if answer is None:
        free = found.finite and (random or case.logs.adaptivity == "fixed")
        level = random_level if random else fixed_level
        levels, eta = level(excess, found.complexity - np.log(case.delta), found.n, free_eta=free)
        grid = 0.0 if free else math.log(len(PAC_ETAS))
        shares = blame(float(eta[0] * excess[0]), float(found.complexity[0]) + grid, -math.log(case.delta))
        terms = {name: float(levels[0]) * share for name, share in shares.items()}
        answer = Bound(terms, delta=case.delta, trivial=1.0, notes=caveat(found.measured) if random else "")
    assumptions = tuple(found.measured[name] for name in needs)
    return Claim(
        f"{form}/{label}", found.training, found.client, found.n, answer, float(error[0]), half_width,
        np.broadcast_to(levels, error.shape), error, assumptions, random and error.size > 1,
    )  # fmt: skip


def law_errors(case: Case, found: Certified) -> dict[str, tuple[FloatArray, float]]:
    """By label: mean over records and members of E_rho (f - f*)^2, (T,), and the error of its integration (on a sample)."""
    laws, problem = case.federation, case.problem
    assert laws is not None
    joint = laws_of(case)
    clients = range(laws.n_clients) if found.client is None else [found.client]
    records = laws.records[list(clients)]
    share = records / records.sum()
    units = (1.0, found.problem.c_max or 1.0)  # as in S
    by_truth: dict[int, tuple[RoutingProblem, FloatArray]] = {}  # clients of one truth have one law together
    for i, p in zip(clients, share, strict=True):
        behind = truth_of(case, i)
        _, law = by_truth.get(id(behind), (behind, np.zeros(1)))
        by_truth[id(behind)] = behind, law + p * joint[i]
    pointwise = np.zeros((len(LABELS), *found.excess.quality.shape, problem.weights.size))
    for here in blocks(found.hypotheses, problem.embeddings):
        members = found.hypotheses.members(problem.embeddings[here])
        for behind, law in by_truth.values():
            truths = behind.truth(problem.embeddings[here])
            for row, fitted, truth, unit in zip(pointwise, members, truths, units, strict=True):
                error = fitted - truth
                squared = np.square(error, out=error).mean(axis=-3)  # (T?, b, M)
                row[:, here] += (law[here] / unit**2 * squared).sum(axis=-1)
    return {label: (row.sum(axis=1), _integration_error(problem, row[0])) for label, row in zip(LABELS, pointwise, strict=True)}


def _integration_error(problem: RoutingProblem, pointwise: FloatArray) -> float:
    """How far the sum of these (n,), each with its query's mass, may be from the integral under the law."""
    mass = problem.weights > 0
    ratio = np.divide(pointwise, problem.weights, out=np.zeros(mass.size), where=mass)
    top = float(ratio.max()) or 1.0
    scale = top / problem.label_range  # gap_of speaks of values within the range of the utility
    return problem.gap_of(ratio / scale).error * scale
