"""What the steps for mixtures lose: the convexity of two errors, then what is certified of each side."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import CellEstimates, Estimates, MixtureEstimates
from fedroute_theory.lines import worst_pair
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Bound
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.greedy_steps import TWO_LARGEST, Greedy, greedy
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry
from fedroute_theory.theorems.kmeans_router.query_steps import UNION, WIDTH
from fedroute_theory.theorems.mixture_router.certified import Sides, sides_of
from fedroute_theory.theorems.mixture_router.claims import claims
from fedroute_theory.theorems.mixture_router.levels import cell_level, error_parts, mixed_parts
from fedroute_theory.theorems.mixture_router.mixed import Mixed
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_PROOF = "mixture-router, proof"
_CONVEX = f"osc(u e_l + (1-u) e_f) <= u osc e_l + (1-u) osc e_f ({_PROOF} 1)"
_APART = f"osc(U - U_hat) <= osc(U - U_u) + osc(U_u - U_hat) for the mixture U_u of constant weight ({_PROOF} 5)"
_TRIANGLE = f"triangle inequality: u |e_l| + (1-u) |e_f| model by model ({_PROOF} 4)"
_LIPSCHITZ = "distance to the centre and of the records to it; no sign is used (kmeans-router, proof, Sharp)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form of every client's mixture, at the first repetition."""
    known = {(training, client): estimates for training, client, estimates in case.trained}
    for claim, answer in judged(claims(case)):
        estimates = known[claim.training, claim.client]
        assert isinstance(estimates, MixtureEstimates)
        assert claim.client is not None
        problem = case.truths[claim.client] if case.truths else case.problem
        yield Waterfall.of(claim, _stages(case, Mixed(problem, estimates), claim, answer))


def _stages(case: Case, mixed: Mixed, claim: Claim, answer: Bound) -> list[Stage]:
    if claim.form in ("certified", "harmonic", "smaller"):
        return _certified(case, mixed, claim, sides_of(case, mixed))
    choice = _choice(mixed, mixed.first)
    if claim.form == "one-event":
        return _one_event(case, mixed, claim, choice)
    stages = choice.to_oscillation()
    if claim.form == "constant":
        return [*stages, Stage("convexity", answer.value, _CONVEX)]
    if claim.form == "per-model":
        two = Stage("two largest errors", choice.mean(choice.two_largest(mixed.problem.label_range)), TWO_LARGEST)
        return [*stages, two, Stage("errors of both sides", answer.value, _TRIANGLE)]
    return [*stages, *_disagreement(mixed, answer)]


def _choice(mixed: Mixed, estimates: Estimates) -> Greedy:
    return greedy(mixed.problem, estimates.repetition(0).utility_at(mixed.problem.embeddings, mixed.problem.lam))


def _disagreement(mixed: Mixed, answer: Bound) -> list[Stage]:
    osc_loc, osc_fed = (mixed.mean_oscillation(e) for e in mixed.errors)
    local, federated = answer.terms["local"], answer.terms["federated"]
    u = local / osc_loc if osc_loc > 0.0 else 1.0 - (federated / osc_fed if osc_fed > 0.0 else 1.0)
    constant = u * mixed.errors[0] + (1.0 - u) * mixed.errors[1]
    apart = answer.terms["distance to the constant mixture"]
    return [
        Stage("constant mixture instead", mixed.mean_oscillation(constant) + apart, _APART),
        Stage("convexity", local + federated + apart, _CONVEX),
    ]


def _certified(case: Case, mixed: Mixed, claim: Claim, sides: Sides) -> list[Stage]:
    estimates = mixed.estimates
    if claim.form == "smaller":
        u = 1.0 if sides.local < sides.federated else 0.0
        choice = _choice(mixed, estimates.local if u == 1.0 else estimates.federated)
    elif claim.form == "harmonic":
        u, choice = sides.weight, _choice(mixed, sides.harmonic)
    else:
        u, choice = float(mixed.shares[0][mixed.live][0, 0]), _choice(mixed, mixed.first)
    own = {side: _side(case, mixed, claim.client, side, sides) for side, w in (("local", u), ("federated", 1.0 - u)) if w > 0.0}
    nothing = [0.0] * max(len(values) for values in own.values())
    local, federated = own.get("local", nothing), own.get("federated", nothing)
    named = [
        ("convexity", _CONVEX),
        ("two largest errors", TWO_LARGEST),
        ("Lipschitz, through the centre", _LIPSCHITZ),
        ("width of one pair", f"{WIDTH}; delta/2 a side"),
        ("union over pairs", f"{UNION}; delta/2 a side ({_PROOF} 2)"),
    ]
    chain = [Stage(name, u * a + (1.0 - u) * b, why) for (name, why), a, b in zip(named, local, federated, strict=False)]
    return [*choice.to_oscillation(), *(chain[1:] if u in (0.0, 1.0) else chain)]


