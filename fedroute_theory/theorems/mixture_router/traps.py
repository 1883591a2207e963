"""Versions of the mixture theorem that look right and are wrong, and its assumptions broken one at a time."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import MixtureEstimates
from fedroute_theory.theorems.base import Control
from fedroute_theory.theorems.bound import NotApplicable
from fedroute_theory.theorems.mixture_router import formulas
from fedroute_theory.theorems.mixture_router.families import aligned, by_form, one_query, side, unequal_weights


def controls() -> list[Control]:
    """Traps with their counterexamples, wrong constants, broken assumptions."""
    return [
        _weights_by_model(),
        _weights_by_label(),
        _suboptimality_is_not_mixed(),
        _training_error(),
        _smaller_certificate(),
        _levels_at_delta(),
        _half_harmonic(),
        _shared_records(),
        *_broken_assumptions(),
    ]


def _weights_by_model() -> Control:
    problem, mixture = unequal_weights()
    found = by_form(problem, mixture)
    refusal, gap = found["constant"].answer, found["constant"].gap
    return Control(
        "the osc form with weights that differ between models",
        isinstance(refusal, NotApplicable) and refusal.assumption == "constant weight" and gap > 0.0,
        f"osc of both sides' errors is 0 and the gap is {gap:.2f}; {refusal}",
        "exact",
        "constant weight",
    )


def _weights_by_label() -> Control:
    """Errors of quality and cost that cancel in the utility, and only one of them mixed in."""
    problem = one_query(np.array([0.5, 0.75]), np.array([0.25, 0.25]), lam=1.0)
    off = np.array([[0.0, 0.25]])
    local, federated = side(problem, problem.quality - off, problem.cost - off), side(problem, problem.quality)
    mixture = MixtureEstimates(local, federated, np.ones(2), np.zeros(2))
    found = by_form(problem, mixture)
    refusal, gap = found["constant"].answer, found["constant"].gap
    return Control(
        "the osc form with one weight for quality and another for cost",
        isinstance(refusal, NotApplicable) and gap > 0.0,
        f"both sides' utilities are exact and the gap is {gap:.2f}; {refusal}",
        "exact",
    )


def _suboptimality_is_not_mixed() -> Control:
    """Both sides route perfectly, to different models; their average prefers a third one."""
    problem = one_query(np.array([1.0, 1.0, 0.0]))
    half = np.full(3, 0.5)
    local, federated = side(problem, np.array([1.0, 0.0, 0.75])), side(problem, np.array([0.0, 1.0, 0.75]))
    losses = [problem.suboptimality(e.policy(0.0)).value for e in (local, federated)]
    gap = problem.suboptimality(MixtureEstimates(local, federated, half, half).policy(0.0)).value
    return Control(
        "levels on the suboptimality instead of on E osc",
        losses == [0.0, 0.0] and gap > 0.0,
        f"the two sides lose 0 each, their mixture {gap:.2f}",
        "exact",
    )


def coin_gaps(*, local: int, federated: int, weight: float | None) -> float:
    """Expected gap of a mixture on one query, two models with Bernoulli quality 0.4 and 0.6 (ties to the worse one).

    local, federated: records of each model on each side, independent. weight: of the local side; None: the published rule,
    model by model from the training errors on the client's own records. Exact: all outcomes, by their binomial law.
    """
    from scipy.stats import binom

    means = (0.4, 0.6)
    total = 0.0
    successes = [np.arange(n + 1) for n in (local, federated)]
    law = [[binom.pmf(s, s.size - 1, q) for s in successes] for q in means]
    for own in itertools.product(range(local + 1), repeat=2):
        chance = law[0][0][own[0]] * law[1][0][own[1]]
        mixed = []
        for k in own:
            u = _published_weight(k, local, successes[1] / federated) if weight is None else np.full(federated + 1, weight)
            mixed.append(u * k / local + (1.0 - u) * successes[1] / federated)
        wrong = mixed[0][:, None] >= mixed[1][None, :] - 1e-12
        total += chance * float(law[0][1] @ wrong @ law[1][1])
    return (means[1] - means[0]) * total


def _published_weight(k: int, n: int, federated: FloatArray) -> FloatArray:
    """Weight inverse to the mean absolute error on the client's own n labels, k of them 1."""
    mean = k / n
    mine = (k * (1.0 - mean) + (n - k) * mean) / n
    theirs = (k * (1.0 - federated) + (n - k) * federated) / n
    total = mine + theirs
    return np.where(total > 0.0, theirs / np.where(total > 0.0, total, 1.0), 0.5)


