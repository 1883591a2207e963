"""What the theorem says about trained networks: every form, training and client, over repetitions of the labels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions import coverage, realizability
from fedroute_theory.estimates import Estimates, FunctionEstimates, LinearPredictor
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.assumed import ROUTED, caveat, refusal
from fedroute_theory.theorems.least_squares.certified import Certified, functions_with_class, of_training
from fedroute_theory.theorems.least_squares.formulas import random_level
from fedroute_theory.theorems.least_squares.laws import mean_law, truth_of
from fedroute_theory.theorems.mlp_router import formulas
from fedroute_theory.theorems.mlp_router.transfer import mean_pairs, policy_pairs, saturated_levels

FORMS = ("", "/policy", "/range-aware", "/utility")
"""K2 of the law; of the router's pairs; those cut off at the range; the same from one event about utilities of this lam."""


UNCERTIFIED = NotApplicable(
    "known kind of class", "a network without a certificate: neither one of finitely many nor an average of draws from G"
)
"""Why nothing is claimed of a network that was trained only."""


def claims(case: Case) -> Iterable[Claim]:
    """Every training whose functions come from a class: the plain form, given the policy, range-aware, and for one lam.

    One refusal for every network without a class; linear heads and cells are the matter of other theorems.
    """
    for training, client, estimates, hypotheses in functions_with_class(case):
        found = of_training(case, training, client, estimates, hypotheses)
        shared = Measurement(
            "one truth behind the records",
            client is not None or not case.truths,
            how="clients disagree: see client-heterogeneity" if case.truths else "one problem for all clients",
        )
        yield from training_claims(case, found, (shared,))
    for training, client, fitted in case.trained:
        if _is_bare_network(fitted):
            yield _refused(case, training, client, fitted)


def _is_bare_network(estimates: Estimates) -> bool:
    """Fitted functions other than linear heads, without a class."""
    if not isinstance(estimates, FunctionEstimates) or estimates.hypotheses is not None:
        return False
    return not isinstance(estimates.predictor, LinearPredictor)