def _side(case: Case, mixed: Mixed, client: int | None, name: str, sides: Sides) -> list[float]:
    """Levels of one side, each above the one before: E osc, two largest errors, Lipschitz, widths."""
    problem = mixed.problem
    side = mixed.estimates.local if name == "local" else mixed.estimates.federated
    assert isinstance(side, CellEstimates)
    error = np.abs(mixed.errors[0 if name == "local" else 1])
    at = (problem.embeddings, problem.weights, sides.declared)
    fixed = error_parts(side, problem.embeddings, sides.declared)[0]
    noise = _label_errors(case, mixed, client if name == "local" else None, side)

    def level(b: FloatArray) -> float:
        return float(problem.weights[mixed.live] @ worst_pair(b[mixed.live], b[mixed.live]))

    values = [mixed.mean_oscillation(mixed.errors[0 if name == "local" else 1]), level(error), level(fixed + np.abs(noise))]
    if case.logs.labels != "exact":
        pairs = max(1, int(side.logged.sum()))
        values += [cell_level(side, *at, case.delta / 2.0 * pairs), cell_level(side, *at, case.delta / 2.0)]
    return values


def _label_errors(case: Case, mixed: Mixed, client: int | None, side: CellEstimates) -> FloatArray:
    """(n, M) mean truth of the records less the estimate, zero without records."""
    problem = mixed.problem
    first = side.repetition(0)
    if case.logs.labels == "exact":
        return np.zeros(problem.utility.shape)
    geometry = CellGeometry(problem, case.logs_of(client), first)
    apart = np.where(first.logged, geometry.realised_mean - (first.quality - problem.lam * first.cost), 0.0)
    value: FloatArray = apart[geometry.cell]
    return value


def _one_event(case: Case, mixed: Mixed, claim: Claim, choice: Greedy) -> list[Stage]:
    estimates, problem, live = mixed.estimates, mixed.problem, mixed.live
    sides, top = sides_of(case, mixed), mixed.problem.label_range
    mass = problem.weights[live]
    assert isinstance(estimates.local, CellEstimates)
    assert isinstance(estimates.federated, CellEstimates)
    found = mixed_parts(estimates, case.logs_of(claim.client), problem.embeddings[live], sides.declared)
    noise = found.share * _label_errors(case, mixed, claim.client, estimates.local)[live]
    noise = noise + (1.0 - found.share) * _label_errors(case, mixed, None, estimates.federated)[live]

    def level(b: FloatArray) -> float:
        return float(mass @ np.minimum(top, worst_pair(b, b)))

    cap = "no loss exceeds the range R, here and below"
    first, second = choice.to_oscillation()
    stages = [
        Stage(first.name, float(mass @ np.minimum(top, choice.difference[live])), f"{first.why}; {cap}"),
        Stage(second.name, float(mass @ np.minimum(top, choice.spread[live])), second.why),
        Stage("two largest errors", float(mass @ np.minimum(top, choice.two_largest(top)[live])), TWO_LARGEST),
        Stage("Lipschitz, through the centre", level(found.fixed + np.abs(noise)), _LIPSCHITZ),
    ]
    if case.logs.labels == "exact":
        return stages
    for name, means, why in (("width of one mean", 1, WIDTH), ("union over mixed means", max(1, found.means), UNION)):
        b = found.fixed + found.widths(float(np.log(2.0 * means / case.delta)), sides.declared.width)
        stages.append(Stage(name, level(b), f"{why}; weighted sums of labels ({_PROOF} 6)"))
    return stages