def _training_error() -> Control:
    """One record a model on the client's side: no training error at all, and weight 1."""
    published = coin_gaps(local=1, federated=25, weight=None)
    u = 1.0 / 6.0  # levels in proportion 1 to 1 / 5
    certified = coin_gaps(local=1, federated=25, weight=u)
    level = formulas.harmonic(B_loc=0.0, B_fed=0.5, delta=0.05).value
    return Control(
        "weights and levels from the training error of an overfitted local router",
        level < published and published > 1.5 * certified,
        f"training error 0, so 'level' {level:.0f} and weight 1: expected gap {published:.4f} against {certified:.4f} at the "
        f"certified weight 1/6",
        "exact over all labels",
    )


def _smaller_certificate() -> Control:
    """Two independent halves of equal size: equal certificates, and the mixture averages the noise."""
    alone, mixed = coin_gaps(local=25, federated=25, weight=1.0), coin_gaps(local=25, federated=25, weight=0.5)
    return Control(
        "the side with the smaller certificate has the smaller realised gap",
        mixed < alone,
        f"equal levels, independent errors: expected gap {mixed:.4f} of the mixture, {alone:.4f} of either side",
        "exact over all labels",
    )


def _levels_at_delta() -> Control:
    """Sides that miss their levels independently, the mixture losing more than its bound whenever one of them does."""
    problem, mixture = aligned(1 / 4)
    bound = formulas.harmonic(B_loc=3 / 8, B_fed=1 / 8, delta=0.05).value
    missed = side(problem, problem.quality - np.array([-0.5, 0.5]))

    def failure(delta: float) -> float:
        total = 0.0
        for local, federated in itertools.product((False, True), repeat=2):
            chance = (delta if local else 1.0 - delta) * (delta if federated else 1.0 - delta)
            seen = replace(
                mixture, local=missed if local else mixture.local, federated=missed if federated else mixture.federated
            )
            total += chance * (problem.suboptimality(seen.policy(0.0)).value > bound)
        return total

    return Control(
        "wrong constant: both levels at delta instead of delta / 2",
        failure(0.05) > 0.05 >= failure(0.025),
        f"the harmonic bound fails with probability {failure(0.05):.4f}; with levels at delta / 2, {failure(0.025):.4f}",
        "exact over the four outcomes",
    )


def _half_harmonic() -> Control:
    problem, mixture = aligned()
    gap = problem.suboptimality(mixture.policy(0.0)).value
    half = formulas.harmonic(B_loc=3 / 8, B_fed=1 / 8, delta=0.05).value / formulas.HARMONIC_FACTOR
    return Control(
        "wrong constant: B B' / (B + B') without the factor 2",
        gap > half,
        f"aligned errors: gap {gap:.4f} above {half:.4f}",
        "exact",
    )


def _shared_records() -> Control:
    """A client's records are also the federated router's: the same mean on both sides, taken for two independent ones."""
    from scipy.stats import binom

    n, delta = 100, 0.05
    sums = np.arange(n + 1)
    off = np.abs(sums / n - 0.5)
    law = binom.pmf(sums, n, 0.5)
    shared, independent = (
        formulas.weighted_width(n_loc=n, n_fed=n, shared=s, u=0.5, N=1, R=1.0, delta=delta).value for s in (n, 0)
    )
    fails = [float(law[off > width + 1e-12].sum()) for width in (independent, shared)]
    return Control(
        "local and federated means taken as independent, although the client's records are in both",
        fails[1] <= delta < fails[0],
        f"half-width {independent:.4f} instead of {shared:.4f}: fails with probability {fails[0]:.3f} > {delta} "
        f"({fails[1]:.4f} with the shared records counted)",
        "exact over all labels",
    )


def _broken_assumptions() -> list[Control]:
    """Each assumption broken alone: the answer must be that the form is not applicable, and name it."""
    problem, mixture = aligned()
    other = replace(problem, quality=problem.quality[:, ::-1])
    holed = replace(mixture, local=side(problem, np.array([[math.nan, 0.5]])))
    twice = replace(mixture, local=mixture)  # a mixture of a mixture: no level is known for that
    said = {
        "an estimate for every model on both sides": by_form(problem, holed)["constant"].answer,
        "one truth for all clients": by_form(problem, mixture, truths=(other,))["harmonic"].answer,
        "certified levels": by_form(problem, twice)["certified"].answer,
        "label-free weights": by_form(problem, mixture)["one-event"].answer,
    }
    return [
        Control(f"broken assumption: {name}", isinstance(a, NotApplicable) and a.assumption == name, str(a), "exact", name)
        for name, a in said.items()
    ]