def _refused(case: Case, training: str, client: int | None, estimates: Estimates) -> Claim:
    problem = truth_of(case, client)
    chosen = np.atleast_2d(estimates.utility_at(problem.embeddings, problem.lam).argmax(axis=-1))
    lost = problem.optimum - problem.utility[np.arange(chosen.shape[1]), chosen]
    gap, gaps = problem.gap_of(lost[0]), lost @ problem.weights
    measured = Measurement(UNCERTIFIED.assumption, False, how=UNCERTIFIED.by_how_much)
    return Claim(
        "finite-class", training, client, estimates.n, UNCERTIFIED, gap.value, gap.error,
        np.full(gaps.shape, np.inf), gaps, (measured,), gaps.size > 1,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Roots:
    """Bounds on the root mean squared error of the utility: (T,), and by what is to blame for the first repetition."""

    apart: FloatArray
    utility: FloatArray
    apart_terms: dict[str, float]
    utility_terms: dict[str, float]


def roots(case: Case, found: Certified) -> Roots:
    """From quality and cost apart (for all lam at once), and from the utility of the problem's lam."""
    problem, excess, free = found.problem, found.excess, found.finite
    price, top = problem.lam * problem.c_max, problem.label_range
    both, one = found.complexity + math.log(2.0 / case.delta), found.complexity + math.log(1.0 / case.delta)
    quality = random_level(excess.quality, both, found.n, free_eta=free)[0]
    cost = random_level(excess.cost, both, found.n, free_eta=free)[0]
    utility = random_level(excess.utility / top**2, one, found.n, free_eta=free)[0]
    complexity, n = float(found.complexity[0]), float(found.n)
    return Roots(
        np.sqrt(quality) + price * np.sqrt(cost),
        top * np.sqrt(utility),
        formulas.root_error(
            S_q=float(excess.quality[0]), S_c=float(excess.cost[0]), complexity=complexity, n=n, lam=problem.lam,
            c_max=problem.c_max, delta=case.delta, free_eta=free,
        ),
        formulas.utility_root_error(
            S=float(excess.utility[0]), complexity=complexity, n=n, R=top, delta=case.delta, free_eta=free
        ),
    )  # fmt: skip


def training_claims(case: Case, found: Certified, extra: tuple[Measurement, ...] = ()) -> Iterable[Claim]:
    """The claims about one training."""
    problem = found.problem
    rows, weights = np.arange(problem.weights.size), problem.weights
    routed = problem.utility[rows, found.chosen]
    gap = problem.gap_of(problem.optimum - routed[0])
    gaps = (problem.optimum - routed) @ weights
    refused = next((NotApplicable(m.name, m.how) for m in extra if not m.holds), None)
    refused = refused or refusal(found.measured, ROUTED)
    measured = (*(found.measured[name] for name in ROUTED), *extra)
    if refused is None:
        measured = (*measured, *_distances(case, found))
        answers = _answers(case, found)
    for form in FORMS:
        name = f"{found.hypotheses.kind}{form}"
        if refused is not None:
            yield Claim(
                name, found.training, found.client, found.n, refused, gap.value, gap.error,
                np.full(gaps.shape, np.inf), gaps, measured, gaps.size > 1,
            )  # fmt: skip
            continue
        answer, bounds, covered = answers[form]
        yield Claim(
            name, found.training, found.client, found.n, answer, gap.value, gap.error,
            np.broadcast_to(bounds, gaps.shape), gaps, (*measured, covered), gaps.size > 1,
        )  # fmt: skip


def _answers(case: Case, found: Certified) -> dict[str, tuple[Answer, FloatArray, Measurement]]:
    problem, weights = found.problem, found.problem.weights
    own_law = weights[:, None]  # the client's own test law; the records' law is on the rows of the case's problem
    law = mean_law(case, found.client)
    ratio = np.divide(law, own_law, out=np.zeros_like(law), where=own_law > 0)
    root, top, notes = roots(case, found), problem.label_range, caveat(found.measured)
    pairs = policy_pairs(ratio, found.chosen)
    whole = coverage(ratio, weights)
    place = whole.where(problem.models)
    result: dict[str, tuple[Answer, FloatArray, Measurement]] = {}
    for form, k2 in {"": np.full(len(pairs), whole.k2), "/policy": mean_pairs(weights, pairs)}.items():
        known = bool(np.isfinite(k2[0]))
        covered = Measurement("coverage", known, float(k2[0]) if known else None, how="K2 at the test queries", where=place)
        answer: Answer = NotApplicable("coverage", f"K2 is infinite: {place}")
        if known:
            answer = Bound(formulas.scaled(root.apart_terms, math.sqrt(k2[0])), case.delta, trivial=top, notes=notes)
        result[form] = answer, root.apart * np.sqrt(k2) if known else np.full(root.apart.shape, np.inf), covered
    for form, eps, terms in (
        ("/range-aware", root.apart, root.apart_terms),
        ("/utility", root.utility, root.utility_terms),
    ):
        values, holes = saturated_levels(weights, np.broadcast_to(pairs, (eps.size, weights.size)), eps, top)
        mass = float(holes[0]) / top
        covered = Measurement("holes", True, mass, how="any coverage will do: mass counted at the range R", where=place)
        split = formulas.split_holes(terms, float(values[0]), float(holes[0]))
        result[form] = Bound(split, case.delta, trivial=top, notes=notes), values, covered
    return result


def _distances(case: Case, found: Certified) -> tuple[Measurement, ...]:
    """How far the fitted functions are from the truth under the records' law: no class member is known to be closer."""
    problem, rho = found.problem, mean_law(case, found.client)
    fitted = found.hypotheses.repetition(0).members(problem.embeddings)
    unit = (1.0, problem.c_max or 1.0)
    result = []
    for label, value, truth, scale in zip(("quality", "cost"), fitted, problem.truth(problem.embeddings), unit, strict=True):
        members = value.reshape(-1, *value.shape[-2:])
        distance = realizability(members / scale, truth / scale, rho, exhaustive=False)
        result.append(
            Measurement(
                f"realizability ({label})",
                True,
                distance.squared_distance,
                distance.squared_distance,
                how=f"not needed, S contains it: {distance.how}",
            )
        )
    return tuple(result)
